//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The order of the back end: describe, translate, optimise, generate, link.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Target/Target.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/Support/Output.h"
#include "lib/Target/CUDA/PTX.h"
#include "lib/Target/CUDA/Ptxas.h"
#include "lib/Target/CUDA/Variant.h"
#include "lib/Target/CodeGen.h"
#include "lib/Target/Link.h"
#include "lib/Target/LinkConfig.h"
#include "lib/Target/ModelDescriptor.h"
#include "lib/Target/Weights.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace fulgur;

/// Translates the functions of `module`; the rest of it is for the descriptor.
static ExitCode translate(ModuleOp module, const llvm::TargetMachine &machine,
                          llvm::LLVMContext &context,
                          std::unique_ptr<llvm::Module> &result) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);

  OwningOpRef<ModuleOp> copy(module.clone());
  // Kernels are code of another machine.
  for (auto kernels :
       llvm::make_early_inc_range(copy->getOps<gpu::GPUModuleOp>()))
    kernels.erase();
  for (WeightOp weight : llvm::make_early_inc_range(copy->getOps<WeightOp>()))
    weight.erase();
  for (NamedAttribute attribute :
       llvm::to_vector((*copy)->getDiscardableAttrs()))
    if (attribute.getName().strref().starts_with("fulgur.") ||
        attribute.getName() == gpu::GPUDialect::getContainerModuleAttrName())
      (*copy)->removeDiscardableAttr(attribute.getName());
  for (Operation &op : copy->getOps())
    if (!isa_and_nonnull<LLVM::LLVMDialect>(op.getDialect()))
      return fail(ExitCode::InvalidInput,
                  "expected the module to be lowered to the llvm dialect, but "
                  "got '" +
                      op.getName().getStringRef() + "'");

  // Known before the translation: default alignments come from it.
  (*copy)->setAttr(
      LLVM::LLVMDialect::getDataLayoutAttrName(),
      StringAttr::get(module.getContext(),
                      machine.createDataLayout().getStringRepresentation()));

  std::string problem;
  {
    ScopedDiagnosticHandler handler(
        module.getContext(), [&](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error &&
              problem.empty())
            problem = diagnostic.str();
          return success();
        });
    result = translateModuleToLLVMIR(*copy, context);
  }
  if (!result)
    return fail(ExitCode::InternalFailure,
                "the translation to LLVM IR failed: " + problem);
  auto step = result->getFunction("fulgur_step");
  if (!step || step->isDeclaration())
    return fail(ExitCode::InvalidInput,
                "expected the module to define 'fulgur_step', but got none");
  return ExitCode::Success;
}

static std::string getCompilerName(const llvm::TargetMachine &machine) {
  return ("fulgur " FULGUR_VERSION " (LLVM " LLVM_VERSION_STRING ") " +
          machine.getTargetTriple().str() + " " + machine.getTargetCPU())
      .str();
}

/// The text or the bytes of `stage`, which is a link's input when it is one.
static ExitCode generate(Stage stage, llvm::Module &module,
                         llvm::TargetMachine &machine,
                         SmallVectorImpl<char> &code) {
  if (stage == Stage::LLVMIR) {
    llvm::raw_svector_ostream os(code);
    os << module;
    return ExitCode::Success;
  }
  return generateCode(module, machine,
                      stage == Stage::Assembly
                          ? llvm::CodeGenFileType::AssemblyFile
                          : llvm::CodeGenFileType::ObjectFile,
                      code);
}

ArrayRef<llvm::StringLiteral> fulgur::getGPUArchitectures() {
  static constexpr llvm::StringLiteral architectures[] = {"sm_80", "sm_90a"};
  return architectures;
}

/// A copy of `module` that also has the kernels as functions of the host.
static OwningOpRef<ModuleOp> emulateKernels(ModuleOp module, ModelInfo &info,
                                            StringRef ending) {
  OwningOpRef<ModuleOp> copy(module.clone());
  PassManager pm(module.getContext());
  pm.addPass(createConvertNVVMToEmulatorPass());
  if (failed(pm.run(*copy)))
    return nullptr;
  info.hasEmulator = true;
  for (KernelInfo &kernel : info.kernels)
    kernel.emulated = (kernel.name + "_emulated" + ending).str();
  return copy;
}

/// Adds the host's part of a variant to `ir` and to `model`. All that it
/// defines has the name of the architecture behind its own.
static ExitCode addVariant(const GPUVariant &variant,
                           const llvm::TargetMachine &machine,
                           const TargetOptions &options, llvm::Module &ir,
                           ModelInfo &model) {
  ModelInfo &info = model.variants.emplace_back();
  info.target = variant.arch;
  ExitCode code = readModelInfo(variant.module, info);
  if (code != ExitCode::Success)
    return code;
  code = compileKernels(variant, options, /*needsCubin=*/false, info);
  if (code != ExitCode::Success)
    return code;
  std::string ending = "." + variant.arch;
  ModuleOp host = variant.module;
  OwningOpRef<ModuleOp> emulated;
  if (options.gpuEmulator) {
    emulated = emulateKernels(host, info, ending);
    if (!emulated)
      return ExitCode::InternalFailure;
    host = *emulated;
  }
  std::unique_ptr<llvm::Module> step;
  code = translate(host, machine, ir.getContext(), step);
  if (code != ExitCode::Success)
    return code;
  for (llvm::GlobalValue &value : step->global_values())
    if (!value.isDeclaration() && !value.getName().starts_with("llvm."))
      value.setName(value.getName() + ending);
  info.stepFunction += ending;
  info.sizesFunction += ending;
  if (llvm::Linker::linkModules(ir, std::move(step)))
    return fail(ExitCode::InternalFailure,
                "the variant for " + variant.arch + " can not be added");
  return ExitCode::Success;
}

static ExitCode emit(ModuleOp module, ArrayRef<GPUVariant> variants,
                     Stage stage, StringRef output,
                     const TargetOptions &options) {
  std::unique_ptr<llvm::TargetMachine> machine;
  ExitCode code = makeTargetMachine(options.cpu, options.optLevel, machine);
  if (code != ExitCode::Success)
    return code;

  ModelInfo info;
  if (code = readModelInfo(module, info); code != ExitCode::Success)
    return code;
  if (!options.modelFolder.empty())
    info.folder = options.modelFolder;
  SmallString<256> folder(info.folder);
  if (std::error_code error = llvm::sys::fs::make_absolute(folder))
    return fail(ExitCode::ToolFailed, folder + ": " + error.message());
  info.folder = folder.str().str();
  if (info.name.empty())
    info.name = output == "-" ? "model" : llvm::sys::path::stem(output).str();

  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> ir;
  if (code = translate(module, *machine, context, ir);
      code != ExitCode::Success)
    return code;
  for (const GPUVariant &variant : variants)
    if (code = addVariant(variant, *machine, options, *ir, info);
        code != ExitCode::Success)
      return code;
  PlacedWeights placed;
  code = placeWeights(info, options.weights, output, placed);
  if (code != ExitCode::Success)
    return code;
  ir->setModuleIdentifier(info.name);
  ir->setSourceFileName(info.name);
  setTarget(*ir, *machine);
  expandConversions(*ir, *machine);
  code = optimize(*ir, *machine, options.optLevel);
  if (code != ExitCode::Success)
    return code;
  addConversionHelpers(*ir);
  addModelDescriptor(*ir, info, placed.blob, getCompilerName(*machine));

  SmallVector<char, 0> bytes;
  if (code = generate(stage, *ir, *machine, bytes); code != ExitCode::Success)
    return code;
  StringRef contents(bytes.data(), bytes.size());
  if (output == "-")
    return writeStandardOutput(contents);
  PendingFile result(output);
  if (stage >= Stage::SharedLibrary)
    code = linkModel(contents, result, stage == Stage::SharedLibrary,
                     options.linker);
  else
    code = result.create([&](llvm::raw_ostream &os) {
      os << contents;
      return ExitCode::Success;
    });
  // The weights first: no executable is ever without them.
  if (code == ExitCode::Success && placed.file)
    code = placed.file->keep();
  return code == ExitCode::Success ? result.keep() : code;
}

/// Whether `stage` is nothing to read.
static bool isBinary(Stage stage) {
  return stage == Stage::Cubin || stage >= Stage::Object;
}

static ExitCode checkOutput(Stage stage, StringRef output) {
  if (output == "-" && isBinary(stage))
    return fail(ExitCode::Usage,
                "expected the output to be a file for --emit=" +
                    getStageInfo(stage).emit + ", but got standard output");
  return ExitCode::Success;
}

ExitCode fulgur::emitTarget(ModuleOp module, ArrayRef<GPUVariant> variants,
                            Stage stage, StringRef output,
                            const TargetOptions &options) {
  assert(!isMLIR(stage) && !isKernels(stage) && "not the host's");
  if (ExitCode code = checkOutput(stage, output); code != ExitCode::Success)
    return code;
  return emit(module, variants, stage, output, options);
}

ExitCode fulgur::emitKernels(const GPUVariant &variant, Stage stage,
                             StringRef output, const TargetOptions &options) {
  assert(isKernels(stage) && "the host's");
  ExitCode code = checkOutput(stage, output);
  std::string text;
  if (code == ExitCode::Success && stage == Stage::PTX)
    code = generatePTX(variant.module, variant.arch, options.optLevel, text);
  ModelInfo info;
  if (code == ExitCode::Success && stage != Stage::PTX)
    code = compileKernels(variant, options, /*needsCubin=*/true, info);
  if (code != ExitCode::Success)
    return code;
  if (!info.images.empty())
    text = std::move(info.images.front().data);
  if (stage == Stage::SASS && !text.empty()) {
    std::string cubin = std::move(text);
    if (code = disassemble(cubin, text); code != ExitCode::Success)
      return code;
  }
  if (output == "-")
    return writeStandardOutput(text);
  PendingFile file(output);
  code = file.create([&](llvm::raw_ostream &os) {
    os << text;
    return ExitCode::Success;
  });
  return code == ExitCode::Success ? file.keep() : code;
}
