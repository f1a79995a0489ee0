//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verifiers and shapes of the tensor pieces.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/Fulgur/IR/Verify.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace fulgur;

/// (C1) to (C3) of the normalisations, of rows of `input` with a `scale`.
template <typename OpTy> static LogicalResult verifyNorm(OpTy op) {
  Named input{"input", op.getInput()}, scale{"scale", op.getScale()};
  // (C1)
  if (input.rank() < 1)
    return op.emitOpError(
        "expected rank of 'input' to be at least 1, but got 0");
  if (failed(verifyRank(op, scale, 1)) || failed(verifyEqualSizes(op)))
    return failure();
  // (C2)
  if (failed(verifySameElement(op, scale, input)))
    return failure();
  // (C3)
  if (!op.getEps().isFinite() || op.getEps().isNegative())
    return op.emitOpError(
               "expected 'eps' to be finite and not negative, but got ")
           << op.getEps().convertToDouble();
  return success();
}

LogicalResult RMSNormOp::verify() {
  // rms_norm (C1), (C2), (C3)
  return verifyNorm(*this);
}

void RMSNormOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  sizes.push_back({{"scale", getScale()}, 0, {"input", getInput()}, -1});
}

LogicalResult
RMSNormOp::reifyResultShapes(OpBuilder &builder,
                             ReifiedRankedShapedTypeDims &shapes) {
  reifySameShape(builder, getResult(), getInput(), shapes);
  return success();
}

LogicalResult AddRMSNormOp::verify() {
  // add_rms_norm (C1), (C2), (C3)
  return verifyNorm(*this);
}

void AddRMSNormOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  Named input{"input", getInput()}, residual{"residual", getResidual()};
  sizes.push_back({{"scale", getScale()}, 0, input, -1});
  for (int64_t i = 0, e = input.rank(); i < e; ++i)
    sizes.push_back({residual, i, input, i});
}

LogicalResult
AddRMSNormOp::reifyResultShapes(OpBuilder &builder,
                                ReifiedRankedShapedTypeDims &shapes) {
  reifySameShape(builder, getSum(), getInput(), shapes);
  reifySameShape(builder, getResult(), getInput(), shapes);
  return success();
}

void SwiGLUOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  Named gate{"gate", getGate()}, up{"up", getUp()};
  for (int64_t i = 0, e = gate.rank(); i < e; ++i)
    sizes.push_back({up, i, gate, i});
}

LogicalResult SwiGLUOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &shapes) {
  reifySameShape(builder, getResult(), getGate(), shapes);
  return success();
}

LogicalResult LayerNormOp::verify() {
  // layer_norm (C1), (C2), (C3)
  return verifyNorm(*this);
}

void LayerNormOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  Named input{"input", getInput()}, scale{"scale", getScale()};
  sizes.append({{scale, 0, input, -1}, {{"bias", getBias()}, 0, scale, 0}});
}

LogicalResult
LayerNormOp::reifyResultShapes(OpBuilder &builder,
                               ReifiedRankedShapedTypeDims &shapes) {
  reifySameShape(builder, getResult(), getInput(), shapes);
  return success();
}

LogicalResult LinearOp::verify() {
  Named input{"input", getInput()}, weight{"weight", getWeight()},
      result{"result", getResult()};
  // linear (C1)
  if (input.rank() < 1)
    return emitOpError("expected rank of 'input' to be at least 1, but got 0");
  if (failed(verifyRank(*this, weight, 2)) ||
      failed(verifyRank(*this, result, input.rank())))
    return failure();
  // linear (C5)
  if (Named residual{"residual", getResidual()};
      residual.value && failed(verifyRank(*this, residual, input.rank())))
    return failure();
  // linear (C2), (C5)
  if (failed(verifyEqualSizes(*this)))
    return failure();
  // linear (C3)
  for (int64_t i = 0, e = input.rank() - 1; i < e; ++i)
    if (failed(verifySize(*this, result, i, input, i)))
      return failure();
  if (failed(verifySize(*this, result, -1, weight, getTransposed() ? 0 : 1)))
    return failure();
  // linear (C4)
  if (failed(verifySameElement(*this, weight, input)) ||
      failed(verifySameElement(*this, result, input)))
    return failure();
  if (!getResidual())
    return success();
  return verifySameElement(*this, {"residual", getResidual()}, input);
}

void LinearOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  Named input{"input", getInput()}, weight{"weight", getWeight()};
  sizes.push_back({weight, getTransposed() ? 1 : 0, input, -1});
  if (!getResidual())
    return;
  Named residual{"residual", getResidual()};
  for (int64_t i = 0, e = input.rank() - 1; i < e; ++i)
    sizes.push_back({residual, i, input, i});
  sizes.push_back({residual, -1, weight, getTransposed() ? 0 : 1});
}

LogicalResult LinearOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &shapes) {
  // The residual stream is the shortest way to the inputs of the model.
  Value rows = getResidual() ? getResidual() : getInput();
  SmallVector<SizeOf> sizes;
  for (int64_t i = 0, e = getResult().getType().getRank() - 1; i < e; ++i)
    sizes.push_back({rows, i});
  sizes.push_back({getWeight(), getTransposed() ? 0 : 1});
  reifySizes(builder, getResult(), sizes, shapes);
  return success();
}

LogicalResult CacheUpdateOp::verify() {
  Named past{"past", getPast()}, update{"update", getUpdate()},
      result{"result", getResult()};
  // cache_update (C1)
  if (failed(verifyRank(*this, update, past.rank())) ||
      failed(verifyRank(*this, result, past.rank())))
    return failure();
  int64_t axis = getAxis();
  if (axis < 0 || axis >= past.rank())
    return emitOpError("expected 'axis' to be in [0, ")
           << past.rank() << "), but got " << axis;
  // cache_update (C2)
  if (failed(verifyEqualSizes(*this)))
    return failure();
  for (int64_t i = 0, e = past.rank(); i < e; ++i)
    if (i != axis && (failed(verifySize(*this, result, i, past, i)) ||
                      failed(verifySize(*this, result, i, update, i))))
      return failure();
  // cache_update (C3)
  if (!ShapedType::isDynamic(past.size(axis)) &&
      !ShapedType::isDynamic(update.size(axis)) &&
      failed(
          verifySize(*this, result, axis, past.size(axis) + update.size(axis))))
    return failure();
  // cache_update (C4)
  if (failed(verifySameElement(*this, update, past)))
    return failure();
  return verifySameElement(*this, result, past);
}

void CacheUpdateOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  Named past{"past", getPast()}, update{"update", getUpdate()};
  for (int64_t i = 0, e = past.rank(); i < e; ++i)
    if (i != static_cast<int64_t>(getAxis()))
      sizes.push_back({update, i, past, i});
}

LogicalResult
CacheUpdateOp::reifyResultShapes(OpBuilder &builder,
                                 ReifiedRankedShapedTypeDims &shapes) {
  reifySameShape(builder, getResult(), getPast(), shapes);
  int64_t axis = getAxis();
  if (getResult().getType().isDynamicDim(axis)) {
    Value added = tensor::DimOp::create(builder, getLoc(), getUpdate(), axis);
    auto past = cast<Value>(shapes.back()[axis]);
    shapes.back()[axis] =
        arith::AddIOp::create(builder, getLoc(), past, added).getResult();
  }
  return success();
}
