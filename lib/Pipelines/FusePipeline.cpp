//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The order of the fuse stage.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Pipelines/Pipelines.h"
#include "passes/Fuse/Fusions.h"
#include "passes/Fuse/Passes.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace fulgur;

/// Whether the options ask for a fusion.
static bool isEnabled(const FusionInfo &fusion, const FuseOptions &options) {
  if (llvm::is_contained(options.disabled, fusion.name))
    return false;
  if (!options.only.empty())
    return llvm::is_contained(options.only, fusion.name);
  return !fusion.optIn;
}

void fulgur::buildFusePipeline(OpPassManager &pm, const FuseOptions &options) {
  for (const FusionInfo &fusion : getFusions())
    if (isEnabled(fusion, options))
      pm.addPass(fusion.create());
  // No operator has a kernel of its own on the CPU yet.
  pm.addPass(createDecomposePass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}
