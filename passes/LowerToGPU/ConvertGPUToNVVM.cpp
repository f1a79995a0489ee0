//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Upstream's patterns without upstream's pass: that one calls NVIDIA's library
// for mathematical functions, also where PTX has an instruction, and there is
// no such library here.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/DialectConversion.h"

namespace fulgur {
#define GEN_PASS_DEF_CONVERTGPUTONVVMPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;

namespace {
struct ConvertGPUToNVVMPass final
    : fulgur::impl::ConvertGPUToNVVMPassBase<ConvertGPUToNVVMPass> {
  void runOnOperation() final;
};
} // namespace

/// What a loop says about itself got to its branches as an attribute of theirs
/// that LLVM IR does not take.
static void annotateLoops(Operation *kernels) {
  kernels->walk([](Operation *op) {
    auto annotation =
        op->getAttrOfType<LLVM::LoopAnnotationAttr>(fulgur::loopAnnotationAttr);
    if (!annotation)
      return;
    if (auto branch = dyn_cast<LLVM::BrOp>(op))
      branch.setLoopAnnotationAttr(annotation);
    else if (auto branch = dyn_cast<LLVM::CondBrOp>(op))
      branch.setLoopAnnotationAttr(annotation);
    op->removeAttr(fulgur::loopAnnotationAttr);
  });
}

void ConvertGPUToNVVMPass::runOnOperation() {
  MLIRContext *context = &getContext();
  LLVMTypeConverter types(context);
  configureGpuToNVVMTypeConverter(types);
  RewritePatternSet patterns(context);
  populateGpuToNVVMConversionPatterns(types, patterns);
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  populateMathToLLVMConversionPatterns(types, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(types, patterns);
  populateVectorToLLVMConversionPatterns(types, patterns);
  // What is neither is low-level already.
  ConversionTarget target(*context);
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  target.addIllegalDialect<arith::ArithDialect, cf::ControlFlowDialect,
                           gpu::GPUDialect, math::MathDialect,
                           memref::MemRefDialect, vector::VectorDialect>();
  target.addLegalOp<gpu::GPUModuleOp>();
  FrozenRewritePatternSet frozen(std::move(patterns));
  for (auto kernels : getOperation().getOps<gpu::GPUModuleOp>()) {
    // Upstream's conversion of functions loses what goes by value.
    llvm::MapVector<StringAttr, SmallVector<std::pair<unsigned, Attribute>>>
        values;
    for (auto kernel : kernels.getOps<gpu::GPUFuncOp>())
      for (unsigned i = 0; i < kernel.getNumArguments(); ++i)
        if (Attribute type =
                kernel.getArgAttr(i, LLVM::LLVMDialect::getByValAttrName()))
          values[kernel.getNameAttr()].emplace_back(i, type);
    if (failed(applyPartialConversion(kernels, target, frozen)))
      return signalPassFailure();
    annotateLoops(kernels);
    for (auto &[name, arguments] : values)
      for (auto [i, type] : arguments) {
        auto kernel = kernels.lookupSymbol<LLVM::LLVMFuncOp>(name);
        kernel.setArgAttr(i, LLVM::LLVMDialect::getByValAttrName(), type);
        // Else LLVM copies it to local memory, where the TMA does not find it.
        kernel.setArgAttr(i, NVVM::NVVMDialect::getGridConstantAttrName(),
                          UnitAttr::get(context));
      }
  }
}
