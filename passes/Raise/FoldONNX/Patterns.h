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

/// Operators on small constants are evaluated, operators that do nothing go,
/// and pairs that undo each other cancel.
void populateFoldONNXPatterns(mlir::RewritePatternSet &patterns);

} // namespace fulgur

#endif // PASSES_RAISE_FOLDONNX_PATTERNS_H
