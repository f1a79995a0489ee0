//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verifiers and shapes of the indexer and the selection.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/Fulgur/IR/Verify.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace fulgur;

/// The sizes of the operands that both operations with an indexer have.
template <typename OpTy>
static void addScoringSizes(OpTy op, SmallVectorImpl<EqualSizes> &sizes) {
  Named query{"query", op.getQuery()}, key{"key", op.getKey()},
      weights{"weights", op.getWeights()};
  sizes.append({{key, 0, query, 0},
                {key, 2, query, 3},
                {weights, 0, query, 0},
                {weights, 1, query, 1},
                {weights, 2, query, 2}});
}

/// (C1) to (C4) of the operations that score: query [B, S, Hi, Di], key
/// [B, T, Di] and weights [B, S, Hi].
template <typename OpTy> static LogicalResult verifyScoring(OpTy op) {
  Named query{"query", op.getQuery()}, key{"key", op.getKey()},
      weights{"weights", op.getWeights()}, result{"result", op.getResult()};
  // (C1)
  if (failed(verifyRank(op, query, 4)) || failed(verifyRank(op, key, 3)) ||
      failed(verifyRank(op, weights, 3)) || failed(verifyRank(op, result, 3)))
    return failure();
  // (C2)
  if (failed(verifyEqualSizes(op)) ||
      failed(verifySize(op, result, 0, query, 0)) ||
      failed(verifySize(op, result, 1, query, 1)))
    return failure();
  // (C3)
  if (failed(verifySameElement(op, key, query)) ||
      (!getElementTypeOrSelf(weights.value).isF32() &&
       failed(verifySameElement(op, weights, query))))
    return failure();
  // (C4)
  return verifyFinite(op, "scale", op.getScale());
}

LogicalResult LightningIndexerOp::verify() {
  // lightning_indexer (C1), (C2), (C3), (C4)
  if (failed(verifyScoring(*this)))
    return failure();
  // lightning_indexer (C2)
  if (failed(
          verifySize(*this, {"result", getResult()}, 2, {"key", getKey()}, 1)))
    return failure();
  // lightning_indexer (C3)
  return verifySameElement(*this, {"result", getResult()},
                           {"weights", getWeights()});
}

void LightningIndexerOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  addScoringSizes(*this, sizes);
}

LogicalResult
LightningIndexerOp::reifyResultShapes(OpBuilder &builder,
                                      ReifiedRankedShapedTypeDims &shapes) {
  reifySizes(builder, getResult(),
             {{getQuery(), 0}, {getQuery(), 1}, {getKey(), 1}}, shapes);
  return success();
}

LogicalResult SelectTokensOp::verify() {
  Named scores{"scores", getScores()}, mask{"mask", getMask()},
      result{"result", getResult()};
  // select_tokens (C1)
  if (failed(verifyRank(*this, scores, 3)) ||
      (mask.value && failed(verifyRank(*this, mask, 3))) ||
      failed(verifyRank(*this, result, 3)))
    return failure();
  // select_tokens (C2)
  if (failed(verifyEqualSizes(*this)))
    return failure();
  // select_tokens (C3)
  if (failed(verifyPositive(*this, "k", getK())))
    return failure();
  // select_tokens (C4)
  if (failed(verifySize(*this, result, 0, scores, 0)) ||
      failed(verifySize(*this, result, 1, scores, 1)))
    return failure();
  return verifySize(*this, result, 2, getK());
}

void SelectTokensOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  Named scores{"scores", getScores()};
  addBroadcast(sizes, {"mask", getMask()},
               {{scores, 0}, {scores, 1}, {scores, 2}});
}

LogicalResult
SelectTokensOp::reifyResultShapes(OpBuilder &builder,
                                  ReifiedRankedShapedTypeDims &shapes) {
  reifySizes(builder, getResult(),
             {{getScores(), 0},
              {getScores(), 1},
              {Value(), static_cast<int64_t>(getK())}},
             shapes);
  return success();
}

LogicalResult IndexSelectOp::verify() {
  Named mask{"mask", getMask()}, result{"result", getResult()};
  // index_select (C1)
  if (mask.value && failed(verifyRank(*this, mask, 3)))
    return failure();
  // index_select (C1), (C2), (C3), (C4), (C5)
  if (failed(verifyScoring(*this)))
    return failure();
  // index_select (C6)
  if (failed(verifyPositive(*this, "k", getK())))
    return failure();
  // index_select (C7)
  return verifySize(*this, result, 2, getK());
}

void IndexSelectOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  addScoringSizes(*this, sizes);
  Named query{"query", getQuery()}, key{"key", getKey()};
  addBroadcast(sizes, {"mask", getMask()}, {{query, 0}, {query, 1}, {key, 1}});
}

LogicalResult
IndexSelectOp::reifyResultShapes(OpBuilder &builder,
                                 ReifiedRankedShapedTypeDims &shapes) {
  reifySizes(builder, getResult(),
             {{getQuery(), 0},
              {getQuery(), 1},
              {Value(), static_cast<int64_t>(getK())}},
             shapes);
  return success();
}

LogicalResult SelectionMaskOp::verify() {
  Named indices{"indices", getIndices()}, result{"result", getResult()};
  // selection_mask (C1)
  if (failed(verifyRank(*this, indices, 3)) ||
      failed(verifyRank(*this, result, 3)))
    return failure();
  // selection_mask (C2)
  if (failed(verifySize(*this, result, 0, indices, 0)) ||
      failed(verifySize(*this, result, 1, indices, 1)))
    return failure();
  if (std::optional<int64_t> tokens = getConstantIntValue(getTokens()))
    return verifySize(*this, result, 2, *tokens);
  return success();
}

LogicalResult
SelectionMaskOp::reifyResultShapes(OpBuilder &builder,
                                   ReifiedRankedShapedTypeDims &shapes) {
  reifySizes(builder, getResult(),
             {{getIndices(), 0}, {getIndices(), 1}, {getIndices(), 0}}, shapes);
  if (getType().isDynamicDim(2))
    shapes.front()[2] = getTokens();
  return success();
}
