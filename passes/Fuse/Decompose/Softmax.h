//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The softmax that all forms of attention share, safe for any score: the
// maximum is subtracted first, and a query that sees nothing gives zeros
// instead of 0/0. The division comes last, after the values are mixed, where
// there is less to divide.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_PASSES_FUSE_DECOMPOSE_SOFTMAX_H
#define FULGUR_PASSES_FUSE_DECOMPOSE_SOFTMAX_H

#include "lib/Support/Emitter.h"

namespace fulgur {

/// Which of the scores [B, H, S, T] a query may see.
struct Visibility {
  mlir::Value mask; // or null
  bool causal = false;
  std::optional<int64_t> window;
};

/// The softmax without its division: `weights` are exp(score − maximum), and
/// `sums` their sums.
struct Softmax {
  mlir::Value weights, sums;
};

/// exp(score − max) over the last dimension of `scores` (any rank), and sums.
Softmax softmax(Emitter &e, mlir::Value scores);

/// A softmax whose scores come in parts, with what is mixed by its weights. All
/// are relative to the greatest score so far, and are scaled down when a
/// greater one comes.
struct OnlineSoftmax {
  mlir::Value maxima, sums; // [H]
  mlir::Value mixed;        // [H, L]

  /// Before any score.
  OnlineSoftmax(Emitter &e, mlir::OpFoldResult heads, mlir::OpFoldResult width,
                mlir::Type type);
  explicit OnlineSoftmax(mlir::ValueRange state)
      : maxima(state[0]), sums(state[1]), mixed(state[2]) {}
  /// What a loop carries.
  llvm::SmallVector<mlir::Value> state() const { return {maxima, sums, mixed}; }

  /// Takes the next `scores` [H, n], and gives their weights, with which the
  /// values are to be added to `mixed`. The weights are in place of the scores.
  mlir::Value add(Emitter &e, mlir::Value scores);
};

/// The softmax of masked and scaled scores. Element (b, h, s, t) of them is
/// that of `raw` at `map`; `sizes` are [B, H, S, T].
Softmax maskedSoftmax(Emitter &e, mlir::Value raw, mlir::AffineMap map,
                      const MixedSizes &sizes, double scale,
                      const Visibility &visible);

/// value / sum, or 0 where the sum is.
mlir::Value normalize(Emitter &e, mlir::Value value, mlir::Value sum);

/// Divides by the sums, and turns [B, H, S, D] into [B, S, H, D].
mlir::Value finishSoftmax(Emitter &e, mlir::Value mixed, mlir::Value sums,
                          mlir::Type type);

} // namespace fulgur

#endif // FULGUR_PASSES_FUSE_DECOMPOSE_SOFTMAX_H
