//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Loads the driver when it is asked for: executables run on machines without
// one.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/CudaDriver.h"

#include <dlfcn.h>

using namespace fulgur;
using namespace fulgur::rt;
using namespace fulgur::rt::cuda;

/// Of cuTensorMapEncodeTiled and launches with attributes.
static constexpr int oldestVersion = 12000;

Status Driver::load() {
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    return fail(ExitCode::ToolFailed,
                "no CUDA driver: can not load libcuda.so.1 (%s); --device=cpu "
                "runs without one",
                reason ? reason : "");
  }
  std::string missing;
#define FULGUR_CUDA_FIND(name, symbol, ...)                                    \
  name = reinterpret_cast<Result (*)(__VA_ARGS__)>(dlsym(library, symbol));    \
  if (!name && missing.empty())                                                \
    missing = symbol;
  FULGUR_CUDA_FUNCTIONS(FULGUR_CUDA_FIND)
#undef FULGUR_CUDA_FIND
  int version = 0;
  if (driverGetVersion)
    (void)driverGetVersion(&version);
  if (!missing.empty() || version < oldestVersion)
    return fail(ExitCode::ToolFailed,
                "expected a CUDA driver for 12.0 or later, but got one for "
                "%d.%d%s",
                version / 1000, version % 1000 / 10,
                missing.empty() ? "" : (" without " + missing).c_str());
  return check(init(0), "the CUDA driver does not start");
}

Status Driver::get(const Driver *&driver) {
  // The library is never unloaded: it may have threads.
  static Driver loaded;
  static const Status status = loaded.load();
  driver = &loaded;
  return status;
}

Status Driver::check(Result result, const std::string &what) const {
  if (result == success)
    return {};
  const char *name = nullptr, *text = nullptr;
  (void)getErrorName(result, &name);
  (void)getErrorString(result, &text);
  return fail(ExitCode::ToolFailed, "%s: %s: %s", what.c_str(),
              name ? name : format("CUDA error %d", result).c_str(),
              text ? text : "unknown error");
}
