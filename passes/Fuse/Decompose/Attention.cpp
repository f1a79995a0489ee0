//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Decomposes attention into two batches of matrix products around a softmax.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Fuse/Decompose/Patterns.h"
#include "passes/Fuse/Decompose/Softmax.h"

using namespace mlir;
using namespace fulgur;

/// Heads that share keys and values become more rows of one product: query
/// head h = g·(H/Hk)+i is row (i, s) of group g.
static LogicalResult decomposeAttention(AttentionOp op,
                                        PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value query = op.getQuery(), key = op.getKey(), value = op.getValue();
  Type type = elementType(query), wide = accumulatorType(type);
  MixedSizes q = e.sizes(query);
  OpFoldResult batch = q[0], rows = q[1], heads = q[2], width = q[3];
  OpFoldResult tokens = e.size(key, 1), groups = e.size(key, 2);
  OpFoldResult valueWidth = e.size(value, 3);
  OpFoldResult batches = e.mul(batch, groups);
  OpFoldResult groupRows = e.mul(e.div(heads, groups), rows);

  // H is Hk groups of `shared` heads: [B·Hk, shared·S, D].
  OpFoldResult shared = e.div(heads, groups);
  SmallVector<ReassociationIndices> fold{{0, 1}, {2}, {3}};
  SmallVector<ReassociationIndices> merge{{0, 1}, {2, 3}, {4}};
  SmallVector<ReassociationIndices> join{{0}, {1, 2}, {3}, {4}};
  Value q5 = e.expand(query, {{0}, {1}, {2, 3}, {4}},
                      {batch, rows, groups, shared, width});
  Value q3 = e.collapse(e.permute(q5, {0, 2, 3, 1, 4}, type), merge);
  Value k3 = e.collapse(e.permute(key, {0, 2, 3, 1}, type), fold);
  Value v3 = e.collapse(e.permute(value, {0, 2, 1, 3}, type), fold);
  auto perHead = [&](Value tensor, OpFoldResult last) {
    return e.collapse(
        e.expand(tensor, merge, {batch, groups, shared, rows, last}), join);
  };
  auto perGroup = [&](Value tensor, OpFoldResult last) {
    return e.collapse(
        e.expand(tensor, join, {batch, groups, shared, rows, last}), merge);
  };

  Value raw = e.matmul(q3, k3, e.filled({batches, groupRows, tokens}, wide, 0));
  Visibility visible{op.getMask(), op.getCausal(), op.getWindow()};
  Softmax soft = maskedSoftmax(
      e, perHead(raw, tokens), rewriter.getMultiDimIdentityMap(4),
      {batch, heads, rows, tokens}, op.getScale().convertToDouble(), visible);
  Value weights = perGroup(e.convert(soft.weights, type), tokens);
  Value mixed = e.matmul(weights, v3,
                         e.filled({batches, groupRows, valueWidth}, wide, 0));
  Value result = finishSoftmax(e, perHead(mixed, valueWidth), soft.sums, type);
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

void fulgur::populateDecomposeAttentionPatterns(RewritePatternSet &patterns) {
  patterns.add(decomposeAttention);
}
