//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The threads of a row take its elements in turns, and combine what they have
// found; then one of them combines it with what was in the result before.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/Reduction.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

static constexpr int64_t warpThreads = 32;
/// Threads of a block whose warps have a row each, or whose row is of unknown
/// size; and of one whose row is long.
static constexpr int64_t blockThreads = 256, maxThreads = 1024;
/// Elements that a thread takes before another one is worth it.
static constexpr int64_t grain = 8;

/// Threads of a row.
int64_t Reduction::countThreads() const {
  auto [operand, axis] = extents[inner.back()];
  auto type = cast<MemRefType>(op->getOperand(operand).getType());
  if (type.isDynamicDim(axis))
    return blockThreads;
  return std::clamp<int64_t>(llvm::PowerOf2Ceil(type.getDimSize(axis) / grain),
                             warpThreads, maxThreads);
}

/// A text that is equal for equal code, whatever its values are called.
std::string Reduction::describe() {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (AffineMap map : maps)
    os << map;
  for (utils::IteratorType iterator : iterators)
    os << static_cast<int>(iterator);
  llvm::DenseMap<Value, unsigned> numbers;
  auto name = [&](Value value) { numbers.try_emplace(value, numbers.size()); };
  for (Value value : captured) {
    Operation *def = value.getDefiningOp();
    if (!def || !def->hasTrait<OpTrait::ConstantLike>())
      name(value);
  }
  op.getBlock()->walk<WalkOrder::PreOrder>([&](Operation *inside) {
    for (Region &region : inside->getRegions())
      for (Value argument : region.getArguments())
        name(argument);
    os << inside->getName() << inside->getAttrDictionary();
    for (Value operand : inside->getOperands()) {
      Attribute constant;
      auto known = numbers.find(operand);
      if (known != numbers.end())
        os << '%' << known->second;
      else if (matchPattern(operand, m_Constant(&constant)))
        os << constant;
      else
        os << '#' << cast<BlockArgument>(operand).getArgNumber();
    }
    for (Value result : inside->getResults()) {
      name(result);
      os << result.getType();
    }
  });
  return text;
}

void Reduction::lower(KernelBuilder &builder) {
  OpBuilder host(op);
  Location loc = op.getLoc();
  Values arguments = llvm::to_vector(op->getOperands());
  for (Value value : captured) {
    Operation *def = value.getDefiningOp();
    if (!def || !def->hasTrait<OpTrait::ConstantLike>())
      arguments.push_back(value);
  }
  Value rows = arith::ConstantIndexOp::create(host, loc, 1);
  for (unsigned dim : outer) {
    auto [operand, axis] = extents[dim];
    rows = arith::MulIOp::create(
        host, loc, rows,
        memref::DimOp::create(host, loc, op->getOperand(operand), axis));
  }
  int64_t perRow = countThreads();
  int64_t threads = perRow == warpThreads ? blockThreads : perRow;
  Value blocks = arith::CeilDivUIOp::create(
      host, loc, rows,
      arith::ConstantIndexOp::create(host, loc, threads / perRow));
  SmallVector<MemRefType> shared;
  if (perRow > warpThreads)
    for (Type type : op.getBlock()->getTerminator()->getOperandTypes())
      shared.push_back(sharedType(maxThreads / warpThreads, type));
  auto config = host.getDictionaryAttr(
      host.getNamedAttr("operation", host.getStringAttr(describe())));
  builder.launch(op, "reduction", config, arguments, shared, threads, blocks,
                 [&](KernelEmitter &e, ValueRange arguments,
                     ValueRange shared) { write(e, arguments, shared); });
}

//===----------------------------------------------------------------------===//
// In the kernel
//===----------------------------------------------------------------------===//

Value Reduction::extent(KernelEmitter &e, ValueRange arguments, unsigned dim) {
  auto [operand, axis] = extents[dim];
  return memref::DimOp::create(e.builder, e.loc, arguments[operand], axis);
}

Values Reduction::indicesOf(KernelEmitter &e, unsigned operand) {
  return llvm::map_to_vector(
      maps[operand].getResults(), [&](AffineExpr expr) -> Value {
        if (auto dim = dyn_cast<AffineDimExpr>(expr))
          return ivs[dim.getPosition()];
        return e.index(cast<AffineConstantExpr>(expr).getValue());
      });
}

/// The arguments of the body.
Values Reduction::load(KernelEmitter &e, ValueRange arguments,
                       ValueRange carried) {
  Values scalars;
  for (unsigned i = 0, count = op.getNumDpsInputs(); i < count; ++i) {
    bool isBuffer = isa<MemRefType>(arguments[i].getType());
    scalars.push_back(isBuffer ? e.load(arguments[i], indicesOf(e, i))
                               : arguments[i]);
  }
  llvm::append_range(scalars, carried);
  return scalars;
}

/// Sums may be taken in any order anyway, so products may be added unrounded.
static void contract(Operation *combiner) {
  auto sum = dyn_cast<arith::AddFOp>(combiner);
  if (!sum)
    return;
  auto flag = arith::FastMathFlags::contract;
  sum.setFastmath(sum.getFastmath() | flag);
  for (Value operand : sum->getOperands())
    if (auto product = operand.getDefiningOp<arith::MulFOp>())
      product.setFastmath(product.getFastmath() | flag);
}

/// The body. `place` stands for the loop of an ArgMax, null for the loops as
/// they are.
Values Reduction::evaluate(KernelEmitter &e, ValueRange scalars, Value place,
                           Value *isBetter) {
  IRMapping mapping(around);
  Block *body = op.getBlock();
  mapping.map(body->getArguments(), scalars);
  auto indexOf = [&](linalg::IndexOp index) {
    return place ? place : ivs[index.getDim()];
  };
  for (Operation &inside : body->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(inside)) {
      mapping.map(index.getResult(), indexOf(index));
      continue;
    }
    Operation *copy = e.builder.clone(inside, mapping);
    SmallVector<linalg::IndexOp> nested;
    copy->walk([&](linalg::IndexOp index) { nested.push_back(index); });
    for (linalg::IndexOp index : nested) {
      index.replaceAllUsesWith(indexOf(index));
      index.erase();
    }
    if (llvm::is_contained(combiners, &inside))
      contract(copy);
  }
  if (isBetter)
    *isBetter = mapping.lookup(better);
  return llvm::map_to_vector(
      body->getTerminator()->getOperands(),
      [&](Value value) { return mapping.lookupOrDefault(value); });
}

/// What two threads have found, in one.
Values Reduction::combine(KernelEmitter &e, ValueRange a, ValueRange b) {
  Values results;
  if (!better) {
    for (auto [i, combiner] : llvm::enumerate(combiners)) {
      IRMapping mapping;
      mapping.map(combiner->getOperand(0), a[i]);
      mapping.map(combiner->getOperand(1), b[i]);
      results.push_back(e.builder.clone(*combiner, mapping)->getResult(0));
    }
    return results;
  }
  auto toIndex = [&](Value place) -> Value {
    if (place.getType().isIndex())
      return place;
    return arith::IndexCastOp::create(e.builder, e.loc,
                                      e.builder.getIndexType(), place);
  };
  // Of equals, the first is wanted if neither is better, else the last.
  Value isSecond, isFirst;
  evaluate(e, {b[0], a[0], a[1]}, toIndex(b[1]), &isSecond);
  evaluate(e, {a[0], b[0], b[1]}, toIndex(a[1]), &isFirst);
  Value isBehind = e.compare(arith::CmpIPredicate::sgt, b[1], a[1]);
  Value isEqual = e.compare(arith::CmpIPredicate::eq, isFirst, isSecond);
  Value takesBehind = e.compare(arith::CmpIPredicate::eq, isBehind, isFirst);
  Value takesSecond = e.select(isEqual, takesBehind, isSecond);
  for (auto [first, second] : llvm::zip_equal(a, b))
    results.push_back(e.select(takesSecond, second, first));
  return results;
}

void Reduction::write(KernelEmitter &e, ValueRange arguments,
                      ValueRange shared) {
  around = IRMapping();
  unsigned next = op->getNumOperands();
  for (Value value : captured) {
    Operation *def = value.getDefiningOp();
    if (def && def->hasTrait<OpTrait::ConstantLike>())
      e.builder.clone(*def, around);
    else
      around.map(value, arguments[next++]);
  }
  ivs.assign(iterators.size(), e.index(0));
  bool isWarp = shared.empty();
  Value row = e.block(), lane = e.thread(), rows = e.index(1);
  Value perRow = e.index(isWarp ? warpThreads : e.threads);
  if (isWarp) {
    Value warps = e.index(e.threads / warpThreads);
    row = e.addi(e.muli(row, warps), e.divui(lane, perRow));
    lane = e.remui(lane, perRow);
  }
  Value rest = row;
  for (unsigned dim : llvm::reverse(outer)) {
    Value size = extent(e, arguments, dim);
    rows = e.muli(rows, size);
    ivs[dim] = dim == outer.front() ? rest : e.remui(rest, size);
    if (dim != outer.front())
      rest = e.divui(rest, size);
  }
  auto reduce = [&] {
    unsigned inputs = op.getNumDpsInputs();
    Values before, neutral;
    for (unsigned i = 0, count = op.getNumDpsInits(); i < count; ++i)
      before.push_back(e.load(arguments[inputs + i], indicesOf(e, inputs + i)));
    // Combining what was there twice changes no best element.
    neutral = before;
    for (auto [i, combiner] : llvm::enumerate(combiners))
      neutral[i] = arith::ConstantOp::create(
          e.builder, e.loc, *arith::getNeutralElement(combiner));
    std::function<Values(ArrayRef<unsigned>, ValueRange)> nest =
        [&](ArrayRef<unsigned> dims, ValueRange carried) -> Values {
      if (dims.empty())
        return evaluate(e, load(e, arguments, carried), {});
      bool isLast = dims.size() == 1;
      return e.repeat(isLast ? lane : e.index(0), extent(e, arguments, dims[0]),
                      isLast ? perRow : e.index(1), carried,
                      [&](Value i, ValueRange inside) {
                        ivs[dims[0]] = i;
                        return nest(dims.drop_front(), inside);
                      });
    };
    auto both = [&](ValueRange a, ValueRange b) { return combine(e, a, b); };
    Values own = nest(inner, neutral);
    own = isWarp ? e.combineWarp(own, both)
                 : e.combineBlock(own, shared, neutral, both);
    e.ifTrue(e.compare(arith::CmpIPredicate::eq, lane, e.index(0)), [&] {
      Values results = combine(e, before, own);
      for (auto [i, value] : llvm::enumerate(results))
        e.store(value, arguments[inputs + i], indicesOf(e, inputs + i));
    });
  };
  if (isWarp)
    e.ifTrue(e.compare(arith::CmpIPredicate::ult, row, rows), reduce);
  else
    reduce();
}
