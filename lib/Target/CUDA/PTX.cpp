//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From the module of kernels to LLVM IR, and from there to PTX.
//
//===----------------------------------------------------------------------===//
#include "lib/Target/CUDA/PTX.h"

#include "lib/Support/Output.h"
#include "lib/Target/CodeGen.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;
using namespace fulgur;

/// The PTX version that all kernels are written in: that of CUDA 12.7, the
/// first which knows loads of the tensor memory accelerator into the block's
/// own shared memory. What an older driver takes is the cubin.
static constexpr StringLiteral features = "+ptx86";

static ExitCode makeMachine(StringRef arch, unsigned optLevel,
                            std::unique_ptr<llvm::TargetMachine> &machine) {
  LLVMInitializeNVPTXTarget();
  LLVMInitializeNVPTXTargetInfo();
  LLVMInitializeNVPTXTargetMC();
  LLVMInitializeNVPTXAsmPrinter();
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string problem;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, problem);
  if (target)
    machine.reset(target->createTargetMachine(
        triple, arch, features, llvm::TargetOptions(), std::nullopt,
        std::nullopt,
        llvm::CodeGenOpt::getLevel(optLevel).value_or(
            llvm::CodeGenOptLevel::Aggressive)));
  if (!machine)
    return fail(ExitCode::InternalFailure,
                "no code generator for '" + arch + "': " + problem);
  return ExitCode::Success;
}

/// A copy of the kernels in a module of their own.
static OwningOpRef<ModuleOp> copyKernels(ModuleOp module) {
  auto builder = OpBuilder(module.getContext());
  OwningOpRef<ModuleOp> copy(ModuleOp::create(builder, module.getLoc()));
  builder.setInsertionPointToStart(copy->getBody());
  for (auto kernels : module.getOps<gpu::GPUModuleOp>())
    builder.clone(*kernels);
  return copy;
}

/// Instructions that name no effect may depend on which threads run them.
static void markConvergent(llvm::Module &module) {
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction : llvm::instructions(function))
      if (auto *call = dyn_cast<llvm::CallInst>(&instruction);
          call && call->isInlineAsm())
        call->setConvergent();
}

static ExitCode translate(ModuleOp module, const llvm::TargetMachine &machine,
                          llvm::LLVMContext &context,
                          std::unique_ptr<llvm::Module> &result) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  std::string problem;
  ScopedDiagnosticHandler handler(
      module.getContext(), [&](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == DiagnosticSeverity::Error &&
            problem.empty())
          problem = diagnostic.str();
        return success();
      });
  PassManager pm(module.getContext());
  pm.addPass(createConvertKernelToPTXPass());
  pm.nest<gpu::GPUModuleOp>().addPass(createConvertNVVMToLLVMPass());
  auto kernels = *module.getOps<gpu::GPUModuleOp>().begin();
  kernels->setAttr(
      LLVM::LLVMDialect::getDataLayoutAttrName(),
      StringAttr::get(module.getContext(),
                      machine.createDataLayout().getStringRepresentation()));
  if (succeeded(pm.run(module)))
    result = translateModuleToLLVMIR(kernels, context, "kernels");
  if (!result)
    return fail(ExitCode::InternalFailure,
                "the translation of kernels to LLVM IR failed: " + problem);
  result->setTargetTriple(machine.getTargetTriple());
  result->setDataLayout(machine.createDataLayout());
  markConvergent(*result);
  return ExitCode::Success;
}

/// There is nothing that a kernel could be linked with.
static ExitCode checkIsClosed(const llvm::Module &module) {
  for (const llvm::Function &function : module)
    if (function.isDeclaration() && !function.isIntrinsic() &&
        !function.use_empty())
      return fail(
          ExitCode::InternalFailure,
          "expected kernels to call nothing outside of them, but got '" +
              function.getName() + "'");
  return ExitCode::Success;
}

ExitCode fulgur::generatePTX(ModuleOp module, StringRef arch, unsigned optLevel,
                             std::string &ptx) {
  if (module.getOps<gpu::GPUModuleOp>().empty())
    return ExitCode::Success;
  std::unique_ptr<llvm::TargetMachine> machine;
  ExitCode code = makeMachine(arch, optLevel, machine);
  if (code != ExitCode::Success)
    return code;
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> ir;
  OwningOpRef<ModuleOp> kernels = copyKernels(module);
  if (code = translate(*kernels, *machine, context, ir);
      code != ExitCode::Success)
    return code;
  ir->setModuleIdentifier("kernels");
  if (code = optimize(*ir, *machine, optLevel); code != ExitCode::Success)
    return code;
  if (code = checkIsClosed(*ir); code != ExitCode::Success)
    return code;
  SmallVector<char, 0> text;
  code = generateCode(*ir, *machine, llvm::CodeGenFileType::AssemblyFile, text);
  ptx.assign(text.begin(), text.end());
  return code;
}
