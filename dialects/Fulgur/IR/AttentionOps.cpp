//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verifiers and shapes of the attention family.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/Fulgur/IR/Verify.h"

using namespace mlir;
using namespace fulgur;

LogicalResult AttentionOp::verify() {
  Named query{"query", getQuery()}, key{"key", getKey()},
      value{"value", getValue()}, mask{"mask", getMask()},
      result{"result", getResult()};
  // attention (C1)
  for (Named tensor : {query, key, value, mask, result})
    if (tensor.value && failed(verifyRank(*this, tensor, 4)))
      return failure();
  // attention (C2), (C4)
  if (failed(verifyEqualSizes(*this)) ||
      failed(verifySize(*this, result, 3, value, 3)))
    return failure();
  for (int64_t i = 0; i < 3; ++i)
    if (failed(verifySize(*this, result, i, query, i)))
      return failure();
  // attention (C3)
  int64_t heads = query.size(2), groups = key.size(2);
  if (!ShapedType::isDynamic(heads) && !ShapedType::isDynamic(groups) &&
      (groups == 0 || heads % groups != 0))
    return emitOpError("expected dimension 2 of 'key' to divide dimension 2 of "
                       "'query' (")
           << heads << "), but got " << groups;
  // attention (C5)
  for (Named tensor : {key, value, result})
    if (failed(verifySameElement(*this, tensor, query)))
      return failure();
  // attention (C6)
  if (failed(verifyFinite(*this, "scale", getScale())))
    return failure();
  // attention (C7)
  return verifyPositive(*this, "window", getWindow().value_or(1));
}

void AttentionOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  Named query{"query", getQuery()}, key{"key", getKey()},
      value{"value", getValue()};
  sizes.append({{key, 0, query, 0},
                {key, 3, query, 3},
                {value, 0, query, 0},
                {value, 1, key, 1},
                {value, 2, key, 2}});
  addBroadcast(sizes, {"mask", getMask()},
               {{query, 0}, {query, 2}, {query, 1}, {key, 1}});
}

LogicalResult
AttentionOp::reifyResultShapes(OpBuilder &builder,
                               ReifiedRankedShapedTypeDims &shapes) {
  reifySizes(
      builder, getResult(),
      {{getQuery(), 0}, {getQuery(), 1}, {getQuery(), 2}, {getValue(), 3}},
      shapes);
  return success();
}

/// The columns of `up` that belong to one head are Dn+Dv wide, and Dn is what
/// `query` has beyond `rope_key`; so the result's last size follows.
static LogicalResult verifyHeads(Operation *op, Named query, Named rope,
                                 Named up, Named result) {
  int64_t width = query.size(3), rotated = rope.size(2);
  if (ShapedType::isDynamic(width) || ShapedType::isDynamic(rotated))
    return success();
  if (rotated > width)
    return op->emitOpError("expected dimension 2 of 'rope_key' to be at most "
                           "dimension 3 of 'query' (")
           << width << "), but got " << rotated;
  int64_t heads = query.size(2), valueWidth = result.size(3);
  if (ShapedType::isDynamic(heads) || ShapedType::isDynamic(valueWidth))
    return success();
  return verifySize(op, up, 1, heads * (width - rotated + valueWidth));
}

/// The sizes of the operands that both forms of latent attention have.
template <typename OpTy>
static void addLatentSizes(OpTy op, SmallVectorImpl<EqualSizes> &sizes) {
  Named query{"query", op.getQuery()}, latent{"latent", op.getLatent()},
      rope{"rope_key", op.getRopeKey()}, up{"up", op.getUp()};
  sizes.append({{latent, 0, query, 0},
                {rope, 0, query, 0},
                {rope, 1, latent, 1},
                {up, 0, latent, 2}});
}

/// Ranks and sizes that both forms of latent attention have: (C1) to (C3), and
/// those of the other operand, `extra`, which has a rank of its own.
template <typename OpTy>
static LogicalResult verifyLatent(OpTy op, Named extra, int64_t extraRank) {
  Named query{"query", op.getQuery()}, latent{"latent", op.getLatent()},
      rope{"rope_key", op.getRopeKey()}, up{"up", op.getUp()},
      result{"result", op.getResult()};
  // (C1)
  if (failed(verifyRank(op, query, 4)) || failed(verifyRank(op, latent, 3)) ||
      failed(verifyRank(op, rope, 3)) || failed(verifyRank(op, up, 2)) ||
      (extra.value && failed(verifyRank(op, extra, extraRank))) ||
      failed(verifyRank(op, result, 4)))
    return failure();
  // (C2)
  if (failed(verifyEqualSizes(op)))
    return failure();
  for (int64_t i = 0; i < 3; ++i)
    if (failed(verifySize(op, result, i, query, i)))
      return failure();
  // (C3)
  if (ShapedType::isDynamic(result.size(3)))
    return op.emitOpError("expected dimension 3 of 'result' to be static, but "
                          "got a dynamic one");
  return verifyHeads(op, query, rope, up, result);
}

/// One element type for all, and a finite scale.
template <typename OpTy> static LogicalResult verifyLatentTypes(OpTy op) {
  Named query{"query", op.getQuery()};
  for (Named tensor :
       {Named{"latent", op.getLatent()}, Named{"rope_key", op.getRopeKey()},
        Named{"up", op.getUp()}, Named{"result", op.getResult()}})
    if (failed(verifySameElement(op, tensor, query)))
      return failure();
  return verifyFinite(op, "scale", op.getScale());
}

/// The last size of the result is always static.
template <typename OpTy>
static LogicalResult reifyLatent(OpTy op, OpBuilder &builder,
                                 ReifiedRankedShapedTypeDims &shapes) {
  reifySizes(builder, op.getResult(),
             {{op.getQuery(), 0},
              {op.getQuery(), 1},
              {op.getQuery(), 2},
              {Value(), 0}},
             shapes);
  return success();
}

LogicalResult LatentAttentionOp::verify() {
  // latent_attention (C1), (C2), (C3), (C4)
  if (failed(verifyLatent(*this, {"mask", getMask()}, 4)))
    return failure();
  // latent_attention (C5), (C6)
  return verifyLatentTypes(*this);
}

void LatentAttentionOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  addLatentSizes(*this, sizes);
  Named query{"query", getQuery()}, latent{"latent", getLatent()};
  addBroadcast(sizes, {"mask", getMask()},
               {{query, 0}, {query, 2}, {query, 1}, {latent, 1}});
}

LogicalResult
LatentAttentionOp::reifyResultShapes(OpBuilder &builder,
                                     ReifiedRankedShapedTypeDims &shapes) {
  return reifyLatent(*this, builder, shapes);
}

LogicalResult SparseLatentAttentionOp::verify() {
  // sparse_latent_attention (C1), (C2), (C3)
  if (failed(verifyLatent(*this, {"indices", getIndices()}, 3)))
    return failure();
  // sparse_latent_attention (C4), (C5)
  return verifyLatentTypes(*this);
}

void SparseLatentAttentionOp::getEqualSizes(
    SmallVectorImpl<EqualSizes> &sizes) {
  addLatentSizes(*this, sizes);
  Named query{"query", getQuery()}, indices{"indices", getIndices()};
  sizes.append({{indices, 0, query, 0}, {indices, 1, query, 1}});
}

LogicalResult SparseLatentAttentionOp::reifyResultShapes(
    OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyLatent(*this, builder, shapes);
}

LogicalResult AbsorbedAttentionOp::verify() {
  Named query{"query", getQuery()}, ropeQuery{"rope_query", getRopeQuery()},
      latent{"latent", getLatent()}, ropeKey{"rope_key", getRopeKey()},
      indices{"indices", getIndices()}, result{"result", getResult()};
  // absorbed_attention (C1)
  for (Named tensor : {query, ropeQuery, result})
    if (failed(verifyRank(*this, tensor, 4)))
      return failure();
  for (Named tensor : {latent, ropeKey, indices})
    if (tensor.value && failed(verifyRank(*this, tensor, 3)))
      return failure();
  // absorbed_attention (C2)
  if (failed(verifyEqualSizes(*this)))
    return failure();
  for (int64_t i = 0; i < 4; ++i)
    if (failed(verifySize(*this, result, i, query, i)))
      return failure();
  // absorbed_attention (C3)
  for (Named tensor : {ropeQuery, latent, ropeKey, result})
    if (failed(verifySameElement(*this, tensor, query)))
      return failure();
  // absorbed_attention (C4)
  if (failed(verifyFinite(*this, "scale", getScale())))
    return failure();
  // absorbed_attention (C5)
  if (getIndices() && getCausal())
    return emitOpError("expected 'indices' or 'causal', but got both");
  return success();
}

void AbsorbedAttentionOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  Named query{"query", getQuery()}, ropeQuery{"rope_query", getRopeQuery()},
      latent{"latent", getLatent()}, ropeKey{"rope_key", getRopeKey()};
  sizes.append({{ropeQuery, 0, query, 0},
                {ropeQuery, 1, query, 1},
                {ropeQuery, 2, query, 2},
                {latent, 0, query, 0},
                {latent, 2, query, 3},
                {ropeKey, 0, query, 0},
                {ropeKey, 1, latent, 1},
                {ropeKey, 2, ropeQuery, 3}});
  if (!getIndices())
    return;
  Named indices{"indices", getIndices()};
  sizes.append({{indices, 0, query, 0}, {indices, 1, query, 1}});
}

LogicalResult
AbsorbedAttentionOp::reifyResultShapes(OpBuilder &builder,
                                       ReifiedRankedShapedTypeDims &shapes) {
  Value query = getQuery();
  reifySizes(builder, getResult(),
             {{query, 0}, {query, 1}, {query, 2}, {query, 3}}, shapes);
  return success();
}
