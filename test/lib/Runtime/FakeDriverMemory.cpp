//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// libcuda.so.1 for tests: memory, copies, events and tensor maps.
//
//===----------------------------------------------------------------------===//
#include "FakeDriverState.h"

using namespace fulgur::rt::cuda;

extern "C" {

Result cuMemAlloc_v2(Address *address, size_t bytes) {
  if (Result result = driver.enterOutsideOfCapture("cuMemAlloc"))
    return result;
  if (bytes == 0)
    return invalidValue;
  if (driver.used + bytes > size_t(driver.control.memoryBytes) ||
      driver.next + FakeDriver::roundUp(bytes) > FakeDriver::range)
    return outOfMemory;
  // With a page that nobody may touch behind it.
  *address = reinterpret_cast<Address>(driver.base + driver.next);
  driver.next += FakeDriver::roundUp(bytes) + 4096;
  driver.used += bytes;
  driver.allocations[*address] = bytes;
  driver.run([&] { memset(reinterpret_cast<void *>(*address), 0xff, bytes); });
  return success;
}

Result cuMemFree_v2(Address address) {
  auto known = driver.allocations.find(address);
  if (known == driver.allocations.end()) {
    driver.violate("unknown memory is freed");
    return invalidValue;
  }
  for (const auto &stream : driver.streams)
    if (!stream->work.empty() && !driver.broken)
      driver.violate("memory is freed while work may use it");
  driver.used -= known->second;
  madvise(reinterpret_cast<void *>(address), FakeDriver::roundUp(known->second),
          MADV_DONTNEED);
  driver.allocations.erase(known);
  return driver.enter("cuMemFree");
}

Result cuMemAllocHost_v2(void **data, size_t bytes) {
  if (Result result = driver.enterOutsideOfCapture("cuMemAllocHost"))
    return result;
  if (bytes == 0)
    return invalidValue;
  *data = malloc(bytes);
  driver.pinned.insert(*data);
  return success;
}

Result cuMemFreeHost(void *data) {
  if (!driver.pinned.erase(data))
    driver.violate("unknown host memory is freed");
  for (const auto &stream : driver.streams)
    if (!stream->work.empty() && !driver.broken)
      driver.violate("host memory is freed while copies may use it");
  free(data);
  return driver.enter("cuMemFreeHost");
}

Result cuMemcpyHtoDAsync_v2(Address target, const void *source, size_t bytes,
                            Stream stream) {
  if (Result result = driver.enterOutsideOfCapture("cuMemcpyHtoDAsync"))
    return result;
  if (!driver.checkDevice(target, bytes, "cuMemcpyHtoDAsync") ||
      !driver.checkHost(source, "cuMemcpyHtoDAsync"))
    return invalidValue;
  return driver.put(stream, "cuMemcpyHtoDAsync", [=] {
    driver.run(
        [&] { memcpy(reinterpret_cast<void *>(target), source, bytes); });
  });
}

Result cuMemcpyDtoHAsync_v2(void *target, Address source, size_t bytes,
                            Stream stream) {
  if (Result result = driver.enterOutsideOfCapture("cuMemcpyDtoHAsync"))
    return result;
  // The caller's frame may be gone when the copy runs.
  char here = 0;
  constexpr uintptr_t stackBytes = 1 << 20;
  if (reinterpret_cast<uintptr_t>(target) - uintptr_t(&here) < stackBytes)
    driver.violate("cuMemcpyDtoHAsync to the stack");
  if (!driver.checkDevice(source, bytes, "cuMemcpyDtoHAsync") ||
      !driver.checkHost(target, "cuMemcpyDtoHAsync"))
    return invalidValue;
  return driver.put(stream, "cuMemcpyDtoHAsync", [=] {
    driver.run(
        [&] { memcpy(target, reinterpret_cast<void *>(source), bytes); });
  });
}

Result cuMemcpyDtoDAsync_v2(Address target, Address source, size_t bytes,
                            Stream stream) {
  if (Result result = driver.enter("cuMemcpyDtoDAsync"))
    return result;
  if (!driver.checkDevice(source, bytes, "cuMemcpyDtoDAsync") ||
      !driver.checkDevice(target, bytes, "cuMemcpyDtoDAsync"))
    return invalidValue;
  return driver.put(stream, "cuMemcpyDtoDAsync", [=] {
    driver.run([&] {
      memcpy(reinterpret_cast<void *>(target), reinterpret_cast<void *>(source),
             bytes);
    });
  });
}

Result cuMemsetD8Async(Address target, unsigned char byte, size_t bytes,
                       Stream stream) {
  if (Result result = driver.enter("cuMemsetD8Async"))
    return result;
  if (!driver.checkDevice(target, bytes, "cuMemsetD8Async"))
    return invalidValue;
  return driver.put(stream, "cuMemsetD8Async", [=] {
    driver.run([&] { memset(reinterpret_cast<void *>(target), byte, bytes); });
  });
}

Result cuEventCreate(Event *event, unsigned flags) {
  if (Result result = driver.enter("cuEventCreate"))
    return result;
  auto *made = new FakeEvent;
  driver.events.insert(made);
  *event = reinterpret_cast<Event>(made);
  return success;
}

Result cuEventDestroy_v2(Event event) {
  if (!erase(driver.events, event))
    driver.violate("an unknown event is destroyed");
  return driver.enter("cuEventDestroy");
}

Result cuEventRecord(Event event, Stream stream) {
  if (Result result = driver.enterOutsideOfCapture("cuEventRecord"))
    return result;
  auto *known = reinterpret_cast<FakeEvent *>(event);
  known->isPending = true;
  return driver.put(stream, "cuEventRecord", [=] {
    known->time = driver.time;
    known->isPending = false;
  });
}

Result cuEventSynchronize(Event event) {
  if (Result result = driver.enterOutsideOfCapture("cuEventSynchronize"))
    return result;
  auto *known = reinterpret_cast<FakeEvent *>(event);
  for (const auto &stream : driver.streams)
    while (known->isPending && !stream->work.empty() && !driver.broken)
      driver.runNext(*stream);
  return driver.broken;
}

Result cuEventElapsedTime(float *milliseconds, Event from, Event to) {
  if (Result result = driver.enter("cuEventElapsedTime"))
    return result;
  auto *begin = reinterpret_cast<FakeEvent *>(from);
  auto *end = reinterpret_cast<FakeEvent *>(to);
  if (begin->isPending || end->isPending || begin->time < 0 || end->time < 0) {
    driver.violate("an event is measured that has not been reached");
    return invalidValue;
  }
  *milliseconds = static_cast<float>(end->time - begin->time);
  return success;
}

/// The map holds the address, then the sizes.
Result cuTensorMapEncodeTiled(void *map, int type, uint32_t rank, void *data,
                              const uint64_t *sizes, const uint64_t *strides,
                              const uint32_t *box, const uint32_t *steps,
                              int interleave, int swizzle, int promotion,
                              int fill) {
  if (Result result = driver.enter("cuTensorMapEncodeTiled"))
    return result;
  if (reinterpret_cast<uintptr_t>(map) % 64 ||
      reinterpret_cast<uintptr_t>(data) % 16 || rank < 1 || rank > 5)
    return invalidValue;
  for (uint32_t d = 0; d < rank; ++d)
    if (sizes[d] == 0 || box[d] == 0 || box[d] > 256 || steps[d] != 1 ||
        (d + 1 < rank && strides[d] % 16))
      return invalidValue;
  ++driver.control.tensorMaps;
  memset(map, 0, 128);
  memcpy(map, &data, sizeof(data));
  memcpy(static_cast<char *>(map) + 8, sizes, rank * sizeof(*sizes));
  return success;
}

} // extern "C"
