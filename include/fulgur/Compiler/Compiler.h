//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The compiler as one call: what `fulgur-compile` does with its flags.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_COMPILER_COMPILER_H
#define FULGUR_COMPILER_COMPILER_H

#include "fulgur/ExitCode.h"
#include "fulgur/Pipelines/PipelineText.h"
#include "fulgur/Pipelines/Pipelines.h"
#include "fulgur/Pipelines/Stages.h"
#include "fulgur/Target/Target.h"

#include <optional>
#include <string>
#include <vector>

namespace fulgur {

enum class ExplainMode { None, Table, JSON };

/// How --bisect runs the model and compares its outputs.
struct BisectOptions {
  /// `NAME.npy` for each input; empty for inputs that are made up.
  std::string inputDirectory;
  /// `NAME.npy` for each output; empty for those of the model without fusions.
  std::string expectDirectory;
  /// As the executable takes them; empty for its defaults.
  std::string rtol;
  std::string atol;
};

/// Everything that a user can ask of one compilation.
struct CompileOptions {
  /// An ONNX file, or MLIR text that an earlier `--emit=mlir:…` wrote, from
  /// whose stage the compilation resumes.
  std::string input;
  /// The file to write; "-" is standard output (text forms only).
  std::string output;
  Stage emit = Stage::Executable;
  RaiseOptions raise;
  FuseOptions fuse;
  /// The machine that forms are chosen for: the value of the module's attribute
  /// `fulgur.machine`. Empty for the module's own, or the default.
  std::string machine;
  /// The architectures of GPUs that the model runs on beside the CPU.
  std::vector<std::string> gpuArchs;
  LowerToCPUOptions lower;
  /// Passes in place of the default ones.
  PipelineText pipeline;
  TargetOptions target;
  /// Print what was recognised, what was not, and the failed condition.
  ExplainMode explain = ExplainMode::None;
  /// Find the first fusion that changes the outputs.
  std::optional<BisectOptions> bisect;
  /// The plugins that are loaded, for commands that a message shows.
  std::vector<std::string> plugins;
  /// Print the time of each pass.
  bool timing = false;
  /// Print one numbered line a step.
  bool progress = false;
  /// Where to write a page that shows the compilation; with the ending `.json`
  /// its data alone. Empty for none.
  std::string report;
  /// For what sizes, `name=N,…`, the report plans memory beside the usual.
  std::vector<std::string> reportDims;
  /// The whole of the IR after each stage, into this folder; empty for none.
  std::string dumpDirectory;
};

/// Whether the asked form is that of one variant, and not of the whole model.
inline bool isOneVariant(const CompileOptions &options) {
  return !options.gpuArchs.empty() && options.emit > Stage::Raised &&
         (isMLIR(options.emit) || isKernels(options.emit));
}

/// Adds the passes of one stage to `pm`, for a GPU or the CPU. On failure,
/// which only the text of `options.pipeline` can cause, `emitError` has got one
/// line.
llvm::LogicalResult
buildStagePipeline(Stage stage, bool isGPU, mlir::OpPassManager &pm,
                   const CompileOptions &options,
                   llvm::function_ref<void(const llvm::Twine &)> emitError);

/// The passes of all stages as one text that --pipeline takes.
std::string printPipelines(const CompileOptions &options);

/// Compiles one model. Every failure has been told on stderr in one line; no
/// partial output is left. Returns the exit code of the tool.
ExitCode compileModel(const CompileOptions &options);

/// Finds the first fusion after which the model's outputs differ, tells which,
/// and writes what shows it into the folder `<output>.bisect`. Returns
/// OutputDiffers if there is one.
ExitCode bisectFusions(const CompileOptions &options);

} // namespace fulgur

#endif // FULGUR_COMPILER_COMPILER_H
