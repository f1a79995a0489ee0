//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Attention of all heads to the latents of a cache, as
// fulgur.absorbed_attention and the absorbed form of latent attention compute
// it.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_PASSES_FUSE_DECOMPOSE_ABSORBEDATTENTION_H
#define FULGUR_PASSES_FUSE_DECOMPOSE_ABSORBEDATTENTION_H

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Fuse/Decompose/Softmax.h"

namespace fulgur {

/// A cache of latents, and the sizes of what attends to it.
struct LatentCache {
  mlir::Type type, wide;
  mlir::OpFoldResult batch, rows, heads, tokens, rank, rotated;
  mlir::Value latent, ropeKey;

  template <typename OpTy>
  LatentCache(Emitter &e, OpTy op)
      : latent(op.getLatent()), ropeKey(op.getRopeKey()) {
    type = elementType(latent);
    wide = accumulatorType(type);
    MixedSizes query = e.sizes(op.getQuery());
    batch = query[0], rows = query[1], heads = query[2];
    tokens = e.size(latent, 1);
    rank = e.size(latent, 2);
    rotated = e.size(ropeKey, 2);
  }
};

/// Elements [offset, offset + width) of the last dimension.
mlir::Value lastColumns(Emitter &e, mlir::Value tensor,
                        mlir::OpFoldResult offset, mlir::OpFoldResult width);

/// Mixed latents [B, S, H, L] of queries that see all visible tokens: `plain`
/// is [B, L, H, S] and `rotated` [B, Dr, H, S].
mlir::Value attendAll(Emitter &e, const LatentCache &cache, mlir::Value plain,
                      mlir::Value rotated, double scale,
                      const Visibility &visible);

/// A tensor whose dimension `order[i]` is dimension i of [B·S, width, H].
struct HeadRows {
  mlir::Value tensor;
  llvm::SmallVector<int64_t> order;
};

/// Mixed latents [B·S, H, L] of queries that see the tokens in `indices`. Rows
/// are shared between threads; tile by tile, so that what a thread has in
/// memory does not grow with the tokens that are selected.
mlir::Value attendSelected(Emitter &e, const LatentCache &cache,
                           const HeadRows &plain, const HeadRows &rotated,
                           mlir::Value indices, double scale);

} // namespace fulgur

#endif // FULGUR_PASSES_FUSE_DECOMPOSE_ABSORBEDATTENTION_H
