//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sums of products.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Contraction.h"

using namespace mlir;
using namespace fulgur;

void fulgur::populateConvertContractionPatterns(
    RewritePatternSet &patterns, const ONNXTypeConverter &types) {
  populateConvertMatMulPatterns(patterns, types);
  populateConvertEinsumPatterns(patterns, types);
  populateConvertConvolutionPatterns(patterns, types);
  populateConvertRecurrentPatterns(patterns, types);
}
