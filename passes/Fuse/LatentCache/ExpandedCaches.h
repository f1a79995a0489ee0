//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Attention to cached keys and values that are expanded from a latent.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_FUSE_LATENTCACHE_EXPANDEDCACHES_H
#define PASSES_FUSE_LATENTCACHE_EXPANDEDCACHES_H

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Fuse/LatentCache/ElementOrigin.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fulgur {

/// How [B, S, width] is read from a tensor.
struct Rows {
  mlir::Value tensor;
  /// The dimensions of the tensor that these are; -1 where an extent of 1 is
  /// none. Its other dimensions are of size 1.
  int64_t dims[3] = {-1, -1, -1};
  /// The first of the last one.
  int64_t offset = 0;
  int64_t width = 0;
};

/// One cache of the model as it stands in the graph.
struct ExpandedCache {
  CacheUpdateOp update;
  mlir::BlockArgument past;
  /// Where the updated cache is an output.
  mlir::OpOperand *returned = nullptr;
  /// The element of the cache that attention reads.
  ElementOrigin::Coords at;

  mlir::StringAttr getInputName() const;
  mlir::StringAttr getOutputName() const;
};

/// An attention, and what is proved of its keys and values.
struct ExpandedCaches {
  AttentionOp attention;
  ExpandedCache key, value;
  /// latent · up
  LinearOp projection;
  Rows latent, ropeKey;
  /// Of the caches: a number or the name of a dimension.
  mlir::Attribute batch, past;

  /// Values of a token in both caches, and in those that take their place.
  int64_t countExpanded();
  int64_t countLatent() const { return latent.width + ropeKey.width; }
};

/// What the names of the caches of latents and of rotated keys end with, behind
/// the name of the cache of keys.
constexpr llvm::StringLiteral latentSuffix = ".latent";
constexpr llvm::StringLiteral ropeKeySuffix = ".rope_key";

/// None where neither keys nor values are a cache of the model. Else `reason`
/// is the condition that keeps them from being caches of latents; empty if none
/// does, and all of the result then is set.
std::optional<ExpandedCaches> matchExpandedCaches(AttentionOp op,
                                                  std::string &reason);

} // namespace fulgur

#endif // PASSES_FUSE_LATENTCACHE_EXPANDEDCACHES_H
