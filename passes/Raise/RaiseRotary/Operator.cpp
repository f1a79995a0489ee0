//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The operator of the standard, which rotates the leading elements of every
// head; heads stand before the sequence, or inside the last dimension.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/Matchers.h"
#include "passes/Raise/RaiseRotary/Tables.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;

LogicalResult fulgur::raiseRotaryOperator(onnx::RotaryEmbeddingOp op) {
  Value x = input(op, 0), cos = input(op, 1), sin = input(op, 2);
  RankedTensorType type = tensorType(x), table = tensorType(cos);
  int64_t heads = intAttr(op, "num_heads", 0);
  if (!type || !table || op->getResult(0).getType() != type ||
      cos.getType() != sin.getType() || type.isDynamicDim(type.getRank() - 1) ||
      table.isDynamicDim(table.getRank() - 1))
    return failure();
  int64_t width = type.getShape().back();
  bool hasHeads = type.getRank() == 4;
  if (!hasHeads && (type.getRank() != 3 || heads < 1 || width % heads))
    return failure();
  width = hasHeads ? width : width / heads;
  int64_t rotated = intAttr(op, "rotary_embedding_dim", 0);
  if (rotated == 0)
    rotated = width;
  if (rotated > width || rotated != 2 * table.getShape().back())
    return failure();

  OpBuilder b(op);
  Location loc = op->getLoc();
  if (Value positions = input(op, 3)) {
    RankedTensorType index = tensorType(positions);
    if (!index || index.getRank() != 2 || table.getRank() != 2)
      return failure();
    SmallVector<int64_t> shape(index.getShape());
    shape.push_back(rotated / 2);
    auto rows = [&](Value value) -> Value {
      return onnx::GatherOp::create(
                 b, loc, TypeRange{table.clone(shape)},
                 ValueRange{value, positions},
                 b.getNamedAttr("axis", b.getI64IntegerAttr(0)))
          ->getResult(0);
    };
    cos = rows(cos);
    sin = rows(sin);
  } else if (table.getRank() != 3) {
    return failure();
  }
  ArrayRef<int64_t> shape = type.getShape();
  Value in = hasHeads
                 ? createTranspose(b, loc, x, {0, 2, 1, 3})
                 : createReshape(b, loc, x, {shape[0], shape[1], heads, width});
  auto layout = intAttr(op, "interleaved", 0) ? RotaryLayout::Interleaved
                                              : RotaryLayout::HalfSplit;
  Value out = RotaryEmbeddingOp::create(b, loc, in.getType(), in, cos, sin,
                                        layout, RotaryPlacement::Leading);
  op->getResult(0).replaceAllUsesWith(
      hasHeads ? createTranspose(b, loc, out, {0, 2, 1, 3})
               : createReshape(b, loc, out, shape));
  op->erase();
  return success();
}
