//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Local simplifications of `onnx` operators that need no shape analysis.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_FOLDONNX_PATTERNS_H
#define PASSES_RAISE_FOLDONNX_PATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace fulgur {

/// Operators on small constants are evaluated, operators that do nothing go.
void populateFoldConstantPatterns(mlir::RewritePatternSet &patterns);

/// Chains of operators that only move data become short: two transposes or
/// reshapes are one, a slice of a concatenation is the part, transposes move
/// towards the inputs until they cancel.
void populateFoldMovementPatterns(mlir::RewritePatternSet &patterns);

} // namespace fulgur

#endif // PASSES_RAISE_FOLDONNX_PATTERNS_H
