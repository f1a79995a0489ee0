//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The order of the fuse stage.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Pipelines/Pipelines.h"
#include "passes/Fuse/Passes.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;

void fulgur::buildFusePipeline(OpPassManager &pm, const FuseOptions &) {
  // No operator has a kernel of its own on the CPU yet.
  pm.addPass(createDecomposePass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}
