//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Scores of the lightning indexer by tensor cores, for the operation that
// stores them and the one that selects by them. Equal code makes scores that
// are equal to the last bit.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_LIGHTNINGINDEXER_H
#define PASSES_LOWERTOGPU_KERNELS_LIGHTNINGINDEXER_H

#include "passes/LowerToGPU/Kernels/KernelBuilder.h"

namespace fulgur {

/// Which scores are computed. Buffers have the letters of
/// fulgur.lightning_indexer; numbers are values of type index.
struct IndexerScores {
  mlir::Value query, key, weights;
  double scale;
  /// `[B, rows, tokens]` or larger, in the element type.
  mlir::Value scores;
  /// The first of the queries, how many, and of how many tokens.
  mlir::Value first, rows, tokens;
  /// The i-th of the queries needs no token beyond `ahead` + i.
  mlir::Value ahead;
};

/// Says what the kernel can not do about queries [B, S, Hi, Di], or nothing.
void checkIndexerScores(mlir::Value query,
                        llvm::function_ref<void(const llvm::Twine &)> miss);

/// Launches the kernel at the place of `host`.
void launchIndexerScores(mlir::OpBuilder &host, mlir::Location loc,
                         KernelBuilder &builder, const IndexerScores &scores);

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_LIGHTNINGINDEXER_H
