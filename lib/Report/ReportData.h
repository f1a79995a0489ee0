//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The report as JSON. README.md of this folder documents every key.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_REPORT_REPORTDATA_H
#define LIB_REPORT_REPORTDATA_H

#include "lib/Report/FusionGroups.h"
#include "lib/Report/Report.h"

#include "llvm/Support/JSON.h"

namespace fulgur {

class ReportData {
public:
  ReportData(ReportRecorder &recorder, llvm::ArrayRef<RemarkEntry> remarks);

  llvm::json::Value get();

private:
  llvm::json::Value getModel();
  llvm::json::Value getStages();
  llvm::json::Value getGraph(const Graph &graph);
  llvm::json::Value getGroups();
  llvm::json::Value getRemarks();
  llvm::json::Value getDecomposition();
  llvm::json::Value getCosts();
  llvm::json::Value getMemory();

  ReportRecorder &recorder;
  llvm::ArrayRef<RemarkEntry> remarks;
  std::vector<FusionGroup> groups;
};

} // namespace fulgur

#endif // LIB_REPORT_REPORTDATA_H
