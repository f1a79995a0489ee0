//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The innermost loop of an operation is the one along which most operands are
// contiguous; sums along it stay in registers, and the outer parallel loops
// become one scf.parallel.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToCPU/LowerLinalg/LoopNest.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace fulgur;

/// Rows and columns of a block of a transposition: cache lines of f32.
static constexpr int64_t blockExtent = 16;

/// Elementwise operations on whole buffers are one long loop, and so are
/// reductions of whole buffers.
bool LoopNest::collapse() {
  if (iterators.size() < 2 || !llvm::all_equal(iterators) ||
      !op.getBody()->getOps<linalg::IndexOp>().empty())
    return false;
  if (op.getBody()
          ->walk([](linalg::IndexOp) { return WalkResult::interrupt(); })
          .wasInterrupted())
    return false;
  for (auto [operand, map] : llvm::zip_equal(operands, maps)) {
    if (map.getNumResults() == 0)
      continue;
    auto type = dyn_cast<MemRefType>(operand.getType());
    if (!type || !map.isIdentity() || !type.getLayout().isIdentity())
      return false;
  }
  ReassociationIndices all = llvm::to_vector(
      llvm::seq<int64_t>(0, static_cast<int64_t>(iterators.size())));
  MLIRContext *context = op.getContext();
  for (auto [operand, map] : llvm::zip_equal(operands, maps)) {
    if (map.getNumResults() == 0) {
      map = AffineMap::get(1, 0, context);
      continue;
    }
    map = AffineMap::getMultiDimIdentityMap(1, context);
    operand = memref::CollapseShapeOp::create(
        rewriter, loc, operand, ArrayRef<ReassociationIndices>{all});
  }
  iterators.resize(1);
  Value total;
  for (OpFoldResult extent : extents) {
    Value size = getValueOrCreateConstantIndexOp(rewriter, loc, extent);
    total =
        total ? rewriter.createOrFold<arith::MulIOp>(loc, total, size) : size;
  }
  extents.assign(1, getAsOpFoldResult(total));
  return true;
}

LogicalResult LoopNest::findExtents() {
  extents.resize(iterators.size());
  for (auto [operand, map] : llvm::zip_equal(operands, maps))
    for (auto [axis, expr] : llvm::enumerate(map.getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        if (!extents[dim.getPosition()])
          extents[dim.getPosition()] =
              memref::getMixedSize(rewriter, loc, operand, axis);
  for (auto [dim, extent] : llvm::enumerate(extents))
    if (!extent)
      return op.emitError("expected the extent of loop ")
             << dim << " to be that of an operand, but got none";
  return success();
}

/// How well memory is walked when the innermost loop is `dim`.
int64_t LoopNest::scoreInnermost(unsigned dim) const {
  int64_t score = 0;
  for (auto [operand, map] : llvm::zip_equal(operands, maps)) {
    if (!isa<MemRefType>(operand.getType()))
      continue;
    if (!map.isFunctionOfDim(dim))
      score += 1;
    else if (map.getResults().back() == getAffineDimExpr(dim, map.getContext()))
      score += 2;
    else
      score -= 3;
  }
  return score;
}

/// The loop along which an operand is contiguous that the innermost loop `last`
/// strides through. Each element would take a cache line of its own, which is
/// gone before the next element of it is asked for.
std::optional<unsigned> LoopNest::findCrossing(unsigned last) const {
  auto isLong = [&](unsigned dim) {
    return getConstantIntValue(extents[dim]).value_or(INT64_MAX) > blockExtent;
  };
  for (auto [operand, map] : llvm::zip_equal(operands, maps)) {
    if (!isa<MemRefType>(operand.getType()) || !map.isFunctionOfDim(last))
      continue;
    auto along = dyn_cast<AffineDimExpr>(map.getResults().back());
    if (along && along.getPosition() != last && isLong(last) &&
        isLong(along.getPosition()))
      return along.getPosition();
  }
  return std::nullopt;
}

/// Turns that follow each other walk over what is contiguous, and so do the
/// turns of the innermost reduction.
void LoopNest::shareElements() {
  for (unsigned dim = 0, e = iterators.size(); dim < e; ++dim) {
    if (isConstantIntValue(extents[dim], 1))
      continue;
    SmallVector<unsigned> &dims = isParallel(dim) ? outer : inner;
    dims.push_back(dim);
    // The last one stays last, unless another one walks better.
    size_t last = dims.size() - 1;
    if (last && scoreInnermost(dims[last]) < scoreInnermost(dims[last - 1]))
      std::swap(dims[last], dims[last - 1]);
  }
  accumulates = !inner.empty();
}

void LoopNest::chooseOrder() {
  if (sharesElements)
    return shareElements();
  std::optional<unsigned> last;
  for (unsigned dim = 0, e = iterators.size(); dim < e; ++dim) {
    if (isConstantIntValue(extents[dim], 1))
      continue;
    // The later of equals: it is contiguous more often.
    if (!last || scoreInnermost(dim) >= scoreInnermost(*last))
      last = dim;
  }
  SmallVector<unsigned> reductions;
  for (unsigned dim = 0, e = iterators.size(); dim < e; ++dim) {
    if (isConstantIntValue(extents[dim], 1) || dim == last)
      continue;
    (isParallel(dim) ? outer : reductions).push_back(dim);
  }
  inner = reductions;
  accumulates = last && !isParallel(*last);
  if (!last)
    return;
  // With nothing outside of it, the one loop itself goes to the threads.
  if (outer.empty() && reductions.empty() && isParallel(*last))
    outer.push_back(*last);
  else
    inner.push_back(*last);
  if (!op.getNumReductionLoops())
    crossing = findCrossing(*last);
}

SmallVector<Value> LoopNest::getIndices(unsigned operand) {
  SmallVector<Value> indices;
  for (AffineExpr expr : maps[operand].getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      indices.push_back(ivs[dim.getPosition()]);
    } else if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
      indices.push_back(makeIndex(constant.getValue()));
    } else {
      indices.push_back(affine::AffineApplyOp::create(
          rewriter, loc,
          AffineMap::get(iterators.size(), 0, expr, op.getContext()), ivs));
    }
  }
  return indices;
}

Value LoopNest::load(unsigned operand) {
  if (!isa<MemRefType>(operands[operand].getType()))
    return operands[operand];
  return memref::LoadOp::create(rewriter, loc, operands[operand],
                                getIndices(operand));
}

/// Sums may be taken in any order, or they could not be vectorised.
static void relaxReduction(Operation *yielded) {
  using arith::FastMathFlags;
  if (!isa_and_nonnull<arith::AddFOp, arith::MulFOp>(yielded))
    return;
  auto flags = arith::FastMathFlagsAttr::get(
      yielded->getContext(), FastMathFlags::reassoc | FastMathFlags::contract);
  yielded->setAttr("fastmath", flags);
  for (Value operand : yielded->getOperands())
    if (auto product = operand.getDefiningOp<arith::MulFOp>())
      product.setFastmath(product.getFastmath() | FastMathFlags::contract);
}

/// Whether output `output` is one element for all turns of the reduction. One
/// that the reduction walks over is written in every turn.
bool LoopNest::isCarried(unsigned output) {
  AffineMap map = maps[op.getNumDpsInputs() + output];
  for (unsigned dim = 0, e = iterators.size(); dim < e; ++dim)
    if (!isParallel(dim) && map.isFunctionOfDim(dim))
      return false;
  return true;
}

/// Copies the body for one element; `accumulators` stand for the outputs that
/// are carried. Others are loaded.
SmallVector<Value> LoopNest::emitScalars(ValueRange accumulators) {
  IRMapping mapping;
  Block *body = op.getBody();
  unsigned numInputs = op.getNumDpsInputs(), carried = 0;
  for (BlockArgument argument : body->getArguments()) {
    unsigned index = argument.getArgNumber();
    Value value = invariants[index];
    if (index >= numInputs && !accumulators.empty() &&
        isCarried(index - numInputs))
      value = accumulators[carried++];
    if (argument.use_empty())
      continue;
    mapping.map(argument, value ? value : load(index));
  }
  for (Operation &scalar : body->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(scalar)) {
      mapping.map(index.getResult(), ivs[index.getDim()]);
      continue;
    }
    Operation *copy = rewriter.clone(scalar, mapping);
    copy->walk([&](linalg::IndexOp index) {
      rewriter.replaceOp(index, ivs[index.getDim()]);
    });
  }
  SmallVector<Value> results;
  for (auto [i, value] :
       llvm::enumerate(body->getTerminator()->getOperands())) {
    results.push_back(mapping.lookupOrDefault(value));
    if (op.getNumReductionLoops() && isCarried(i))
      relaxReduction(results.back().getDefiningOp());
  }
  return results;
}

void LoopNest::store(unsigned output, Value value) {
  unsigned operand = op.getNumDpsInputs() + output;
  memref::StoreOp::create(rewriter, loc, value, operands[operand],
                          getIndices(operand));
}

/// Reads what is the same in all turns of the innermost loop `dim` before it.
/// LLVM can not, as it does not know that no output is an input that is read in
/// another order, and would not vectorise what is addressed through such an
/// element.
void LoopNest::loadInvariants(unsigned dim) {
  for (unsigned i = 0, e = op.getNumDpsInputs(); i < e; ++i)
    if (isa<MemRefType>(operands[i].getType()) &&
        !maps[i].isFunctionOfDim(dim) &&
        !op.getBody()->getArgument(i).use_empty())
      invariants[i] = load(i);
}

SmallVector<Value> LoopNest::emitReduction(ArrayRef<unsigned> dims,
                                           ValueRange accumulators) {
  if (dims.empty()) {
    SmallVector<Value> carried;
    for (auto [i, value] : llvm::enumerate(emitScalars(accumulators))) {
      if (isCarried(i))
        carried.push_back(value);
      else
        store(i, value);
    }
    return carried;
  }
  OpBuilder::InsertionGuard guard(rewriter);
  unsigned dim = dims.front();
  if (dims.size() == 1)
    loadInvariants(dim);
  Value extent = getValueOrCreateConstantIndexOp(rewriter, loc, extents[dim]);
  auto loop = scf::ForOp::create(rewriter, loc, makeIndex(0), extent,
                                 makeIndex(1), accumulators);
  ivs[dim] = loop.getInductionVar();
  rewriter.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> values =
      emitReduction(dims.drop_front(), loop.getRegionIterArgs());
  if (!values.empty())
    scf::YieldOp::create(rewriter, loc, values);
  return loop.getResults();
}

void LoopNest::emitElement() {
  if (!accumulates) {
    for (auto [i, value] : llvm::enumerate(emitScalars({})))
      store(i, value);
    return;
  }
  SmallVector<unsigned> carried;
  SmallVector<Value> accumulators;
  for (unsigned i = 0, e = op.getNumDpsInits(); i < e; ++i) {
    if (!isCarried(i))
      continue;
    carried.push_back(i);
    accumulators.push_back(load(op.getNumDpsInputs() + i));
  }
  SmallVector<Value> sums = emitReduction(inner, accumulators);
  for (auto [i, sum] : llvm::zip_equal(carried, sums))
    store(i, sum);
}

void LoopNest::emitLoops(ArrayRef<unsigned> dims) {
  if (dims.empty() || accumulates)
    return emitElement();
  if (crossing)
    return emitBlocks();
  unsigned dim = dims.front();
  if (dims.size() == 1)
    loadInvariants(dim);
  Value extent = getValueOrCreateConstantIndexOp(rewriter, loc, extents[dim]);
  emitLoop(dim, makeIndex(0), extent, 1, [&] { emitLoops(dims.drop_front()); });
}

template <typename Body>
void LoopNest::emitLoop(unsigned dim, Value begin, Value end, int64_t step,
                        Body body) {
  OpBuilder::InsertionGuard guard(rewriter);
  auto loop = scf::ForOp::create(rewriter, loc, begin, end, makeIndex(step));
  ivs[dim] = loop.getInductionVar();
  rewriter.setInsertionPointToStart(loop.getBody());
  body();
}

/// The innermost loop, in blocks with the one that crosses it, of which `ivs`
/// has the number of the block.
void LoopNest::emitBlocks() {
  unsigned other = *crossing, last = inner.back();
  Value size = makeIndex(blockExtent);
  auto getEnd = [&](Value begin, unsigned dim) -> Value {
    Value end = arith::AddIOp::create(rewriter, loc, begin, size);
    Value extent = getValueOrCreateConstantIndexOp(rewriter, loc, extents[dim]);
    return arith::MinSIOp::create(rewriter, loc, end, extent);
  };
  Value begin = arith::MulIOp::create(rewriter, loc, ivs[other], size);
  Value end = getEnd(begin, other);
  Value extent = getValueOrCreateConstantIndexOp(rewriter, loc, extents[last]);
  emitLoop(last, makeIndex(0), extent, blockExtent, [&] {
    Value first = ivs[last], after = getEnd(first, last);
    emitLoop(other, begin, end, 1,
             [&] { emitLoop(last, first, after, 1, [&] { emitElement(); }); });
  });
}

/// One loop over all that may run in any order, and the rest inside of it.
void LoopNest::emitParallel() {
  if (outer.empty())
    return emitLoops(inner);
  SmallVector<Value> sizes;
  Value total;
  for (unsigned dim : outer) {
    Value size = getValueOrCreateConstantIndexOp(rewriter, loc, extents[dim]);
    if (dim == crossing)
      size = rewriter.createOrFold<arith::CeilDivSIOp>(loc, size,
                                                       makeIndex(blockExtent));
    sizes.push_back(size);
    total = total ? arith::MulIOp::create(rewriter, loc, total, sizes.back())
                  : sizes.back();
  }
  auto loop =
      scf::ParallelOp::create(rewriter, loc, ValueRange{makeIndex(0)},
                              ValueRange{total}, ValueRange{makeIndex(1)});
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(loop.getBody());
  Value rest = loop.getInductionVars()[0];
  for (size_t i = outer.size(); i-- > 1;) {
    ivs[outer[i]] = arith::RemUIOp::create(rewriter, loc, rest, sizes[i]);
    rest = arith::DivUIOp::create(rewriter, loc, rest, sizes[i]);
  }
  ivs[outer[0]] = rest;
  emitLoops(inner);
}

LogicalResult LoopNest::lower() {
  rewriter.setInsertionPoint(op);
  if (failed(findExtents()))
    return failure();
  collapse();
  chooseOrder();
  Value zero = makeIndex(0);
  ivs.assign(iterators.size(), zero);
  invariants.assign(operands.size(), Value());
  emitParallel();
  rewriter.eraseOp(op);
  return success();
}
