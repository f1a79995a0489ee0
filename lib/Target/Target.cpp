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
#include "lib/Target/CodeGen.h"
#include "lib/Target/Link.h"
#include "lib/Target/LinkConfig.h"
#include "lib/Target/ModelDescriptor.h"
#include "lib/Target/Weights.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/IR/LLVMContext.h"
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
  for (WeightOp weight : llvm::make_early_inc_range(copy->getOps<WeightOp>()))
    weight.erase();
  for (NamedAttribute attribute :
       llvm::to_vector((*copy)->getDiscardableAttrs()))
    if (attribute.getName().strref().starts_with("fulgur."))
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

static ExitCode emit(ModuleOp module, Stage stage, StringRef output,
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
  PlacedWeights placed;
  code = placeWeights(info, options.weights, output, placed);
  if (code != ExitCode::Success)
    return code;

  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> ir;
  if (code = translate(module, *machine, context, ir);
      code != ExitCode::Success)
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

ExitCode fulgur::emitTarget(ModuleOp module, Stage stage, StringRef output,
                            const TargetOptions &options) {
  assert(!isMLIR(stage) && "the driver prints MLIR");
  if (output == "-" && stage >= Stage::Object)
    return fail(ExitCode::Usage,
                "expected the output to be a file for --emit=" +
                    getStageInfo(stage).emit + ", but got standard output");
  return emit(module, stage, output, options);
}
