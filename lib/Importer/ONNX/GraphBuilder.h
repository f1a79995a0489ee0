//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Builds the function `@main` from a checked ONNX graph.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_IMPORTER_ONNX_GRAPHBUILDER_H
#define LIB_IMPORTER_ONNX_GRAPHBUILDER_H

#include "lib/Importer/ONNX/ModelFile.h"

#include "mlir/IR/BuiltinOps.h"

namespace fulgur {

/// Appends the weights and `@main` to `module`. Errors go to the diagnostic
/// handlers of its context.
ExitCode buildGraph(const ModelFile &file, mlir::ModuleOp module);

/// Small constants are worth seeing by patterns; others stay in their file.
/// Integers drive shapes and indices, and so are kept up to a larger size.
constexpr int64_t maxInlineElements = 64;
constexpr int64_t maxInlineIntegers = 4096;

} // namespace fulgur

#endif // LIB_IMPORTER_ONNX_GRAPHBUILDER_H
