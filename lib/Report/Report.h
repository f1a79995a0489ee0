//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The report of one compilation: what --report= writes. It watches the stages,
// keeps what is needed of each, and writes one page, or its data alone.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_REPORT_REPORT_H
#define LIB_REPORT_REPORT_H

#include "fulgur/ExitCode.h"
#include "fulgur/Pipelines/Stages.h"
#include "lib/Compiler/RemarkLog.h"
#include "lib/Report/Graph.h"
#include "lib/Report/Memory.h"

#include "mlir/Pass/PassManager.h"

#include <chrono>
#include <map>

namespace fulgur {

struct ReportOptions {
  /// Where to write; `.json` gives the data without the page. Empty: nowhere.
  std::string path;
  /// For what to plan memory beside the usual: `name=N,…`.
  std::vector<std::string> dims;
};

/// What the report says of the command.
struct ReportHeader {
  std::string model;
  std::string emit;
  std::string cpu;
};

/// How long a stage took and what it left.
struct StageRecord {
  Stage stage = Stage::Imported;
  double seconds = 0;
  /// Operations by name, those in regions included.
  std::map<std::string, unsigned> operations;
};

class ReportRecorder {
public:
  ReportRecorder(const ReportOptions &options, ReportHeader header);

  /// Fails, having told so, if the options name what is no dimension of the
  /// model, or a size out of its bounds.
  ExitCode checkDims(mlir::ModuleOp module);

  void beginStage();
  /// A stage of passes; lets the recorder look at the module between them.
  void beginStage(mlir::PassManager &pm);
  /// Called with the module as `stage` leaves it; null behind MLIR.
  void endStage(Stage stage, mlir::ModuleOp module);

  /// Writes the file, whole or not at all.
  ExitCode write(llvm::ArrayRef<RemarkEntry> remarks);

private:
  friend class ReportInstrumentation;
  friend class ReportData;

  /// What costs are for: the first sizes that were asked for.
  DimValues getCostSizes() const {
    return askedDims.empty() ? DimValues() : askedDims.front();
  }
  void recordSteps(mlir::ModuleOp module);
  void recordDecomposition(mlir::ModuleOp module);

  ReportOptions options;
  ReportHeader header;
  std::vector<DimValues> askedDims;
  std::chrono::steady_clock::time_point stageStart;
  std::vector<StageRecord> stages;
  Machine machine;
  Graph raised;
  /// With the chosen form of each operator, ahead of its decomposition.
  Graph fused;
  bool hasFused = false;
  /// By ONNX node: what its operators were decomposed to.
  std::map<std::string, std::map<std::string, unsigned>> decomposition;
  /// What each step of the memory plan does.
  std::vector<std::string> steps;
  MemoryReport memory;
};

} // namespace fulgur

#endif // LIB_REPORT_REPORT_H
