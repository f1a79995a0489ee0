//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The options of the report.
//
//===----------------------------------------------------------------------===//
#include "tools/fulgur-compile/Options.h"

namespace cl = llvm::cl;
using namespace fulgur;

static cl::opt<std::string>
    report("report", cl::value_desc("file.html"),
           cl::desc("Write a page that shows the graph before and after "
                    "fusion, the memory plan, costs and remarks; open it in a "
                    "browser. With the ending .json: its data alone"),
           cl::cat(category));
static cl::list<std::string>
    reportDims("report-dims", cl::value_desc("name=N,…"),
               cl::desc("Sizes for which the report plans memory, beside the "
                        "usual ones (repeatable), e.g. batch=1,seq=2048"),
               cl::cat(category));

int fulgur::setReportOptions(CompileOptions &options) {
  options.report = report;
  options.reportDims.assign(reportDims.begin(), reportDims.end());
  if (report.empty() && (report.getNumOccurrences() || !reportDims.empty()))
    return usageError("expected --report to name a file, but got none");
  if (report == "-" || report == options.output)
    return usageError("expected --report to name a file of its own, but got '" +
                      report + "'");
  return 0;
}
