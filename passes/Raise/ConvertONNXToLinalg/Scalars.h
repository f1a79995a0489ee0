//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Arithmetic on elements of any type: floats, signed and unsigned integers.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_CONVERTONNXTOLINALG_SCALARS_H
#define PASSES_RAISE_CONVERTONNXTOLINALG_SCALARS_H

#include "lib/Support/Emitter.h"

namespace fulgur {

/// Emits operations on scalars whose integers have the given sign. Extremes of
/// floats are NaN when an operand is.
struct Scalars {
  Emitter &e;
  bool isUnsigned = false;

  mlir::Value add(mlir::Value a, mlir::Value b) const;
  mlir::Value sub(mlir::Value a, mlir::Value b) const;
  mlir::Value mul(mlir::Value a, mlir::Value b) const;
  /// Integers towards zero; by zero 0, where the processor would stop.
  mlir::Value div(mlir::Value a, mlir::Value b) const;
  mlir::Value max(mlir::Value a, mlir::Value b) const;
  mlir::Value min(mlir::Value a, mlir::Value b) const;
  mlir::Value abs(mlir::Value a) const;
  /// a < b; false when one is NaN.
  mlir::Value less(mlir::Value a, mlir::Value b) const;
  mlir::Value equal(mlir::Value a, mlir::Value b) const;
  /// Of a float.
  mlir::Value isNaN(mlir::Value a) const;
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b) const;
  /// Converts between types; floats to integers towards zero.
  mlir::Value convert(mlir::Value value, mlir::Type type) const;
  /// A number of the operator's type `from` as one of its type `to`. Floats are
  /// cut towards zero and saturate in integers, of which NaN is 0; integers
  /// wrap; any number but 0 is true. Beyond the range of an 8-bit float lies
  /// its greatest number if `saturate`, else infinity or NaN.
  static mlir::Value cast(Emitter &e, mlir::Value value, mlir::Type from,
                          mlir::Type to, bool saturate = true);
  /// The least and the greatest value of a type: infinities, if it has them.
  mlir::Value lowest(mlir::Type type) const;
  mlir::Value highest(mlir::Type type) const;
};

} // namespace fulgur

#endif // PASSES_RAISE_CONVERTONNXTOLINALG_SCALARS_H
