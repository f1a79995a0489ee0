//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Generates PTX for the kernels of a lowered module, by LLVM in this process.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_TARGET_CUDA_PTX_H
#define LIB_TARGET_CUDA_PTX_H

#include "fulgur/ExitCode.h"

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace fulgur {

/// Sets `ptx` to the kernels of `module` for `arch`, an architecture of
/// fulgur/Target/Target.h; empty when there are none. What fails has been told.
ExitCode generatePTX(mlir::ModuleOp module, llvm::StringRef arch,
                     unsigned optLevel, std::string &ptx);

} // namespace fulgur

#endif // LIB_TARGET_CUDA_PTX_H
