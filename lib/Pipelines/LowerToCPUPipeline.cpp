//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The order of the lower stage.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Pipelines/Pipelines.h"
#include "passes/LowerToCPU/Passes.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;

void fulgur::buildLowerToCPUPipeline(OpPassManager &pm,
                                     const LowerToCPUOptions &options) {}
