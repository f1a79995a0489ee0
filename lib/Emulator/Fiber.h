//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Stacks that take turns on one thread of the host.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_EMULATOR_FIBER_H
#define FULGUR_LIB_EMULATOR_FIBER_H

#include <cstddef>
#include <cstdint>

namespace fulgur::emu {

/// Where a fiber, or the scheduler, goes on: its stack pointer, below which the
/// registers lie that a call preserves.
using Context = void *;

/// Saves the running context to `from` and goes on with `to`.
extern "C" void fulgur_emu_switch(Context *from, Context to);

/// Stacks for fibers, reserved once, each above a page that nobody may touch:
/// a stack that overflows ends the process instead of another stack.
class StackPool {
public:
  ~StackPool();
  /// Makes sure of `count` stacks. False without the address space for them.
  bool reserve(size_t count);
  /// A context on stack `index` that calls `entry`, which never returns.
  Context start(size_t index, void (*entry)());
  bool contains(const void *data) const {
    return uintptr_t(data) - uintptr_t(base) < count * stackBytes;
  }

private:
  static constexpr size_t stackBytes = 256 * 1024;
  char *base = nullptr;
  size_t count = 0;
};

} // namespace fulgur::emu

#endif // FULGUR_LIB_EMULATOR_FIBER_H
