//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Strings the stages together: load, one pipeline a stage, then the target.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Compiler/Compiler.h"

#include "fulgur/Importer/ONNX.h"
#include "fulgur/InitAll.h"
#include "lib/Compiler/Compilation.h"
#include "lib/Compiler/Explain.h"
#include "lib/CostModel/Machine.h"
#include "lib/Support/Output.h"
#include "passes/Fuse/ApplyPatterns.h"
#include "passes/LowerToGPU/Passes.h"
#include "passes/Raise/ConvertONNXToLinalg/Supported.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Transform/IR/TransformDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/Timing.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace fulgur;

/// Module attributes by which a compilation can be resumed from text.
static constexpr StringLiteral stageAttr = "fulgur.stage";
static constexpr StringLiteral folderAttr = "fulgur.model_folder";

/// The machine that stands for an architecture where the user names none.
static StringRef getMachineName(StringRef arch) {
  return arch == "sm_80" ? "a100" : "h100";
}

Compilation::Compilation(const CompileOptions &options)
    : options(options), context(makeRegistry()),
      printer(context, options.input),
      progress(options.progress, static_cast<unsigned>(options.emit),
               options.emit > Stage::Raised && !isOneVariant(options)
                   ? options.gpuArchs.size()
                   : 0) {
  context.loadAllAvailableDialects();
  timing.setEnabled(options.timing);
  rootTimer = timing.getRootScope();
  if (!options.report.empty())
    report.emplace(
        ReportOptions{options.report, options.reportDims},
        ReportHeader{options.input, getStageInfo(options.emit).emit.str(),
                     options.gpuArchs.empty() ? options.target.cpu
                                              : options.gpuArchs.front()});
}

DialectRegistry Compilation::makeRegistry() {
  DialectRegistry registry;
  fulgur::registerAllDialects(registry);
  return registry;
}

ExitCode Compilation::resume() {
  module = parseSourceFile<ModuleOp>(options.input, ParserConfig(&context));
  if (!module)
    return ExitCode::InvalidInput;
  auto name = (*module)->getAttrOfType<StringAttr>(stageAttr);
  std::optional<Stage> stage =
      name ? parseStage(name.getValue()) : std::nullopt;
  if (!stage || !isMLIR(*stage))
    return fail(ExitCode::InvalidInput,
                options.input + ": expected a module with the attribute '" +
                    stageAttr + "' that --emit=mlir:… writes, but got " +
                    (name ? "'" + name.getValue() + "'" : Twine("none")));
  if (*stage > options.emit)
    return fail(ExitCode::Usage, options.input + ": is at stage '" +
                                     name.getValue() +
                                     "', which is after the asked one, '" +
                                     getStageInfo(options.emit).emit + "'");
  reached = *stage;
  return checkResumed();
}

/// What is chosen for one machine can not go on for another.
ExitCode Compilation::checkResumed() {
  if (reached <= Stage::Raised)
    return ExitCode::Success;
  auto name = (*module)->getAttrOfType<StringAttr>(targetAttr);
  StringRef target = name ? name.getValue() : "cpu";
  bool isAsked = options.gpuArchs.empty()
                     ? target == "cpu"
                     : isOneVariant(options) && target == options.gpuArchs[0];
  if (isAsked)
    return ExitCode::Success;
  std::string asked = options.gpuArchs.empty()
                          ? "cpu"
                          : "cpu and " + llvm::join(options.gpuArchs, " and ");
  if (isOneVariant(options))
    asked = options.gpuArchs[0];
  return fail(ExitCode::Usage, options.input + ": expected a module for " +
                                   asked + ", but it is at stage '" +
                                   getStageInfo(reached).emit + "' for " +
                                   target);
}

ExitCode Compilation::load() {
  if (!llvm::sys::fs::exists(options.input))
    return fail(ExitCode::InvalidInput,
                options.input + ": no such file or folder");
  if (StringRef(options.input).ends_with(".mlir"))
    return resume();
  progress.step(getStageInfo(Stage::Imported).step, options.input);
  TimingScope timer = rootTimer.nest("import");
  ONNXImportOptions importOptions;
  llvm::StringSet<> supported = getSupportedONNXOperators(context);
  importOptions.isSupported = [&](StringRef name) {
    return supported.contains(name);
  };
  importOptions.expandsOperators = !options.raise.recognise;
  ONNXImportResult imported =
      importONNXModel(options.input, context, importOptions);
  if (imported.exitCode != ExitCode::Success)
    return imported.exitCode;
  module = std::move(imported.module);
  SmallString<128> folder(llvm::sys::path::parent_path(options.input));
  llvm::sys::fs::make_absolute(folder);
  (*module)->setAttr(folderAttr, StringAttr::get(&context, folder));
  (*module)->setAttr(
      stageAttr, StringAttr::get(&context, getStageInfo(Stage::Imported).emit));
  return dump(Stage::Imported);
}

/// Part of the raise stage; here, what fails is the command line's fault.
ExitCode Compilation::setDims() {
  if (options.raise.dims.empty())
    return ExitCode::Success;
  if (reached >= Stage::Raised)
    return fail(ExitCode::Usage, options.input +
                                     ": expected --dim with a "
                                     "model, but its sizes are "
                                     "settled at stage '" +
                                     getStageInfo(reached).emit + "'");
  PassManager pm(&context);
  SetDimsPassOptions dims;
  llvm::append_range(dims.dims, options.raise.dims);
  pm.addPass(createSetDimsPass(dims));
  return succeeded(pm.run(*module)) ? ExitCode::Success : ExitCode::Usage;
}

/// The module says what it is compiled for, so that it can be resumed.
ExitCode Compilation::setMachine() {
  if (options.machine.empty())
    return ExitCode::Success;
  if (reached >= Stage::Fused)
    return fail(ExitCode::Usage,
                options.input +
                    ": expected --machine with a model, but its "
                    "forms are chosen at stage '" +
                    getStageInfo(reached).emit + "'");
  (*module)->setAttr(machineAttr, StringAttr::get(&context, options.machine));
  return ExitCode::Success;
}

/// Beside the output, or in the working folder.
static std::string getReproducerName(const CompileOptions &options) {
  StringRef output = options.output;
  return ((output == "-" ? llvm::sys::path::stem(options.input) : output) +
          ".reproducer.mlir")
      .str();
}

ExitCode Compilation::runStage(Stage stage) {
  const StageInfo &info = getStageInfo(stage);
  progress.step(info.step, arch);
  TimingScope timer = rootTimer.nest(info.step);
  PassManager pm(&context);
  pm.enableTiming(timer);
  if (isReported())
    report->beginStage(pm);
  if (failed(buildStagePipeline(
          stage, !arch.empty(), pm, options, [&](const Twine &message) {
            fail(ExitCode::Usage, "--pipeline: " + message);
          })))
    return ExitCode::Usage;
  pm.addPass(createVerifyStagePass({info.emit.str()}));

  // Passes that fail without a word, or crash, leave a reproducer.
  std::string reproducer = getReproducerName(options);
  pm.enableCrashReproducerGeneration(reproducer);
  unsigned errorsBefore = printer.getNumErrors();
  if (failed(pm.run(*module))) {
    // What the front half refuses is the user's model, and a script is the
    // user's; what else fails is our own doing.
    bool isUsers = stage == Stage::Raised ||
                   (stage == Stage::Fused && !options.fuse.script.empty());
    if (isUsers && printer.getNumErrors() > errorsBefore) {
      llvm::sys::fs::remove(reproducer);
      return stage == Stage::Raised ? ExitCode::Unsupported
                                    : ExitCode::InvalidInput;
    }
    std::string command = "fulgur-opt";
    for (const std::string &plugin : options.plugins)
      command += " --load-pass-plugin=" + plugin;
    return fail(ExitCode::InternalFailure,
                options.input + ": stage '" + info.step + "' failed in " +
                    printer.getFailedPass() + "; replay it with: " + command +
                    " --run-reproducer " + reproducer);
  }
  reached = stage;
  if (isReported())
    report->endStage(stage, *module);
  (*module)->setAttr(stageAttr, StringAttr::get(&context, info.emit));
  return dump(stage);
}

ExitCode Compilation::writeText(StringRef path) {
  auto print = [&](llvm::raw_ostream &os) {
    OpPrintingFlags flags;
    flags.enableDebugInfo(/*enable=*/path != "-", /*prettyForm=*/false);
    module->print(os, flags);
    os << "\n";
    return ExitCode::Success;
  };
  if (path == "-") {
    std::string text;
    llvm::raw_string_ostream os(text);
    print(os);
    return writeStandardOutput(text);
  }
  PendingFile file(path);
  if (ExitCode code = file.create(print); code != ExitCode::Success)
    return code;
  return file.keep();
}

ExitCode Compilation::dump(Stage stage) {
  if (options.dumpDirectory.empty())
    return ExitCode::Success;
  if (std::error_code error =
          llvm::sys::fs::create_directories(options.dumpDirectory))
    return fail(ExitCode::ToolFailed,
                options.dumpDirectory +
                    ": can not be created: " + error.message());
  SmallString<128> path(options.dumpDirectory);
  llvm::sys::path::append(path, Twine(static_cast<unsigned>(stage)) + "-" +
                                    getStageInfo(stage).emit.split(':').second +
                                    (arch.empty() ? "" : "." + arch) + ".mlir");
  return writeText(path);
}

/// Explains also what failed half-way.
ExitCode Compilation::explain() {
  if (options.explain == ExplainMode::None)
    return ExitCode::Success;
  std::string text;
  llvm::raw_string_ostream os(text);
  FailureOr<Machine> machine =
      getMachine(variants.empty() ? *module : *variants.front());
  if (failed(machine))
    return ExitCode::InvalidInput;
  if (options.explain == ExplainMode::JSON)
    printExplanationJSON(remarks, layers, step, *machine, os);
  else
    printExplanation(remarks, layers, step, *machine, os);
  return writeStandardOutput(text);
}

ExitCode Compilation::prepare() {
  bool isRemarked =
      options.explain != ExplainMode::None || options.bisect || report;
  if (isRemarked && failed(remarks.enable(context)))
    return fail(ExitCode::InternalFailure, "remarks cannot be enabled");
  if (ExitCode code = load(); code != ExitCode::Success)
    return code;
  if (ExitCode code = setDims(); code != ExitCode::Success)
    return code;
  if (ExitCode code = setMachine(); code != ExitCode::Success)
    return code;
  if (report) {
    if (ExitCode code = report->checkDims(*module); code != ExitCode::Success)
      return code;
    report->endStage(reached, *module);
  }
  return checkFiles();
}

/// The files that passes read, so that what is wrong with them is told as that.
ExitCode Compilation::checkFiles() {
  const FuseOptions &fuse = options.fuse;
  if (!fuse.patterns.empty() && !readPatterns(fuse.patterns, context))
    return ExitCode::InvalidInput;
  if (fuse.script.empty())
    return ExitCode::Success;
  OwningOpRef<ModuleOp> script =
      parseSourceFile<ModuleOp>(fuse.script, &context);
  if (!script)
    return ExitCode::InvalidInput;
  StringRef entry = transform::TransformDialect::kTransformEntryPointSymbolName;
  if (!script->lookupSymbol(entry))
    return fail(ExitCode::InvalidInput, fuse.script +
                                            ": expected a named sequence '@" +
                                            entry + "', but got none");
  return ExitCode::Success;
}

/// What is told of the graph that was recognised, before it changes.
void Compilation::examineRaised() {
  layers.addLayers(*module);
  if (options.explain != ExplainMode::None)
    step = getTotalCost(buildGraph(*module, {}));
}

ExitCode Compilation::runUntil(Stage last) {
  layers.addOrder(*module);
  while (reached < last) {
    if (reached == Stage::Raised && isShown)
      examineRaised();
    Stage next = static_cast<Stage>(static_cast<unsigned>(reached) + 1);
    if (ExitCode code = runStage(next); code != ExitCode::Success)
      return code;
  }
  if (reached == Stage::Raised && isShown)
    examineRaised();
  return ExitCode::Success;
}

/// Brings a copy of `raised` to where the options ask for a variant.
ExitCode Compilation::runVariant(StringRef arch, ModuleOp raised) {
  this->arch = arch.str();
  restart(raised.clone(), Stage::Raised);
  // Remarks and the report are of one variant: the first GPU.
  isShown = arch == options.gpuArchs.front();
  remarks.setKeeping(isShown);
  if (!arch.empty()) {
    (*module)->setAttr(targetAttr, StringAttr::get(&context, arch));
    if (options.machine.empty())
      (*module)->setAttr(machineAttr,
                         StringAttr::get(&context, getMachineName(arch)));
  }
  return runUntil(std::min(options.emit, Stage::Lowered));
}

ExitCode Compilation::runVariants() {
  // The shared part; a variant that is resumed has it behind itself.
  if (reached > Stage::Raised) {
    arch = options.gpuArchs.front();
    return runUntil(std::min(options.emit, Stage::Lowered));
  }
  isShown = options.emit <= Stage::Raised;
  ExitCode code = runUntil(std::min(options.emit, Stage::Raised));
  if (code != ExitCode::Success || options.emit <= Stage::Raised)
    return code;
  OwningOpRef<ModuleOp> raised = std::move(module);
  for (const std::string &gpu : options.gpuArchs) {
    code = runVariant(gpu, *raised);
    if (code != ExitCode::Success || isOneVariant(options))
      return code;
    variants.push_back(std::move(module));
  }
  return runVariant("", *raised);
}

ExitCode Compilation::emit(StringRef output) {
  if (isMLIR(options.emit))
    return writeText(output);
  progress.step(getStageInfo(options.emit).step, output);
  TimingScope timer = rootTimer.nest(getStageInfo(options.emit).step);
  TargetOptions target = options.target;
  if (auto folder = (*module)->getAttrOfType<StringAttr>(folderAttr))
    target.modelFolder = folder.str();
  if (report)
    report->beginStage();
  ExitCode code;
  if (isKernels(options.emit)) {
    code = emitKernels({arch, *module}, options.emit, output, target);
  } else {
    std::vector<GPUVariant> gpus;
    for (auto [name, variant] : llvm::zip_equal(options.gpuArchs, variants))
      gpus.push_back({name, *variant});
    code = emitTarget(*module, gpus, options.emit, output, target);
  }
  if (report)
    report->endStage(options.emit, nullptr);
  return code;
}

ExitCode Compilation::run() {
  if (ExitCode code = prepare(); code != ExitCode::Success)
    return code;
  ExitCode code = options.gpuArchs.empty()
                      ? runUntil(std::min(options.emit, Stage::Lowered))
                      : runVariants();
  if (ExitCode explained = explain(); code == ExitCode::Success)
    code = explained;
  if (code == ExitCode::Success)
    code = emit(options.output);
  return code == ExitCode::Success && report
             ? report->write(remarks.getEntries())
             : code;
}

ExitCode fulgur::compileModel(const CompileOptions &options) {
  return Compilation(options).run();
}
