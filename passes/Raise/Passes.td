//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_PASSES_TD
#define PASSES_RAISE_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // PASSES_RAISE_PASSES_TD
