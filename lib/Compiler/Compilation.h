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
  ExitCode runStage(Stage stage);
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
  LayerMap layers;
  /// The cost of a step as it was recognised, for --explain.
  std::optional<Cost> step;
  /// The stage that `module` is at.
  Stage reached = Stage::Imported;
};

} // namespace fulgur

#endif // LIB_COMPILER_COMPILATION_H
