//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The kernels of a model for one architecture: their table, PTX and cubin.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_TARGET_CUDA_VARIANT_H
#define LIB_TARGET_CUDA_VARIANT_H

#include "fulgur/Target/Target.h"
#include "lib/Target/ModelInfo.h"

namespace fulgur {

/// Adds to `info` the kernels of `variant`, in the order of their numbers, the
/// texts of failures, and the images: PTX, and a cubin if there is an
/// assembler. `needsCubin`: it is a failure if there is none; else a note says
/// so. What fails has been told.
ExitCode compileKernels(const GPUVariant &variant, const TargetOptions &options,
                        bool needsCubin, ModelInfo &info);

} // namespace fulgur

#endif // LIB_TARGET_CUDA_VARIANT_H
