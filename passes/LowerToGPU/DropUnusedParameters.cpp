//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Removes the parameters that a kernel does not use: a launch writes each of
// them, and kernels that work on buffers use few of their extents.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace fulgur {
#define GEN_PASS_DEF_DROPUNUSEDPARAMETERSPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;

namespace {
struct DropUnusedParametersPass final
    : fulgur::impl::DropUnusedParametersPassBase<DropUnusedParametersPass> {
  void runOnOperation() final;
};
} // namespace

/// Upstream's interface can not make a type without results.
static void erase(LLVM::LLVMFuncOp kernel, const llvm::BitVector &unused) {
  SmallVector<Type> inputs;
  SmallVector<DictionaryAttr> attributes;
  for (unsigned i = 0; i < unused.size(); ++i) {
    if (unused.test(i))
      continue;
    inputs.push_back(kernel.getArgument(i).getType());
    attributes.push_back(kernel.getArgAttrDict(i));
  }
  kernel.getBody().front().eraseArguments(unused);
  kernel.setFunctionType(LLVM::LLVMFunctionType::get(
      kernel.getFunctionType().getReturnType(), inputs));
  kernel.setAllArgAttrs(attributes);
}

void DropUnusedParametersPass::runOnOperation() {
  ModuleOp module = getOperation();
  llvm::DenseMap<Operation *, llvm::BitVector> unused;
  for (auto kernels : module.getOps<gpu::GPUModuleOp>())
    for (auto kernel : kernels.getOps<LLVM::LLVMFuncOp>()) {
      if (kernel.isExternal() ||
          !kernel->hasAttr(gpu::GPUDialect::getKernelFuncAttrName()))
        continue;
      llvm::BitVector &bits = unused[kernel];
      for (BlockArgument argument : kernel.getArguments())
        bits.push_back(argument.use_empty());
    }
  module.walk([&](gpu::LaunchFuncOp launch) {
    auto it = unused.find(module.lookupSymbol(launch.getKernelAttr()));
    if (it != unused.end())
      for (unsigned i = it->second.size(); i-- > 0;)
        if (it->second.test(i))
          launch.getKernelOperandsMutable().erase(i);
  });
  for (auto &[op, bits] : unused)
    erase(cast<LLVM::LLVMFuncOp>(op), bits);
}
