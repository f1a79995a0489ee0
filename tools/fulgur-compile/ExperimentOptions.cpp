//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The options for experiments with passes.
//
//===----------------------------------------------------------------------===//
#include "fulgur/InitAll.h"
#include "fulgur/Plugin.h"
#include "lib/CostModel/Machine.h"
#include "lib/CostModel/Measure.h"
#include "lib/Support/Output.h"
#include "passes/Fuse/Fusions.h"
#include "tools/fulgur-compile/Options.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"

namespace cl = llvm::cl;
using namespace fulgur;

static cl::list<std::string> disableFusion(
    "disable-fusion", cl::CommaSeparated, cl::value_desc("name,…"),
    cl::desc("Leave these fusions out; 'help' lists all"), cl::cat(category));
static cl::list<std::string>
    onlyFusion("only-fusion", cl::CommaSeparated, cl::value_desc("name,…"),
               cl::desc("Run no fusion but these; 'help' lists all"),
               cl::cat(category));
static cl::list<std::string>
    enableFusion("enable-fusion", cl::CommaSeparated, cl::value_desc("name,…"),
                 cl::desc("Run these fusions, which change what the model "
                          "takes or gives, too; 'help' lists all"),
                 cl::cat(category));

static cl::opt<std::string>
    cache("cache", cl::init("given"), cl::value_desc("given|latent"),
          cl::desc("What the caches of latent attention hold: what the model "
                   "has in them (given), or the latent and the rotated key "
                   "where that are keys and values of all heads (latent). That "
                   "changes the inputs and outputs that are caches; 'info' of "
                   "the executable tells what they stand for"),
          cl::cat(category));
static cl::opt<std::string>
    machine("machine", cl::value_desc("name|file.json"),
            cl::desc("Machine by whose description forms are chosen: a known "
                     "one, which 'help' lists, or a file"),
            cl::cat(category));
static cl::opt<std::string>
    fuseWith("fuse-with", cl::value_desc("pass,…"),
             cl::desc("Run these passes after the fusions"), cl::cat(category));
static cl::opt<std::string>
    patterns("pdl-patterns", cl::value_desc("file"),
             cl::desc("Apply the patterns of this file, in PDLL (.pdll) or "
                      "PDL (.mlir), after the fusions; docs/patterns has one"),
             cl::cat(category));
static cl::opt<std::string>
    script("transform-script", cl::value_desc("file.mlir"),
           cl::desc("Run this script of the transform dialect after the "
                    "fusions; docs/transform has one"),
           cl::cat(category));
static cl::list<std::string>
    plugins("load-pass-plugin", cl::value_desc("file.so"),
            cl::desc("Load passes of your own (repeatable); docs/plugin is an "
                     "example"),
            cl::cat(category));
static cl::opt<std::string> pipeline(
    "pipeline", cl::value_desc("text"),
    cl::desc("Which passes the stages run: STAGE(PASS,…),…, where STAGE is "
             "raise, fuse, bufferize or lower and PASS is MLIR's text of a "
             "pass or 'default', e.g. 'fuse(default,my-pass{n=2})'. Stages "
             "without a list run their default passes"),
    cl::cat(category));
static cl::opt<bool>
    printPipeline("print-pipeline",
                  cl::desc("Print the passes of all stages as a text that "
                           "--pipeline takes, and end"),
                  cl::cat(category));

static cl::opt<bool>
    bisect("bisect",
           cl::desc("Find the first fusion that changes the outputs, and write "
                    "what shows it into the folder OUTPUT.bisect"),
           cl::cat(category));
static cl::opt<std::string>
    inputDirectory("input-dir", cl::value_desc("folder"),
                   cl::desc("For --bisect: NAME.npy for each input (default: "
                            "inputs are made up)"),
                   cl::cat(category));
static cl::opt<std::string>
    expectDirectory("expect-dir", cl::value_desc("folder"),
                    cl::desc("For --bisect: NAME.npy for each output (default: "
                             "what the model without fusions gives)"),
                    cl::cat(category));
static cl::opt<std::string> rtolOption(
    "rtol", cl::value_desc("x"),
    cl::desc("For --bisect: error that passes, relative to the largest "
             "expected magnitude (1e-4)"),
    cl::cat(category));
static cl::opt<std::string> atolOption(
    "atol", cl::value_desc("x"),
    cl::desc("For --bisect: error that passes in any case, added to it "
             "(0)"),
    cl::cat(category));
static cl::opt<std::string>
    measuredMachine("measure-machine", cl::ValueOptional, cl::init("-"),
                    cl::value_desc("file.json"),
                    cl::desc("Measure this machine, write a description for "
                             "--machine to this file ('-': standard output) "
                             "and compile nothing"),
                    cl::cat(category));

bool fulgur::isFusionListAsked() {
  return llvm::any_of(
      llvm::concat<const std::string>(disableFusion, onlyFusion, enableFusion),
      [](llvm::StringRef name) { return name == "help"; });
}

int fulgur::printFusions() {
  for (const FusionInfo &fusion : getFusions())
    llvm::outs() << llvm::left_justify(fusion.name, 24) << " " << fusion.summary
                 << (fusion.optIn ? " (only with --enable-fusion)" : "")
                 << "\n";
  return 0;
}

bool fulgur::isMachineListAsked() { return machine == "help"; }

int fulgur::printMachines() {
  for (const KnownMachine &known : getKnownMachines())
    llvm::outs() << llvm::left_justify(known.name, 10)
                 << llvm::cantFail(parseMachine(known.text)).source << "\n";
  return 0;
}

bool fulgur::isMeasurementAsked() {
  return measuredMachine.getNumOccurrences() != 0;
}

int fulgur::writeMeasuredMachine() {
  std::string text = llvm::formatv("{0:2}\n", toJSON(measureMachine())).str();
  if (measuredMachine.empty() || measuredMachine == "-")
    return static_cast<int>(writeStandardOutput(text));
  PendingFile file(measuredMachine);
  ExitCode code = file.create([&](llvm::raw_ostream &os) {
    os << text;
    return ExitCode::Success;
  });
  if (code == ExitCode::Success)
    code = file.keep();
  return static_cast<int>(code);
}

/// Sets `text` to the name of a known machine or the text of a file.
static int readMachine(std::string &text) {
  for (const KnownMachine &known : getKnownMachines())
    if (known.name == machine) {
      text = machine;
      return 0;
    }
  if (!llvm::StringRef(machine).ends_with(".json"))
    return usageError("expected --machine to be a known one (--machine=help "
                      "lists them) or a file that ends in .json, but got '" +
                      machine + "'");
  auto buffer = llvm::MemoryBuffer::getFile(machine, /*IsText=*/true);
  if (!buffer)
    return static_cast<int>(fail(ExitCode::InvalidInput,
                                 machine + ": " + buffer.getError().message()));
  text = (*buffer)->getBuffer().str();
  llvm::Expected<Machine> parsed = parseMachine(text);
  if (parsed)
    return 0;
  return static_cast<int>(
      fail(ExitCode::InvalidInput,
           machine + ": " + llvm::toString(parsed.takeError())));
}

bool fulgur::isPipelineAsked() { return printPipeline; }

/// The passes of the text exist and have the given options.
static int setPipeline(CompileOptions &options) {
  int code = 0;
  auto emitError = [&](const llvm::Twine &message) {
    code = usageError("--pipeline: " + message);
  };
  llvm::FailureOr<PipelineText> parsed =
      PipelineText::parse(pipeline, emitError);
  if (failed(parsed))
    return code;
  options.pipeline = *parsed;
  for (Stage stage :
       {Stage::Raised, Stage::Fused, Stage::Bufferized, Stage::Lowered}) {
    mlir::OpPassManager pm(mlir::ModuleOp::getOperationName());
    if (failed(buildStagePipeline(stage, !options.gpuArchs.empty(), pm, options,
                                  emitError)))
      break;
  }
  return code;
}

int fulgur::setExperimentOptions(CompileOptions &options) {
  // Names of passes have a meaning only where a text can hold them.
  if (!fuseWith.empty() || !script.empty() || !pipeline.empty() ||
      !plugins.empty())
    registerAllPasses();
  for (llvm::StringRef path : plugins)
    if (failed(loadPlugin(path, [](const llvm::Twine &message) {
          fail(ExitCode::ToolFailed, message);
        })))
      return static_cast<int>(ExitCode::ToolFailed);
  options.plugins.assign(plugins.begin(), plugins.end());
  options.fuse.disabled = disableFusion;
  options.fuse.only = onlyFusion;
  options.fuse.enabled = enableFusion;
  if (cache == "latent")
    options.fuse.enabled.push_back("latent-cache");
  else if (cache != "given")
    return usageError("expected --cache to be given or latent, but got '" +
                      cache + "'");
  options.fuse.with = fuseWith;
  options.fuse.patterns = patterns;
  options.fuse.script = script;
  if (bisect)
    options.bisect = {inputDirectory, expectDirectory, rtolOption, atolOption};
  else if (!inputDirectory.empty() || !expectDirectory.empty() ||
           !rtolOption.empty() || !atolOption.empty())
    return usageError("expected --input-dir, --expect-dir, --rtol and --atol "
                      "with --bisect alone");
  if (bisect && !options.gpuArchs.empty())
    return usageError("expected --bisect with --target=cpu, but got "
                      "--target=cuda");
  if (bisect && options.emit != Stage::Executable)
    return usageError("expected --bisect with --emit=exe, but got " +
                      getStageInfo(options.emit).emit);
  int code = 0;
  (void)verifyFuseOptions(options.fuse, [&](const llvm::Twine &message) {
    code = usageError(message);
  });
  if (code == 0 && machine.getNumOccurrences())
    code = readMachine(options.machine);
  if (code == 0 && !pipeline.empty())
    code = setPipeline(options);
  return code;
}
