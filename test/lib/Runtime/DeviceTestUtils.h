//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The fake driver that this process has loaded.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_TEST_LIB_RUNTIME_DEVICETESTUTILS_H
#define FULGUR_TEST_LIB_RUNTIME_DEVICETESTUTILS_H

#include "FakeDriver.h"

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>

namespace fulgur::rt {

inline FakeDriverControl &getFakeDriver() {
  void *library = dlopen("libcuda.so.1", RTLD_NOW);
  auto *get = library ? reinterpret_cast<FakeDriverGetControl *>(
                            dlsym(library, "fake_driver_control"))
                      : nullptr;
  if (!get) {
    fputs("expected LD_LIBRARY_PATH to lead to the fake driver\n", stderr);
    exit(1);
  }
  return *get();
}

} // namespace fulgur::rt

#endif // FULGUR_TEST_LIB_RUNTIME_DEVICETESTUTILS_H
