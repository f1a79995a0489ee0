//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Launches: clusters one after the other, their threads in turns.
//
//===----------------------------------------------------------------------===//
#include "lib/Emulator/Machine.h"

#include "lib/Emulator/Memory.h"
#include "lib/Emulator/Wgmma.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>

using namespace fulgur::emu;

extern "C" {
const FulgurEmuRegisters *fulgur_emu_registers;
}

Machine &Machine::get() {
  static Machine machine;
  return machine;
}

void fulgur::emu::join(VectorClock &into, const VectorClock &from) {
  if (into.size() < from.size())
    into.resize(from.size());
  for (size_t i = 0; i < from.size(); ++i)
    into[i] = std::max(into[i], from[i]);
}

void fulgur::emu::release(Thread &thread, VectorClock &into) {
  join(into, thread.clock);
  ++thread.clock[thread.slot];
}

uint32_t Machine::random(uint32_t bound) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return bound ? uint32_t((state >> 11) % bound) : 0;
}

void Machine::describe(Thread &thread, Site site, const std::string &text) {
  if (failed)
    return;
  failed = true;
  const FulgurEmuRegisters &at = thread.registers;
  char place[256];
  snprintf(place, sizeof(place),
           "kernel '%s', block (%d, %d, %d), thread (%d, %d, %d), %s: ",
           kernel->name, at.ctaid[0], at.ctaid[1], at.ctaid[2], at.tid[0],
           at.tid[1], at.tid[2], site ? site : "start");
  failure = place + text;
}

void Machine::fault(Site site, const char *format, ...) {
  char text[512];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof(text), format, list);
  va_end(list);
  describe(*running, site, text);
  // The stacks of all threads are given up: nothing on them owns anything.
  Context unused;
  fulgur_emu_switch(&unused, scheduler);
  __builtin_unreachable();
}

void Machine::wait(Site site, const std::function<bool()> &ready,
                   const std::function<std::string()> &what) {
  Thread &thread = *running;
  while (!ready()) {
    thread.waitsAt = site;
    thread.waitsFor = &ready;
    thread.waitsText = &what;
    fulgur_emu_switch(&thread.context, scheduler);
  }
  progress();
}

void Machine::poll(Site site, const char *what) {
  Thread &thread = *running;
  if (independent || ++idlePolls > 1000000)
    fault(site, "asks for ever for %s", what);
  thread.waitsAt = site;
  fulgur_emu_switch(&thread.context, scheduler);
}

void Machine::schedule(std::shared_ptr<AsyncCopy> copy) {
  copy->due = ticks + random(maxDelay);
  copies.push_back(std::move(copy));
  progress();
}

uint32_t Machine::getFirstUnfinishedActor() const {
  bool unknown = kernel->flags & FULGUR_KERNEL_DEPENDENT_LAUNCH &&
                 !running->waitedForGrid &&
                 !(running->block && running->block->waitedForGrid);
  return unknown ? previousActor : firstActor;
}

Block *Machine::findBlock(uintptr_t address) {
  if (!isShared(address) || !currentCluster)
    return nullptr;
  size_t rank = (address - uintptr_t(arena)) / windowBytes;
  return rank < currentCluster->blocks.size()
             ? currentCluster->blocks[rank].get()
             : nullptr;
}

/// Windows of shared memory, at multiples of their size so that the 18 address
/// bits of matrix descriptors are the offset in the window, and below 4 GiB so
/// that shared addresses fit into 32 bits, as they do on the GPU.
bool Machine::reserveArena(uint32_t blocks) {
  size_t wanted = size_t(blocks) * windowBytes;
  if (wanted <= arenaBytes)
    return true;
  size_t mapped = wanted + windowBytes;
  void *memory =
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_32BIT, -1, 0);
  if (memory == MAP_FAILED)
    return false;
  // What was there for smaller clusters stays mapped: it happens a few times.
  uintptr_t begin = (uintptr_t(memory) + windowBytes - 1) / windowBytes;
  arena = reinterpret_cast<char *>(begin * windowBytes);
  arenaBytes = wanted;
  return true;
}

void Machine::place(FulgurEmuRegisters &at, const int64_t grid[3],
                    const int64_t block[3]) const {
  memset(&at, 0, sizeof(at));
  for (int i = 0; i < 3; ++i) {
    int32_t extent = std::max(kernel->cluster[i], 1);
    at.ntid[i] = kernel->block[i];
    at.ctaid[i] = int32_t(block[i]);
    at.nctaid[i] = int32_t(grid[i]);
    at.clusterId[i] = at.ctaid[i] / extent;
    at.nclusterId[i] = at.nctaid[i] / extent;
    at.clusterCtaid[i] = at.ctaid[i] % extent;
    at.clusterNctaid[i] = extent;
  }
  const int32_t *rank = at.clusterCtaid, *size = at.clusterNctaid;
  at.clusterCtarank = rank[0] + size[0] * (rank[1] + size[1] * rank[2]);
  at.clusterNctarank = size[0] * size[1] * size[2];
  at.nwarpid = (at.ntid[0] * at.ntid[1] * at.ntid[2] + 31) / 32;
  at.sharedBytes = int32_t(dynamicBytes);
}

int Machine::launch(const FulgurKernel &launched, const int64_t grid[3],
                    int64_t sharedBytes, void *const *args, char *message,
                    int64_t messageBytes) {
  kernel = &launched;
  arguments = args;
  dynamicBytes = sharedBytes;
  independent = kernel->flags & FULGUR_KERNEL_INDEPENDENT;
  failed = false;
  state = seed * 0x9e3779b97f4a7c15ull + 0x1234567;
  // Copies that are as fast, as slow, or anything between.
  maxDelay = seed % 3 == 0 ? 1 : seed % 3 == 1 ? 400 : 100000;
  auto refuse = [&](const std::string &text) {
    snprintf(message, size_t(messageBytes), "kernel '%s': %s", kernel->name,
             text.c_str());
    return 1;
  };
  int64_t clusters = 1, blocks = 1, threads = 1;
  for (int i = 0; i < 3; ++i) {
    int64_t extent = std::max(kernel->cluster[i], 1);
    if (grid[i] <= 0)
      return 0;
    if (grid[i] > (i ? 65535 : 0x7fffffff))
      return refuse("the grid has " + std::to_string(grid[i]) +
                    " blocks along dimension " + std::to_string(i));
    if (grid[i] % extent)
      return refuse("a grid of " + std::to_string(grid[i]) +
                    " blocks is not made of clusters of " +
                    std::to_string(extent));
    blocks *= extent;
    clusters *= grid[i] / extent;
    threads *= kernel->block[i];
  }
  if (threads < 1 || threads > 1024)
    return refuse("a block of " + std::to_string(threads) + " threads");
  if (blocks > 16)
    return refuse("a cluster of " + std::to_string(blocks) + " blocks");
  if (sharedBytes > kernel->shared_bytes || sharedBytes > maxSharedBytes)
    return refuse(std::to_string(sharedBytes) +
                  " bytes of shared memory are more than " +
                  std::to_string(
                      std::min<int64_t>(kernel->shared_bytes, maxSharedBytes)));
  size_t fibers = 1 + (independent ? 0 : size_t(blocks * threads));
  if (!stacks.reserve(fibers) || !reserveArena(uint32_t(blocks)))
    return refuse("no address space for its threads");
  actors =
      uint32_t(independent ? clusters * blocks * threads : clusters * blocks);
  if (firstActor > UINT32_MAX / 2 - actors) {
    forgetActors();
    firstActor = previousActor = 1;
  }
  if (independent) {
    runIndependent(grid);
  } else {
    // Clusters come in an order of the seed's: those that rely on another one
    // to be through are found out.
    int64_t counts[3];
    for (int i = 0; i < 3; ++i)
      counts[i] = grid[i] / std::max(kernel->cluster[i], 1);
    int64_t start = random(uint32_t(std::min<int64_t>(clusters, 1 << 30)));
    bool backwards = random(2);
    for (int64_t n = 0; n < clusters && !failed; ++n) {
      int64_t k = (start + (backwards ? clusters - n : n)) % clusters;
      int64_t first[3] = {k % counts[0], k / counts[0] % counts[1],
                          k / counts[0] / counts[1]};
      for (int i = 0; i < 3; ++i)
        first[i] *= std::max(kernel->cluster[i], 1);
      actor = firstActor + uint32_t(k * blocks);
      runCluster(grid, first);
    }
  }
  previousActor = firstActor;
  firstActor += actors;
  currentCluster.reset();
  copies.clear();
  running = nullptr;
  if (failed)
    snprintf(message, size_t(messageBytes), "%s", failure.c_str());
  return failed;
}

void Machine::enterLoop() {
  Machine &machine = get();
  machine.loop();
  Context unused;
  fulgur_emu_switch(&unused, machine.scheduler);
}

void Machine::runIndependent(const int64_t grid[3]) {
  Thread thread;
  running = &thread;
  FulgurEmuRegisters &at = thread.registers;
  fulgur_emu_registers = &at;
  loop = [&] {
    int64_t total = grid[0] * grid[1] * grid[2], block[3];
    bool backwards = random(2);
    for (int64_t n = 0; n < total; ++n) {
      int64_t k = backwards ? total - 1 - n : n;
      block[0] = k % grid[0];
      block[1] = k / grid[0] % grid[1];
      block[2] = k / grid[0] / grid[1];
      place(at, grid, block);
      int32_t size = at.ntid[0] * at.ntid[1] * at.ntid[2];
      actor = firstActor + uint32_t(k * size);
      for (at.tid[2] = 0; at.tid[2] < at.ntid[2]; ++at.tid[2])
        for (at.tid[1] = 0; at.tid[1] < at.ntid[1]; ++at.tid[1])
          for (at.tid[0] = 0; at.tid[0] < at.ntid[0]; ++at.tid[0]) {
            thread.waitedForGrid = false;
            kernel->emulated(arguments);
            ++actor;
            if (++at.laneid == 32) {
              at.laneid = 0;
              ++at.warpid;
            }
          }
    }
  };
  runLoop();
}

/// Runs `loop` on a stack of its own, from where it can fault().
void Machine::runLoop() {
  fulgur_emu_switch(&scheduler, stacks.start(0, enterLoop));
}

void Machine::setUp(const int64_t grid[3], const int64_t first[3]) {
  currentCluster = std::make_unique<Cluster>();
  Cluster &cluster = *currentCluster;
  FulgurEmuRegisters at;
  place(at, grid, first);
  uint32_t size = at.ntid[0] * at.ntid[1] * at.ntid[2];
  uint32_t blocks = at.clusterNctarank, groups = (size + 127) / 128;
  constexpr uint32_t mbarrierCounters = 32;
  cluster.firstCounter = blocks * (size + groups);
  cluster.nextCounter = cluster.firstCounter;
  cluster.entries = cluster.firstCounter + mbarrierCounters;
  int32_t registers =
      std::min<int32_t>(255, int32_t(65536 / ((size + 127) / 128 * 128)) & ~7);
  if (kernel->registers > 0)
    registers = (kernel->registers + 7) & ~7;
  for (uint32_t rank = 0; rank < blocks; ++rank) {
    auto block = std::make_unique<Block>();
    block->cluster = &cluster;
    block->rank = rank;
    block->memory = arena + size_t(rank) * windowBytes;
    block->bytes = uint32_t(dynamicBytes);
    // A pattern that is NaN in most formats, and no index.
    memset(block->memory, 0xff, block->bytes);
    block->words.resize((block->bytes + 3) / 4);
    block->warps = std::vector<Warp>((size + 31) / 32);
    block->warpgroups = std::vector<Warpgroup>(groups);
    for (uint32_t g = 0; g < groups; ++g)
      block->warpgroups[g].slot = blocks * size + rank * groups + g;
    block->freeRegisters =
        65536 - registers * 32 * int32_t(block->warps.size());
    block->remote.resize(cluster.entries);
    block->remoteSites.resize(cluster.entries);
    block->exitClock.resize(cluster.entries);
    int64_t position[3] = {
        first[0] + rank % at.clusterNctaid[0],
        first[1] + rank / at.clusterNctaid[0] % at.clusterNctaid[1],
        first[2] + rank / at.clusterNctaid[0] / at.clusterNctaid[1]};
    for (uint32_t i = 0; i < size; ++i) {
      auto thread = std::make_unique<Thread>();
      place(thread->registers, grid, position);
      thread->registers.tid[0] = int32_t(i) % at.ntid[0];
      thread->registers.tid[1] = int32_t(i) / at.ntid[0] % at.ntid[1];
      thread->registers.tid[2] = int32_t(i) / at.ntid[0] / at.ntid[1];
      thread->registers.laneid = i % 32;
      thread->registers.warpid = i / 32;
      thread->block = block.get();
      thread->warp = &block->warps[i / 32];
      thread->warp->lanes.push_back(thread.get());
      thread->warp->registers = registers;
      thread->index = i;
      thread->lane = i % 32;
      thread->slot = uint32_t(cluster.threads.size());
      thread->clock.resize(cluster.entries);
      thread->clock[thread->slot] = 1;
      thread->context = stacks.start(1 + thread->slot, enterThread);
      cluster.threads.push_back(thread.get());
      block->threads.push_back(std::move(thread));
    }
    cluster.blocks.push_back(std::move(block));
  }
}

void Machine::enterThread() {
  Machine &machine = get();
  machine.kernel->emulated(machine.arguments);
  machine.exitThread();
  Context unused;
  fulgur_emu_switch(&unused, machine.scheduler);
}

void Machine::exitThread() {
  Thread &thread = *running;
  Site end = "end";
  if (thread.alignedOps < thread.warp->alignedOps.size())
    fault(end, "ends, but other lanes of its warp execute %s",
          thread.warp->alignedOps[thread.alignedOps]);
  for (auto &rendezvous : thread.warp->rendezvous)
    if (!rendezvous->complete && rendezvous->mask >> thread.lane & 1)
      fault(end, "ends, but other lanes of its warp wait for it in %s",
            rendezvous->site);
  auto check = [&](const CopyGroup &group, const char *what) {
    for (auto &copy : group.copies)
      if (copy->end && !copy->arrives)
        fault(end, "ends before it has waited for %s, %s", copy->site, what);
  };
  check(thread.openBulk, "which was not committed either");
  for (CopyGroup &group : thread.bulkGroups)
    check(group, "which reads shared memory");
  check(thread.openCopies, "which was not committed either");
  for (CopyGroup &group : thread.copyGroups)
    check(group, "which writes shared memory");
  checkWgmmasDone(end, thread);
  join(thread.block->exitClock, thread.clock);
  ++thread.block->exited;
  thread.done = true;
  progress();
}

void Machine::runCopies(bool all) {
  for (size_t i = 0; i < copies.size();) {
    if (copies[i]->due > ticks && !(all && i == 0)) {
      ++i;
      continue;
    }
    std::shared_ptr<AsyncCopy> copy = copies[i];
    copies.erase(copies.begin() + i);
    all = false;
    if (copy->done)
      continue;
    running = copy->issuer;
    loop = [&] { copy->finish(); };
    runLoop();
    progress();
  }
}

void Machine::runThreads() {
  std::vector<Thread *> &threads = currentCluster->threads;
  size_t alive = threads.size();
  while (alive && !failed) {
    uint64_t before = events;
    size_t start = random(uint32_t(threads.size()));
    // Now and then a warp is late.
    Warp *late = random(4) ? nullptr : threads[start]->warp;
    bool skipped = false;
    for (size_t i = 0; i < threads.size() && !failed; ++i) {
      Thread *thread = threads[(start + i) % threads.size()];
      if (thread->done)
        continue;
      if (thread->warp == late) {
        skipped = true;
        continue;
      }
      running = thread;
      if (thread->waitsFor) {
        if (!(*thread->waitsFor)())
          continue;
        thread->waitsFor = nullptr;
      }
      fulgur_emu_registers = &thread->registers;
      ++ticks;
      fulgur_emu_switch(&scheduler, thread->context);
      alive -= thread->done;
      if (!copies.empty() && !failed)
        runCopies(false);
    }
    if (events != before)
      idlePolls = 0;
    else if (!failed && !skipped) {
      if (!copies.empty())
        runCopies(true);
      else if (std::all_of(threads.begin(), threads.end(),
                           [](Thread *t) { return t->done || t->waitsFor; }))
        return reportDeadlock();
    }
  }
  while (!copies.empty() && !failed)
    runCopies(true);
}

void Machine::reportDeadlock() {
  std::string others;
  Thread *first = nullptr;
  std::vector<Site> sites;
  for (Thread *thread : currentCluster->threads) {
    if (thread->done)
      continue;
    if (!first)
      first = thread;
    else if (std::find(sites.begin(), sites.end(), thread->waitsAt) ==
                 sites.end() &&
             sites.size() < 4)
      others += "; thread " + std::to_string(thread->index) + " of block " +
                std::to_string(thread->block->rank) + " waits in " +
                thread->waitsAt;
    sites.push_back(thread->waitsAt);
  }
  running = first;
  describe(*first, first->waitsAt,
           "deadlock: waits for " + (*first->waitsText)() + others);
}

void Machine::checkEnd() {
  for (auto &block : currentCluster->blocks) {
    running = block->threads.front().get();
    for (auto &barrier : block->mbarriers)
      if (barrier->bytes != 0)
        return describe(
            *running, "end",
            "the mbarrier at byte " + std::to_string(barrier->offset) +
                " still expects " + std::to_string(barrier->bytes) + " bytes");
    for (Thread *thread : currentCluster->threads)
      if (thread->block != block.get() &&
          block->remote[thread->slot] > block->exitClock[thread->slot])
        return describe(*thread, block->remoteSites[thread->slot],
                        "uses shared memory of block " +
                            std::to_string(block->rank) +
                            " of the cluster, which may have ended by then");
  }
}

void Machine::runCluster(const int64_t grid[3], const int64_t first[3]) {
  setUp(grid, first);
  uint32_t base = actor;
  for (auto &block : currentCluster->blocks)
    block->actor = base + block->rank;
  idlePolls = 0;
  runThreads();
  if (!failed)
    checkEnd();
}
