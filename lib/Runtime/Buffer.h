//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Memory of a session's steps: of the host, or of its device.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_BUFFER_H
#define FULGUR_LIB_RUNTIME_BUFFER_H

#include "lib/Runtime/Device.h"
#include "lib/Runtime/Memory.h"

namespace fulgur::rt {

/// As Block, on the device unless that is null.
class Buffer {
public:
  Buffer() = default;
  Buffer(Buffer &&other) { *this = static_cast<Buffer &&>(other); }
  Buffer &operator=(Buffer &&other);
  ~Buffer() { reset(); }

  /// Memory of at least `bytes`, not initialized.
  Status allocate(Device *device, int64_t bytes, const char *purpose);
  /// As above, unless there is as much already.
  Status reserve(Device *device, int64_t bytes, const char *purpose) {
    if (data() && bytes <= size())
      return {};
    return allocate(device, bytes, purpose);
  }
  void reset();

  char *data() const { return device ? start : block.data(); }
  int64_t size() const { return device ? length : block.size(); }

private:
  Block block; // of the host
  Device *device = nullptr;
  char *start = nullptr;
  int64_t length = 0;
};

/// Page-locked memory of the host for copies from and to a device.
class StagingBuffer {
public:
  explicit StagingBuffer(Device &device) : device(device) {}
  StagingBuffer(const StagingBuffer &) = delete;
  ~StagingBuffer() { device.freeHost(start); }

  Status allocate(int64_t bytes) { return device.allocateHost(bytes, start); }
  char *data() const { return static_cast<char *>(start); }

private:
  Device &device;
  void *start = nullptr;
};

/// An event that is destroyed with this.
class ScopedEvent {
public:
  explicit ScopedEvent(Device &device) : device(device) {}
  ScopedEvent(const ScopedEvent &) = delete;
  ~ScopedEvent() {
    if (event)
      device.destroyEvent(event);
  }

  Status create() { return device.createEvent(event); }
  Device::Event get() const { return event; }

private:
  Device &device;
  Device::Event event = nullptr;
};

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_BUFFER_H
