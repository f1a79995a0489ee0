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

using KernelMiss = llvm::function_ref<void(const llvm::Twine &)>;

struct OpKernel {
  /// The operation without the name of the dialect; the kernel has its name.
  llvm::StringLiteral name;
  /// Says what the kernel can not do about `op`, or nothing.
  void (*check)(mlir::Operation *op, KernelMiss miss);
  /// Writes the kernel, if it is not there yet, and its launch in front of
  /// `call`, which is on memrefs.
  void (*launch)(CallKernelOp call, KernelBuilder &builder);
  /// Null, or the scratch memory that the kernels of one call of `op` share:
  /// tensors of `e.empty`, of sizes that come from the sizes of the operands
  /// (`e.size`, `e.mul`). `launch` finds their buffers at the end of `inits`,
  /// behind the results. Nobody has written to them before, nobody reads them
  /// after, and the arena lends the memory to others between calls.
  llvm::SmallVector<mlir::Value> (*scratch)(mlir::Operation *op,
                                            Emitter &e) = nullptr;
};

llvm::ArrayRef<OpKernel> getOpKernels();

/// The kernel of the operation that `fulgur.` and `name` name; null if there is
/// none.
const OpKernel *findOpKernel(llvm::StringRef name);

/// What the kernel of `op`, an operation of the table, can not do about it;
/// empty if it can.
std::string findKernelProblem(mlir::Operation *op);

void checkAbsorbedAttentionKernel(mlir::Operation *op, KernelMiss miss);
void launchAbsorbedAttentionKernel(CallKernelOp call, KernelBuilder &builder);
llvm::SmallVector<mlir::Value> makeAbsorbedAttentionScratch(mlir::Operation *op,
                                                            Emitter &e);
llvm::SmallVector<mlir::Value> makeCombineScratch(mlir::Operation *op,
                                                  Emitter &e);
void checkCombineKernel(mlir::Operation *op, KernelMiss miss);
void launchCombineKernel(CallKernelOp call, KernelBuilder &builder);
void checkDispatchKernel(mlir::Operation *op, KernelMiss miss);
void launchDispatchKernel(CallKernelOp call, KernelBuilder &builder);
void checkGroupedMatmulKernel(mlir::Operation *op, KernelMiss miss);
void launchGroupedMatmulKernel(CallKernelOp call, KernelBuilder &builder);
llvm::SmallVector<mlir::Value> makeIndexSelectScratch(mlir::Operation *op,
                                                      Emitter &e);
void checkIndexSelectKernel(mlir::Operation *op, KernelMiss miss);
void launchIndexSelectKernel(CallKernelOp call, KernelBuilder &builder);
void checkLightningIndexerKernel(mlir::Operation *op, KernelMiss miss);
void launchLightningIndexerKernel(CallKernelOp call, KernelBuilder &builder);
void checkLinearKernel(mlir::Operation *op, KernelMiss miss);
void launchLinearKernel(CallKernelOp call, KernelBuilder &builder);
void checkNormKernel(mlir::Operation *op, KernelMiss miss);
void launchAddRMSNormKernel(CallKernelOp call, KernelBuilder &builder);
void launchLayerNormKernel(CallKernelOp call, KernelBuilder &builder);
void launchRMSNormKernel(CallKernelOp call, KernelBuilder &builder);
void checkRouteKernel(mlir::Operation *op, KernelMiss miss);
void launchRouteKernel(CallKernelOp call, KernelBuilder &builder);
void checkScaledMatmulKernel(mlir::Operation *op, KernelMiss miss);
void launchScaledMatmulKernel(CallKernelOp call, KernelBuilder &builder);
void checkSelectTokensKernel(mlir::Operation *op, KernelMiss miss);
void launchSelectTokensKernel(CallKernelOp call, KernelBuilder &builder);
void checkSwiGLUKernel(mlir::Operation *op, KernelMiss miss);
void launchSwiGLUKernel(CallKernelOp call, KernelBuilder &builder);

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_KERNELS_H
