//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What one element of a tensor is, as a function of its coordinates.
//
// Exporters write "query s sees token t" as a long chain over grids of
// positions: ranges, expansions, slices, gathers, running sums, comparisons.
// Followed backwards from the element at symbolic coordinates, every one of
// them is arithmetic on coordinates and sizes: `Range(0, T)` at t is t, a
// `Slice` from 1 at s is what it slices at s + 1, `CumSum` of zeros is zero,
// `GatherND` reads at what its indices are. A boolean then is a conjunction of
// conditions, each an affine expression that is not negative, or what could
// not be looked into. Nothing is assumed: an element that is not understood
// has no expression.
//
//===----------------------------------------------------------------------===//
#ifndef DIALECTS_ONNX_ANALYSIS_ELEMENTANALYSIS_H
#define DIALECTS_ONNX_ANALYSIS_ELEMENTANALYSIS_H

#include "dialects/ONNX/Analysis/ShapeAnalysis.h"

namespace fulgur {

/// Something that is true or false of one element.
struct Condition {
  enum class Kind {
    /// `expr` ≥ 0.
    NotNegative,
    /// Element `at` of the boolean tensor `value`.
    Holds,
    /// The last coordinate of `at` is among the indices that row `at` (without
    /// the last) of `value` holds.
    Selected
  };
  Kind kind;
  bool isNegated = false;
  mlir::AffineExpr expr;
  mlir::Value value;
  llvm::SmallVector<mlir::AffineExpr, 4> at;

  bool operator==(const Condition &other) const {
    return kind == other.kind && isNegated == other.isNegated &&
           expr == other.expr && value == other.value && at == other.at;
  }
};

/// True when all of its conditions are; always true without any.
struct Conjunction {
  bool isNever = false;
  llvm::SmallVector<Condition> all;
  /// Of a mask that is added: whether it hides by a finite number. A row of
  /// which all is hidden then is like one of which nothing is.
  bool isFinite = false;

  bool isAlways() const { return !isNever && all.empty(); }
};

/// Follows elements backwards through one function. Sees the values that
/// existed when `shapes` was made.
class ElementAnalysis {
public:
  using Coords = llvm::ArrayRef<mlir::AffineExpr>;
  using Point = llvm::SmallVector<mlir::AffineExpr, 6>;

  explicit ElementAnalysis(const ShapeAnalysis &shapes)
      : shapes(shapes), sizes(shapes.getSizes()) {}

  /// The coordinate `name`, from 0 up to but not including `extent`.
  mlir::AffineExpr coordinate(llvm::StringRef name, mlir::AffineExpr extent);

  /// Element `at` of an integer tensor; null when unknown.
  mlir::AffineExpr getInteger(mlir::Value value, Coords at);
  /// Element `at` of a boolean tensor; the element itself when nothing is
  /// known of it.
  Conjunction getCondition(mlir::Value value, Coords at);
  /// Where element `at` of a boolean tensor is false; none when that is no
  /// conjunction.
  std::optional<Conjunction> getOpposite(mlir::Value value, Coords at);
  /// Where a mask lets a score pass: element `at` of a boolean tensor is true,
  /// of a tensor that is added is 0, and elsewhere so low that nothing is left
  /// of the score. None when it may be another number.
  std::optional<Conjunction> getVisible(mlir::Value value, Coords at);

  /// Which element of `operand` meets element `at` of a tensor of shape `to`
  /// when they are broadcast; none when that depends on sizes.
  std::optional<Point> align(mlir::Value operand, Coords to, Coords at) const;

  /// Whether `expr` is never negative while all coordinates are in their
  /// ranges.
  bool isNeverNegative(mlir::AffineExpr expr);

  std::optional<Conjunction> negate(const Conjunction &conjunction);
  Conjunction both(Conjunction a, const Conjunction &b);

  Sizes &getSizes() { return sizes; }
  const ShapeAnalysis &getShapes() const { return shapes; }

private:
  using Place = std::pair<mlir::Value, Point>;

  std::optional<Place> stepBack(mlir::Value value, Coords at);
  std::optional<Point> reshaped(Coords to, Coords at, Coords from);
  std::optional<Place> stepThroughParts(mlir::Operation *op, Coords at);
  std::optional<Place> stepThroughGather(mlir::Operation *op, Coords at);
  /// The place where `at` is computed, and not only moved.
  Place origin(mlir::Value value, Coords at);
  mlir::AffineExpr prependedRow(mlir::Operation *concat, Coords at);
  mlir::AffineExpr integerOperand(mlir::Operation *op, unsigned index,
                                  Coords at);
  mlir::AffineExpr integerTable(mlir::Value value, Coords at);
  std::optional<Conjunction> diagonalTable(mlir::Value value, Coords at);
  std::optional<Conjunction> compare(mlir::Operation *op, Coords at);
  std::optional<Conjunction> scattered(mlir::Operation *op, Coords at);
  std::optional<Conjunction> triangle(mlir::Operation *op, Coords at);
  std::optional<Conjunction> chosen(mlir::Operation *op, Coords at);
  /// A number in a tensor that is 1 where a condition holds, else 0.
  std::optional<Conjunction> indicator(mlir::Value value, Coords at);
  std::optional<Conjunction> conditionOperand(mlir::Operation *op,
                                              unsigned index, Coords at);
  std::optional<Conjunction> visibleOperand(mlir::Operation *op, unsigned index,
                                            Coords at);
  Conjunction whether(bool value) { return {!value, {}}; }
  Conjunction notNegative(mlir::AffineExpr expr);
  Conjunction holds(mlir::Value value, Coords at);

  const ShapeAnalysis &shapes;
  /// Those of the shapes, and the coordinates as further dimensions.
  Sizes sizes;
  llvm::SmallVector<std::pair<mlir::AffineExpr, mlir::AffineExpr>> ranges;
  /// The diagonals of large tables, which are read once.
  llvm::DenseMap<mlir::Value, std::optional<int64_t>> diagonals;
};

} // namespace fulgur

#endif // DIALECTS_ONNX_ANALYSIS_ELEMENTANALYSIS_H
