//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What is known of sizes before a run. A size is followed to what it is made
// of, in this order:
//
// 1. A static size is itself.
// 2. A named dimension (fulgur.dim, or a name in `fulgur.dims` of an argument)
//    lies between the bounds that --dim gave it, and is assumed to be the
//    greater one: what is chosen for it has to fit. Without bounds it is
//    assumed to be `assumedExtent`.
// 3. Sums, products, quotients and the like of sizes, and sizes of results by
//    the shapes that their operations reify.
// 4. Anything else is like a dimension without bounds.
//
// Choices whose outcome is the same over the whole range are made by the
// compiler, others at run time. The assumed value is for remarks and reports.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_COSTMODEL_SIZES_H
#define FULGUR_LIB_COSTMODEL_SIZES_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

namespace fulgur {

/// A dimension without bounds counts as so many elements.
constexpr double assumedExtent = 1024;

/// A size: its range, and what it is assumed to be. `max` can be infinite.
struct Extent {
  double min;
  double max;
  double assumed;

  static Extent constant(double size) { return {size, size, size}; }
  static Extent unknown();
  bool isConstant() const { return min == max; }
};

/// Follows sizes. It remembers what it has found, so the IR must not change
/// while it lives.
class Extents {
public:
  Extents() = default;

  /// From now on the dimension `name` is assumed to be of this size, whatever
  /// its bounds.
  void assume(llvm::StringRef name, double size) { assumptions[name] = size; }

  /// An integer or index value.
  Extent get(mlir::Value value);
  /// The size of dimension `dim` of a ranked tensor or memref.
  Extent get(mlir::Value shaped, int64_t dim);

  /// The assumed size of a dimension, number of elements, number of bytes.
  double size(mlir::Value shaped, int64_t dim) {
    return get(shaped, dim).assumed;
  }
  double elements(mlir::Value shaped);
  double bytes(mlir::Value shaped);

private:
  Extent getNamed(llvm::StringRef name, double min, double max);
  Extent getArgument(mlir::BlockArgument argument, int64_t dim);
  Extent getReified(mlir::OpResult result, int64_t dim);
  Extent get(mlir::AffineExpr expr, unsigned numDims,
             mlir::ValueRange operands);
  Extent find(mlir::Value value);
  Extent find(mlir::Value shaped, int64_t dim);

  llvm::StringMap<double> assumptions;
  llvm::DenseMap<std::pair<mlir::Value, int64_t>, Extent> known;
  /// How far the value that is asked for is away.
  int depth = 0;
};

/// Bytes of one element in memory.
double elementBytes(mlir::Type element);

/// Elements and bytes of a tensor, without other assumptions.
double assumedElements(mlir::Value tensor);
double assumedBytes(mlir::Value tensor);

} // namespace fulgur

#endif // FULGUR_LIB_COSTMODEL_SIZES_H
