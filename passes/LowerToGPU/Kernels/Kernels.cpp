//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The table.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/Kernels.h"

using namespace fulgur;

llvm::ArrayRef<KernelInfo> fulgur::getKernels() {
  static const KernelInfo kernels[] = {
      {"rms_norm", checkRMSNormKernel, launchRMSNormKernel},
      {"route", checkRouteKernel, launchRouteKernel},
      {"select_tokens", checkSelectTokensKernel, launchSelectTokensKernel},
  };
  return kernels;
}

const KernelInfo *fulgur::findKernel(llvm::StringRef name) {
  for (const KernelInfo &kernel : getKernels())
    if (kernel.name == name)
      return &kernel;
  return nullptr;
}
