//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Memory of the host or of a device.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Buffer.h"

#include <utility>

using namespace fulgur;
using namespace fulgur::rt;

Buffer &Buffer::operator=(Buffer &&other) {
  std::swap(block, other.block);
  std::swap(device, other.device);
  std::swap(start, other.start);
  std::swap(length, other.length);
  return *this;
}

void Buffer::reset() {
  block.reset();
  if (device)
    device->free(start);
  device = nullptr;
  start = nullptr;
  length = 0;
}

Status Buffer::allocate(Device *place, int64_t bytes, const char *purpose) {
  reset();
  if (!place)
    return block.allocate(bytes, purpose);
  void *memory = nullptr;
  if (Status status = place->allocate(bytes, memory)) {
    status.text =
        format("can not get %s for %s: %s", describeBytes(bytes).c_str(),
               purpose, status.text.c_str());
    return status;
  }
  device = place;
  start = static_cast<char *>(memory);
  length = bytes;
  return {};
}
