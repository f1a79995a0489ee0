//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Decomposes attention over a latent cache, dense and sparse.
//
// The absorbed form never transposes the cache: its scores are computed as
// [tokens, heads], so the latents stand on the left as they lie in memory. The
// up projection is not transposed either: each head multiplies with its rows.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Fuse/Decompose/Patterns.h"
#include "passes/Fuse/Decompose/Softmax.h"

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
/// Queries, and heads, that are worth a block of their own.
static constexpr int64_t rowGrain = 2, headGrain = 4;

/// Elements [offset, offset + width) of the last dimension.
static Value columns(Emitter &e, Value tensor, OpFoldResult offset,
                     OpFoldResult width) {
  MixedSizes sizes = e.sizes(tensor), offsets(sizes.size(), e.size(0));
  offsets.back() = offset;
  sizes.back() = width;
  return e.slice(tensor, offsets, sizes);
}

namespace {
/// The sizes and parts of latent attention that both forms, dense and sparse,
/// start from.
struct Latent {
  Type type, wide;
  OpFoldResult batch, rows, heads, tokens, rank, plain, rotated, valueWidth;
  Value query, latent, ropeKey;
  Value up; // [L, H, Dn+Dv]

  template <typename OpTy>
  Latent(Emitter &e, OpTy op)
      : query(op.getQuery()), latent(op.getLatent()), ropeKey(op.getRopeKey()) {
    type = elementType(query);
    wide = accumulatorType(type);
    MixedSizes q = e.sizes(query);
    batch = q[0], rows = q[1], heads = q[2];
    tokens = e.size(latent, 1);
    rank = e.size(latent, 2);
    rotated = e.size(ropeKey, 2);
    plain = e.sub(q[3], rotated);
    valueWidth = e.size(op.getType().getDimSize(3));
    up = e.expand(op.getUp(), {{0}, {1, 2}},
                  {rank, heads, e.add(plain, valueWidth)});
  }
};
} // namespace

/// For each head h: result[h] = input[:, h, :] · weight[:, h, columns], or with
/// the transpose of the weight; input [M, H, K], weight [L, H, …], result
/// [H, M, N]. The weight is read in place, head by head.
static Value matmulHeads(Emitter &e, Value input, Value weight,
                         OpFoldResult offset, OpFoldResult width,
                         bool transpose, Type wide) {
  OpFoldResult rows = e.size(input, 0), heads = e.size(input, 1);
  OpFoldResult inner = e.size(weight, 0), one = e.size(1), zero = e.size(0);
  OpFoldResult from = transpose ? width : inner, to = transpose ? inner : width;
  auto multiply = [&](Value head, OpFoldResult at, Value carried) {
    Value left = e.slice(input, {zero, head, zero}, {rows, one, from}, {}, {1});
    Value right =
        e.slice(weight, {zero, head, offset}, {inner, one, width}, {}, {1});
    MixedSizes offsets{at, zero, zero}, sizes{one, rows, to};
    Value into = e.fill(e.slice(carried, offsets, sizes, {}, {0}), 0);
    Value product = transpose ? e.matmulTransposed(left, right, into)
                              : e.matmul(left, right, into);
    return e.insert(product, carried, offsets, sizes);
  };
  return e.shareRows(
      headGrain, e.empty({heads, rows, to}, wide),
      [&](Value begin, Value end, Value part) {
        return e.loop(begin, end, one, part, [&](Value head, Value carried) {
          OpFoldResult at = e.sub(OpFoldResult(head), OpFoldResult(begin));
          return multiply(head, at, carried);
        });
      });
}

/// The part of the query that is not rotated, times the key columns of `up`:
/// [H, B·S, L].
static Value absorbQuery(Emitter &e, const Latent &x) {
  Value flat = e.collapse(x.query, {{0, 1}, {2}, {3}});
  Value plain = columns(e, flat, e.size(0), x.plain);
  return matmulHeads(e, plain, x.up, e.size(0), x.plain, true, x.wide);
}

/// Mixed latents [B·S, H, L] times the value columns of `up`: [B, S, H, Dv].
static Value projectValues(Emitter &e, const Latent &x, Value mixed) {
  Value values =
      matmulHeads(e, mixed, x.up, x.plain, x.valueWidth, false, x.wide);
  return e.expand(e.permute(values, {1, 0, 2}, x.type), {{0, 1}, {2}, {3}},
                  {x.batch, x.rows, x.heads, x.valueWidth});
}

static Value decomposeAbsorbed(Emitter &e, const Latent &x, double scale,
                               const Visibility &visible) {
  OpFoldResult columnCount = e.mul(x.heads, x.rows);
  SmallVector<ReassociationIndices> fold{{0}, {1}, {2, 3}};
  // [B, L, H·S] and [B, Dr, H·S]
  Value absorbed = e.expand(absorbQuery(e, x), {{0}, {1, 2}, {3}},
                            {x.heads, x.batch, x.rows, x.rank});
  Value plain = e.collapse(e.permute(absorbed, {1, 3, 0, 2}, x.type), fold);
  Value rotated = e.collapse(
      e.permute(columns(e, x.query, x.plain, x.rotated), {0, 3, 2, 1}, x.type),
      fold);
  Value raw = e.filled({x.batch, x.tokens, columnCount}, x.wide, 0);
  raw = e.matmul(x.latent, plain, raw);
  raw = e.matmul(x.ropeKey, rotated, raw);
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
  mixed = finishSoftmax(e, mixed, soft.sums, x.type);
  return projectValues(e, x, e.collapse(mixed, {{0, 1}, {2}, {3}}));
}

static Value decomposeExpanded(Emitter &e, const Latent &x, Value up,
                               double scale, const Visibility &visible) {
  OpFoldResult batches = e.mul(x.batch, x.heads);
  SmallVector<ReassociationIndices> fold{{0, 1}, {2}, {3}};
  SmallVector<ReassociationIndices> perBatch{{0}, {1, 2}, {3}};
  // All keys and values: [B, T, H, Dn+Dv].
  Value flat = e.collapse(x.latent, {{0, 1}, {2}});
  Value both = e.matmul(
      flat, up, e.filled({e.mul(x.batch, x.tokens), e.size(up, 1)}, x.wide, 0));
  both = e.expand(e.convert(both, x.type), {{0, 1}, {2, 3}},
                  {x.batch, x.tokens, x.heads, e.add(x.plain, x.valueWidth)});
  Value keys = columns(e, both, e.size(0), x.plain);
  Value values = columns(e, both, x.plain, x.valueWidth);

  Value plain =
      e.permute(columns(e, x.query, e.size(0), x.plain), {0, 2, 1, 3}, x.type);
  Value rotated =
      e.permute(columns(e, x.query, x.plain, x.rotated), {0, 2, 1, 3}, x.type);
  // All heads share the rotated key, so its product has one batch a sequence
  // and the heads among the rows; both add up in [B, H, S, T].
  Value raw = e.filled({batches, x.rows, x.tokens}, x.wide, 0);
  raw = e.matmul(e.collapse(plain, fold),
                 e.collapse(e.permute(keys, {0, 2, 3, 1}, x.type), fold), raw);
  MixedSizes scores{x.batch, x.heads, x.rows, x.tokens};
  raw = e.collapse(e.expand(raw, fold, scores), perBatch);
  raw = e.matmul(e.collapse(rotated, perBatch),
                 e.permute(x.ropeKey, {0, 2, 1}, x.type), raw);
  raw = e.expand(raw, perBatch, scores);
  Softmax soft = maskedSoftmax(e, raw, e.builder.getMultiDimIdentityMap(4),
                               scores, scale, visible);
  Value mixed =
      e.matmul(e.collapse(e.convert(soft.weights, x.type), fold),
               e.collapse(e.permute(values, {0, 2, 1, 3}, x.type), fold),
               e.filled({batches, x.rows, x.valueWidth}, x.wide, 0));
  mixed = e.expand(mixed, fold, {x.batch, x.heads, x.rows, x.valueWidth});
  return finishSoftmax(e, mixed, soft.sums, x.type);
}

static LogicalResult decomposeLatentAttention(LatentAttentionOp op,
                                              PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Latent x(e, op);
  double scale = op.getScale().convertToDouble();
  Visibility visible{op.getMask(), op.getCausal(), std::nullopt};
  Value result = op.getForm() == LatentForm::Absorbed
                     ? decomposeAbsorbed(e, x, scale, visible)
                     : decomposeExpanded(e, x, op.getUp(), scale, visible);
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

namespace {
/// Attention of one query to the tokens that its indices name, tile by tile.
/// The rows of a tile are gathered once, and serve as keys and as values.
class SparseAttention {
public:
  SparseAttention(Emitter &e, const Latent &x, Value indices, double scale)
      : x(x), indices(indices), scale(scale), count(e.size(indices, 2)),
        width(e.add(x.rank, x.rotated)), tile(e.min(count, e.size(tileTokens))),
        stride(e.add(width, e.size(rowPadding))) {}

  /// Mixed latents [H, L] of query (batch, row), in the type of sums, and the
  /// sums [H] to divide by. `queries` is [L + Dr, H].
  Softmax attend(Emitter &e, Value batch, Value row, Value queries) const;

private:
  OpFoldResult countUsed(Emitter &e, Value own) const;
  Value gather(Emitter &e, Value own, Value batch) const;
  Value scores(Emitter &e, Value own, Value gathered, Value queries) const;

  const Latent &x;
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
        softmax.mixed = e.matmul(weights, columns(e, gathered, zero, x.rank),
                                 softmax.mixed);
        return softmax.state();
      });
  OnlineSoftmax all(state);
  return {all.mixed, all.sums};
}

/// Rows are shared between threads. Tile by tile, so that what a thread has in
/// memory does not grow with the tokens that are selected.
static LogicalResult decomposeSparseLatentAttention(SparseLatentAttentionOp op,
                                                    PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Latent x(e, op);
  OpFoldResult zero = e.size(0), one = e.size(1);
  OpFoldResult queryCount = e.mul(x.batch, x.rows);
  OpFoldResult width = e.add(x.rank, x.rotated);
  SmallVector<ReassociationIndices> fold{{0, 1}, {2}, {3}};
  // [B·S, L + Dr, H]: what a row of the caches is multiplied with.
  Value queries = e.empty({queryCount, width, x.heads}, x.type);
  auto put = [&](Value tensor, ArrayRef<int64_t> map, OpFoldResult offset,
                 OpFoldResult size) {
    MixedSizes offsets{zero, offset, zero}, sizes{queryCount, size, x.heads};
    Value into = e.slice(queries, offsets, sizes);
    into = e.parallel(tensor, e.map(3, map), Values{into},
                      [&](Emitter &e, ValueRange v) -> Values {
                        return {e.toFloat(v[0], x.type)};
                      })[0];
    queries = e.insert(into, queries, offsets, sizes);
  };
  put(absorbQuery(e, x), {2, 0, 1}, zero, x.rank);
  put(columns(e, e.collapse(x.query, fold), x.plain, x.rotated), {0, 2, 1},
      x.rank, x.rotated);

  SparseAttention attention(e, x, op.getIndices(),
                            op.getScale().convertToDouble());
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
  Value mixed = e.shareRows(
      rowGrain, e.empty({queryCount, x.heads, x.rank}, x.type),
      [&](Value begin, Value end, Value part) {
        return e.loop(begin, end, one, part, [&](Value i, Value carried) {
          return attendRow(i, e.sub(OpFoldResult(i), OpFoldResult(begin)),
                           carried);
        });
      });
  rewriter.replaceOp(op, e.cast(projectValues(e, x, mixed), op.getType()));
  return success();
}

void fulgur::populateDecomposeLatentAttentionPatterns(
    RewritePatternSet &patterns) {
  patterns.add(decomposeLatentAttention);
  patterns.add(decomposeSparseLatentAttention);
}
