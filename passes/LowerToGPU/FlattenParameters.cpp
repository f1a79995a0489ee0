//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Passes buffers to kernels as the scalars that their types do not say.
// Upstream passes whole descriptors, of which most fields are constants.
//
//===----------------------------------------------------------------------===//
#include "lib/Support/MemRefFields.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace fulgur {
#define GEN_PASS_DEF_FLATTENPARAMETERSPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct FlattenParametersPass final
    : fulgur::impl::FlattenParametersPassBase<FlattenParametersPass> {
  void runOnOperation() final;
};
} // namespace

static void flatten(gpu::GPUFuncOp kernel, const LLVMTypeConverter &types) {
  Block &entry = kernel.getBody().front();
  auto builder = OpBuilder::atBlockBegin(&entry);
  unsigned count = kernel.getNumArguments();
  // Attributions are behind the parameters.
  unsigned at = count;
  auto append = [&](Type type) -> Value {
    return entry.insertArgument(at++, type, kernel.getLoc());
  };
  for (unsigned i = 0; i < count; ++i) {
    Value old = entry.getArgument(i);
    auto memref = dyn_cast<MemRefType>(old.getType());
    old.replaceAllUsesWith(
        memref ? makeMemRef(builder, kernel.getLoc(), types, memref, append)
               : append(old.getType()));
  }
  entry.eraseArguments(0, count);
  SmallVector<Type> inputs;
  for (unsigned i = 0; i < at - count; ++i)
    inputs.push_back(entry.getArgument(i).getType());
  kernel.setFunctionType(builder.getFunctionType(inputs, {}));
}

void FlattenParametersPass::runOnOperation() {
  ModuleOp module = getOperation();
  LLVMTypeConverter types(&getContext());
  module.walk([&](gpu::LaunchFuncOp launch) {
    OpBuilder builder(launch);
    SmallVector<Value> operands;
    for (Value operand : launch.getKernelOperands()) {
      if (isa<MemRefType>(operand.getType()))
        llvm::append_range(operands, getMemRefFields(builder, launch.getLoc(),
                                                     types, operand));
      else
        operands.push_back(operand);
    }
    launch.getKernelOperandsMutable().assign(operands);
  });
  module.walk([&](gpu::GPUFuncOp kernel) {
    if (kernel.isKernel())
      flatten(kernel, types);
  });
}
