//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Decomposes attention over a latent cache, dense and sparse.
//
// The absorbed form never transposes the cache: its scores are computed as
// [tokens, heads], so the latents stand on the left as they lie in memory. The
// up projection is never transposed whole either, but head by head.
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

/// For each head h: result[:, h, :] = input[:, h, :] · weight[:, h, columns],
/// or with the transpose of the weight; input [M, H, K], weight [L, H, …],
/// result [M, H, N]. The weight is read in place, head by head.
static Value matmulHeads(Emitter &e, Value input, Value weight,
                         OpFoldResult offset, OpFoldResult width,
                         bool transpose, Type wide) {
  OpFoldResult rows = e.size(input, 0), heads = e.size(input, 1);
  OpFoldResult inner = e.size(weight, 0), one = e.size(1), zero = e.size(0);
  OpFoldResult from = transpose ? width : inner, to = transpose ? inner : width;
  Value result = e.empty({rows, heads, to}, wide);
  return e.loop(heads, result, [&](Value head, Value carried) {
    OpFoldResult at = head;
    Value left = e.slice(input, {zero, at, zero}, {rows, one, from}, {}, {1});
    Value right =
        e.slice(weight, {zero, at, offset}, {inner, one, width}, {}, {1});
    if (transpose)
      right = e.permute(right, {1, 0}, elementType(right));
    MixedSizes offsets{zero, at, zero}, sizes{rows, one, to};
    Value into = e.slice(carried, offsets, sizes, {}, {1});
    Value product = e.matmul(left, right, e.fill(into, 0));
    return e.insert(product, carried, offsets, sizes);
  });
}

/// The part of the query that is not rotated, times the key columns of `up`:
/// [B·S, H, L].
static Value absorbQuery(Emitter &e, const Latent &x) {
  Value flat = e.collapse(x.query, {{0, 1}, {2}, {3}});
  Value plain = columns(e, flat, e.size(0), x.plain);
  Value absorbed =
      matmulHeads(e, plain, x.up, e.size(0), x.plain, true, x.wide);
  return e.convert(absorbed, x.type);
}

/// Mixed latents [B·S, H, L] times the value columns of `up`: [B, S, H, Dv].
static Value projectValues(Emitter &e, const Latent &x, Value mixed) {
  Value values =
      matmulHeads(e, mixed, x.up, x.plain, x.valueWidth, false, x.wide);
  values = e.convert(values, x.type);
  return e.expand(values, {{0, 1}, {2}, {3}},
                  {x.batch, x.rows, x.heads, x.valueWidth});
}

static Value decomposeAbsorbed(Emitter &e, const Latent &x, double scale,
                               const Visibility &visible) {
  OpFoldResult columnCount = e.mul(x.heads, x.rows);
  SmallVector<ReassociationIndices> fold{{0}, {1}, {2, 3}};
  // [B, L, H·S] and [B, Dr, H·S]
  Value absorbed = e.expand(absorbQuery(e, x), {{0, 1}, {2}, {3}},
                            {x.batch, x.rows, x.heads, x.rank});
  Value plain = e.collapse(e.permute(absorbed, {0, 3, 2, 1}, x.type), fold);
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

/// The rows that the indices of one query name, [K, …] of `cache` [B, T, …].
/// Where the index is negative, row 0 stands in.
static Value gather(Emitter &e, Value cache, Value batch, Value indices,
                    OpFoldResult count) {
  Type type = elementType(cache);
  return e.parallel(
      indices, e.map(2, {0}), {count, e.size(cache, 2)}, type,
      [&](Emitter &e, ValueRange x) -> Values {
        Value zero = arith::ConstantOp::create(e.builder, e.loc,
                                               e.builder.getI32IntegerAttr(0));
        Value at = arith::MaxSIOp::create(e.builder, e.loc, x[0], zero);
        Value token = arith::IndexCastOp::create(e.builder, e.loc,
                                                 e.builder.getIndexType(), at);
        Value column = linalg::IndexOp::create(e.builder, e.loc, 1);
        return {tensor::ExtractOp::create(e.builder, e.loc, cache,
                                          ValueRange{batch, token, column})};
      });
}

/// One query at a time: its rows of the cache are gathered once, and serve as
/// keys and as values.
static LogicalResult decomposeSparseLatentAttention(SparseLatentAttentionOp op,
                                                    PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Latent x(e, op);
  double scale = op.getScale().convertToDouble();
  OpFoldResult zero = e.size(0), one = e.size(1);
  OpFoldResult queries = e.mul(x.batch, x.rows);
  OpFoldResult count = e.size(op.getIndices(), 2);
  SmallVector<ReassociationIndices> fold{{0, 1}, {2}, {3}};
  // [B·S, L, H] and [B·S, Dr, H]
  Value plain = e.permute(absorbQuery(e, x), {0, 2, 1}, x.type);
  Value rotated =
      e.permute(columns(e, e.collapse(x.query, fold), x.plain, x.rotated),
                {0, 2, 1}, x.type);
  Value mixed = e.empty({queries, x.heads, x.rank}, x.type);

  auto attend = [&](Value batch, Value row, Value carried) {
    OpFoldResult at =
        e.add(e.mul(OpFoldResult(batch), x.rows), OpFoldResult(row));
    Value indices = e.slice(op.getIndices(), {batch, row, zero},
                            {one, one, count}, {}, {0, 1});
    Value latents = gather(e, x.latent, batch, indices, count);
    Value ropeKeys = gather(e, x.ropeKey, batch, indices, count);
    auto perQuery = [&](Value tensor, OpFoldResult width) {
      return e.slice(tensor, {at, zero, zero}, {one, width, x.heads}, {}, {0});
    };
    Value raw = e.filled({count, x.heads}, x.wide, 0);
    raw = e.matmul(latents, perQuery(plain, x.rank), raw);
    raw = e.matmul(ropeKeys, perQuery(rotated, x.rotated), raw);
    Value scores = e.parallel(
        {raw, indices}, {e.map(2, {1, 0}), e.map(2, {1})}, {x.heads, count},
        x.wide, [&](Emitter &e, ValueRange v) -> Values {
          Value scaled = arith::MulFOp::create(e.builder, e.loc, v[0],
                                               e.real(scale, x.wide));
          Value none = arith::ConstantOp::create(
              e.builder, e.loc, e.builder.getI32IntegerAttr(0));
          Value absent = arith::CmpIOp::create(
              e.builder, e.loc, arith::CmpIPredicate::slt, v[1], none);
          Value hidden =
              e.real(-std::numeric_limits<double>::infinity(), x.wide);
          return {arith::SelectOp::create(e.builder, e.loc, absent, hidden,
                                          scaled)};
        });
    Softmax soft = softmax(e, scores);
    Value sum = e.matmul(e.convert(soft.weights, x.type), latents,
                         e.filled({x.heads, x.rank}, x.wide, 0));
    MixedSizes offsets{at, zero, zero}, sizes{one, x.heads, x.rank};
    Value into = e.slice(carried, offsets, sizes, {}, {0});
    Value result =
        e.parallel({sum, soft.sums}, {e.map(2, {0, 1}), e.map(2, {0})},
                   Values{into}, [&](Emitter &e, ValueRange v) -> Values {
                     return {e.toFloat(normalize(e, v[0], v[1]), x.type)};
                   })[0];
    return e.insert(result, carried, offsets, sizes);
  };
  mixed = e.loop(x.batch, mixed, [&](Value batch, Value outer) {
    return e.loop(x.rows, outer, [&](Value row, Value inner) {
      return attend(batch, row, inner);
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
