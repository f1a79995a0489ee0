//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Numbers as small integers with a scale and a zero point, for the operators
// that convert them and those that compute with them.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_CONVERTONNXTOLINALG_QUANTIZATION_H
#define PASSES_RAISE_CONVERTONNXTOLINALG_QUANTIZATION_H

#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"

namespace fulgur {

/// Input `index` as i32, less the zero point in input `zero`, if there is one:
/// one for all, one for each element along `axis`, or broadcast.
mlir::Value emitCentred(Lowering &l, unsigned index, unsigned zero,
                        int64_t axis);

/// i32 sums as the type of the first result: times the scales in two inputs,
/// divided by that in a third, rounded, plus the zero point in input `zero`.
/// `axes` are those of `sums` that the first two scales vary along.
mlir::Value emitRequantized(Lowering &l, mlir::Value sums,
                            llvm::ArrayRef<unsigned> scales, unsigned zero,
                            llvm::ArrayRef<int64_t> axes);

void populateConvertQuantizationPatterns(mlir::RewritePatternSet &patterns,
                                         const ONNXTypeConverter &types);

} // namespace fulgur

#endif // PASSES_RAISE_CONVERTONNXTOLINALG_QUANTIZATION_H
