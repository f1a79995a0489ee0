//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The passes of this stage; each is declared in Passes.td.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_PASSES_H
#define PASSES_RAISE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace fulgur {
#define GEN_PASS_DECL
#include "passes/Raise/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Raise/Passes.h.inc"

/// Those of fulgur-name-extents: extents become those of the inputs.
void populateNameExtentsPatterns(mlir::RewritePatternSet &patterns);
} // namespace fulgur

#endif // PASSES_RAISE_PASSES_H
