//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Prints diagnostics and remarks in the terms of the user's model.
//
//===----------------------------------------------------------------------===//
#include "lib/Compiler/Diagnostics.h"

#include "lib/Support/Output.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace fulgur;

StringRef fulgur::getNodeName(Location location) {
  StringRef name;
  location->walk([&](Location inner) {
    if (auto named = dyn_cast<NameLoc>(inner)) {
      name = named.getName().strref();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return name;
}

static void print(Diagnostic &diagnostic, StringRef file) {
  bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
  if (!isError && diagnostic.getSeverity() != DiagnosticSeverity::Warning)
    return;
  llvm::raw_ostream &os = llvm::errs();
  os << "fulgur-compile: " << (isError ? "error: " : "warning: ") << file
     << ": ";
  StringRef node = getNodeName(diagnostic.getLocation());
  if (!node.empty())
    os << "node '" << onOneLine(node) << "': ";
  else if (auto at = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
    os << at.getLine() << ":" << at.getColumn() << ": ";
  os << onOneLine(diagnostic.str());
  for (Diagnostic &note : diagnostic.getNotes()) {
    // Upstream attaches the whole operation to some errors.
    std::string text = onOneLine(note.str());
    if (!StringRef(text).starts_with("see current operation"))
      os << " (" << text << ")";
  }
  os << "\n";
}

DiagnosticPrinter::DiagnosticPrinter(MLIRContext &context, StringRef file)
    : handler(&context, [file = file.str()](Diagnostic &diagnostic) {
        print(diagnostic, file);
        return success();
      }) {}

namespace {
/// One line a remark: outcome, pass, node, message.
class ExplainStreamer : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit ExplainStreamer(llvm::raw_ostream &os) : os(os) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    os << llvm::left_justify(outcome(remark), 7)
       << llvm::left_justify(remark.getRemarkName(), 30) << " "
       << getNodeName(remark.getLocation()) << ": ";
    // The words first, then the arguments that have names.
    std::string text, numbers;
    for (const remark::detail::Remark::Arg &arg : remark.getArgs())
      if (arg.key == "Remark")
        text += arg.val;
      else
        numbers += " " + arg.key + "=" + arg.val;
    text += numbers;
    os << onOneLine(text) << "\n";
  }

private:
  static StringRef outcome(const remark::detail::Remark &remark) {
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

  llvm::raw_ostream &os;
};
} // namespace

LogicalResult fulgur::enableExplain(MLIRContext &context,
                                    llvm::raw_ostream &stream) {
  remark::RemarkCategories categories;
  // `all` alone enables nothing: it only widens the kinds that are asked for.
  categories.passed = categories.missed = categories.failed =
      categories.analysis = ".*";
  return remark::enableOptimizationRemarks(
      context, std::make_unique<ExplainStreamer>(stream),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), categories);
}
