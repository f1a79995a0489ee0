//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The commands of a compiled model's executable.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_COMMANDS_H
#define FULGUR_LIB_RUNTIME_COMMANDS_H

#include "fulgur/Runtime/Model.h"

namespace fulgur::rt {

/// Does what the command line says; returns the exit code.
int runCommandLine(const FulgurModel &model, int argc, char **argv);

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_COMMANDS_H
