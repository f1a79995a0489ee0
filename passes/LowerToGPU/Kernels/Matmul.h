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

/// What a sum starts from at the indices `at` of the result, and what it adds
/// for each k; both f32.
using SumInit =
    llvm::function_ref<mlir::Value(Emitter &e, mlir::ValueRange at)>;
using SumTerm = llvm::function_ref<mlir::Value(Emitter &e, mlir::ValueRange at,
                                               mlir::Value k)>;

/// One thread adds up an element of `result`, over 0 <= k < `depth`, and rounds
/// it: for operands whose rows no type tells to be aligned, as parts of a
/// buffer that begin anywhere.
void launchSums(mlir::OpBuilder &builder, mlir::Location loc,
                mlir::Value result, mlir::Value depth, SumInit init,
                SumTerm term);

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_MATMUL_H
