//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Which operation computes an element of a tensor, and which of its elements
// that is.
//
// Exporters move numbers in many ways: parts, joined parts, transposes,
// reshapes, repetitions. Followed backwards from an element at symbolic
// coordinates all of them are arithmetic on the coordinates, so that "every
// head has the same row" is a coordinate that no longer occurs. The analysis of
// the same kind over the standard's operators (dialects/ONNX/Analysis) ends
// with the stage 'raise'.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_FUSE_LATENTCACHE_ELEMENTORIGIN_H
#define PASSES_FUSE_LATENTCACHE_ELEMENTORIGIN_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/SetVector.h"

namespace fulgur {

class ElementOrigin {
public:
  using Coords = llvm::SmallVector<mlir::AffineExpr, 4>;
  struct Element {
    mlir::Value tensor;
    /// One for each dimension.
    Coords at;
  };

  explicit ElementOrigin(mlir::MLIRContext *context) : context(context) {}

  /// A new coordinate, from 0 up to but not including `extent`, of which
  /// nothing is known where it is dynamic. That of an extent of 1 is the
  /// constant 0.
  mlir::AffineExpr coordinate(int64_t extent);

  /// a − b, if it is the same for all coordinates.
  std::optional<int64_t> getDifference(mlir::AffineExpr a,
                                       mlir::AffineExpr b) const;

  /// Where `element` is computed, and not only moved. Stops early at movement
  /// that depends on sizes which are not known; nothing is assumed.
  Element find(Element element);

  /// The operations that the calls of `find` have passed.
  const llvm::SetVector<mlir::Operation *> &getPath() const { return path; }

private:
  /// The element that the operation of `element` moves there; null if none.
  std::optional<Element> stepBack(const Element &element);
  std::optional<Element> stepBack(mlir::tensor::ExtractSliceOp op,
                                  const Coords &at);
  std::optional<Element> stepBack(mlir::tensor::InsertSliceOp op,
                                  const Coords &at);
  std::optional<Element> stepBack(mlir::tensor::ExpandShapeOp op,
                                  const Coords &at);
  std::optional<Element> stepBack(mlir::tensor::CollapseShapeOp op,
                                  const Coords &at);
  std::optional<Element> stepBack(mlir::linalg::LinalgOp op, const Coords &at);
  /// The value of an index in the body of `op`; null when it is not known.
  mlir::AffineExpr indexOf(mlir::linalg::LinalgOp op, mlir::Value index,
                           const Coords &loops);

  /// Whether `expr` is in [begin, end) for all coordinates.
  bool isWithin(mlir::AffineExpr expr, int64_t begin, int64_t end) const;
  bool isOutside(mlir::AffineExpr expr, int64_t begin, int64_t end) const;
  std::optional<int64_t> getBound(mlir::AffineExpr expr, bool isUpper) const;
  /// `expr` as q · divisor + r with r in [0, divisor); none when the ranges do
  /// not tell.
  std::optional<std::pair<mlir::AffineExpr, mlir::AffineExpr>>
  divide(mlir::AffineExpr expr, int64_t divisor) const;

  mlir::MLIRContext *context;
  /// The last value of each coordinate, where one is known.
  llvm::SmallVector<std::optional<int64_t>> last;
  llvm::SetVector<mlir::Operation *> path;
};

} // namespace fulgur

#endif // PASSES_FUSE_LATENTCACHE_ELEMENTORIGIN_H
