//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The order of the bufferize stage.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Pipelines/Pipelines.h"
#include "passes/Bufferize/Passes.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void fulgur::buildBufferizePipeline(OpPassManager &pm,
                                    const BufferizeOptions &options) {
  pm.addPass(createPassDestinationsPass());
  pm.addPass(createNameExtentsPass());
  pm.addPass(createDescribeModelPass());
  if (options.packsWeights)
    pm.addPass(createPackWeightsPass({options.vectorBytes}));
  pm.addPass(createDecomposeTensorsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createHoistChecksPass());
  // After equal fills have become one.
  pm.addPass(createSeparateFillsPass());
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  bufferize.unknownTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  bufferize.allowReturnAllocsFromLoops = true;
  bufferize.bufferAlignment = 64;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  // Before anything folds the casts that it looks for.
  pm.addPass(createCopyStridedResultsPass());
  // A result in the place that the caller gave is no result any more.
  pm.addPass(bufferization::createDropEquivalentBufferResultsPass());
  pm.addPass(memref::createResolveShapedTypeResultDimsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createPlanArenaPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}
