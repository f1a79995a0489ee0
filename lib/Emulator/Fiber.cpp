//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A switch saves what the System V ABI for x86-64 lets a callee rely on.
//
//===----------------------------------------------------------------------===//
#include "lib/Emulator/Fiber.h"

#include <sys/mman.h>
#include <unistd.h>

using namespace fulgur::emu;

asm(R"(
.text
.globl fulgur_emu_switch
.hidden fulgur_emu_switch
.type fulgur_emu_switch, @function
fulgur_emu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size fulgur_emu_switch, .-fulgur_emu_switch
)");

StackPool::~StackPool() {
  if (base)
    munmap(base, count * stackBytes);
}

bool StackPool::reserve(size_t wanted) {
  if (wanted <= count)
    return true;
  if (base)
    munmap(base, count * stackBytes);
  base = nullptr;
  count = 0;
  void *memory = mmap(nullptr, wanted * stackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return false;
  base = static_cast<char *>(memory);
  count = wanted;
  for (size_t i = 0; i < count; ++i)
    mprotect(base + i * stackBytes, sysconf(_SC_PAGESIZE), PROT_NONE);
  return true;
}

Context StackPool::start(size_t index, void (*entry)()) {
  // A function starts with its return address at a multiple of 16 plus 8.
  auto *top = reinterpret_cast<void **>(base + (index + 1) * stackBytes - 8);
  *top = nullptr;
  *--top = reinterpret_cast<void *>(entry);
  return top - 6;
}
