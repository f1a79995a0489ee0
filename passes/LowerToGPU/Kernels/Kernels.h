//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The operations of the model that have a GPU kernel of their own: the one
// table of them. All others decompose, and their loops become kernels.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_KERNELS_H
#define PASSES_LOWERTOGPU_KERNELS_KERNELS_H

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/LowerToGPU/Kernels/KernelBuilder.h"

namespace fulgur {

struct OpKernel {
  /// The operation without the name of the dialect; the kernel has its name.
  llvm::StringLiteral name;
  /// Says what the kernel can not do about `op`, or nothing.
  void (*check)(mlir::Operation *op,
                llvm::function_ref<void(const llvm::Twine &)> miss);
  /// Writes the kernel, if it is not there yet, and its launch in front of
  /// `call`, which is on memrefs.
  void (*launch)(CallKernelOp call, KernelBuilder &builder);
};

llvm::ArrayRef<OpKernel> getOpKernels();

/// The kernel of the operation that `fulgur.` and `name` name; null if there is
/// none.
const OpKernel *findOpKernel(llvm::StringRef name);

// One file each.
void checkRMSNormKernel(mlir::Operation *op,
                        llvm::function_ref<void(const llvm::Twine &)> miss);
void launchRMSNormKernel(CallKernelOp call, KernelBuilder &builder);
void checkSelectTokensKernel(
    mlir::Operation *op, llvm::function_ref<void(const llvm::Twine &)> miss);
void launchSelectTokensKernel(CallKernelOp call, KernelBuilder &builder);
void checkRouteKernel(mlir::Operation *op,
                      llvm::function_ref<void(const llvm::Twine &)> miss);
void launchRouteKernel(CallKernelOp call, KernelBuilder &builder);

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_KERNELS_H
