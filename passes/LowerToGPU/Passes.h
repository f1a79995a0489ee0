//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The passes of this stage; each is declared in Passes.td.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_PASSES_H
#define PASSES_LOWERTOGPU_PASSES_H

#include "mlir/Pass/Pass.h"

namespace fulgur {

/// The attribute of a module that names the architecture of the GPU that it is
/// for, as --gpu-arch does. A module without is for any that a pass knows.
inline constexpr llvm::StringLiteral targetAttr = "fulgur.target";

/// A #llvm.loop_annotation of an scf.for, which gets to its branches.
inline constexpr llvm::StringLiteral loopAnnotationAttr =
    "llvm.loop_annotation";

#define GEN_PASS_DECL
#include "passes/LowerToGPU/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

#endif // PASSES_LOWERTOGPU_PASSES_H
