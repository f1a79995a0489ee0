//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Memory of the runtime: aligned blocks that fail with a message instead of
// ending the process, and sizes of tensors that can not overflow.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_MEMORY_H
#define FULGUR_LIB_RUNTIME_MEMORY_H

#include "lib/Runtime/Status.h"

#include <cstdint>

namespace fulgur::rt {

/// A block of FULGUR_ALIGNMENT-aligned memory; large ones ask for huge pages.
class Block {
public:
  Block() = default;
  Block(Block &&other) { *this = static_cast<Block &&>(other); }
  Block &operator=(Block &&other);
  ~Block() { reset(); }

  /// Memory of at least `bytes` (one byte when 0), not initialized; false when
  /// there is not so much.
  bool allocate(int64_t bytes);
  /// As above, with a failure that says what the memory is for.
  Status allocate(int64_t bytes, const char *purpose);
  void reset();

  char *data() const { return start; }
  int64_t size() const { return length; }

private:
  char *start = nullptr;
  int64_t length = 0;
};

/// `1.5 GiB`.
std::string describeBytes(int64_t bytes);

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_MEMORY_H
