//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Prints diagnostics in the terms of the user's model.
//
//===----------------------------------------------------------------------===//
#include "lib/Compiler/Diagnostics.h"

#include "lib/Support/Output.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/raw_ostream.h"

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
  StringRef node = getNodeName(diagnostic.getLocation());
  auto at = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>();
  // Patterns and scripts are files of their own.
  if (node.empty() && at)
    file = at.getFilename();
  os << "fulgur-compile: " << (isError ? "error: " : "warning: ") << file
     << ": ";
  if (!node.empty())
    os << "node '" << onOneLine(node) << "': ";
  else if (at && at.getLine() != 0)
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
    : handler(&context, [this, file = file.str()](Diagnostic &diagnostic) {
        // MLIR tells that it has written a reproducer; the compiler tells how
        // to replay it.
        if (StringRef(diagnostic.str())
                .starts_with("Failures have been detected while processing")) {
          for (Diagnostic &note : diagnostic.getNotes())
            failedPass =
                StringRef(note.str()).split('`').second.split('`').first;
          return success();
        }
        numErrors += diagnostic.getSeverity() == DiagnosticSeverity::Error;
        print(diagnostic, file);
        return success();
      }) {}
