//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The decompositions of each operation family, for the pass that applies them
// all and for those that want some.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_PASSES_FUSE_DECOMPOSE_PATTERNS_H
#define FULGUR_PASSES_FUSE_DECOMPOSE_PATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace fulgur {

void populateDecomposeTensorPatterns(mlir::RewritePatternSet &patterns);
void populateDecomposeRotaryPatterns(mlir::RewritePatternSet &patterns);
void populateDecomposeAttentionPatterns(mlir::RewritePatternSet &patterns);
void populateDecomposeLatentAttentionPatterns(
    mlir::RewritePatternSet &patterns);
void populateDecomposeAbsorbedAttentionPatterns(
    mlir::RewritePatternSet &patterns);
void populateDecomposeSelectionPatterns(mlir::RewritePatternSet &patterns);
void populateDecomposeSelectionMaskPatterns(mlir::RewritePatternSet &patterns);
void populateDecomposeExpertPatterns(mlir::RewritePatternSet &patterns);
void populateDecomposeFusedExpertPatterns(mlir::RewritePatternSet &patterns);
void populateDecomposeQuantizationPatterns(mlir::RewritePatternSet &patterns);

} // namespace fulgur

#endif // FULGUR_PASSES_FUSE_DECOMPOSE_PATTERNS_H
