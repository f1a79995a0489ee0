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

#include "mlir/Dialect/Transform/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace fulgur;

/// Whether the options ask for a fusion.
static bool isEnabled(const FusionInfo &fusion, const FuseOptions &options) {
  if (llvm::is_contained(options.disabled, fusion.name))
    return false;
  if (fusion.needsPacking && options.isGPU)
    return false;
  if (llvm::is_contained(options.enabled, fusion.name))
    return true;
  if (!options.only.empty())
    return llvm::is_contained(options.only, fusion.name);
  return !fusion.optIn;
}

static LogicalResult verifyName(StringRef name,
                                function_ref<void(const Twine &)> emitError) {
  const FusionInfo *nearest = nullptr;
  unsigned distance = ~0u;
  for (const FusionInfo &fusion : getFusions()) {
    unsigned edits = name.edit_distance(fusion.name);
    if (edits < distance)
      std::tie(nearest, distance) = std::pair(&fusion, edits);
  }
  if (distance == 0)
    return success();
  emitError("there is no fusion '" + name + "'; the nearest name is '" +
            nearest->name + "'");
  return failure();
}

LogicalResult
fulgur::verifyFuseOptions(const FuseOptions &options,
                          function_ref<void(const Twine &)> emitError) {
  for (const std::string &name : llvm::concat<const std::string>(
           options.disabled, options.only, options.enabled))
    if (failed(verifyName(name, emitError)))
      return failure();
  for (const std::string &name : options.enabled)
    if (llvm::is_contained(options.disabled, name)) {
      emitError("expected the fusion '" + name +
                "' to be enabled or disabled, but got both");
      return failure();
    }
  std::string errors;
  llvm::raw_string_ostream os(errors);
  OpPassManager parsed(ModuleOp::getOperationName());
  if (options.with.empty() ||
      succeeded(parsePassPipeline(options.with, parsed, os)))
    return success();
  StringRef message = StringRef(errors).split(" error: ").second;
  emitError((message.empty() ? StringRef(errors) : message).split('\n').first);
  return failure();
}

/// Behind this one no pass sees layers beside each other any more: passes of
/// the user come before it.
static bool isLast(const FusionInfo &fusion) {
  return fusion.name == "outline-layers";
}

void fulgur::buildFusions(OpPassManager &pm, const FuseOptions &options) {
  for (const FusionInfo &fusion : getFusions())
    if (isEnabled(fusion, options) && !isLast(fusion))
      pm.addPass(fusion.create(options.isGPU));
}

void fulgur::buildFuseExtras(OpPassManager &pm, const FuseOptions &options) {
  if (!options.with.empty() &&
      failed(parsePassPipeline(options.with, pm, llvm::errs())))
    llvm_unreachable("the options are verified");
  if (!options.patterns.empty())
    pm.addPass(createApplyPatternsPass({options.patterns}));
  if (!options.script.empty()) {
    transform::PreloadLibraryPassOptions library;
    library.transformLibraryPaths = {options.script};
    pm.addPass(transform::createPreloadLibraryPass(library));
    pm.addPass(transform::createInterpreterPass());
  }
}

void fulgur::buildFuseEnd(OpPassManager &pm, const FuseOptions &options) {
  for (const FusionInfo &fusion : getFusions())
    if (isEnabled(fusion, options) && isLast(fusion))
      pm.addPass(fusion.create(options.isGPU));
  // No operator has a kernel of its own on the CPU yet.
  if (options.isGPU) {
    pm.addPass(createSplitExpertsPass());
    pm.addPass(createSplitLatentAttentionPass());
    pm.addPass(createCallKernelsPass());
  }
  pm.addPass(createDecomposePass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void fulgur::buildFusePipeline(OpPassManager &pm, const FuseOptions &options) {
  buildFusions(pm, options);
  buildFuseExtras(pm, options);
  buildFuseEnd(pm, options);
}
