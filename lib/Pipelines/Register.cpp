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

namespace {
/// The text of FuseOptions.
struct FusePipelineOptions : PassPipelineOptions<FusePipelineOptions> {
  ListOption<std::string> disable{*this, "disable",
                                  llvm::cl::desc("Fusions that are left out")};
  ListOption<std::string> only{*this, "only",
                               llvm::cl::desc("If any: no fusion but these")};
  ListOption<std::string> enable{
      *this, "enable",
      llvm::cl::desc("Fusions that run only when they are asked for")};
  Option<std::string> with{*this, "with",
                           llvm::cl::desc("Passes after the fusions")};
  Option<std::string> patterns{
      *this, "patterns", llvm::cl::desc("A file of patterns behind those")};
  Option<std::string> script{*this, "script",
                             llvm::cl::desc("A transform script behind those")};
};

/// The text of BufferizeOptions.
struct BufferizePipelineOptions
    : PassPipelineOptions<BufferizePipelineOptions> {
  Option<bool> packWeights{*this, "pack-weights", llvm::cl::init(true),
                           llvm::cl::desc("Pack weights in panels")};
};
} // namespace

/// Not a PassPipelineRegistration, because names can be wrong.
static void registerFusePipeline() {
  registerPassPipeline(
      "fulgur-fuse-pipeline", "Run the stage 'fuse'",
      [](OpPassManager &pm, StringRef text,
         function_ref<LogicalResult(const Twine &)> errorHandler) {
        FusePipelineOptions parsed;
        if (failed(parsed.parseFromString(text)))
          return failure();
        FuseOptions options{parsed.disable, parsed.only,     parsed.enable,
                            parsed.with,    parsed.patterns, parsed.script};
        if (failed(verifyFuseOptions(options, [&](const Twine &message) {
              (void)errorHandler(message);
            })))
          return failure();
        buildFusePipeline(pm, options);
        return success();
      },
      [](function_ref<void(const detail::PassOptions &)> optHandler) {
        optHandler(FusePipelineOptions());
      });
}

void fulgur::registerAllPipelines() {
  PassPipelineRegistration<>(
      "fulgur-raise-pipeline", "Run the stage 'raise'",
      [](OpPassManager &pm) { buildRaisePipeline(pm, RaiseOptions()); });
  registerFusePipeline();
  PassPipelineRegistration<BufferizePipelineOptions>(
      "fulgur-bufferize-pipeline", "Run the stage 'bufferize'",
      [](OpPassManager &pm, const BufferizePipelineOptions &text) {
        BufferizeOptions options;
        options.packsWeights = text.packWeights;
        buildBufferizePipeline(pm, options);
      });
  PassPipelineRegistration<>("fulgur-lower-to-cpu-pipeline",
                             "Run the stage 'lower'", [](OpPassManager &pm) {
                               buildLowerToCPUPipeline(pm, LowerToCPUOptions());
                             });
  PassPipelineRegistration<>(
      "fulgur-lower-to-gpu-pipeline", "Run the stage 'lower' for a GPU",
      [](OpPassManager &pm) { buildLowerToGPUPipeline(pm); });
}
