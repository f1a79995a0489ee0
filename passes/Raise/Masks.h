//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the masks of attention mean.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_MASKS_H
#define PASSES_RAISE_MASKS_H

#include "dialects/ONNX/Analysis/ElementAnalysis.h"

#include "mlir/IR/Builders.h"

namespace fulgur {

/// The tokens that a query sees: those that all of this lets through.
struct MaskMeaning {
  /// Only the tokens t ≤ T−S+s.
  bool causal = false;
  /// Only the tokens t > T−S+s−window.
  std::optional<int64_t> window;
  /// Further conditions, on the coordinates of `MaskReader`.
  llvm::SmallVector<Condition> rest;
  /// Whether the mask hides by a finite number that is added.
  bool isFinite = false;

  /// Whether both let the same tokens through, as far as their form shows.
  bool operator==(const MaskMeaning &other) const;
};

/// Whether `value` is a number that leaves nothing of a score it replaces.
bool isHiding(mlir::Value value);

/// Reads masks as conditions on (b, h, s, t) or (b, s, t).
class MaskReader {
public:
  explicit MaskReader(const ShapeAnalysis &shapes) : elements(shapes) {}

  /// What `mask` lets through of scores of shape `scores`, [B, H, S, T] or
  /// [B, S, T]; the opposite, if `isNegated`. None when the mask may change
  /// scores or broadcasts by sizes that are not known.
  std::optional<MaskMeaning> read(mlir::Value mask,
                                  llvm::ArrayRef<mlir::AffineExpr> scores,
                                  bool isNegated = false);

  /// Whether element (…, t) of each dimension of `value` is 1 or that of
  /// `scores`, counted from the last.
  bool fits(mlir::Value value, llvm::ArrayRef<mlir::AffineExpr> scores) const;

  /// The boolean tensor of rank 4 (or 3, without heads) that `conditions` are;
  /// null when one of them is no element of a tensor at plain coordinates.
  mlir::Value build(llvm::ArrayRef<Condition> conditions,
                    llvm::ArrayRef<mlir::AffineExpr> scores,
                    mlir::OpBuilder &builder, mlir::Location loc);

  /// The coordinates of one element of scores of this shape.
  llvm::SmallVector<mlir::AffineExpr>
  coordinates(llvm::ArrayRef<mlir::AffineExpr> scores);

private:
  mlir::Value buildOne(const Condition &condition,
                       llvm::ArrayRef<mlir::AffineExpr> at,
                       mlir::OpBuilder &builder, mlir::Location loc);

  ElementAnalysis elements;
};

/// One mask of rank 4 (or 3) for several; null for none. All that are added
/// have one element type.
mlir::Value combineMasks(llvm::ArrayRef<mlir::Value> masks,
                         mlir::OpBuilder &builder, mlir::Location loc);

} // namespace fulgur

#endif // PASSES_RAISE_MASKS_H
