//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The parts of the family Contraction.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_CONVERTONNXTOLINALG_CONTRACTION_H
#define PASSES_RAISE_CONVERTONNXTOLINALG_CONTRACTION_H

#include "passes/Raise/ConvertONNXToLinalg/Quantization.h"

namespace fulgur {

void populateConvertMatMulPatterns(mlir::RewritePatternSet &patterns,
                                   const ONNXTypeConverter &types);
void populateConvertEinsumPatterns(mlir::RewritePatternSet &patterns,
                                   const ONNXTypeConverter &types);
void populateConvertConvolutionPatterns(mlir::RewritePatternSet &patterns,
                                        const ONNXTypeConverter &types);
void populateConvertRecurrentPatterns(mlir::RewritePatternSet &patterns,
                                      const ONNXTypeConverter &types);

} // namespace fulgur

#endif // PASSES_RAISE_CONVERTONNXTOLINALG_CONTRACTION_H
