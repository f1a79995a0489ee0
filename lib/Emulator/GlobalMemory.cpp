//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Which global memory there is, and who writes it in a launch.
//
//===----------------------------------------------------------------------===//
#include "lib/Emulator/Memory.h"

#include <algorithm>
#include <map>
#include <sys/mman.h>

using namespace fulgur::emu;

namespace {
/// An allocation. writers[i] is the actor that wrote byte i last (see
/// Machine::getActor); pages that nobody wrote take no memory.
struct Allocation {
  uintptr_t begin, end;
  uint32_t *writers;
  size_t mappedBytes;
};
} // namespace

static std::map<uintptr_t, Allocation> allocations;
/// The allocations that were used last, by some bits of the address.
static const Allocation *recent[256];

static uint32_t *mapWriters(size_t bytes) {
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<uint32_t *>(memory);
}

void fulgur::emu::allocated(const void *data, int64_t bytes) {
  if (bytes <= 0)
    return;
  auto begin = uintptr_t(data);
  released(data);
  size_t mapped = size_t(bytes) * sizeof(uint32_t);
  allocations[begin] = {begin, begin + uintptr_t(bytes), mapWriters(mapped),
                        mapped};
}

void fulgur::emu::released(const void *data) {
  auto found = allocations.find(uintptr_t(data));
  if (found == allocations.end())
    return;
  std::fill(std::begin(recent), std::end(recent), nullptr);
  if (found->second.writers)
    munmap(found->second.writers, found->second.mappedBytes);
  allocations.erase(found);
}

void fulgur::emu::forgetActors() {
  for (auto &[begin, allocation] : allocations)
    if (allocation.writers)
      madvise(allocation.writers, allocation.mappedBytes, MADV_DONTNEED);
}

static const Allocation *find(uintptr_t begin, size_t bytes) {
  const Allocation *&hint = recent[begin >> 12 & 255];
  if (hint && begin >= hint->begin && begin + bytes <= hint->end)
    return hint;
  auto next = allocations.upper_bound(begin);
  if (next == allocations.begin())
    return nullptr;
  const Allocation &allocation = std::prev(next)->second;
  if (begin + bytes > allocation.end || begin + bytes < begin)
    return nullptr;
  return hint = &allocation;
}

[[noreturn]] static void faultOutside(Site site, uintptr_t begin, size_t bytes,
                                      Access access) {
  auto next = allocations.upper_bound(begin);
  const char *verb = access == Access::Read ? "reads" : "writes";
  if (next != allocations.begin()) {
    const Allocation &below = std::prev(next)->second;
    if (begin < below.end + (1 << 20))
      Machine::get().fault(
          site,
          "out of bounds: %s %zu bytes at byte %zu of an allocation of %zu",
          verb, bytes, size_t(begin - below.begin),
          size_t(below.end - below.begin));
  }
  Machine::get().fault(site,
                       "out of bounds: %s %zu bytes at %#zx, where nothing "
                       "is allocated",
                       verb, bytes, size_t(begin));
}

[[noreturn]] static void faultRace(Site site, size_t byte, Access access) {
  Machine::get().fault(
      site,
      "race: %s byte %zu of an allocation, which another %s of this "
      "launch writes",
      access == Access::Read ? "reads" : "writes", byte,
      Machine::get().isIndependent() ? "thread" : "block");
}

void fulgur::emu::checkGlobal(Site site, const void *data, size_t bytes,
                              Access access) {
  Machine &machine = Machine::get();
  auto begin = uintptr_t(data);
  const Allocation *allocation = find(begin, bytes);
  if (!allocation) {
    // Local memory of the thread.
    if (machine.getStacks().contains(data))
      return;
    faultOutside(site, begin, bytes, access);
  }
  // Atomic operations order what they like.
  if (access == Access::Atomic || !allocation->writers)
    return;
  uint32_t *writers = allocation->writers + (begin - allocation->begin);
  uint32_t first = machine.getFirstUnfinishedActor(), self = machine.getActor();
  for (size_t i = 0; i < bytes; ++i)
    if (writers[i] >= first && writers[i] != self) {
      // A block that reads atomics may wait for others that way.
      if (access == Access::Read && machine.current().readsAtomics)
        return;
      if (writers[i] < machine.getFirstActor())
        machine.fault(site,
                      "%s byte %zu of an allocation, which the launch before "
                      "writes, without griddepcontrol.wait",
                      access == Access::Read ? "reads" : "writes",
                      begin - allocation->begin + i);
      faultRace(site, begin - allocation->begin + i, access);
    }
  if (access == Access::Write)
    std::fill(writers, writers + bytes, self);
}
