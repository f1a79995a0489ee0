//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Launches products of matrices by the kernel that suits their sizes and the
// target.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_MATMUL_H
#define PASSES_LOWERTOGPU_KERNELS_MATMUL_H

#include "passes/LowerToGPU/Kernels/KernelBuilder.h"
#include "passes/LowerToGPU/Kernels/MatrixProduct.h"

namespace fulgur {

struct MatmulOptions {
  /// Multiprocessors of the GPU, each of which works on one tile at a time.
  int64_t processors = 1;
  /// Blocks that load the right side for each other, 1 or 2.
  int64_t cluster = 1;
};

/// For the machine that the module of `op` is compiled for.
mlir::FailureOr<MatmulOptions> getMatmulOptions(mlir::Operation *op);

/// Up to 64 rows, on sm_80, and where the TMA can not write the result it is
/// MmaMatmul.h, else WgmmaMatmul.h; decided at run time if the rows are not
/// known.
void launchMatmul(const MatrixProduct &product, const MatmulOptions &options,
                  KernelBuilder &kernels, mlir::OpBuilder &builder,
                  mlir::Location loc);

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_MATMUL_H
