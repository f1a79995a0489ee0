//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Lowers what kernels are built of to NVVM. The files beside this one, in the
// folder of its name, have the patterns.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/ConvertKernelToNVVM/Patterns.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"

namespace fulgur {
#define GEN_PASS_DEF_CONVERTKERNELTONVVMPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;
using namespace fulgur::kernel;

namespace {
struct ConvertKernelToNVVMPass final
    : fulgur::impl::ConvertKernelToNVVMPassBase<ConvertKernelToNVVMPass> {
  void runOnOperation() final;
};
} // namespace

static void addTypes(TypeConverter &types) {
  types.addConversion([](MBarrierType type) {
    return LLVM::LLVMPointerType::get(type.getContext(), sharedSpace);
  });
  types.addConversion([](PipelineType type) {
    return LLVM::LLVMPointerType::get(type.getContext(), sharedSpace);
  });
  types.addConversion([](PipelineStateType type) {
    return IntegerType::get(type.getContext(), 32);
  });
  types.addConversion([](TensorMapType type) {
    return LLVM::LLVMPointerType::get(type.getContext());
  });
}

static void declareShared(gpu::GPUModuleOp kernels) {
  if (kernels.lookupSymbol(sharedSymbol))
    return;
  auto builder = OpBuilder::atBlockBegin(kernels.getBody());
  auto bytes = LLVM::LLVMArrayType::get(builder.getI8Type(), 0);
  LLVM::GlobalOp::create(builder, kernels.getLoc(), bytes,
                         /*isConstant=*/false, LLVM::Linkage::External,
                         sharedSymbol, Attribute(), /*alignment=*/1024,
                         sharedSpace);
}

void ConvertKernelToNVVMPass::runOnOperation() {
  MLIRContext *context = &getContext();
  LLVMTypeConverter types(context);
  configureGpuToNVVMTypeConverter(types);
  addTypes(types);
  // Loops carry states and keep all other types.
  TypeConverter carried;
  carried.addConversion([](Type type) { return type; });
  addTypes(carried);

  RewritePatternSet patterns(context);
  ConversionTarget target(*context);
  populateBarrierPatterns(types, patterns);
  populateCopyPatterns(types, patterns);
  populateMatrixPatterns(types, patterns);
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  scf::populateSCFStructuralTypeConversionsAndLegality(carried, patterns,
                                                       target);
  target.addIllegalDialect<KernelDialect>();
  target.addLegalOp<WgmmaIssueOp, WgmmaWaitOp, PinOp>();
  FrozenRewritePatternSet frozen(std::move(patterns));
  for (auto kernels : getOperation().getOps<gpu::GPUModuleOp>()) {
    bool shares = false;
    kernels.walk([&](Operation *op) {
      shares |= isa<SharedOp, MBarrierOp, PipelineCreateOp>(op);
    });
    if (shares)
      declareShared(kernels);
    if (failed(applyPartialConversion(kernels, target, frozen)))
      return signalPassFailure();
  }
}
