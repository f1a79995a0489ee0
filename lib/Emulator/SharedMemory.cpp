//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Who may use which bytes of shared memory when: happens-before by vector
// clocks, as in FastTrack (Flanagan and Freund, 2009), with one reader instead
// of all; and what asynchronous operations have in flight.
//
//===----------------------------------------------------------------------===//
#include "lib/Emulator/Memory.h"

#include <algorithm>

using namespace fulgur::emu;

static std::string describeUser(Block &block, uint32_t slot) {
  Cluster &cluster = *block.cluster;
  if (slot >= cluster.threads.size())
    return "an asynchronous operation that it has not waited for";
  Thread &thread = *cluster.threads[slot];
  return "thread " + std::to_string(thread.index) + " of block " +
         std::to_string(thread.block->rank);
}

static bool knows(const Thread &thread, uint32_t slot, Clock time) {
  return thread.clock[slot] >= time;
}

Block &fulgur::emu::getBlock(Site site, const void *data, size_t bytes,
                             uint32_t &offset) {
  Machine &machine = Machine::get();
  Block *block = machine.findBlock(uintptr_t(data));
  if (!block)
    machine.fault(site, "%p is no address of shared memory", data);
  offset = uint32_t(static_cast<const char *>(data) - block->memory);
  if (offset + bytes > block->bytes)
    machine.fault(site,
                  "out of bounds: %zu bytes at byte %u of %u bytes of shared "
                  "memory",
                  bytes, offset, block->bytes);
  const Cluster &cluster = *block->cluster;
  if (bytes && offset < cluster.staticBytes &&
      std::none_of(
          cluster.arrays.begin(), cluster.arrays.end(),
          [&](auto array) {
            return offset >= array.first && offset + bytes <= array.second;
          }))
    machine.fault(site,
                  "out of bounds: %zu bytes at byte %u of shared memory are "
                  "not in one array",
                  bytes, offset);
  Thread &thread = machine.current();
  if (block != thread.block)
    noteRemote(site, thread, *block);
  return *block;
}

void fulgur::emu::noteRemote(Site site, Thread &thread, Block &block) {
  if (block.exited)
    Machine::get().fault(site,
                         "uses shared memory of block %u of the cluster, of "
                         "which threads have ended",
                         block.rank);
  block.remote[thread.slot] = thread.clock[thread.slot];
  block.remoteSites[thread.slot] = site;
}

[[noreturn]] static void faultRace(Site site, Block &block, uint32_t byte,
                                   bool writes, bool wrote, uint32_t other) {
  Machine::get().fault(
      site,
      "race: %s byte %u of shared memory, which %s %s with nothing in "
      "between that orders the two",
      writes ? "writes" : "reads", byte, describeUser(block, other).c_str(),
      wrote ? "writes" : "reads");
}

void fulgur::emu::checkShared(Site site, Thread &thread, Block &block,
                              uint32_t offset, size_t bytes, Access access) {
  Machine &machine = Machine::get();
  for (auto &barrier : block.mbarriers)
    if (offset < barrier->offset + 8 && offset + bytes > barrier->offset)
      machine.fault(site, "uses the bytes of the mbarrier at byte %u",
                    barrier->offset);
  for (uint32_t at = offset, end = offset + uint32_t(bytes); at < end;) {
    Word &word = block.words[at / 4];
    uint32_t next = std::min((at / 4 + 1) * 4, end);
    auto mask = uint8_t(((1u << (next - at)) - 1) << at % 4);
    if (word.pendingWrites)
      machine.fault(site,
                    "%s byte %u of shared memory, which an asynchronous copy "
                    "is still writing",
                    access == Access::Read ? "reads" : "writes", at);
    bool wrote = word.writeMask & mask && word.writer != thread.slot;
    if (access != Access::Read) {
      if (word.pendingReads)
        machine.fault(site,
                      "writes byte %u of shared memory, which an asynchronous "
                      "operation still reads",
                      at);
      if (access == Access::Write) {
        if (wrote && !knows(thread, word.writer, word.writeTime))
          faultRace(site, block, at, true, true, word.writer);
        if (word.readMask & mask && word.reader != thread.slot &&
            !knows(thread, word.reader, word.readTime))
          faultRace(site, block, at, true, false, word.reader);
        word.writer = uint16_t(thread.slot);
        word.writeTime = thread.clock[thread.slot];
        word.writeMask = mask;
      }
      word.initialised |= mask;
    } else {
      if ((word.initialised & mask) != mask)
        machine.fault(site,
                      "reads byte %u of shared memory, which nothing "
                      "has written",
                      at);
      if (wrote && !knows(thread, word.writer, word.writeTime))
        faultRace(site, block, at, false, true, word.writer);
      // One of the readers is remembered: the last one, or by chance another.
      if (!word.readMask || word.reader == thread.slot ||
          knows(thread, word.reader, word.readTime) || machine.random(2)) {
        word.reader = uint16_t(thread.slot);
        word.readTime = thread.clock[thread.slot];
        word.readMask = mask;
      }
    }
    at = next;
  }
}

void fulgur::emu::checkAccess(Site site, const void *data, size_t bytes,
                              Access access) {
  Machine &machine = Machine::get();
  if (!machine.isShared(uintptr_t(data)))
    return checkGlobal(site, data, bytes, access);
  if (machine.isIndependent())
    machine.fault(site, "uses shared memory in a kernel of independent "
                        "threads");
  uint32_t offset;
  Block &block = getBlock(site, data, bytes, offset);
  checkShared(site, machine.current(), block, offset, bytes, access);
}

/// The writer has fenced what it wrote, and `thread` knows of that; or
/// `thread` has fenced after it had learnt of what was written.
static bool isFenced(const Thread &thread, const Word &word) {
  const Thread &writer = *thread.block->cluster->threads[word.writer];
  auto fence = std::lower_bound(writer.fences.begin(), writer.fences.end(),
                                word.writeTime);
  if (fence != writer.fences.end() && thread.clock[word.writer] > *fence)
    return true;
  return !thread.fenced.empty() && thread.fenced[word.writer] >= word.writeTime;
}

void fulgur::emu::beginAsyncRead(Site site, Thread &thread, Block &block,
                                 uint32_t begin, uint32_t end) {
  Machine &machine = Machine::get();
  for (uint32_t i = begin / 4; i < (end + 3) / 4; ++i) {
    Word &word = block.words[i];
    if (word.pendingWrites)
      machine.fault(site,
                    "reads byte %u of shared memory, which an asynchronous "
                    "copy is still writing",
                    i * 4);
    if (word.initialised != 0xf)
      machine.fault(site,
                    "reads byte %u of shared memory, which nothing has written",
                    i * 4);
    if (word.writeMask && !knows(thread, word.writer, word.writeTime))
      faultRace(site, block, i * 4, false, true, word.writer);
    if (word.writeMask && word.writer < block.cluster->threads.size() &&
        !isFenced(thread, word))
      machine.fault(site,
                    "reads byte %u of shared memory, which %s wrote without "
                    "fence.proxy.async between",
                    i * 4, describeUser(block, word.writer).c_str());
    ++word.pendingReads;
  }
}

void fulgur::emu::endAsyncRead(Block &block, uint32_t begin, uint32_t end,
                               uint32_t reader, Clock time) {
  for (uint32_t i = begin / 4; i < (end + 3) / 4; ++i) {
    Word &word = block.words[i];
    --word.pendingReads;
    if (word.readMask && word.reader != reader && Machine::get().random(2))
      continue;
    word.reader = uint16_t(reader);
    word.readTime = time;
    word.readMask = 0xf;
  }
}

void fulgur::emu::beginAsyncWrite(Site site, Thread &thread, Block &block,
                                  uint32_t begin, uint32_t end) {
  Machine &machine = Machine::get();
  for (auto &barrier : block.mbarriers)
    if (begin < barrier->offset + 8 && end > barrier->offset)
      machine.fault(site, "overwrites the mbarrier at byte %u",
                    barrier->offset);
  for (uint32_t i = begin / 4; i < (end + 3) / 4; ++i) {
    Word &word = block.words[i];
    if (word.pendingWrites || word.pendingReads)
      machine.fault(site,
                    "writes byte %u of shared memory, which an asynchronous "
                    "operation still %s",
                    i * 4, word.pendingWrites ? "writes" : "reads");
    if (word.readMask && !knows(thread, word.reader, word.readTime))
      faultRace(site, block, i * 4, true, false, word.reader);
    if (word.writeMask && !knows(thread, word.writer, word.writeTime))
      faultRace(site, block, i * 4, true, true, word.writer);
    ++word.pendingWrites;
  }
}

void fulgur::emu::endAsyncWrite(Block &block, uint32_t begin, uint32_t end,
                                uint32_t writer, Clock time) {
  for (uint32_t i = begin / 4; i < (end + 3) / 4; ++i) {
    Word &word = block.words[i];
    --word.pendingWrites;
    word.initialised = 0xf;
    word.writer = uint16_t(writer);
    word.writeTime = time;
    word.writeMask = 0xf;
    word.readMask = 0;
  }
}
