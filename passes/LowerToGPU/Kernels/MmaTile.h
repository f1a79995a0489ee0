//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A block's tile of a matrix product by mma.sync: copies of stages that run
// ahead, products of fragments, and the sums at the end.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_MMATILE_H
#define PASSES_LOWERTOGPU_KERNELS_MMATILE_H

#include "passes/LowerToGPU/Kernels/MmaEmitter.h"

namespace fulgur {

/// Computes Σ_k A[m, k] · B for `rows` × `columns` elements. Where these are in
/// memory is the caller's business, so that rows can be those of an expert.
struct MmaTile {
  int64_t rows, columns;
  /// How the warps share the tile: rows · columns of it, and the depth of a
  /// step, 64 for each of `warpsK`, which add up their sums at the end.
  int64_t warpsM, warpsN, warpsK = 1;
  /// Steps of which the copies are under way or in use, 2 or more.
  int64_t stages;
  /// B is [N, K] rather than [K, N].
  bool transposedB = false;

  int64_t getThreads() const { return 32 * warpsM * warpsN * warpsK; }
  /// Of k, in a step.
  int64_t getDepth() const { return 64 * warpsK; }
  /// Dynamic shared memory, from offset 0 on.
  int64_t getSharedBytes() const;

  /// Gets two neighbouring sums, f32, of the row and the column of the tile.
  using Store = llvm::function_ref<void(mlir::Value row, mlir::Value column,
                                        mlir::Value left, mlir::Value right)>;
  /// `a` gets a row and k, `b` a row n and k, or k and a column n with
  /// `transposedB` false; k counts from 0 on through all `steps` and beyond,
  /// where there has to be nothing. All threads have to get there.
  void write(MmaEmitter &e, mlir::Value steps, MmaEmitter::SourceAt a,
             MmaEmitter::SourceAt b, Store store) const;
};

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_MMATILE_H
