//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The entry of an executable. Alone in its file: a shared library is linked
// with the same archive, and must not get it.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Commands.h"

int main(int argc, char **argv) {
  return fulgur::rt::runCommandLine(fulgur_model, argc, argv);
}
