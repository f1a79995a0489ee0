//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOCPU_PASSES_TD
#define PASSES_LOWERTOCPU_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // PASSES_LOWERTOCPU_PASSES_TD
