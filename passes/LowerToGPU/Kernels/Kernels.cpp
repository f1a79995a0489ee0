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
      {"rms_norm", checkRMSNormKernel, launchRMSNormKernel},
      {"route", checkRouteKernel, launchRouteKernel},
      {"select_tokens", checkSelectTokensKernel, launchSelectTokensKernel},
  };
  return kernels;
}

const OpKernel *fulgur::findOpKernel(llvm::StringRef name) {
  for (const OpKernel &kernel : getOpKernels())
    if (kernel.name == name)
      return &kernel;
  return nullptr;
}
