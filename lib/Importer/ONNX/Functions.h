//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Nodes that call functions, and their bodies.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_IMPORTER_ONNX_FUNCTIONS_H
#define LIB_IMPORTER_ONNX_FUNCTIONS_H

#include "lib/Importer/ONNX/ModelFile.h"

namespace fulgur {

/// Refuses models whose functions call each other too deep, or stand for too
/// many nodes: the onnx library would follow them. Comes before it.
ExitCode checkFunctionGrowth(const ::onnx::ModelProto &model, ReportFn report);

/// Writes out the default attributes of the nodes whose types the onnx library
/// infers from their function's body, where it would miss them.
void setInferredDefaults(ModelFile &file);

/// Replaces calls of functions by their bodies: of the model's own functions
/// (with the operators that our dialect has of its own only if
/// `expandsOperators`), and of the standard's functions that `isSupported` does
/// not claim.
ExitCode inlineFunctions(ModelFile &file, bool expandsOperators,
                         llvm::function_ref<bool(llvm::StringRef)> isSupported,
                         ReportFn report);

} // namespace fulgur

#endif // LIB_IMPORTER_ONNX_FUNCTIONS_H
