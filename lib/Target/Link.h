//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Links the object file of a model with the runtime.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_TARGET_LINK_H
#define LIB_TARGET_LINK_H

#include "lib/Support/Output.h"

namespace fulgur {

/// Makes the executable or the shared library `result` from `object`, the
/// contents of an object file, by the program `linker` or, when that is empty,
/// in this process.
ExitCode linkModel(llvm::StringRef object, PendingFile &result, bool isShared,
                   llvm::StringRef linker);

} // namespace fulgur

#endif // LIB_TARGET_LINK_H
