//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the decompositions of a mixture of experts share: the order of the pairs
// of a token and one of its experts.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_PASSES_FUSE_DECOMPOSE_EXPERTS_H
#define FULGUR_PASSES_FUSE_DECOMPOSE_EXPERTS_H

#include "lib/Support/Emitter.h"

namespace fulgur {

/// Element `at` of a tensor of i32, as an index.
mlir::Value loadIndex(Emitter &e, mlir::Value tensor, mlir::ValueRange at);

/// The pairs of a token and one of its experts, in the order of
/// `fulgur.dispatch`.
struct SortedPairs {
  mlir::Value sources; // [N·k], i32
  mlir::Value offsets; // [X+1], i32
};

/// Sorts `experts` [N, k] by counting.
SortedPairs sortByExpert(Emitter &e, mlir::Value experts,
                         mlir::OpFoldResult expertCount);

} // namespace fulgur

#endif // FULGUR_PASSES_FUSE_DECOMPOSE_EXPERTS_H
