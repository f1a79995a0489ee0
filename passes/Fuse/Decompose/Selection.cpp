//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Decomposes the lightning indexer and the selection of tokens. A hidden token
// gets key 0, which is no token, is never better than one, and fills what is
// left of a row.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/Support/Emitter.h"
#include "lib/Support/TopK.h"
#include "passes/Fuse/Decompose/Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

/// One query at a time, so that the products of all heads are never in memory
/// for more than one.
static LogicalResult decomposeLightningIndexer(LightningIndexerOp op,
                                               PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value query = op.getQuery(), key = op.getKey(), weights = op.getWeights();
  Type type = elementType(query), wide = accumulatorType(type);
  MixedSizes q = e.sizes(query);
  OpFoldResult batch = q[0], rows = q[1], heads = q[2], width = q[3];
  OpFoldResult tokens = e.size(key, 1), zero = e.size(0), one = e.size(1);
  double scale = op.getScale().convertToDouble();
  Value keys = e.permute(key, {0, 2, 1}, type);
  Value scores = e.empty({batch, rows, tokens}, type);
  scores = e.loop(rows, scores, [&](Value row, Value carried) {
    OpFoldResult at = row;
    Value one1 = e.slice(query, {zero, at, zero, zero},
                         {batch, one, heads, width}, {}, {1});
    Value raw = e.matmul(one1, keys, e.filled({batch, heads, tokens}, wide, 0));
    Value weight =
        e.slice(weights, {zero, at, zero}, {batch, one, heads}, {}, {1});
    Value total =
        e.reduce({raw, weight}, {e.map(3, {0, 1, 2}), e.map(3, {0, 1})},
                 e.filled({batch, tokens}, wide, 0), 1,
                 [&](Emitter &e, ValueRange x) -> Values {
                   Value score = arith::MulFOp::create(e.builder, e.loc, x[0],
                                                       e.real(scale, wide));
                   Value positive = arith::MaximumFOp::create(
                       e.builder, e.loc, score, e.real(0, wide));
                   Value part = arith::MulFOp::create(
                       e.builder, e.loc, positive, e.toFloat(x[1], wide));
                   return {arith::AddFOp::create(e.builder, e.loc, x[2], part)};
                 });
    MixedSizes offsets{zero, at, zero}, sizes{batch, one, tokens};
    Value into = e.slice(carried, offsets, sizes, {}, {1});
    Value result = e.parallel(total, e.map(2, {0, 1}), Values{into},
                              [&](Emitter &e, ValueRange x) -> Values {
                                return {e.toFloat(x[0], type)};
                              })[0];
    return e.insert(result, carried, offsets, sizes);
  });
  rewriter.replaceOp(op, e.cast(scores, op.getType()));
  return success();
}

static LogicalResult decomposeIndexSelect(IndexSelectOp op,
                                          PatternRewriter &rewriter) {
  auto query = cast<RankedTensorType>(op.getQuery().getType());
  auto key = cast<RankedTensorType>(op.getKey().getType());
  auto type = RankedTensorType::get(
      {query.getDimSize(0), query.getDimSize(1), key.getDimSize(1)},
      query.getElementType());
  Value scores = LightningIndexerOp::create(rewriter, op.getLoc(), type,
                                            op.getQuery(), op.getKey(),
                                            op.getWeights(), op.getScaleAttr());
  rewriter.replaceOpWithNewOp<SelectTokensOp>(op, op.getType(), scores,
                                              op.getMask(), op.getKAttr(),
                                              op.getCausalAttr());
  return success();
}

/// The key of token (batch, row, token), 0 if the mask hides it.
static Value keyOf(Emitter &e, SelectTokensOp op, Type wide, Value batch,
                   Value row, Value token) {
  Value at[] = {batch, row, token};
  Value score = e.toFloat(
      tensor::ExtractOp::create(e.builder, e.loc, op.getScores(), at), wide);
  auto encode = [&]() {
    // NaN counts as −inf.
    Value nan = arith::CmpFOp::create(e.builder, e.loc,
                                      arith::CmpFPredicate::UNO, score, score);
    Value lowest = e.real(-std::numeric_limits<double>::infinity(), wide);
    Value safe = arith::SelectOp::create(e.builder, e.loc, nan, lowest, score);
    return encodeKey(e, orderedBits(e, safe, /*isUnsigned=*/false), token);
  };
  if (!op.getMask())
    return encode();
  auto maskType = cast<RankedTensorType>(op.getMask().getType());
  for (auto [dim, index] : llvm::enumerate(at))
    if (maskType.getDimSize(dim) == 1)
      index = e.index(0);
  Value mask = tensor::ExtractOp::create(e.builder, e.loc, op.getMask(), at);
  Value seen = mask;
  if (!mask.getType().isInteger(1)) {
    mask = e.toFloat(mask, wide);
    score = arith::AddFOp::create(e.builder, e.loc, score, mask);
    seen = arith::CmpFOp::create(e.builder, e.loc, arith::CmpFPredicate::UGT,
                                 score, e.real(-1e30, wide));
  }
  Value key = encode();
  return arith::SelectOp::create(e.builder, e.loc, seen, key,
                                 e.number(0, key.getType()));
}

static LogicalResult decomposeSelectTokens(SelectTokensOp op,
                                           PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value scores = op.getScores();
  Type wide = accumulatorType(elementType(scores));
  Type key = keyType(op.getContext(), wide.getIntOrFloatBitWidth());
  MixedSizes sizes = e.sizes(scores);
  OpFoldResult zero = e.size(0), one = e.size(1), count = e.size(op.getK());
  OpFoldResult surplus = e.sub(sizes[2], sizes[1]);
  Value result = e.empty({sizes[0], sizes[1], count}, rewriter.getI32Type());

  auto selectRow = [&](Value batch, Value row, Value carried) {
    OpFoldResult end = sizes[2];
    if (op.getCausal()) // tokens 0 … T−S+s
      end = e.add(e.add(surplus, OpFoldResult(row)), one);
    Value best = emitTopK(e, key, count, end, [&](Value token) {
      return keyOf(e, op, wide, batch, row, token);
    });
    MixedSizes offsets{batch, row, zero}, extents{one, one, count};
    Value into = e.slice(carried, offsets, extents, {}, {0, 1});
    Value indices = e.parallel(best, e.map(1, {0}), Values{into},
                               [&](Emitter &e, ValueRange x) -> Values {
                                 return {decodeKey(e, x[0])};
                               })[0];
    return e.insert(indices, carried, offsets, extents);
  };
  result = e.loop(sizes[0], result, [&](Value batch, Value outer) {
    return e.loop(sizes[1], outer, [&](Value row, Value inner) {
      return selectRow(batch, row, inner);
    });
  });
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

void fulgur::populateDecomposeSelectionPatterns(RewritePatternSet &patterns) {
  patterns.add(decomposeLightningIndexer);
  patterns.add(decomposeIndexSelect);
  patterns.add(decomposeSelectTokens);
}
