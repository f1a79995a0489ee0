//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Which operators of the standard the compiler can lower by itself.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_CONVERTONNXTOLINALG_SUPPORTED_H
#define PASSES_RAISE_CONVERTONNXTOLINALG_SUPPORTED_H

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringSet.h"

namespace fulgur {

/// The names of the ai.onnx operators that `fulgur-convert-onnx-to-linalg` has
/// a pattern for: the one list that the importer and the documents use.
/// `context` must have loaded the `onnx` dialect.
llvm::StringSet<> getSupportedONNXOperators(mlir::MLIRContext &context);

} // namespace fulgur

#endif // PASSES_RAISE_CONVERTONNXTOLINALG_SUPPORTED_H
