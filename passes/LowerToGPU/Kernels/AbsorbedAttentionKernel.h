//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The code of a block of fulgur.absorbed_attention, and its launch.
//
// Rows are what has a query of its own: a head of a query. Rows that see the
// same tokens are a group: all of a sequence, or, if each query has its own
// tokens, the heads of one query. A block takes 64 rows of a group, and walks
// over tiles of tokens: over all, or over a part of them, so that there are
// blocks for the whole machine. Another kernel then combines the parts.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_ABSORBEDATTENTIONKERNEL_H
#define PASSES_LOWERTOGPU_KERNELS_ABSORBEDATTENTIONKERNEL_H

#include "passes/LowerToGPU/Kernels/MmaEmitter.h"

namespace fulgur {

struct AbsorbedAttentionKernel {
  static constexpr int64_t rows = 64, threads = 256;

  mlir::Type element;
  /// L and Dr.
  int64_t rank, rotated;
  /// Of a tile: 32 or 64.
  int64_t tokens;
  bool isSparse, isCausal, isSplit = false;
  double scale;
  /// Whether rows may start anywhere: of query, rope_query, latent, rope_key.
  std::array<bool, 4> isUnaligned{};

  /// Columns of the tiles of queries and keys.
  int64_t getWidth() const { return llvm::alignTo(rank + rotated, 64); }
  int64_t getSharedBytes() const;

  /// `arguments` are the operands and the result of the operation. Split, there
  /// are instead of the result, both f32, sums `[parts, rows, L]` of latents
  /// that are not divided yet, and `[parts, rows, 2]`: to which maximum the
  /// weights are relative, as a power of 2, and their sums.
  void write(KernelEmitter &e, mlir::ValueRange arguments) const;
};

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_ABSORBEDATTENTIONKERNEL_H
