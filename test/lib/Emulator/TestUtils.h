//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Kernels that are functions of the test.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_TEST_LIB_EMULATOR_TESTUTILS_H
#define FULGUR_TEST_LIB_EMULATOR_TESTUTILS_H

#include "fulgur/Runtime/Emulator.h"
#include "lib/Emulator/Calls.h"
#include "lib/Emulator/Machine.h"

#include <functional>
#include <string>
#include <vector>

namespace fulgur::emu {

inline std::function<void()> &getBody() {
  static std::function<void()> body;
  return body;
}

struct Launch {
  int32_t threads = 1, blocks = 1, cluster = 1, flags = 0;
  int64_t sharedBytes = 64 * 1024;
  uint64_t seed = 1;
};

/// Runs `body` as a kernel; the message of its fault, or nothing.
inline std::string run(const Launch &launch, std::function<void()> body) {
  getBody() = std::move(body);
  FulgurKernel kernel = {};
  kernel.name = "test";
  kernel.block[0] = launch.threads;
  kernel.block[1] = kernel.block[2] = 1;
  kernel.cluster[0] = launch.cluster;
  kernel.cluster[1] = kernel.cluster[2] = 1;
  kernel.shared_bytes = launch.sharedBytes;
  kernel.flags = launch.flags;
  kernel.emulated = [](void *const *) { getBody()(); };
  kernel.registers = -1;
  int64_t grid[3] = {launch.blocks, 1, 1};
  char message[1024] = "";
  fulgur_emulator.set_seed(launch.seed);
  fulgur_emulator.launch(&kernel, grid, launch.sharedBytes, nullptr, message,
                         sizeof(message));
  return message;
}

/// Global memory of the emulated device.
template <typename T> class DeviceArray {
public:
  explicit DeviceArray(size_t count) : storage(count * sizeof(T) + 256) {
    begin =
        reinterpret_cast<T *>((uintptr_t(storage.data()) + 255) / 256 * 256);
    size = count;
    fulgur_emulator.allocated(begin, int64_t(count * sizeof(T)));
  }
  ~DeviceArray() { fulgur_emulator.released(begin); }
  DeviceArray(const DeviceArray &) = delete;
  T *data() { return begin; }
  T &operator[](size_t i) { return begin[i]; }
  size_t size;

private:
  std::vector<char> storage;
  T *begin;
};

inline int32_t tid() { return fulgur_emu_registers->tid[0]; }
inline char *shared() {
  return static_cast<char *>(fulgur_emu_shared("shared", 0, 0, 0));
}

/// Stores to shared memory as generated code does, with the check.
template <typename T> void store(T *to, T value) {
  fulgur_emu_access("store", to, sizeof(T), 1, alignof(T));
  *to = value;
}
template <typename T> T load(const T *from) {
  fulgur_emu_access("load", from, sizeof(T), 0, alignof(T));
  return *from;
}

} // namespace fulgur::emu

#endif // FULGUR_TEST_LIB_EMULATOR_TESTUTILS_H
