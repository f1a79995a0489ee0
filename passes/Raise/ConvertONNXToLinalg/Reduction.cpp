//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Patterns.h"

using namespace mlir;
using namespace fulgur;

void fulgur::populateConvertReductionPatterns(RewritePatternSet &patterns,
                                              const ONNXTypeConverter &types) {}
