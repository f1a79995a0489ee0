//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Takes the place of a remark streamer, and keeps what comes.
//
//===----------------------------------------------------------------------===//
#include "lib/Compiler/RemarkLog.h"

using namespace mlir;
using namespace fulgur;

namespace {
class LogStreamer : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit LogStreamer(RemarkLog &log) : log(log) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    log.add(remark);
  }

private:
  RemarkLog &log;
};
} // namespace

static llvm::StringLiteral getOutcome(const remark::detail::Remark &remark) {
  switch (remark.getRemarkType()) {
  case llvm::remarks::Type::Passed:
    return "passed";
  case llvm::remarks::Type::Missed:
    return "missed";
  case llvm::remarks::Type::Failure:
    return "failed";
  default:
    return "note";
  }
}

void RemarkLog::add(const remark::detail::Remark &remark) {
  if (!isKeeping)
    return;
  RemarkEntry entry{getOutcome(remark),
                    remark.getRemarkName().str(),
                    remark.getCombinedCategoryName().str(),
                    remark.getLocation(),
                    {},
                    {}};
  for (const remark::detail::Remark::Arg &arg : remark.getArgs()) {
    if (arg.key == "Remark")
      entry.text += arg.val;
    else
      entry.arguments.emplace_back(arg.key, arg.val);
  }
  std::lock_guard<std::mutex> lock(mutex);
  entries.push_back(std::move(entry));
}

LogicalResult RemarkLog::enable(MLIRContext &context) {
  remark::RemarkCategories categories;
  // `all` alone enables nothing: it only widens the kinds that are asked for.
  categories.passed = categories.missed = categories.failed =
      categories.analysis = ".*";
  return remark::enableOptimizationRemarks(
      context, std::make_unique<LogStreamer>(*this),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), categories);
}
