//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the cost model takes sizes to be that only a run knows. Choices that
// depend on them are made at run time; these numbers are for remarks and
// reports, and for choices whose outcome is the same over the whole range.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_COSTMODEL_SIZES_H
#define FULGUR_LIB_COSTMODEL_SIZES_H

#include "mlir/IR/Value.h"

namespace fulgur {

/// A named dimension without an upper bound counts as so many elements.
constexpr double assumedExtent = 1024;

/// Elements of a tensor.
double assumedElements(mlir::Value tensor);

/// Bytes of a tensor.
double assumedBytes(mlir::Value tensor);

} // namespace fulgur

#endif // FULGUR_LIB_COSTMODEL_SIZES_H
