//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The selection of tokens, for the operation of that name and the one that
// scores them as well.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_SELECTTOKENS_H
#define PASSES_LOWERTOGPU_KERNELS_SELECTTOKENS_H

#include "passes/LowerToGPU/Kernels/KernelBuilder.h"

namespace fulgur {

/// Says why `k` tokens are too many, or nothing.
void checkSelection(int64_t k,
                    llvm::function_ref<void(const llvm::Twine &)> miss);

/// Launches the kernel of fulgur.select_tokens at the place of `host`, on
/// buffers; the mask may be null.
void launchSelection(mlir::OpBuilder &host, mlir::Location loc,
                     KernelBuilder &builder, mlir::Value scores,
                     mlir::Value mask, mlir::Value result, int64_t k,
                     bool causal);

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_SELECTTOKENS_H
