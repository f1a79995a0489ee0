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
