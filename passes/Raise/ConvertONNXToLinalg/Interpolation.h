//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Elements between elements, in f32.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_CONVERTONNXTOLINALG_INTERPOLATION_H
#define PASSES_RAISE_CONVERTONNXTOLINALG_INTERPOLATION_H

#include "passes/Raise/ConvertONNXToLinalg/Patterns.h"

#include "lib/Support/Emitter.h"

namespace fulgur {

enum class Interpolation { Nearest, Linear, Cubic };

/// The neighbours that a place `fraction` behind an element, in f32, is made
/// of: the weight of each from the left, where the first one is
/// `firstNeighbour` elements before that element. `a` shapes the cubic ones.
llvm::SmallVector<mlir::Value> interpolationWeights(Emitter &e,
                                                    Interpolation kind,
                                                    mlir::Value fraction,
                                                    double a);
inline int64_t firstNeighbour(Interpolation kind) {
  return kind == Interpolation::Cubic ? 1 : 0;
}

/// A float as an index, towards zero.
mlir::Value toIndex(Emitter &e, mlir::Value real);

void populateConvertResizePatterns(mlir::RewritePatternSet &patterns,
                                   const ONNXTypeConverter &types);
void populateConvertGridSamplePatterns(mlir::RewritePatternSet &patterns,
                                       const ONNXTypeConverter &types);

} // namespace fulgur

#endif // PASSES_RAISE_CONVERTONNXTOLINALG_INTERPOLATION_H
