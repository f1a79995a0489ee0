//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes loops: those that carry a tensor from one turn to the next, and those
// whose turns threads share.
//
//===----------------------------------------------------------------------===//
#include "lib/Support/Emitter.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace fulgur;

Value Emitter::loop(OpFoldResult count, Value init, LoopBody body) {
  return loop(count, ValueRange(init),
              [&](Value i, ValueRange carried) -> SmallVector<Value> {
                return {body(i, carried[0])};
              })[0];
}

SmallVector<Value> Emitter::loop(OpFoldResult count, ValueRange inits,
                                 LoopsBody body) {
  return loop(size(0), count, size(1), inits, body);
}

Value Emitter::loop(OpFoldResult begin, OpFoldResult end, OpFoldResult step,
                    Value init, LoopBody body) {
  return loop(begin, end, step, ValueRange(init),
              [&](Value i, ValueRange carried) -> SmallVector<Value> {
                return {body(i, carried[0])};
              })[0];
}

SmallVector<Value> Emitter::loop(OpFoldResult begin, OpFoldResult end,
                                 OpFoldResult step, ValueRange inits,
                                 LoopsBody body) {
  auto op = scf::ForOp::create(builder, loc, index(begin), index(end),
                               index(step), inits);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(op.getBody());
  Operation *around = outermost;
  if (!outermost)
    outermost = op;
  SmallVector<Value> next = body(op.getInductionVar(), op.getRegionIterArgs());
  scf::YieldOp::create(builder, loc, next);
  outermost = around;
  return SmallVector<Value>(op.getResults());
}

Value Emitter::shareRows(int64_t grain, Value init, BlockBody body) {
  MixedSizes extents = sizes(init);
  OpFoldResult rows = extents[0], one = size(1);
  OpFoldResult blocks = max(min(div(rows, size(grain)), size(maxBlocks)), one);
  if (isConstantIntValue(blocks, 1))
    return body(index(0), index(rows), init);
  auto op = scf::ForallOp::create(builder, loc, ArrayRef<OpFoldResult>(blocks),
                                  ValueRange(init), std::nullopt);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(op.getBody());
  // What a block allocates is its own, so nothing moves out of it.
  Operation *around = outermost;
  outermost = nullptr;
  OpFoldResult block = op.getInductionVar(0);
  Value begin = index(div(mul(block, rows), blocks));
  Value end = index(div(mul(add(block, one), rows), blocks));
  MixedSizes offsets(extents.size(), size(0)), strides(extents.size(), one);
  offsets[0] = begin;
  extents[0] = sub(OpFoldResult(end), OpFoldResult(begin));
  Value part = slice(op.getRegionIterArgs()[0], offsets, extents);
  part = body(begin, end, part);
  builder.setInsertionPointToStart(op.getTerminator().getBody());
  tensor::ParallelInsertSliceOp::create(
      builder, loc, part, op.getRegionIterArgs()[0], offsets, extents, strides);
  outermost = around;
  return op.getResult(0);
}

Value Emitter::nest(ArrayRef<OpFoldResult> counts, Value init, NestBody body) {
  SmallVector<Value> indices;
  std::function<Value(Value)> inner = [&](Value carried) -> Value {
    if (indices.size() == counts.size())
      return body(indices, carried);
    return loop(counts[indices.size()], carried, [&](Value i, Value next) {
      indices.push_back(i);
      Value result = inner(next);
      indices.pop_back();
      return result;
    });
  };
  return inner(init);
}
