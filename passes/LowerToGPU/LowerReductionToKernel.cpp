//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reductions along contiguous rows become kernels in which a warp or a block
// reduces a row, so that neighbouring threads read neighbouring elements, and a
// few long rows have many threads. All others have a thread for each result.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/Reduction.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/RegionUtils.h"

namespace fulgur {
#define GEN_PASS_DEF_LOWERREDUCTIONTOKERNELPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static constexpr int64_t warpThreads = 32;

namespace {
struct LowerReductionToKernelPass final
    : fulgur::impl::LowerReductionToKernelPassBase<LowerReductionToKernelPass> {
  void runOnOperation() final;
};
} // namespace

bool Reduction::findExtents() {
  extents.assign(iterators.size(), {~0u, 0});
  for (auto [operand, map] : llvm::enumerate(maps)) {
    if (!isa<MemRefType>(op->getOperand(operand).getType()))
      continue;
    for (auto [axis, expr] : llvm::enumerate(map.getResults())) {
      if (isa<AffineConstantExpr>(expr))
        continue;
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim)
        return false;
      extents[dim.getPosition()] = {unsigned(operand), unsigned(axis)};
    }
  }
  return llvm::none_of(extents, [](auto at) { return at.first == ~0u; });
}

/// Whether the last loop of the reduction is along rows of what is read, and no
/// other loop is.
bool Reduction::isAlongRows() {
  bool found = false;
  for (OpOperand *input : op.getDpsInputOperands()) {
    AffineMap map = maps[input->getOperandNumber()];
    if (!isa<MemRefType>(input->get().getType()) || map.getNumResults() == 0)
      continue;
    bool isAlong = map.getResults().back() ==
                   getAffineDimExpr(inner.back(), map.getContext());
    if (!isAlong && map.isFunctionOfDim(inner.back()))
      return false;
    found |= isAlong;
  }
  return found;
}

/// Whether no input has all rows: then its rows are read again and again, and
/// tiles are what helps.
bool Reduction::isProduct() {
  return llvm::none_of(op.getDpsInputOperands(), [&](OpOperand *input) {
    AffineMap map = maps[input->getOperandNumber()];
    return map.isFunctionOfDim(inner.back()) &&
           llvm::all_of(outer,
                        [&](unsigned dim) { return map.isFunctionOfDim(dim); });
  });
}

bool Reduction::findCombiners() {
  Block *body = op.getBlock();
  unsigned inputs = op.getNumDpsInputs();
  for (auto [i, value] :
       llvm::enumerate(body->getTerminator()->getOperands())) {
    BlockArgument carried = body->getArgument(inputs + i);
    Operation *combiner = value.getDefiningOp();
    if (!combiner || combiner->getNumOperands() != 2 ||
        combiner->getBlock() != body || !carried.hasOneUse() ||
        *carried.user_begin() != combiner ||
        combiner->getOperand(0) == combiner->getOperand(1) ||
        !combiner->hasTrait<OpTrait::IsCommutative>() ||
        !arith::getNeutralElement(combiner))
      return false;
    combiners.push_back(combiner);
  }
  return true;
}

/// The condition of ArgMax and its like; null if the body is another one.
Value Reduction::findBetter() {
  Block *body = op.getBlock();
  Operation *yield = body->getTerminator();
  if (op.getNumDpsInputs() != 1 || yield->getNumOperands() != 2)
    return {};
  auto value = yield->getOperand(0).getDefiningOp<arith::SelectOp>();
  auto place = yield->getOperand(1).getDefiningOp<arith::SelectOp>();
  if (!value || !place || value.getCondition() != place.getCondition() ||
      value.getTrueValue() != body->getArgument(0) ||
      value.getFalseValue() != body->getArgument(1) ||
      place.getFalseValue() != body->getArgument(2))
    return {};
  Value here = place.getTrueValue();
  if (auto cast = here.getDefiningOp<arith::IndexCastOp>())
    here = cast.getIn();
  auto index = here.getDefiningOp<linalg::IndexOp>();
  if (!index || index.getDim() != inner.back() || inner.size() != 1 ||
      body->getArgument(2).getNumUses() != 1)
    return {};
  // Nothing else may depend on the place.
  for (auto other : body->getOps<linalg::IndexOp>())
    if (other != index)
      return {};
  if (!index->hasOneUse())
    return {};
  return value.getCondition();
}

StringRef Reduction::analyse(linalg::LinalgOp operation) {
  op = operation;
  if (!op.hasPureBufferSemantics() || op.getNumReductionLoops() == 0)
    return "no reduction of buffers";
  if (op->getParentOfType<scf::ForallOp>() ||
      op->getParentOfType<scf::ParallelOp>())
    return "a thread runs it";
  maps = op.getIndexingMapsArray();
  iterators = op.getIteratorTypesArray();
  if (!findExtents())
    return "loops are not dimensions of operands";
  for (unsigned dim = 0; dim < iterators.size(); ++dim) {
    auto [operand, axis] = extents[dim];
    auto type = cast<MemRefType>(op->getOperand(operand).getType());
    if (type.getDimSize(axis) != 1 || !isParallel(dim))
      (isParallel(dim) ? outer : inner).push_back(dim);
  }
  // The loop along rows is the last one.
  for (unsigned &dim : inner) {
    std::swap(dim, inner.back());
    if (isAlongRows())
      break;
    std::swap(dim, inner.back());
  }
  if (!isAlongRows())
    return "no rows are contiguous";
  for (OpOperand &init : op.getDpsInitsMutable())
    for (unsigned dim : inner)
      if (maps[init.getOperandNumber()].isFunctionOfDim(dim))
        return "a result is written in each turn";
  if (isProduct())
    return "rows are read more than once";
  auto [operand, axis] = extents[inner.back()];
  int64_t size =
      cast<MemRefType>(op->getOperand(operand).getType()).getDimSize(axis);
  if (!ShapedType::isDynamic(size) && size < warpThreads)
    return "rows are short";
  if (!findCombiners()) {
    combiners.clear();
    better = findBetter();
  }
  if (combiners.empty() && !better)
    return "threads can not combine their results";
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  for (Value value : captured)
    if (!isa<MemRefType>(value.getType()) &&
        !value.getType().isIntOrIndexOrFloat())
      return "a value of another place is no parameter";
  return {};
}

void LowerReductionToKernelPass::runOnOperation() {
  KernelBuilder builder(getOperation());
  SmallVector<linalg::LinalgOp> ops;
  getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
  for (linalg::LinalgOp op : ops) {
    Reduction reduction;
    if (!reduction.analyse(op).empty())
      continue;
    reduction.lower(builder);
    op->erase();
  }
}
