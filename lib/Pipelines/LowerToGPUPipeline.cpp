//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The order of the lower stage for a GPU: the step of the host in the llvm
// dialect, and its kernels in llvm and nvvm.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Pipelines/Pipelines.h"
#include "passes/LowerToCPU/Passes.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace fulgur;

void fulgur::buildLowerToGPUPipeline(OpPassManager &pm) {
  // Loops, and kernels of them.
  pm.addPass(createGlobalsToWeightsPass());
  pm.addPass(createForallToHostLoopPass());
  pm.addPass(createLowerKernelCallsPass());
  pm.addPass(createLowerMatmulToKernelPass());
  pm.addPass(createLowerReductionToKernelPass());
  pm.addPass(createLowerLinalgPass({/*shareElements=*/true}));
  pm.addPass(createForallToParallelLoopPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createOutlineKernelsPass());
  pm.addPass(createLowerModelPass());

  // From here on every operation has one lowering, in kernels and around them.
  pm.addPass(createFlattenParametersPass());
  pm.addPass(createLowerTensorMapsPass());
  pm.addPass(createExpandViewsPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createExpandFloat8Pass());
  pm.addPass(createExpandMathPass());
  pm.addPass(createLowerMathPass());
  pm.addPass(arith::createArithExpandOpsPass());
  pm.addPass(createConvertKernelToNVVMPass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertGPUToNVVMPass());
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(createReconcileUnrealizedCastsPass());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  pm.addPass(createDropUnusedParametersPass());
  pm.addPass(createLowerLaunchesPass());
  pm.addPass(createConvertToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}
