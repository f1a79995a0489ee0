//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The table.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/Kernels.h"

using namespace fulgur;

llvm::ArrayRef<OpKernel> fulgur::getOpKernels() {
  static const OpKernel kernels[] = {
      {"add_rms_norm", checkNormKernel, launchAddRMSNormKernel},
      {"combine", checkCombineKernel, launchCombineKernel, makeCombineScratch},
      {"dispatch", checkDispatchKernel, launchDispatchKernel},
      {"layer_norm", checkNormKernel, launchLayerNormKernel},
      {"rms_norm", checkNormKernel, launchRMSNormKernel},
      {"linear", checkLinearKernel, launchLinearKernel},
      {"route", checkRouteKernel, launchRouteKernel},
      {"scaled_matmul", checkScaledMatmulKernel, launchScaledMatmulKernel},
      {"select_tokens", checkSelectTokensKernel, launchSelectTokensKernel},
      {"swiglu", checkSwiGLUKernel, launchSwiGLUKernel},
  };
  return kernels;
}

const OpKernel *fulgur::findOpKernel(llvm::StringRef name) {
  for (const OpKernel &kernel : getOpKernels())
    if (kernel.name == name)
      return &kernel;
  return nullptr;
}
