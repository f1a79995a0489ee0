//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Optimises LLVM IR for one processor and turns it into assembly or an object.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_TARGET_CODEGEN_H
#define LIB_TARGET_CODEGEN_H

#include "fulgur/ExitCode.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>

namespace fulgur {

/// Makes the code generator for `cpu`. A processor that LLVM does not know is
/// a Usage failure.
ExitCode makeTargetMachine(llvm::StringRef cpu, unsigned optLevel,
                           std::unique_ptr<llvm::TargetMachine> &machine);

/// Names the processor on every function, so that IR and code agree on it.
void setTarget(llvm::Module &module, const llvm::TargetMachine &machine);

/// Runs the optimisation pipeline. Only what the runtime calls stays visible.
ExitCode optimize(llvm::Module &module, llvm::TargetMachine &machine,
                  unsigned optLevel);

/// Makes the conversions from f32 to bf16 explicit where the processor would
/// need a call for each element.
void expandConversions(llvm::Module &module,
                       const llvm::TargetMachine &machine);

/// Adds the conversions to bf16 that code may call and that the C compiler's
/// library has not everywhere.
void addConversionHelpers(llvm::Module &module);

ExitCode generateCode(llvm::Module &module, llvm::TargetMachine &machine,
                      llvm::CodeGenFileType form,
                      llvm::SmallVectorImpl<char> &code);

} // namespace fulgur

#endif // LIB_TARGET_CODEGEN_H
