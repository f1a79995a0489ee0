//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix products by mma.sync: all of sm_80, and those of few rows.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_MMAMATMUL_H
#define PASSES_LOWERTOGPU_KERNELS_MMAMATMUL_H

#include "passes/LowerToGPU/Kernels/KernelBuilder.h"
#include "passes/LowerToGPU/Kernels/MatrixProduct.h"
#include "passes/LowerToGPU/Kernels/MmaTile.h"

namespace fulgur {

/// The tile for products of up to `rows` rows: 16, 64 or, for more, 128. With
/// few rows the warps share the depth: they read more of B at once.
MmaTile chooseMmaTile(int64_t rows, bool transposedB);

/// Rows for which the tiles of chooseMmaTile have no row too many.
inline constexpr int64_t smallRows[] = {16, 64};

/// Calls `launch` with the least of `heights` that is not less than `rows` /
/// `groups`, or with the greatest number; at run time if these are not known.
void chooseRows(
    mlir::OpBuilder builder, mlir::Location loc, mlir::OpFoldResult rows,
    mlir::OpFoldResult groups,
    llvm::function_ref<void(int64_t upTo, mlir::OpBuilder builder)> launch,
    llvm::ArrayRef<int64_t> heights = smallRows);

/// Launches a block for each tile of `product`.
void launchMmaMatmul(const MatrixProduct &product, const MmaTile &tile,
                     KernelBuilder &kernels, mlir::OpBuilder &builder,
                     mlir::Location loc);

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_MMAMATMUL_H
