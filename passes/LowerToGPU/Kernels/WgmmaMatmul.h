//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix products on sm_90a: a persistent kernel of one warp group that loads
// tiles with the TMA and two that multiply them with wgmma.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_WGMMAMATMUL_H
#define PASSES_LOWERTOGPU_KERNELS_WGMMAMATMUL_H

#include "dialects/Kernel/IR/KernelDialect.h"

namespace fulgur {

/// What a kernel is written for. It computes C[m, n] = addend[m, n] +
/// Σ_k A[m, k] · B with the sizes of the launch: the TMA reads what is outside
/// of a matrix as zero, and does not write there.
struct WgmmaMatmul {
  /// Of A and B: bf16, f16 or f8E4M3FN. Then every 128 k are multiplied with
  /// scales of blocks, of 1 × 128 of A and 128 × 128 of B, before they are
  /// added to the sums, which keeps the rounding of 14 bits that wgmma adds
  /// with within a block (DeepSeek-V3, arXiv:2412.19437, 3.3.2).
  mlir::Type element;
  /// Columns of a tile, 128 or 256 (with scales 128); it has 128 rows, 64 for
  /// each warp group.
  int64_t columns;
  /// Blocks of a cluster, 1 or 2, that share their columns: each loads a part
  /// of B for all.
  int64_t cluster = 1;
  /// B is [N, K] rather than [K, N].
  bool transposedB = false;
  /// The operands have a leading dimension that is not multiplied.
  bool batch = false;
  /// Of C, f32 or that of A and B.
  mlir::Type result;
  /// Of what is added, one of the two; null if nothing is. It is C or another
  /// buffer.
  mlir::Type addend;

  static constexpr int64_t rows = 128;
  /// Of k, in a step: 128 bytes.
  int64_t getDepth() const { return 1024 / element.getIntOrFloatBitWidth(); }
  bool isScaled() const { return element.getIntOrFloatBitWidth() == 8; }
  /// Threads of a block: 128 that load, and 256 that multiply.
  static constexpr int64_t threads = 384;

  /// Of a tile, as names of kernels have it.
  std::string getTileName() const;
  /// As many stages as fit.
  int64_t getStages() const;
  /// Dynamic shared memory of a block.
  int64_t getSharedBytes() const;
  mlir::gpu::GPUFuncOp write(mlir::gpu::GPUModuleOp module,
                             llvm::StringRef name, mlir::Location loc) const;

  /// The types of the tensor maps that the kernel takes first, of A, B and C.
  /// Then come i32: tiles along m, along n, and of all matrices together, and
  /// steps along k; with `addend` also a `memref<[?x]?x?x, strided>` of it;
  /// with scales those of A and of B.
  fulgur::kernel::TensorMapType getMapOfA() const;
  fulgur::kernel::TensorMapType getMapOfB() const;
  fulgur::kernel::TensorMapType getMapOfC() const;
  mlir::MemRefType getTypeOfAddend() const;
  mlir::MemRefType getTypeOfScales() const;
};

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_WGMMAMATMUL_H
