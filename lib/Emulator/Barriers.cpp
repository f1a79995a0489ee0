//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// mbarriers, named barriers, cluster barriers.
//
//===----------------------------------------------------------------------===//
#include "lib/Emulator/Barriers.h"

#include "lib/Emulator/Calls.h"
#include "lib/Emulator/Memory.h"

#include <algorithm>

using namespace fulgur::emu;

static std::string describe(const Mbarrier &barrier) {
  return "the mbarrier at byte " + std::to_string(barrier.offset) + " (phase " +
         std::to_string(barrier.phase) + ", " +
         std::to_string(barrier.pending) + " of " +
         std::to_string(barrier.expected) + " arrivals and " +
         std::to_string(barrier.bytes) + " bytes are missing)";
}

Mbarrier &fulgur::emu::getMbarrier(Site site, const void *data,
                                   Thread &thread) {
  Machine &machine = Machine::get();
  uint32_t offset;
  Block &block = getBlock(site, data, 8, offset);
  for (auto &barrier : block.mbarriers)
    if (barrier->offset == offset) {
      if (thread.clock[barrier->initThread] < barrier->initialised)
        machine.fault(site,
                      "uses %s, with nothing that orders its initialisation "
                      "before that",
                      describe(*barrier).c_str());
      return *barrier;
    }
  machine.fault(site, "there is no mbarrier at byte %u of shared memory",
                offset);
}

static void advance(Site site, Mbarrier &barrier) {
  Machine &machine = Machine::get();
  if (barrier.pending == 0 && barrier.bytes < 0)
    machine.fault(site, "more bytes have come than were expected at %s",
                  describe(barrier).c_str());
  if (barrier.pending == 0 && barrier.bytes == 0) {
    ++barrier.phase;
    barrier.pending = barrier.expected;
    barrier.complete.swap(barrier.arriving);
    std::fill(barrier.arriving.begin(), barrier.arriving.end(), 0);
  }
  machine.progress();
}

void fulgur::emu::completeBytes(Site site, Mbarrier &barrier, int64_t bytes,
                                Clock time) {
  barrier.bytes -= bytes;
  barrier.arriving.resize(Machine::get().cluster().entries);
  Clock &known = barrier.arriving[barrier.slot];
  known = std::max(known, time);
  advance(site, barrier);
}

void fulgur::emu::arrive(Site site, Mbarrier &barrier, uint32_t count) {
  if (barrier.pending < count)
    Machine::get().fault(site, "%u arrivals are too many at %s", count,
                         describe(barrier).c_str());
  barrier.pending -= count;
  advance(site, barrier);
}

void fulgur_emu_mbarrier_init(FulgurSite site, void *data, int32_t count) {
  Machine &machine = Machine::get();
  Thread &thread = machine.current();
  uint32_t offset;
  Block &block = getBlock(site, data, 8, offset);
  if (offset % 8)
    machine.fault(site, "the mbarrier at byte %u is not at a multiple of 8",
                  offset);
  if (count < 1 || count >= 1 << 20)
    machine.fault(site, "an mbarrier of %d arrivals", count);
  for (auto &barrier : block.mbarriers)
    if (barrier->offset == offset)
      machine.fault(site, "the mbarrier at byte %u is initialised already",
                    offset);
  checkShared(site, thread, block, offset, 8, Access::Write);
  auto barrier = std::make_unique<Mbarrier>();
  barrier->offset = offset;
  barrier->expected = barrier->pending = uint32_t(count);
  barrier->initialised = thread.clock[thread.slot];
  barrier->initThread = thread.slot;
  // More barriers than counters share them: events have one order, so that
  // nothing is reported that is none, and less may be found.
  Cluster &cluster = *block.cluster;
  barrier->slot = cluster.nextCounter++;
  if (cluster.nextCounter == cluster.entries)
    cluster.nextCounter = cluster.firstCounter;
  block.mbarriers.push_back(std::move(barrier));
}

void fulgur_emu_mbarrier_inval(FulgurSite site, void *data) {
  Thread &thread = Machine::get().current();
  Mbarrier &barrier = getMbarrier(site, data, thread);
  auto &all = Machine::get().findBlock(uintptr_t(data))->mbarriers;
  all.erase(std::find_if(all.begin(), all.end(),
                         [&](auto &one) { return one.get() == &barrier; }));
}

int64_t fulgur_emu_mbarrier_arrive(FulgurSite site, void *data, int32_t count,
                                   int32_t drop, int64_t bytes) {
  Thread &thread = Machine::get().current();
  Mbarrier &barrier = getMbarrier(site, data, thread);
  auto state = int64_t(barrier.phase);
  if (count < 1)
    Machine::get().fault(site, "%d arrivals", count);
  barrier.bytes += bytes;
  if (drop)
    barrier.expected -= uint32_t(count);
  release(thread, barrier.arriving);
  arrive(site, barrier, uint32_t(count));
  return state;
}

void fulgur_emu_mbarrier_expect_tx(FulgurSite site, void *data, int64_t bytes) {
  Mbarrier &barrier = getMbarrier(site, data, Machine::get().current());
  barrier.bytes += bytes;
  advance(site, barrier);
}

void fulgur_emu_mbarrier_complete_tx(FulgurSite site, void *data,
                                     int64_t bytes) {
  Mbarrier &barrier = getMbarrier(site, data, Machine::get().current());
  completeBytes(site, barrier, bytes, 0);
}

static bool isComplete(const Mbarrier &barrier, int32_t parity) {
  return (barrier.phase & 1) != uint64_t(parity & 1);
}

static void checkMbarrier(Site site, void *data) {
  if (Machine::get().current().block !=
      Machine::get().findBlock(uintptr_t(data)))
    Machine::get().fault(site, "waits for an mbarrier of another block");
}

int32_t fulgur_emu_mbarrier_wait_parity(FulgurSite site, void *data,
                                        int32_t parity) {
  Machine &machine = Machine::get();
  Thread &thread = machine.current();
  Mbarrier &barrier = getMbarrier(site, data, thread);
  checkMbarrier(site, data);
  machine.wait(
      site, [&] { return isComplete(barrier, parity); },
      [&] {
        return "parity " + std::to_string(parity & 1) + " of " +
               describe(barrier);
      });
  join(thread.clock, barrier.complete);
  return 1;
}

int32_t fulgur_emu_mbarrier_wait_state(FulgurSite site, void *data,
                                       int64_t state) {
  return fulgur_emu_mbarrier_wait_parity(site, data, int32_t(state & 1));
}

int32_t fulgur_emu_mbarrier_test_parity(FulgurSite site, void *data,
                                        int32_t parity) {
  Machine &machine = Machine::get();
  Thread &thread = machine.current();
  Mbarrier &barrier = getMbarrier(site, data, thread);
  checkMbarrier(site, data);
  if (!isComplete(barrier, parity)) {
    machine.poll(site, describe(barrier).c_str());
    if (!isComplete(barrier, parity))
      return 0;
  }
  join(thread.clock, barrier.complete);
  return 1;
}

int32_t fulgur_emu_mbarrier_test_state(FulgurSite site, void *data,
                                       int64_t state) {
  return fulgur_emu_mbarrier_test_parity(site, data, int32_t(state & 1));
}

/// Arrives at a named barrier. Returns the generation that it belongs to.
static uint64_t arriveAt(Site site, Thread &thread, int32_t id,
                         int32_t threads) {
  Machine &machine = Machine::get();
  if (machine.isIndependent())
    machine.fault(site, "waits in a kernel of independent threads");
  checkAligned(site, thread);
  if (id < 0 || id > 15)
    machine.fault(site, "there is no barrier %d", id);
  auto all = uint32_t(thread.block->threads.size());
  uint32_t expected = threads ? uint32_t(threads) : (all + 31) / 32 * 32;
  if (expected % 32)
    machine.fault(site, "barrier %d for %u threads, which are no whole warps",
                  id, expected);
  expected = std::min(expected, all);
  NamedBarrier &barrier = thread.block->barriers[id];
  if (!barrier.arrived)
    barrier.expected = expected;
  else if (barrier.expected != expected)
    machine.fault(site, "barrier %d is for %u threads here and %u elsewhere",
                  id, expected, barrier.expected);
  uint64_t generation = barrier.generation;
  release(thread, barrier.arriving);
  if (++barrier.arrived == barrier.expected) {
    barrier.arrived = 0;
    ++barrier.generation;
    barrier.complete.swap(barrier.arriving);
    barrier.arriving.clear();
    barrier.result = barrier.votes;
    barrier.votes = 0;
  }
  machine.progress();
  return generation;
}

void fulgur_emu_barrier_arrive(FulgurSite site, int32_t id, int32_t threads) {
  arriveAt(site, Machine::get().current(), id, threads);
}

int32_t fulgur_emu_barrier(FulgurSite site, int32_t id, int32_t threads,
                           int32_t operation, int32_t predicate) {
  Machine &machine = Machine::get();
  Thread &thread = machine.current();
  if (id >= 0 && id < 16)
    thread.block->barriers[id].votes += predicate != 0;
  uint64_t generation = arriveAt(site, thread, id, threads);
  NamedBarrier &barrier = thread.block->barriers[id];
  uint32_t expected = barrier.expected;
  machine.wait(
      site, [&] { return barrier.generation != generation; },
      [&] {
        return "barrier " + std::to_string(id) + ", where " +
               std::to_string(barrier.arrived) + " of " +
               std::to_string(barrier.expected) + " threads are";
      });
  join(thread.clock, barrier.complete);
  uint32_t count = barrier.result;
  return operation == 1   ? count == expected
         : operation == 2 ? count != 0
                          : int32_t(count);
}

void fulgur_emu_cluster_arrive(FulgurSite site, int32_t relaxed,
                               int32_t aligned) {
  Machine &machine = Machine::get();
  Thread &thread = machine.current();
  Cluster &cluster = machine.cluster();
  if (aligned)
    checkAligned(site, thread);
  if (thread.clusterArrivedAt)
    machine.fault(site, "arrives again before it has waited for %s",
                  thread.clusterArrivedAt);
  thread.clusterArrivedAt = site;
  if (!relaxed)
    release(thread, cluster.arriving);
  if (++cluster.arrived == cluster.threads.size()) {
    cluster.arrived = 0;
    ++cluster.generation;
    cluster.complete.swap(cluster.arriving);
    cluster.arriving.clear();
  }
  machine.progress();
}

void fulgur_emu_cluster_wait(FulgurSite site, int32_t aligned) {
  Machine &machine = Machine::get();
  Thread &thread = machine.current();
  Cluster &cluster = machine.cluster();
  if (aligned)
    checkAligned(site, thread);
  if (!thread.clusterArrivedAt)
    machine.fault(site, "waits for a cluster barrier at which it has not "
                        "arrived");
  thread.clusterArrivedAt = nullptr;
  uint32_t wanted = ++thread.clusterArrivals;
  machine.wait(
      site, [&] { return cluster.generation >= wanted; },
      [&] {
        return "the barrier of the cluster, where " +
               std::to_string(cluster.arrived) + " of " +
               std::to_string(cluster.threads.size()) + " threads are";
      });
  join(thread.clock, cluster.complete);
}
