//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Builds the constant `fulgur_model`, through which the runtime knows a model.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_TARGET_MODELDESCRIPTOR_H
#define LIB_TARGET_MODELDESCRIPTOR_H

#include "lib/Target/ModelInfo.h"

#include "llvm/IR/Module.h"

namespace fulgur {

/// Adds `fulgur_model` to `module`, which has the functions of the model and of
/// its variants, and its triple and data layout. `blob` holds the embedded
/// weights of all of them.
void addModelDescriptor(llvm::Module &module, const ModelInfo &info,
                        llvm::StringRef blob, llvm::StringRef compiler);

} // namespace fulgur

#endif // LIB_TARGET_MODELDESCRIPTOR_H
