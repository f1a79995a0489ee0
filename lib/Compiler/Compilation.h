//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One compilation: the state that its steps share. Whoever compiles the same
// model several times (lib/Compiler/Bisect.cpp) drives the steps by itself.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_COMPILER_COMPILATION_H
#define LIB_COMPILER_COMPILATION_H

#include "fulgur/Compiler/Compiler.h"
#include "lib/Compiler/Diagnostics.h"
#include "lib/Compiler/Layers.h"
#include "lib/Compiler/Progress.h"
#include "lib/Compiler/RemarkLog.h"
#include "lib/Report/Report.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/Timing.h"

namespace fulgur {

class Compilation {
public:
  explicit Compilation(const CompileOptions &options);

  /// All of it.
  ExitCode run();

  /// Loads the model, which then is at stage `imported`, or where it resumes.
  ExitCode prepare();
  /// Runs the passes for the CPU and for each GPU.
  ExitCode runVariants();
  /// Runs the passes of the stages up to `last`.
  ExitCode runUntil(Stage last);
  /// Writes the lowered module in the form that the options ask for.
  ExitCode emit(llvm::StringRef output);
  /// Goes back to `module`, which is at `stage`.
  void restart(mlir::ModuleOp module, Stage stage) {
    this->module = module;
    reached = stage;
  }

  mlir::MLIRContext &getContext() { return context; }
  mlir::ModuleOp getModule() { return *module; }
  Stage getStage() const { return reached; }
  const RemarkLog &getRemarks() const { return remarks; }

private:
  static mlir::DialectRegistry makeRegistry();
  ExitCode load();
  ExitCode resume();
  ExitCode setDims();
  ExitCode setMachine();
  ExitCode checkFiles();
  ExitCode runVariant(llvm::StringRef arch, mlir::ModuleOp raised);
  ExitCode checkResumed();
  ExitCode runStage(Stage stage);
  /// Whether the report shows what happens now: of several variants, one.
  bool isReported() const { return report && isShown; }
  ExitCode dump(Stage stage);
  ExitCode writeText(llvm::StringRef path);
  ExitCode explain();
  void examineRaised();

  const CompileOptions &options;
  /// Outlives the context, whose passes write to it.
  RemarkLog remarks;
  mlir::MLIRContext context;
  DiagnosticPrinter printer;
  ProgressPrinter progress;
  mlir::DefaultTimingManager timing;
  mlir::TimingScope rootTimer;
  std::optional<ReportRecorder> report;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// The GPU that `module` is for; empty for the CPU.
  std::string arch;
  /// Whether `module` is the variant that is explained.
  bool isShown = true;
  /// The lowered modules of GPUs, in the order of the options.
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> variants;
  LayerMap layers;
  /// The cost of a step as it was recognised, for --explain.
  std::optional<Cost> step;
  /// The stage that `module` is at.
  Stage reached = Stage::Imported;
};

} // namespace fulgur

#endif // LIB_COMPILER_COMPILATION_H
