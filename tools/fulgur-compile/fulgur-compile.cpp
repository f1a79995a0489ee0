//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The compiler's command line: flags to CompileOptions, nothing else.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Compiler/Compiler.h"
#include "fulgur/Target/Target.h"
#include "tools/fulgur-compile/Options.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include <csignal>

namespace cl = llvm::cl;
using namespace fulgur;

cl::OptionCategory fulgur::category("Fulgur options");

static cl::opt<std::string> input(cl::Positional, cl::desc("MODEL"),
                                  cl::cat(category));
static cl::opt<std::string>
    output("o", cl::value_desc("file"),
           cl::desc("Write to this file ('-': standard output, for text); "
                    "default: the model's name without its ending"),
           cl::cat(category));
static cl::opt<std::string>
    emit("emit", cl::init("exe"), cl::value_desc("stage"),
         cl::desc("Stop after a stage and write what it leaves; 'help' lists "
                  "the stages. A file of --emit=mlir:… can be given back as "
                  "MODEL: the compilation resumes there"),
         cl::cat(category));
static cl::list<std::string>
    dims("dim", cl::value_desc("name=N|name=MIN..MAX"),
         cl::desc("Fix or bound a named dimension of the model (repeatable), "
                  "e.g. --dim batch=1 --dim seq=1..4096"),
         cl::cat(category));
static cl::opt<std::string>
    recognise("raise", cl::init("all"), cl::value_desc("all|none"),
              cl::desc("Recognise attention, selection and experts (all), or "
                       "compile every operator generically (none)"),
              cl::cat(category));
static cl::opt<std::string>
    explain("explain", cl::ValueOptional, cl::value_desc("table|json"),
            cl::desc("Print what was recognised and fused, what was not and "
                     "the condition that failed, and what it saves: for each "
                     "layer (table, the default), or for programs (json)"),
            cl::cat(category));
static cl::opt<bool> timing("timing", cl::desc("Print the time of each pass"),
                            cl::cat(category));
static cl::opt<bool>
    progress("progress",
             cl::desc("Print numbered progress lines (default: on a terminal)"),
             cl::cat(category));
static cl::opt<std::string>
    dumpStages("dump-stages", cl::value_desc("folder"),
               cl::desc("Write the IR after every stage into this folder"),
               cl::cat(category));
static cl::opt<std::string>
    cpu("mcpu", cl::init("native"), cl::value_desc("name"),
        cl::desc("Processor to generate code for; 'native' is this machine's"),
        cl::cat(category));
static cl::opt<std::string>
    weights("weights", cl::init("auto"),
            cl::value_desc("auto|embed|reference|pack"),
            cl::desc("Where the executable has its weights: inside it, in the "
                     "model's own files, or in one packed file beside it "
                     "(auto: embed below 64 MiB, else reference)"),
            cl::cat(category));
static cl::opt<std::string>
    linker("linker", cl::value_desc("program"),
           cl::desc("Link with this compiler driver (e.g. cc) instead of the "
                    "built-in linker"),
           cl::cat(category));

int fulgur::usageError(const llvm::Twine &message) {
  llvm::errs() << "fulgur-compile: error: " << message
               << " (see fulgur-compile --help)\n";
  return static_cast<int>(ExitCode::Usage);
}

static int printStages() {
  for (const StageInfo &stage : getStages())
    llvm::outs() << llvm::left_justify(stage.emit, 18)
                 << llvm::left_justify(stage.step, 11) << stage.leaves << "\n";
  return 0;
}

/// `folder/model.onnx` to `model`, `model.so`, `model.raised.mlir`, ….
static std::string defaultOutput(Stage stage) {
  llvm::StringRef stem = llvm::sys::path::stem(input);
  switch (stage) {
  case Stage::Executable:
    return stem.str();
  case Stage::SharedLibrary:
    return (stem + ".so").str();
  case Stage::Object:
    return (stem + ".o").str();
  case Stage::Cubin:
    return (stem + ".cubin").str();
  default:
    return "-";
  }
}

/// The table of exit codes as `--help` prints it.
static std::string getExitCodeSummary() {
  std::string text;
  for (const ExitCodeInfo &info : exitCodes)
    text +=
        "\n  " + std::to_string(static_cast<int>(info.code)) + "  " + info.text;
  return text;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
#ifdef SIGXFSZ
  // A write that goes over a limit fails, and is told as that.
  signal(SIGXFSZ, SIG_IGN);
#endif
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter([](llvm::raw_ostream &os) {
    os << "fulgur " FULGUR_VERSION " (LLVM " LLVM_VERSION_STRING ")\n";
  });
  std::string problem;
  llvm::raw_string_ostream problems(problem);
  if (!cl::ParseCommandLineOptions(
          argc, argv,
          "Compiles a model to one executable file\n\n"
          "  fulgur-compile model.onnx -o model\n"
          "  ./model run --input-dir inputs --output-dir outputs\n\n"
          "Exit codes:" +
              getExitCodeSummary() + "\n",
          &problems))
    return usageError(llvm::StringRef(problem).trim().split('\n').first);

  if (emit == "help")
    return printStages();
  if (isFusionListAsked())
    return printFusions();
  if (isMachineListAsked())
    return printMachines();
  if (isMeasurementAsked())
    return writeMeasuredMachine();
  if (input.empty() && !isPipelineAsked())
    return usageError("expected a model to compile, but got none");
  std::optional<Stage> stage = parseStage(emit);
  if (!stage)
    return usageError("expected --emit to be a stage (--emit=help lists "
                      "them), but got '" +
                      emit + "'");
  if (recognise != "all" && recognise != "none")
    return usageError("expected --raise to be all or none, but got '" +
                      recognise + "'");
  if (!explain.empty() && explain != "table" && explain != "json")
    return usageError("expected --explain to be table or json, but got '" +
                      explain + "'");
  std::optional<WeightMode> weightMode = parseWeightMode(weights);
  if (!weightMode)
    return usageError("expected --weights to be auto, embed, reference or "
                      "pack, but got '" +
                      weights + "'");

  CompileOptions options;
  options.input = input;
  options.emit = *stage;
  options.output = output.empty() ? defaultOutput(*stage) : output;
  options.raise.recognise = recognise == "all";
  options.raise.dims.assign(dims.begin(), dims.end());
  options.target.cpu = cpu;
  options.lower.vectorBytes = fulgur::nativeVectorBytes(cpu);
  if (int code = setGPUOptions(options))
    return code;
  if (int code = setExperimentOptions(options))
    return code;
  if (isPipelineAsked()) {
    llvm::outs() << printPipelines(options);
    return 0;
  }
  if (int code = setReportOptions(options))
    return code;
  options.target.weights = *weightMode;
  options.target.linker = linker;
  if (explain.getNumOccurrences())
    options.explain =
        explain == "json" ? ExplainMode::JSON : ExplainMode::Table;
  options.timing = timing;
  options.progress = progress.getNumOccurrences()
                         ? progress
                         : llvm::sys::Process::StandardErrIsDisplayed();
  options.dumpDirectory = dumpStages;
  return static_cast<int>(options.bisect ? bisectFusions(options)
                                         : compileModel(options));
}
