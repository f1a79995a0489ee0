//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PASSES_VERIFY_PASSES_TD
#define PASSES_VERIFY_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // PASSES_VERIFY_PASSES_TD
