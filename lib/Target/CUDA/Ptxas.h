//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Runs NVIDIA's assembler and disassembler, which are programs of their own.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_TARGET_CUDA_PTXAS_H
#define LIB_TARGET_CUDA_PTXAS_H

#include "lib/Target/ModelInfo.h"

#include "llvm/ADT/StringSet.h"
#include <string>

namespace fulgur {

/// The path of an assembler: `asked` if it is not empty, else that of
/// $CUDA_HOME/bin, of $PATH or the one that the set-up has installed. Empty if
/// there is none.
std::string findPtxas(llvm::StringRef asked);

/// Sets `cubin` to what `ptxas` makes of `ptx` for `arch`, and the resources of
/// `kernels`, by their names. In a kernel that is `strict` a spill, local
/// memory or a warning that instructions are serialised is a failure, as it
/// costs most of the speed that the kernel is made for. What fails has been
/// told.
ExitCode assemble(llvm::StringRef ptxas, llvm::StringRef ptx,
                  llvm::StringRef arch, const llvm::StringSet<> &strict,
                  llvm::MutableArrayRef<KernelInfo> kernels,
                  std::string &cubin);

/// Sets `text` to the instructions of `cubin`. What fails has been told, such
/// as that there is no disassembler.
ExitCode disassemble(llvm::StringRef cubin, std::string &text);

} // namespace fulgur

#endif // LIB_TARGET_CUDA_PTXAS_H
