//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the kernel of fulgur.absorbed_attention can do.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_ABSORBEDATTENTION_H
#define PASSES_LOWERTOGPU_KERNELS_ABSORBEDATTENTION_H

#include "mlir/IR/BuiltinTypeInterfaces.h"

#include <string>

namespace fulgur {

/// What the kernel can not do about these latents and rotated keys; empty if it
/// can.
std::string findAbsorbedAttentionProblem(mlir::ShapedType latent,
                                         mlir::ShapedType ropeKey);

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_ABSORBEDATTENTION_H
