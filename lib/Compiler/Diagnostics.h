//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How a compilation talks to its user: one line an error, naming the file and
// the ONNX node.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_COMPILER_DIAGNOSTICS_H
#define LIB_COMPILER_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

namespace fulgur {

/// The name of the ONNX node at `location`, or an empty string.
llvm::StringRef getNodeName(mlir::Location location);

/// Prints every error and warning as `fulgur-compile: error: FILE: node 'N':
/// MESSAGE`, on one line with its notes, for as long as it lives.
class DiagnosticPrinter {
public:
  DiagnosticPrinter(mlir::MLIRContext &context, llvm::StringRef file);

  unsigned getNumErrors() const { return numErrors; }
  /// The pass in which a pipeline that wrote a reproducer has failed.
  llvm::StringRef getFailedPass() const { return failedPass; }

private:
  unsigned numErrors = 0;
  std::string failedPass;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace fulgur

#endif // LIB_COMPILER_DIAGNOSTICS_H
