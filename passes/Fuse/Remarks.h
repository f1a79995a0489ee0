//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How a fusion says what it did, or why not: one form for all, so that
// --explain can put them in a table.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_PASSES_FUSE_REMARKS_H
#define FULGUR_PASSES_FUSE_REMARKS_H

#include "mlir/IR/Location.h"

namespace fulgur {

/// What a fusion saves in one step, at the sizes that the cost model assumes.
/// Negative numbers are what it costs: absorbing a projection can spend
/// arithmetic to save traffic.
struct Saving {
  double bytes = 0; // that are neither read nor written any more
  double flops = 0;
};

/// A passed remark of the pass `pass` (its flag): what it did and saved. Its
/// arguments are named, for readers that are programs.
void remarkFused(mlir::Location loc, llvm::StringRef pass,
                 const llvm::Twine &what, Saving saving);

/// A missed remark: the condition that failed, with both values.
void remarkNotFused(mlir::Location loc, llvm::StringRef pass,
                    const llvm::Twine &why);

} // namespace fulgur

#endif // FULGUR_PASSES_FUSE_REMARKS_H
