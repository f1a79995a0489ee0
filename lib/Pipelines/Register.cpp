//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Makes each stage's pipeline a flag of fulgur-opt, for tests and experiments.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Pipelines/Pipelines.h"

#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace fulgur;

void fulgur::registerAllPipelines() {
  PassPipelineRegistration<>(
      "fulgur-raise-pipeline", "Run the stage 'raise'",
      [](OpPassManager &pm) { buildRaisePipeline(pm, RaiseOptions()); });
  PassPipelineRegistration<>(
      "fulgur-fuse-pipeline", "Run the stage 'fuse'",
      [](OpPassManager &pm) { buildFusePipeline(pm, FuseOptions()); });
  PassPipelineRegistration<>("fulgur-bufferize-pipeline",
                             "Run the stage 'bufferize'",
                             [](OpPassManager &pm) {
                               buildBufferizePipeline(pm, BufferizeOptions());
                             });
  PassPipelineRegistration<>("fulgur-lower-to-cpu-pipeline",
                             "Run the stage 'lower'", [](OpPassManager &pm) {
                               buildLowerToCPUPipeline(pm, LowerToCPUOptions());
                             });
}
