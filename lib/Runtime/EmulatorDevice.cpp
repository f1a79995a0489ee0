//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Memory and copies of the emulated device, which are checked as kernels are.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/EmulatorDevice.h"

#include "lib/Runtime/Memory.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

using namespace fulgur;
using namespace fulgur::rt;

EmulatorDevice::EmulatorDevice(const FulgurModel &model, uint64_t seed)
    : model(model) {
  model.emulator->set_seed(seed);
}

EmulatorDevice::~EmulatorDevice() {
  while (!allocations.empty())
    free(reinterpret_cast<void *>(allocations.begin()->first));
}

std::string EmulatorDevice::getName() const {
  return std::string("emulator of ") + model.target;
}

int64_t EmulatorDevice::getMemoryBytes() const {
  return int64_t(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

Status EmulatorDevice::allocate(int64_t bytes, void *&data) {
  constexpr int64_t alignment = 256;
  if (bytes < 0 || bytes > getMemoryBytes() ||
      posix_memalign(&data, alignment, bytes > 0 ? bytes : 1) != 0)
    return fail(ExitCode::ToolFailed, "the emulator has no %s left",
                describeBytes(bytes).c_str());
  // What nobody wrote is NaN, and no index.
  memset(data, 0xff, bytes);
  allocations[reinterpret_cast<uintptr_t>(data)] = bytes;
  model.emulator->allocated(data, bytes);
  return {};
}

void EmulatorDevice::free(void *data) {
  if (!data)
    return;
  allocations.erase(reinterpret_cast<uintptr_t>(data));
  model.emulator->released(data);
  ::free(data);
}

Status EmulatorDevice::allocateHost(int64_t bytes, void *&data) {
  data = malloc(bytes > 0 ? bytes : 1);
  if (data)
    return {};
  return fail(ExitCode::ToolFailed, "out of memory: can not get %s",
              describeBytes(bytes).c_str());
}

void EmulatorDevice::freeHost(void *data) { ::free(data); }

Status EmulatorDevice::check(const char *what, const void *data,
                             int64_t bytes) const {
  if (bytes == 0)
    return {};
  auto begin = reinterpret_cast<uintptr_t>(data);
  auto next = allocations.upper_bound(begin);
  if (bytes > 0 && next != allocations.begin()) {
    auto [start, size] = *std::prev(next);
    if (begin - start <= uintptr_t(size) &&
        bytes <= size - static_cast<int64_t>(begin - start))
      return {};
  }
  return fail(ExitCode::InternalFailure,
              "emulator: %s of %lld bytes at %p is out of bounds of the "
              "device's memory",
              what, static_cast<long long>(bytes), data);
}

Status EmulatorDevice::uploadAsync(void *device, const void *host,
                                   int64_t bytes) {
  Status status = check("an upload", device, bytes);
  if (!status && bytes > 0)
    memcpy(device, host, bytes);
  return status;
}

Status EmulatorDevice::downloadAsync(void *host, const void *device,
                                     int64_t bytes) {
  Status status = check("a download", device, bytes);
  if (!status && bytes > 0)
    memcpy(host, device, bytes);
  return status;
}

Status EmulatorDevice::copyAsync(void *dst, const void *src, int64_t bytes) {
  Status status = check("a copy", src, bytes);
  if (!status)
    status = check("a copy", dst, bytes);
  if (!status && bytes > 0)
    memmove(dst, src, bytes);
  return status;
}

Status EmulatorDevice::fillAsync(void *dst, uint8_t byte, int64_t bytes) {
  Status status = check("a fill", dst, bytes);
  if (!status && bytes > 0)
    memset(dst, byte, bytes);
  return status;
}

Status EmulatorDevice::launch(int64_t kernel, const int64_t grid[3],
                              int64_t sharedBytes, void *const *args) {
  char message[1024] = "";
  if (model.emulator->launch(&model.kernels[kernel], grid, sharedBytes, args,
                             message, sizeof(message)) == 0)
    return {};
  return fail(ExitCode::InternalFailure, "emulator: %s", message);
}

Status EmulatorDevice::encodeTensorMap(void *map, const TensorMapInfo &info) {
  model.emulator->tensor_map(map, info.data, info.type, info.rank, info.sizes,
                             info.stridesBytes, info.box, info.swizzleBytes);
  return {};
}

static double getTime() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

Status EmulatorDevice::createEvent(Event &event) {
  event = new double(0);
  return {};
}

void EmulatorDevice::destroyEvent(Event event) {
  delete static_cast<double *>(event);
}

Status EmulatorDevice::record(Event event) {
  *static_cast<double *>(event) = getTime();
  return {};
}

Status EmulatorDevice::measure(Event from, Event to, double &seconds) {
  seconds = *static_cast<double *>(to) - *static_cast<double *>(from);
  return {};
}
