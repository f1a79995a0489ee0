//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Decomposes attention over a latent cache, dense and sparse.
//
// The up projection is not transposed: each head multiplies with its rows.
//
//===----------------------------------------------------------------------===//
#include "passes/Fuse/Decompose/AbsorbedAttention.h"
#include "passes/Fuse/Decompose/Patterns.h"

using namespace mlir;
using namespace fulgur;

/// Heads that are worth a block of their own.
static constexpr int64_t headGrain = 4;

namespace {
/// What both forms of latent attention, and the sparse one, start from.
struct Latent : LatentCache {
  OpFoldResult plain, valueWidth;
  Value query;
  Value up; // [L, H, Dn+Dv]

  template <typename OpTy>
  Latent(Emitter &e, OpTy op) : LatentCache(e, op), query(op.getQuery()) {
    plain = e.sub(e.size(query, 3), rotated);
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
  Value plain = lastColumns(e, flat, e.size(0), x.plain);
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
  Value absorbed = e.expand(absorbQuery(e, x), {{0}, {1, 2}, {3}},
                            {x.heads, x.batch, x.rows, x.rank});
  Value plain = e.permute(absorbed, {1, 3, 0, 2}, x.type);
  Value rotated = e.permute(lastColumns(e, x.query, x.plain, x.rotated),
                            {0, 3, 2, 1}, x.type);
  Value mixed = attendAll(e, x, plain, rotated, scale, visible);
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
  Value keys = lastColumns(e, both, e.size(0), x.plain);
  Value values = lastColumns(e, both, x.plain, x.valueWidth);

  Value plain = e.permute(lastColumns(e, x.query, e.size(0), x.plain),
                          {0, 2, 1, 3}, x.type);
  Value rotated = e.permute(lastColumns(e, x.query, x.plain, x.rotated),
                            {0, 2, 1, 3}, x.type);
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

static LogicalResult decomposeSparseLatentAttention(SparseLatentAttentionOp op,
                                                    PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Latent x(e, op);
  Value rotated = e.collapse(x.query, {{0, 1}, {2}, {3}});
  rotated = lastColumns(e, rotated, x.plain, x.rotated);
  Value mixed =
      attendSelected(e, x, {absorbQuery(e, x), {2, 0, 1}}, {rotated, {0, 2, 1}},
                     op.getIndices(), op.getScale().convertToDouble());
  rewriter.replaceOp(op, e.cast(projectValues(e, x, mixed), op.getType()));
  return success();
}

void fulgur::populateDecomposeLatentAttentionPatterns(
    RewritePatternSet &patterns) {
  patterns.add(decomposeLatentAttention);
  patterns.add(decomposeSparseLatentAttention);
}
