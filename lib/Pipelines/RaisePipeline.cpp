//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The order of the raise stage.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Pipelines/Pipelines.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void fulgur::buildRaisePipeline(OpPassManager &pm,
                                const RaiseOptions &options) {
  SetDimsPassOptions dims;
  llvm::append_range(dims.dims, options.dims);
  pm.addPass(createSetDimsPass(dims));
  pm.addPass(createFoldONNXPass());
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass());
  if (options.recognise) {
    // Leaves first: every pass sees what the ones before it have named.
    pm.addPass(createRaiseConcatPass());
    pm.addPass(createRaiseNormPass());
    pm.addPass(createRaiseQuantizationPass());
    pm.addPass(createRaiseRotaryPass());
    pm.addPass(createRaiseIndexerPass());
    pm.addPass(createRaiseSwiGLUPass());
    pm.addPass(createRaiseRoutePass());
    pm.addPass(createRaiseExpertsPass());
    pm.addPass(createRaiseCachePass());
    pm.addPass(createCSEPass());
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createRaiseAttentionPass());
    pm.addPass(createRaiseLatentAttentionPass());
    pm.addPass(createRaiseSelectionPass());
    // Last of all: the others look for the products of the standard.
    pm.addPass(createRaiseLinearPass());
    // The masks that nothing reads any more go.
    pm.addPass(createCSEPass());
    pm.addPass(createCanonicalizerPass());
  }
  pm.addPass(createCheckSizesPass());
  pm.addPass(createConvertONNXToLinalgPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCheckExtentsPass());
  pm.addPass(createNameExtentsPass());
  // Equal extents become one value, and what compares them folds.
  pm.addPass(createCSEPass());
  // Sizes are not negative, so no reshape asks whether one is -1.
  pm.addPass(arith::createIntRangeOptimizationsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}
