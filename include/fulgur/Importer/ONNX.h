//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reads an ONNX model into a module of the `onnx` dialect.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_IMPORTER_ONNX_H
#define FULGUR_IMPORTER_ONNX_H

#include "fulgur/ExitCode.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringRef.h"

#include <functional>

namespace fulgur {

struct ONNXImportOptions {
  /// Whether the compiler can lower the ai.onnx operator of this name. Others
  /// are expanded by the standard's function body if there is one, and refused
  /// otherwise, all of them in one message. Empty: everything is accepted.
  std::function<bool(llvm::StringRef)> isSupported;
  /// Whether operators of the domain `fulgur` are expanded too, by the function
  /// body that the file gives. Without: they are operations of the dialect.
  bool expandsOperators = false;
};

struct ONNXImportResult {
  /// InvalidInput: the file is no valid ONNX model. Unsupported: it is, but
  /// uses what the compiler does not know. Then there is no module.
  ExitCode exitCode = ExitCode::Success;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// Imports the model at `path`. The module holds one function, `@main`, and a
/// `fulgur.weight` for every large initializer, which stays in its file.
/// Errors go to the diagnostic handlers of `context`, at the location of the
/// ONNX node where there is one.
ONNXImportResult importONNXModel(llvm::StringRef path,
                                 mlir::MLIRContext &context,
                                 const ONNXImportOptions &options = {});

} // namespace fulgur

#endif // FULGUR_IMPORTER_ONNX_H
