//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The shape of every value of an imported graph, and the elements of the small
// integer tensors from which exporters compute shapes, as sizes over the named
// dimensions. The onnx library's own inference knows extents only as numbers or
// as names without arithmetic.
//
//===----------------------------------------------------------------------===//
#ifndef DIALECTS_ONNX_ANALYSIS_SHAPEANALYSIS_H
#define DIALECTS_ONNX_ANALYSIS_SHAPEANALYSIS_H

#include "dialects/ONNX/Analysis/Sizes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fulgur {

/// Analyses one function, once, from its first operation to its last.
class ShapeAnalysis {
public:
  using Exprs = llvm::SmallVector<mlir::AffineExpr, 4>;

  explicit ShapeAnalysis(mlir::func::FuncOp function);

  /// Whether the rank of `value` is known, from its type or otherwise.
  bool hasRank(mlir::Value value) const { return !unranked.contains(value); }

  /// One size for each dimension of `value`, which has a rank and exists since
  /// the analysis.
  llvm::ArrayRef<mlir::AffineExpr> getShape(mlir::Value value) const;

  /// `value` is newer than the analysis and has the shape of `known`.
  void follow(mlir::Value value, mlir::Value known);

  /// The elements, in row-major order, of an integer or boolean tensor or an
  /// integer scalar, where all are known.
  std::optional<llvm::ArrayRef<mlir::AffineExpr>>
  getContents(mlir::Value value) const;

  /// Whether the two extents are always the same.
  bool isSame(mlir::Value a, int64_t axisA, mlir::Value b,
              int64_t axisB) const {
    return getShape(a)[axisA] == getShape(b)[axisB];
  }

  /// Whether both always have the same number of elements.
  bool hasSameCount(mlir::Value a, mlir::Value b) {
    return sizes.product(getShape(a)) == sizes.product(getShape(b));
  }

  const Sizes &getSizes() const { return sizes; }

  /// Tensors with more elements than this have no known contents.
  static constexpr int64_t maxContents = 4096;

private:
  void visit(mlir::Operation *op);
  /// Sizes of the results, from the operands; false when nothing is known of
  /// this operator.
  bool inferShapes(mlir::Operation *op, llvm::SmallVectorImpl<Exprs> &results);
  bool inferFulgurShapes(mlir::Operation *op,
                         llvm::SmallVectorImpl<Exprs> &results);
  std::optional<Exprs> inferReshape(mlir::Operation *op);
  std::optional<Exprs> inferSlice(mlir::Operation *op);
  std::optional<Exprs> inferContents(mlir::Operation *op);
  std::optional<Exprs> inferArithmetic(mlir::Operation *op);
  /// The extent when one of them is broadcast against the other.
  mlir::AffineExpr broadcast(mlir::AffineExpr a, mlir::AffineExpr b);
  Exprs broadcast(llvm::ArrayRef<mlir::AffineExpr> a,
                  llvm::ArrayRef<mlir::AffineExpr> b);
  /// What the type alone says.
  Exprs fromType(mlir::Value value);

  Sizes sizes;
  llvm::DenseMap<mlir::Value, Exprs> shapes;
  llvm::DenseSet<mlir::Value> unranked;
  llvm::DenseMap<mlir::Value, Exprs> contents;
};

} // namespace fulgur

#endif // DIALECTS_ONNX_ANALYSIS_SHAPEANALYSIS_H
