//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Decomposes attention to latents, dense and sparse.
//
// It never transposes the cache: scores are computed as [tokens, heads], so the
// latents stand on the left as they lie in memory.
//
//===----------------------------------------------------------------------===//
#include "passes/Fuse/Decompose/AbsorbedAttention.h"
#include "passes/Fuse/Decompose/Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

/// Tokens whose rows are gathered at once: they stay in the cache of a core.
static constexpr int64_t tileTokens = 240;
/// What keeps gathered rows from all lying in the same sets of a cache.
static constexpr int64_t rowPadding = 16;
/// Queries that are worth a block of their own.
static constexpr int64_t rowGrain = 2;

Value fulgur::lastColumns(Emitter &e, Value tensor, OpFoldResult offset,
                          OpFoldResult width) {
  MixedSizes sizes = e.sizes(tensor), offsets(sizes.size(), e.size(0));
  offsets.back() = offset;
  sizes.back() = width;
  return e.slice(tensor, offsets, sizes);
}

Value fulgur::attendAll(Emitter &e, const LatentCache &x, Value plain,
                        Value rotated, double scale,
                        const Visibility &visible) {
  OpFoldResult columnCount = e.mul(x.heads, x.rows);
  SmallVector<ReassociationIndices> fold{{0}, {1}, {2, 3}};
  Value raw = e.filled({x.batch, x.tokens, columnCount}, x.wide, 0);
  raw = e.matmul(x.latent, e.collapse(plain, fold), raw);
  raw = e.matmul(x.ropeKey, e.collapse(rotated, fold), raw);
  raw = e.expand(raw, fold, {x.batch, x.tokens, x.heads, x.rows});
  Softmax soft =
      maskedSoftmax(e, raw, e.map(4, {0, 3, 1, 2}),
                    {x.batch, x.heads, x.rows, x.tokens}, scale, visible);
  Value weights =
      e.collapse(e.convert(soft.weights, x.type), {{0}, {1, 2}, {3}});
  Value mixed = e.matmul(weights, x.latent,
                         e.filled({x.batch, columnCount, x.rank}, x.wide, 0));
  mixed =
      e.expand(mixed, {{0}, {1, 2}, {3}}, {x.batch, x.heads, x.rows, x.rank});
  return finishSoftmax(e, mixed, soft.sums, x.type);
}

namespace {
/// Attention of one query to the tokens that its indices name, tile by tile.
/// The rows of a tile are gathered once, and serve as keys and as values.
class SparseAttention {
public:
  SparseAttention(Emitter &e, const LatentCache &x, Value indices, double scale)
      : x(x), indices(indices), scale(scale), count(e.size(indices, 2)),
        width(e.add(x.rank, x.rotated)),
        tile(e.max(e.min(count, e.size(tileTokens)), e.size(1))),
        stride(e.add(width, e.size(rowPadding))) {}

  /// Mixed latents [H, L] of query (batch, row), in the type of sums, and the
  /// sums [H] to divide by. `queries` is [L + Dr, H].
  Softmax attend(Emitter &e, Value batch, Value row, Value queries) const;

private:
  OpFoldResult countUsed(Emitter &e, Value own) const;
  Value gather(Emitter &e, Value own, Value batch) const;
  Value scores(Emitter &e, Value own, Value gathered, Value queries) const;

  const LatentCache &x;
  Value indices;
  double scale;
  OpFoldResult count, width, tile, stride;
};
} // namespace

/// How many of the indices `own` [K] there are up to the last that is a token.
OpFoldResult SparseAttention::countUsed(Emitter &e, Value own) const {
  Value none =
      linalg::FillOp::create(e.builder, e.loc, e.index(0),
                             e.empty(MixedSizes{}, e.builder.getIndexType()))
          .getResult(0);
  Value used = e.reduce(
      own, e.map(1, {0}), none, 0, [&](Emitter &e, ValueRange v) -> Values {
        OpBuilder &b = e.builder;
        Value zero = e.number(0, b.getI32Type());
        Value exists = arith::CmpIOp::create(
            b, e.loc, arith::CmpIPredicate::sge, v[0], zero);
        Value here = arith::AddIOp::create(
            b, e.loc, linalg::IndexOp::create(b, e.loc, 0), e.index(1));
        return {arith::SelectOp::create(b, e.loc, exists, here, v[1])};
      });
  return tensor::ExtractOp::create(e.builder, e.loc, used, ValueRange{})
      .getResult();
}

/// The rows that the indices `own` [n] name, latents and rotated keys side by
/// side: [n, L + Dr]. Where the index is negative, row 0 stands in.
Value SparseAttention::gather(Emitter &e, Value own, Value batch) const {
  OpFoldResult zero = e.size(0), size = e.size(own, 0);
  Value both =
      e.slice(e.empty({tile, stride}, x.type), {zero, zero}, {size, width});
  auto copy = [&](Value cache, OpFoldResult offset, Value into) {
    MixedSizes offsets{zero, offset}, sizes{size, e.size(cache, 2)};
    Value part = e.slice(into, offsets, sizes);
    part = e.parallel(own, e.map(2, {0}), Values{part},
                      [&](Emitter &e, ValueRange v) -> Values {
                        OpBuilder &b = e.builder;
                        Value at = arith::MaxSIOp::create(
                            b, e.loc, v[0], e.number(0, b.getI32Type()));
                        Value token = arith::IndexCastOp::create(
                            b, e.loc, b.getIndexType(), at);
                        Value column = linalg::IndexOp::create(b, e.loc, 1);
                        return {tensor::ExtractOp::create(
                            b, e.loc, cache, ValueRange{batch, token, column})};
                      })[0];
    return e.insert(part, into, offsets, sizes);
  };
  return copy(x.ropeKey, x.rank, copy(x.latent, zero, both));
}

/// Scaled scores [H, n], −inf where there is no token.
Value SparseAttention::scores(Emitter &e, Value own, Value gathered,
                              Value queries) const {
  OpFoldResult zero = e.size(0), size = e.size(own, 0);
  Value raw =
      e.slice(e.empty({tile, x.heads}, x.wide), {zero, zero}, {size, x.heads});
  raw = e.matmul(gathered, queries, e.fill(raw, 0));
  Value into =
      e.slice(e.empty({x.heads, tile}, x.wide), {zero, zero}, {x.heads, size});
  return e.parallel(
      {raw, own}, {e.map(2, {1, 0}), e.map(2, {1})}, Values{into},
      [&](Emitter &e, ValueRange v) -> Values {
        OpBuilder &b = e.builder;
        Value scaled =
            arith::MulFOp::create(b, e.loc, v[0], e.real(scale, x.wide));
        Value absent =
            arith::CmpIOp::create(b, e.loc, arith::CmpIPredicate::slt, v[1],
                                  e.number(0, b.getI32Type()));
        Value hidden = e.real(-std::numeric_limits<double>::infinity(), x.wide);
        return {arith::SelectOp::create(b, e.loc, absent, hidden, scaled)};
      })[0];
}

Softmax SparseAttention::attend(Emitter &e, Value batch, Value row,
                                Value queries) const {
  OpFoldResult zero = e.size(0), one = e.size(1);
  Value own =
      e.slice(indices, {batch, row, zero}, {one, one, count}, {}, {0, 1});
  OnlineSoftmax start(e, x.heads, x.rank, x.wide);
  Values state = e.loop(
      zero, countUsed(e, own), tile, start.state(),
      [&](Value first, ValueRange carried) {
        OpFoldResult size = e.min(tile, e.sub(count, OpFoldResult(first)));
        Value some = e.slice(own, {first}, {size});
        Value gathered = gather(e, some, batch);
        Value tileScores = scores(e, some, gathered, queries);
        OnlineSoftmax softmax(carried);
        Value weights = softmax.add(e, tileScores);
        Value into = e.slice(e.empty({x.heads, tile}, x.type), {zero, zero},
                             {x.heads, size});
        weights = e.parallel(weights, e.map(2, {0, 1}), Values{into},
                             [&](Emitter &e, ValueRange v) -> Values {
                               return {e.toFloat(v[0], x.type)};
                             })[0];
        softmax.mixed = e.matmul(
            weights, lastColumns(e, gathered, zero, x.rank), softmax.mixed);
        return softmax.state();
      });
  OnlineSoftmax all(state);
  return {all.mixed, all.sums};
}

Value fulgur::attendSelected(Emitter &e, const LatentCache &x,
                             const HeadRows &plain, const HeadRows &rotated,
                             Value indices, double scale) {
  OpFoldResult zero = e.size(0), one = e.size(1);
  OpFoldResult queryCount = e.mul(x.batch, x.rows);
  OpFoldResult width = e.add(x.rank, x.rotated);
  // [B·S, L + Dr, H]: what a row of the caches is multiplied with.
  Value queries = e.empty({queryCount, width, x.heads}, x.type);
  auto put = [&](const HeadRows &rows, OpFoldResult offset, OpFoldResult size) {
    MixedSizes offsets{zero, offset, zero}, sizes{queryCount, size, x.heads};
    Value into = e.slice(queries, offsets, sizes);
    into = e.parallel(rows.tensor, e.map(3, rows.order), Values{into},
                      [&](Emitter &e, ValueRange v) -> Values {
                        return {e.toFloat(v[0], x.type)};
                      })[0];
    queries = e.insert(into, queries, offsets, sizes);
  };
  put(plain, zero, x.rank);
  put(rotated, x.rank, x.rotated);

  SparseAttention attention(e, x, indices, scale);
  auto attendRow = [&](Value i, OpFoldResult at, Value carried) {
    Value batch = e.index(e.div(OpFoldResult(i), x.rows));
    Value row = e.index(e.rem(OpFoldResult(i), x.rows));
    Value own =
        e.slice(queries, {i, zero, zero}, {one, width, x.heads}, {}, {0});
    Softmax soft = attention.attend(e, batch, row, own);
    MixedSizes offsets{at, zero, zero}, sizes{one, x.heads, x.rank};
    Value into = e.slice(carried, offsets, sizes, {}, {0});
    Value result =
        e.parallel({soft.weights, soft.sums}, {e.map(2, {0, 1}), e.map(2, {0})},
                   Values{into}, [&](Emitter &e, ValueRange v) -> Values {
                     return {e.toFloat(normalize(e, v[0], v[1]), x.type)};
                   })[0];
    return e.insert(result, carried, offsets, sizes);
  };
  return e.shareRows(
      rowGrain, e.empty({queryCount, x.heads, x.rank}, x.type),
      [&](Value begin, Value end, Value part) {
        return e.loop(begin, end, one, part, [&](Value i, Value carried) {
          return attendRow(i, e.sub(OpFoldResult(i), OpFoldResult(begin)),
                           carried);
        });
      });
}

static LogicalResult decomposeAbsorbedAttention(AbsorbedAttentionOp op,
                                                PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  LatentCache x(e, op);
  Value query = op.getQuery(), ropeQuery = op.getRopeQuery();
  double scale = op.getScale().convertToDouble();
  Value result;
  if (Value indices = op.getIndices()) {
    SmallVector<ReassociationIndices> fold{{0, 1}, {2}, {3}};
    HeadRows plain{e.collapse(query, fold), {0, 2, 1}};
    HeadRows rotated{e.collapse(ropeQuery, fold), {0, 2, 1}};
    result = e.expand(attendSelected(e, x, plain, rotated, indices, scale),
                      fold, {x.batch, x.rows, x.heads, x.rank});
  } else {
    Visibility visible{/*mask=*/Value(), op.getCausal(), std::nullopt};
    result =
        attendAll(e, x, e.permute(query, {0, 3, 2, 1}, x.type),
                  e.permute(ropeQuery, {0, 3, 2, 1}, x.type), scale, visible);
  }
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

void fulgur::populateDecomposeAbsorbedAttentionPatterns(
    RewritePatternSet &patterns) {
  patterns.add(decomposeAbsorbedAttention);
}
