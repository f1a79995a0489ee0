//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verifiers and shapes of 8-bit values with scales of blocks.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/Fulgur/IR/Verify.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace fulgur;

static LogicalResult verifyBlock(Operation *op, ArrayRef<int64_t> block,
                                 size_t rank) {
  if (block.size() != rank)
    return op->emitOpError("expected 'block' to have ")
           << rank << " sizes, but got " << block.size();
  for (int64_t size : block)
    if (failed(verifyPositive(op, "block", size)))
      return failure();
  return success();
}

/// Checks that dimension `dim` of `scales` has one element for each `block`
/// elements of dimension `ofDim` of `of`.
static LogicalResult verifyBlocks(Operation *op, Named scales, int64_t dim,
                                  Named of, int64_t ofDim, int64_t block) {
  int64_t size = of.size(ofDim);
  if (ShapedType::isDynamic(size))
    return success();
  return verifySize(op, scales, dim, llvm::divideCeilSigned(size, block));
}

/// The constraints that quantize and dequantize have in common.
static LogicalResult verifyBlocked(Operation *op, ArrayRef<int64_t> block,
                                   Named input, Named output, Named scales) {
  // quantize (C1), dequantize (C1)
  if (failed(verifyBlock(op, block, 2)))
    return failure();
  // quantize (C2), dequantize (C2)
  int64_t rank = input.rank(), least = block[0] > 1 ? 2 : 1;
  if (rank < least)
    return op->emitOpError("expected rank of '")
           << input.name << "' to be at least " << least << ", but got "
           << rank;
  // quantize (C3), dequantize (C3)
  if (failed(verifyRank(op, output, rank)))
    return failure();
  for (int64_t dim = 0; dim < rank; ++dim)
    if (failed(verifySize(op, output, dim, input, dim)))
      return failure();
  // quantize (C4), dequantize (C4)
  if (failed(verifyRank(op, scales, rank)))
    return failure();
  for (int64_t dim = 0; dim + 2 < rank; ++dim)
    if (failed(verifySize(op, scales, dim, input, dim)))
      return failure();
  if (rank > 1 && failed(verifyBlocks(op, scales, -2, input, -2, block[0])))
    return failure();
  return verifyBlocks(op, scales, -1, input, -1, block[1]);
}

LogicalResult QuantizeOp::verify() {
  return verifyBlocked(*this, getBlock(), {"input", getInput()},
                       {"values", getValues()}, {"scales", getScales()});
}

LogicalResult
QuantizeOp::reifyResultShapes(OpBuilder &builder,
                              ReifiedRankedShapedTypeDims &shapes) {
  reifySameShape(builder, getValues(), getInput(), shapes);
  reifySameShape(builder, getScales(), getInput(), shapes);
  // What stands for the blocks so far is the elements.
  Location loc = getLoc();
  auto countBlocks = [&](OpFoldResult &size, int64_t block) {
    auto elements = dyn_cast<Value>(size);
    if (!elements || block == 1)
      return;
    auto index = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(builder, loc, value);
    };
    Value sum = arith::AddIOp::create(builder, loc, elements, index(block - 1));
    size = arith::DivUIOp::create(builder, loc, sum, index(block)).getResult();
  };
  MutableArrayRef<OpFoldResult> scales = shapes.back();
  countBlocks(scales.back(), getBlock()[1]);
  if (scales.size() > 1)
    countBlocks(scales[scales.size() - 2], getBlock()[0]);
  return success();
}

LogicalResult DequantizeOp::verify() {
  return verifyBlocked(*this, getBlock(), {"values", getValues()},
                       {"result", getResult()}, {"scales", getScales()});
}

LogicalResult
DequantizeOp::reifyResultShapes(OpBuilder &builder,
                                ReifiedRankedShapedTypeDims &shapes) {
  reifySameShape(builder, getResult(), getValues(), shapes);
  return success();
}

LogicalResult ScaledMatmulOp::verify() {
  Named lhs{"lhs", getLhs()}, lhsScales{"lhs_scales", getLhsScales()},
      rhs{"rhs", getRhs()}, rhsScales{"rhs_scales", getRhsScales()},
      result{"result", getResult()};
  // scaled_matmul (C1)
  for (Named tensor : {lhs, lhsScales, rhs, rhsScales, result})
    if (failed(verifyRank(*this, tensor, 2)))
      return failure();
  // scaled_matmul (C2)
  ArrayRef<int64_t> block = getBlock();
  if (failed(verifyBlock(*this, block, 3)))
    return failure();
  // scaled_matmul (C3)
  if (failed(verifySize(*this, rhs, 1, lhs, 1)) ||
      failed(verifySize(*this, rhsScales, 1, lhsScales, 1)) ||
      failed(verifySize(*this, result, 0, lhs, 0)) ||
      failed(verifySize(*this, result, 1, rhs, 0)))
    return failure();
  // scaled_matmul (C4)
  if (failed(verifyBlocks(*this, lhsScales, 0, lhs, 0, block[0])) ||
      failed(verifyBlocks(*this, lhsScales, 1, lhs, 1, block[2])) ||
      failed(verifyBlocks(*this, rhsScales, 0, rhs, 0, block[1])))
    return failure();
  return verifyBlocks(*this, rhsScales, 1, rhs, 1, block[2]);
}

LogicalResult
ScaledMatmulOp::reifyResultShapes(OpBuilder &builder,
                                  ReifiedRankedShapedTypeDims &shapes) {
  reifySizes(builder, getResult(), {{getLhs(), 0}, {getRhs(), 0}}, shapes);
  return success();
}
