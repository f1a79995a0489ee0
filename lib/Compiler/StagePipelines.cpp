//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The passes of each stage, by default or as the user says.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Compiler/Compiler.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace fulgur;

static void addDefault(Stage stage, bool isGPU, OpPassManager &pm,
                       const CompileOptions &options) {
  switch (stage) {
  case Stage::Raised:
    // The sizes are set before: what is wrong with them is a wrong use.
    return buildRaisePipeline(pm, RaiseOptions{options.raise.recognise, {}});
  case Stage::Fused: {
    FuseOptions fuse = options.fuse;
    fuse.isGPU = isGPU;
    return buildFusions(pm, fuse);
  }
  case Stage::Bufferized:
    return buildBufferizePipeline(
        pm, BufferizeOptions{options.lower.vectorBytes, !isGPU});
  case Stage::Lowered:
    return isGPU ? buildLowerToGPUPipeline(pm)
                 : buildLowerToCPUPipeline(pm, options.lower);
  default:
    llvm_unreachable("not a stage of passes");
  }
}

LogicalResult
fulgur::buildStagePipeline(Stage stage, bool isGPU, OpPassManager &pm,
                           const CompileOptions &options,
                           function_ref<void(const Twine &)> emitError) {
  LogicalResult result = options.pipeline.build(
      stage, pm,
      [&](OpPassManager &pm) { addDefault(stage, isGPU, pm, options); },
      emitError);
  if (succeeded(result) && stage == Stage::Fused) {
    FuseOptions fuse = options.fuse;
    fuse.isGPU = isGPU;
    buildFuseExtras(pm, fuse);
    buildFuseEnd(pm, fuse);
  }
  return result;
}

std::string fulgur::printPipelines(const CompileOptions &options) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (Stage stage :
       {Stage::Raised, Stage::Fused, Stage::Bufferized, Stage::Lowered}) {
    OpPassManager pm(ModuleOp::getOperationName());
    // Without the end of 'fuse', which is there whatever the text says.
    if (failed(options.pipeline.build(
            stage, pm,
            [&](OpPassManager &pm) {
              addDefault(stage, !options.gpuArchs.empty(), pm, options);
            },
            [](const Twine &) {})))
      llvm_unreachable("the pipeline is verified");
    if (stage == Stage::Fused)
      buildFuseExtras(pm, options.fuse);
    os << getStageInfo(stage).step << "(";
    llvm::interleave(
        pm,
        [&](Pass &pass) {
          os << "\n  ";
          pass.printAsTextualPipeline(os);
        },
        [&] { os << ","; });
    os << (stage == Stage::Lowered ? ")\n" : "),\n");
  }
  return text;
}
