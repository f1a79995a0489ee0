//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The state of an emulated GPU: threads, blocks, a cluster at a time. See
// README.md for what is modelled.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_EMULATOR_MACHINE_H
#define FULGUR_LIB_EMULATOR_MACHINE_H

#include "fulgur/Runtime/Model.h"
#include "lib/Emulator/Fiber.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// What generated code reads of the running thread: the special registers, in
/// the order that fulgur-convert-nvvm-to-emulator knows.
struct FulgurEmuRegisters {
  int32_t tid[3], ntid[3], ctaid[3], nctaid[3];
  int32_t clusterId[3], nclusterId[3], clusterCtaid[3], clusterNctaid[3];
  int32_t clusterCtarank, clusterNctarank, laneid, warpid, nwarpid, sharedBytes;
};

namespace fulgur::emu {

/// An operation of a kernel: its name, its number and where it came from. The
/// address tells operations apart.
using Site = const char *;

/// Logical time: how many times something has released what it did before.
using Clock = uint32_t;

/// What has happened before now: for every thread of the cluster, and then for
/// every completion counter (see Cluster), the time up to which that is so.
using VectorClock = std::vector<Clock>;

void join(VectorClock &into, const VectorClock &from);

/// Copies that one thread issued and has not waited for.
struct CopyGroup {
  std::vector<std::shared_ptr<struct AsyncCopy>> copies;
};

struct Thread {
  FulgurEmuRegisters registers;
  struct Block *block = nullptr;
  struct Warp *warp = nullptr;
  Context context = nullptr;
  uint32_t index = 0; /* in the block */
  uint32_t lane = 0;
  uint32_t slot = 0; /* in vector clocks */
  bool done = false;
  Site waitsAt = nullptr;
  const std::function<bool()> *waitsFor = nullptr;
  const std::function<std::string()> *waitsText = nullptr;
  VectorClock clock;
  /* The clock at the last proxy fence, and the own times of all. */
  VectorClock fenced;
  std::vector<Clock> fences;
  size_t alignedOps = 0;
  /* Copies since the last commit, and committed groups, oldest first. */
  CopyGroup openBulk, openCopies;
  std::deque<CopyGroup> bulkGroups, copyGroups;
  /* wgmma: how many were issued, groups committed; a fence since then? */
  uint64_t wgmmas = 0, wgmmaGroups = 0;
  uint64_t wgmmaGroupsDone = 0;
  bool wgmmaFence = false, openWgmmas = false;
  /* Accumulators of wgmmas under way, by the numbers that registers hold. */
  struct Deferred {
    std::vector<float> values;
    uint64_t group;
  };
  std::map<uint32_t, Deferred> deferred;
  uint32_t nextDeferred = 0;
  uint32_t clusterArrivals = 0;
  Site clusterArrivedAt = nullptr;
  bool readsAtomics = false;
  bool waitedForGrid = false;
};

/// Lanes of a warp that wait for each other.
struct Rendezvous {
  Site site;
  uint32_t mask, arrived = 0, left = 0;
  bool complete = false;
  uint64_t values[32][8];
  VectorClock clock;
};

struct Warp {
  std::vector<Thread *> lanes;
  std::vector<std::unique_ptr<Rendezvous>> rendezvous;
  /* What all lanes execute alike, in order. */
  std::vector<Site> alignedOps;
  int32_t registers = 0; /* of a thread */
  size_t registerChanges = 0;
};

struct NamedBarrier {
  uint32_t arrived = 0, expected = 0;
  uint64_t generation = 0;
  VectorClock arriving, complete;
  Site sites[32] = {};
  uint32_t votes = 0, result = 0;
};

struct Mbarrier {
  uint32_t offset;
  uint32_t expected, pending;
  int64_t bytes = 0; /* outstanding transactions */
  uint64_t phase = 0;
  uint32_t slot; /* of the completion counter */
  Clock initialised;
  uint32_t initThread;
  VectorClock arriving, complete;
};

/// Who used four bytes of shared memory last, and what is in flight.
struct Word {
  Clock writeTime = 0, readTime = 0;
  uint16_t writer = 0, reader = 0;
  uint8_t writeMask = 0, readMask = 0; /* of the bytes */
  uint8_t initialised = 0;
  uint8_t pendingWrites = 0;
  uint16_t pendingReads = 0;
};

/// A product that the threads of a warpgroup bring (Wgmma.cpp).
struct Wgmma {
  Site site;
  uint64_t descA, descB;
  uint32_t n, k;
  uint64_t group;
  uint32_t threads = 0; /* that have brought it */
  bool ended = false;
  std::vector<float> a;        /* [64][k] */
  std::vector<float> b;        /* [k][n] */
  std::vector<float> products; /* [64][n] */
  uint32_t warpsComputed = 0;
  /* Where 16 bytes of shared memory each are being read. */
  std::vector<uint32_t> lines;
};

struct Warpgroup {
  std::deque<std::unique_ptr<Wgmma>> ops; /* that not all threads are through */
  uint64_t firstOp = 0;
  uint64_t groupsDone = 0;
  uint32_t slot; /* of the completion counter */
};

struct Block {
  struct Cluster *cluster = nullptr;
  char *memory = nullptr;
  uint32_t rank = 0, bytes = 0, exited = 0, actor = 0;
  bool waitedForGrid = false;
  std::vector<std::unique_ptr<Thread>> threads;
  std::vector<Warp> warps;
  std::vector<Warpgroup> warpgroups;
  NamedBarrier barriers[16];
  std::vector<std::unique_ptr<Mbarrier>> mbarriers;
  std::vector<Word> words;
  int32_t freeRegisters = 0;
  /* The last access of every thread of another block, and what the threads
   * that have ended knew. */
  VectorClock remote, exitClock;
  std::vector<Site> remoteSites;
};

struct Cluster {
  std::vector<std::unique_ptr<Block>> blocks;
  std::vector<Thread *> threads;
  uint32_t arrived = 0, generation = 0;
  VectorClock arriving, complete;
  /* Vector clocks have this many entries: the threads, a counter for every
   * warpgroup, and counters for mbarriers, which several may share. */
  uint32_t entries = 0, firstCounter = 0, nextCounter = 0;
  Clock events = 0;
  /* Of every block: static shared memory, and where arrays begin and end there.
   */
  uint32_t staticBytes = 0;
  std::vector<std::pair<uint32_t, uint32_t>> arrays;
};

/// A copy that the hardware does on its own, some time after it is issued.
struct AsyncCopy {
  Site site = nullptr;
  Thread *issuer = nullptr;
  /* Moves the bytes. */
  std::function<void()> run;
  /* Its bytes of shared memory are free to use for who knows \p slot at
   * \p time; null once that is so. */
  std::function<void(uint32_t slot, Clock time)> end;
  uint64_t due = 0;
  bool done = false;
  bool arrives = false; /* at an mbarrier when it is through */

  void finish() {
    if (!done)
      run();
    done = true;
  }
};

class Machine {
public:
  static Machine &get();

  /// See FulgurEmulator.
  int launch(const FulgurKernel &kernel, const int64_t grid[3],
             int64_t sharedBytes, void *const *args, char *message,
             int64_t messageBytes);
  void setSeed(uint64_t value) { seed = value; }

  /// Ends the launch: the running thread found that the kernel is wrong.
  [[noreturn]] void fault(Site site, const char *format, ...)
      __attribute__((format(printf, 3, 4)));

  /// Lets other threads run until `ready`. If that never comes to be, the
  /// thread is reported as waiting for `what`.
  void wait(Site site, const std::function<bool()> &ready,
            const std::function<std::string()> &what);
  /// Lets the others run once; a thread that asks again and again while nothing
  /// else happens hangs.
  void poll(Site site, const char *what);
  /// Something happened that waiting threads may have waited for.
  void progress() { ++events; }

  void schedule(std::shared_ptr<AsyncCopy> copy);
  uint32_t random(uint32_t bound);

  Thread &current() { return *running; }
  Cluster &cluster() { return *currentCluster; }
  bool isIndependent() const { return independent; }
  const StackPool &getStacks() const { return stacks; }
  /// Everything that runs at the same time has another number in a launch: a
  /// block, or a thread of a kernel of independent threads.
  uint32_t getActor() const {
    return independent ? actor : running->block->actor;
  }
  uint32_t getFirstActor() const { return firstActor; }
  /// The launch before this one may still be under way for all that the thread
  /// knows: what actors from here to getFirstActor() write is not there yet.
  uint32_t getFirstUnfinishedActor() const;

  /// The block whose shared memory has `address`, or null.
  Block *findBlock(uintptr_t address);
  bool isShared(uintptr_t address) const {
    return address - uintptr_t(arena) < arenaBytes;
  }

  static constexpr uint32_t windowBytes = 256 * 1024;
  static constexpr uint32_t maxSharedBytes = 227 * 1024;

private:
  void runIndependent(const int64_t grid[3]);
  void runCluster(const int64_t grid[3], const int64_t first[3]);
  void setUp(const int64_t grid[3], const int64_t first[3]);
  bool reserveArena(uint32_t blocks);
  void runLoop();
  void runThreads();
  void runCopies(bool all);
  void reportDeadlock();
  void checkEnd();
  void exitThread();
  static void enterThread();
  static void enterLoop();
  void place(FulgurEmuRegisters &registers, const int64_t grid[3],
             const int64_t block[3]) const;
  void describe(Thread &thread, Site site, const std::string &text);

  const FulgurKernel *kernel = nullptr;
  void *const *arguments = nullptr;
  int64_t dynamicBytes = 0;
  bool independent = false;
  std::string failure;
  bool failed = false;

  StackPool stacks;
  Context scheduler = nullptr;
  Thread *running = nullptr;
  std::unique_ptr<Cluster> currentCluster;
  std::vector<std::shared_ptr<AsyncCopy>> copies;
  std::function<void()> loop;
  uint64_t seed = 1, state = 1, ticks = 0, events = 0, idlePolls = 0;
  uint32_t maxDelay = 0;
  uint32_t actor = 0, firstActor = 1, actors = 0, previousActor = 1;

  char *arena = nullptr;
  size_t arenaBytes = 0;
};

} // namespace fulgur::emu

#endif // FULGUR_LIB_EMULATOR_MACHINE_H
