//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the elements of a row are made of. Exporters write a rotation in a dozen
// ways; all of them are sums of `x[j] · cos(position · frequency)` and move
// elements around. Read as such sums, they are all the same.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_RAISEROTARY_SYMBOLICROW_H
#define PASSES_RAISE_RAISEROTARY_SYMBOLICROW_H

#include "dialects/ONNX/Analysis/ShapeAnalysis.h"

#include <memory>

namespace fulgur {

enum class Angular { None, Cos, Sin };

/// Column `column` of `source`, or a function of position times frequency, the
/// positions being `source`. `alignment[i]` is the dimension of the rotated
/// tensor that dimension i of `source` goes along; -1 for none.
struct Factor {
  mlir::Value source;
  Angular function = Angular::None;
  double frequency = 0;
  int64_t column = 0;
  llvm::SmallVector<int64_t, 4> alignment;
};

/// coefficient · source[…, column], times a factor in the row of a rotation. In
/// the row of a table, `function` of frequency times position instead.
struct Term {
  double coefficient = 1;
  int64_t column = 0;
  Angular function = Angular::None;
  double frequency = 0;
  std::shared_ptr<const Factor> factor;
};

/// A sum; an empty one is zero.
using Element = llvm::SmallVector<Term, 2>;

/// The last dimensions of a tensor, all static, as sums over a row of `source`.
struct Row {
  mlir::Value source;
  /// For each other dimension, the one of `source` it is; -1 for an extent of 1
  /// that `source` lacks.
  llvm::SmallVector<int64_t, 4> outer;
  /// How many of the last dimensions of `source` are one row of it.
  int64_t sourceDims = 1;
  llvm::SmallVector<int64_t, 2> shape;
  std::vector<Element> elements;
  /// Whether elements of `source` are multiplied by factors, and in which type:
  /// it may be wider than that of `source`.
  bool isProduct = false;
  mlir::Type productType;

  /// Whether the elements are cosines and sines.
  bool isAngular() const;
  /// The same row in a shape that `shape` broadcasts to.
  Row broadcast(llvm::ArrayRef<int64_t> to) const;
};

/// The extents of the last `dims` dimensions if they are static and few.
std::optional<llvm::SmallVector<int64_t, 2>> getRowShape(mlir::Value value,
                                                         int64_t dims);

/// The contents of constants that were read.
using TableContents = llvm::DenseMap<mlir::Value, mlir::DenseElementsAttr>;

class RowEvaluator {
public:
  explicit RowEvaluator(const ShapeAnalysis &shapes) : shapes(shapes) {}

  /// The last `dims` dimensions of `value`; none when they are not static or
  /// too long.
  std::optional<Row> evaluate(mlir::Value value, int64_t dims);

  /// Whether two columns have the same contents: one column of one tensor, or
  /// equal constants.
  bool isSameColumn(const Factor &a, const Factor &b);

  /// The contents of a constant, read if it is a weight; null if there are
  /// none.
  mlir::DenseElementsAttr getContents(mlir::Value value);

  /// Forgets the rows: the function has changed.
  void clear() { rows.clear(); }

private:
  std::optional<Row> evaluateOp(mlir::Operation *op, mlir::Value value,
                                int64_t dims);
  std::optional<Row> evaluateSelect(mlir::Value source, int64_t axis,
                                    llvm::ArrayRef<int64_t> indices,
                                    int64_t rank, int64_t dims, bool keepAxis);
  std::optional<Row> evaluateUnitDims(mlir::Operation *op, int64_t dims);
  std::optional<Row> evaluateTranspose(mlir::Operation *op, int64_t dims);
  std::optional<Row> evaluateReshape(mlir::Operation *op, int64_t dims);
  std::optional<Row> evaluateExpand(mlir::Operation *op, int64_t dims);
  std::optional<Row> evaluateConcat(mlir::Operation *op, int64_t dims);
  std::optional<Row> evaluateNegation(mlir::Operation *op, int64_t dims);
  std::optional<Row> evaluateAngular(mlir::Operation *op, int64_t dims);
  std::optional<Row> evaluateCast(mlir::Operation *op, int64_t dims);
  std::optional<Row> evaluateProduct(mlir::Value lhs, mlir::Value rhs,
                                     mlir::Value result, int64_t dims);
  std::optional<Row> evaluateSum(mlir::Operation *op, int64_t dims);
  std::optional<Row> evaluateRotation(mlir::Operation *op, int64_t dims);
  std::optional<Row> evaluateOperand(mlir::Value operand, mlir::Value result,
                                     int64_t dims);
  std::optional<Row> multiply(const Row &row, const Row &table);

  const ShapeAnalysis &shapes;
  llvm::DenseMap<std::pair<mlir::Value, int64_t>, std::optional<Row>> rows;
  TableContents tables;
  int64_t depth = 0;
};

} // namespace fulgur

#endif // PASSES_RAISE_RAISEROTARY_SYMBOLICROW_H
