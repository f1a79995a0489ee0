//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Copies that go on by themselves: TMA, bulk copies, cp.async.
//
//===----------------------------------------------------------------------===//
#include "lib/Emulator/Barriers.h"
#include "lib/Emulator/Calls.h"
#include "lib/Emulator/Memory.h"
#include "lib/Emulator/Numbers.h"
#include "lib/Emulator/TensorMap.h"

#include "fulgur/Runtime/Model.h"

#include <algorithm>
#include <cstring>

using namespace fulgur::emu;

/// Calls fn(offset in the dense box, address in global memory or null where the
/// box is outside of the tensor, bytes) for pieces of at most 16 bytes, which
/// is what a swizzle keeps together.
template <typename Function>
static void forEachPiece(const TensorMap &map, const int32_t *origin,
                         Function fn) {
  int64_t rows = 1, inner = int64_t(map.box[0]) * map.elementBytes;
  for (int i = 1; i < map.rank; ++i)
    rows *= map.box[i];
  // Bytes of a row that lie in the tensor.
  int64_t begin = std::max<int64_t>(0, -int64_t(origin[0])) * map.elementBytes;
  int64_t end = std::min<int64_t>(map.box[0], map.sizes[0] - origin[0]) *
                map.elementBytes;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t left = row, address = int64_t(origin[0]) * map.elementBytes;
    bool inside = true;
    for (int i = 1; i < map.rank; ++i) {
      int64_t at = origin[i] + left % map.box[i];
      left /= map.box[i];
      inside &= at >= 0 && at < map.sizes[i];
      address += at * int64_t(map.strides[i]);
    }
    for (int64_t piece = 0; piece < inner; piece += 16) {
      int64_t from = std::clamp(begin, piece, piece + 16);
      int64_t to = inside ? std::clamp(end, from, piece + 16) : from;
      auto offset = uint32_t(row * inner);
      if (piece < from)
        fn(offset + uint32_t(piece), nullptr, uint32_t(from - piece));
      if (from < to)
        fn(offset + uint32_t(from), map.data + address + from,
           uint32_t(to - from));
      if (to < piece + 16)
        fn(offset + uint32_t(to), nullptr, uint32_t(piece + 16 - to));
    }
  }
}

static const TensorMap &getMap(Site site, const void *data, int32_t rank) {
  Machine &machine = Machine::get();
  if (uintptr_t(data) % 64)
    machine.fault(site, "the tensor map is not at a multiple of 64 bytes");
  auto &map = *static_cast<const TensorMap *>(data);
  if (map.magic != TensorMap::expectedMagic)
    machine.fault(site, "%p is no tensor map", data);
  if (map.error)
    machine.fault(site, "the tensor map is not valid: %s", map.error);
  if (map.rank != rank)
    machine.fault(site, "%d coordinates for a tensor of rank %d", rank,
                  map.rank);
  return map;
}

static Block &getBox(Site site, const TensorMap &map, const void *data,
                     uint32_t &offset) {
  Block &block = getBlock(site, data, size_t(map.getBoxBytes()), offset);
  uint32_t alignment = std::max(128, map.swizzle * 8);
  if (offset % alignment)
    Machine::get().fault(site,
                         "byte %u of shared memory is not at a multiple of "
                         "%u, which a swizzle of %d bytes needs",
                         offset, alignment, map.swizzle);
  return block;
}

/// The barrier of a copy, which only sees it after a fence.
static Mbarrier &getFencedMbarrier(Site site, const void *data,
                                   Thread &thread) {
  Mbarrier &barrier = getMbarrier(site, data, thread);
  Thread &creator = *Machine::get().cluster().threads[barrier.initThread];
  if (creator.fences.empty() || creator.fences.back() < barrier.initialised)
    Machine::get().fault(site,
                         "uses the mbarrier at byte %u, of which a copy does "
                         "not know without fence.mbarrier_init or "
                         "fence.proxy.async",
                         barrier.offset);
  return barrier;
}

/// Writes `bytes` of shared memory from `fill`, some time from now, and tells
/// the barrier.
static void scheduleLoad(Site site, Thread &thread, Block &block,
                         uint32_t offset, uint32_t bytes, Mbarrier &barrier,
                         std::function<void(char *window)> fill) {
  beginAsyncWrite(site, thread, block, offset, offset + bytes);
  auto copy = std::make_shared<AsyncCopy>();
  copy->site = site;
  copy->issuer = &thread;
  copy->run = [=, &block, &barrier] {
    fill(block.memory);
    Clock time = ++block.cluster->events;
    endAsyncWrite(block, offset, offset + bytes, barrier.slot, time);
    completeBytes(site, barrier, bytes, time);
  };
  Machine::get().schedule(std::move(copy));
}

/// Calls fn(block, barrier) for the blocks that a copy goes to.
template <typename Function>
static void forEachDestination(Site site, Thread &thread, Block &block,
                               void *barrier, bool multicast, uint32_t mask,
                               Function fn) {
  Machine &machine = Machine::get();
  if (!multicast)
    mask = 1u << block.rank;
  auto blocks = uint32_t(machine.cluster().blocks.size());
  if (!mask || mask >> blocks)
    machine.fault(site, "the mask %#x is not of blocks of the cluster of %u",
                  mask, blocks);
  uint32_t at;
  getBlock(site, barrier, 8, at);
  for (uint32_t rank = 0; rank < blocks; ++rank) {
    if (!(mask >> rank & 1))
      continue;
    Block &target = *machine.cluster().blocks[rank];
    if (&target != thread.block)
      noteRemote(site, thread, target);
    fn(target, getFencedMbarrier(site, target.memory + at, thread));
  }
}

void fulgur_emu_tma_load(FulgurSite site, void *dst, const void *data,
                         void *barrier, const int32_t *coordinates,
                         int32_t rank, int32_t multicast, int32_t mask) {
  Thread &thread = Machine::get().current();
  const TensorMap &map = getMap(site, data, rank);
  uint32_t offset;
  Block &block = getBox(site, map, dst, offset);
  std::vector<int32_t> origin(coordinates, coordinates + rank);
  forEachDestination(
      site, thread, block, barrier, multicast, uint32_t(mask) & 0xffff,
      [&](Block &target, Mbarrier &one) {
        auto fill = [=, map = map](char *window) {
          forEachPiece(map, origin.data(),
                       [&](uint32_t at, const char *from, uint32_t bytes) {
                         char *to = window + swizzle(offset + at, map.swizzle);
                         if (!from)
                           memset(to, 0, bytes);
                         else
                           memcpy(to, from, bytes);
                       });
        };
        // A row at a time; the whole box has one owner.
        forEachPiece(map, origin.data(),
                     [&](uint32_t, const char *from, uint32_t bytes) {
                       if (from)
                         checkGlobal(site, from, bytes, Access::Read);
                     });
        scheduleLoad(site, thread, target, offset, uint32_t(map.getBoxBytes()),
                     one, fill);
      });
}

static void checkBulk(Site site, const void *global, uint32_t shared,
                      int32_t bytes) {
  if (bytes <= 0 || bytes % 16 || uintptr_t(global) % 16 || shared % 16)
    Machine::get().fault(site,
                         "%d bytes between %p and byte %u of shared memory: "
                         "all must be multiples of 16",
                         bytes, global, shared);
}

void fulgur_emu_bulk_load(FulgurSite site, void *dst, const void *src,
                          int32_t bytes, void *barrier, int32_t multicast,
                          int32_t mask) {
  Thread &thread = Machine::get().current();
  uint32_t offset;
  Block &block = getBlock(site, dst, size_t(std::max(bytes, 0)), offset);
  checkBulk(site, src, offset, bytes);
  checkGlobal(site, src, size_t(bytes), Access::Read);
  forEachDestination(
      site, thread, block, barrier, multicast, uint32_t(mask) & 0xffff,
      [&](Block &target, Mbarrier &one) {
        scheduleLoad(
            site, thread, target, offset, uint32_t(bytes), one,
            [=](char *window) { memcpy(window + offset, src, size_t(bytes)); });
      });
}

void fulgur_emu_bulk_copy_to_cluster(FulgurSite site, void *dst,
                                     const void *src, int32_t bytes,
                                     void *barrier) {
  Thread &thread = Machine::get().current();
  uint32_t to, from;
  Block &source = getBlock(site, src, size_t(std::max(bytes, 0)), from);
  Block &block = getBlock(site, dst, size_t(std::max(bytes, 0)), to);
  checkBulk(site, nullptr, from, bytes);
  checkBulk(site, nullptr, to, bytes);
  Mbarrier &one = getFencedMbarrier(site, barrier, thread);
  uint32_t end = from + uint32_t(bytes);
  beginAsyncRead(site, thread, source, from, end);
  scheduleLoad(site, thread, block, to, uint32_t(bytes), one,
               [=, &source, &one](char *window) {
                 memcpy(window + to, source.memory + from, size_t(bytes));
                 endAsyncRead(source, from, end, one.slot,
                              source.cluster->events + 1);
               });
}

/// Reads `bytes` of shared memory before the thread has waited for its group.
static void scheduleStore(Site site, Thread &thread, Block &block,
                          uint32_t offset, uint32_t bytes,
                          std::function<void(const char *window)> drain) {
  if (&block != thread.block)
    Machine::get().fault(site, "stores shared memory of another block");
  beginAsyncRead(site, thread, block, offset, offset + bytes);
  auto copy = std::make_shared<AsyncCopy>();
  copy->site = site;
  copy->issuer = &thread;
  copy->run = [=, &block] { drain(block.memory); };
  copy->end = [=, &block](uint32_t slot, Clock time) {
    endAsyncRead(block, offset, offset + bytes, slot, time);
  };
  thread.openBulk.copies.push_back(copy);
  Machine::get().schedule(std::move(copy));
}

template <typename T, typename From, typename To>
static void addAll(char *to, const char *from, uint32_t bytes, From decode,
                   To encode) {
  for (uint32_t i = 0; i < bytes; i += sizeof(T)) {
    T a, b;
    memcpy(&a, to + i, sizeof(T));
    memcpy(&b, from + i, sizeof(T));
    T sum = encode(decode(a) + decode(b));
    memcpy(to + i, &sum, sizeof(T));
  }
}

static void addTo(Site site, int32_t type, char *to, const char *from,
                  uint32_t bytes) {
  auto same = [](auto value) { return value; };
  switch (type) {
  case FULGUR_F32:
    return addAll<float>(to, from, bytes, same, same);
  case FULGUR_I32:
    return addAll<int32_t>(to, from, bytes, same, same);
  case FULGUR_F16:
    return addAll<uint16_t>(to, from, bytes, fromF16, toF16);
  case FULGUR_BF16:
    return addAll<uint16_t>(
        to, from, bytes,
        [](uint16_t bits) { return toFloat(uint32_t(bits) << 16); }, toBF16);
  default:
    Machine::get().fault(site, "adds elements of type %d", type);
  }
}

void fulgur_emu_tma_store(FulgurSite site, const void *data, const void *src,
                          const int32_t *coordinates, int32_t rank,
                          int32_t reduction) {
  const TensorMap &map = getMap(site, data, rank);
  uint32_t offset;
  Block &block = getBox(site, map, src, offset);
  std::vector<int32_t> origin(coordinates, coordinates + rank);
  scheduleStore(
      site, Machine::get().current(), block, offset,
      uint32_t(map.getBoxBytes()), [=, map = map](const char *window) {
        forEachPiece(
            map, origin.data(),
            [&](uint32_t at, const char *to, uint32_t bytes) {
              if (!to)
                return;
              const char *from = window + swizzle(offset + at, map.swizzle);
              checkGlobal(site, to, bytes,
                          reduction ? Access::Atomic : Access::Write);
              if (reduction)
                addTo(site, map.type, const_cast<char *>(to), from, bytes);
              else
                memcpy(const_cast<char *>(to), from, bytes);
            });
      });
}

void fulgur_emu_bulk_store(FulgurSite site, void *dst, const void *src,
                           int32_t bytes) {
  uint32_t offset;
  Block &block = getBlock(site, src, size_t(std::max(bytes, 0)), offset);
  checkBulk(site, dst, offset, bytes);
  scheduleStore(site, Machine::get().current(), block, offset, uint32_t(bytes),
                [=](const char *window) {
                  checkGlobal(site, dst, size_t(bytes), Access::Write);
                  memcpy(dst, window + offset, size_t(bytes));
                });
}

static void commit(CopyGroup &open, std::deque<CopyGroup> &groups) {
  groups.push_back(std::move(open));
  open.copies.clear();
}

static void waitForGroups(Thread &thread, std::deque<CopyGroup> &groups,
                          int32_t pending) {
  while (int32_t(groups.size()) > pending) {
    for (auto &copy : groups.front().copies) {
      copy->finish();
      if (copy->end)
        copy->end(thread.slot, thread.clock[thread.slot]);
      copy->end = nullptr;
    }
    groups.pop_front();
  }
}

void fulgur_emu_bulk_commit(FulgurSite site) {
  Thread &thread = Machine::get().current();
  commit(thread.openBulk, thread.bulkGroups);
}

void fulgur_emu_bulk_wait(FulgurSite site, int32_t pending, int32_t read) {
  // Reads of shared memory and writes of global memory end together here.
  Thread &thread = Machine::get().current();
  waitForGroups(thread, thread.bulkGroups, pending);
}

void fulgur_emu_cp_async(FulgurSite site, void *dst, const void *src,
                         int32_t bytes, int32_t sourceBytes) {
  Machine &machine = Machine::get();
  Thread &thread = machine.current();
  uint32_t offset;
  Block &block = getBlock(site, dst, size_t(bytes), offset);
  if ((bytes != 4 && bytes != 8 && bytes != 16) || offset % uint32_t(bytes) ||
      uintptr_t(src) % uint32_t(bytes))
    machine.fault(site,
                  "copies %d bytes from %p to byte %u of shared memory, "
                  "which are not aligned",
                  bytes, src, offset);
  if (sourceBytes < 0 || sourceBytes > bytes)
    machine.fault(site, "copies %d of %d bytes", sourceBytes, bytes);
  auto end = offset + uint32_t(bytes);
  beginAsyncWrite(site, thread, block, offset, end);
  if (sourceBytes)
    checkGlobal(site, src, size_t(sourceBytes), Access::Read);
  auto copy = std::make_shared<AsyncCopy>();
  copy->site = site;
  copy->issuer = &thread;
  copy->run = [=, &block] {
    memset(block.memory + offset, 0, size_t(bytes));
    memcpy(block.memory + offset, src, size_t(sourceBytes));
  };
  copy->end = [=, &block](uint32_t slot, Clock time) {
    endAsyncWrite(block, offset, end, slot, time);
  };
  // At once, or when it is waited for.
  if (machine.random(2))
    copy->finish();
  thread.openCopies.copies.push_back(std::move(copy));
}

void fulgur_emu_cp_async_commit(FulgurSite site) {
  Thread &thread = Machine::get().current();
  commit(thread.openCopies, thread.copyGroups);
}

void fulgur_emu_cp_async_wait(FulgurSite site, int32_t pending) {
  Thread &thread = Machine::get().current();
  waitForGroups(thread, thread.copyGroups, pending);
}

void fulgur_emu_cp_async_mbarrier(FulgurSite site, void *data, int32_t noinc) {
  Thread &thread = Machine::get().current();
  Mbarrier &barrier = getMbarrier(site, data, thread);
  if (!noinc)
    ++barrier.pending;
  std::vector<std::shared_ptr<AsyncCopy>> before;
  auto collect = [&](CopyGroup &group) {
    for (auto &copy : group.copies) {
      if (!copy->end || copy->arrives)
        continue;
      copy->arrives = true;
      before.push_back(copy);
    }
  };
  collect(thread.openCopies);
  for (CopyGroup &group : thread.copyGroups)
    collect(group);
  auto arrival = std::make_shared<AsyncCopy>();
  arrival->site = site;
  arrival->issuer = &thread;
  arrival->run = [=, &barrier, &thread] {
    Clock time = ++thread.block->cluster->events;
    for (auto &copy : before) {
      copy->finish();
      if (copy->end)
        copy->end(barrier.slot, time);
      copy->end = nullptr;
    }
    completeBytes(site, barrier, 0, time);
    arrive(site, barrier, 1);
  };
  Machine::get().schedule(std::move(arrival));
}
