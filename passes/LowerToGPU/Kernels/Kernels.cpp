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
      {"absorbed_attention", checkAbsorbedAttentionKernel,
       launchAbsorbedAttentionKernel, makeAbsorbedAttentionScratch},
      {"add_rms_norm", checkNormKernel, launchAddRMSNormKernel},
      {"combine", checkCombineKernel, launchCombineKernel, makeCombineScratch},
      {"dispatch", checkDispatchKernel, launchDispatchKernel},
      {"grouped_matmul", checkGroupedMatmulKernel, launchGroupedMatmulKernel},
      {"index_select", checkIndexSelectKernel, launchIndexSelectKernel,
       makeIndexSelectScratch},
      {"layer_norm", checkNormKernel, launchLayerNormKernel},
      {"lightning_indexer", checkLightningIndexerKernel,
       launchLightningIndexerKernel},
      {"linear", checkLinearKernel, launchLinearKernel},
      {"rms_norm", checkNormKernel, launchRMSNormKernel},
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

std::string fulgur::findKernelProblem(mlir::Operation *op) {
  const OpKernel *kernel = findOpKernel(op->getName().stripDialect());
  assert(kernel && "an operation without a kernel");
  std::string problem;
  kernel->check(op, [&](const llvm::Twine &text) { problem = text.str(); });
  return problem;
}
