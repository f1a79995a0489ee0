//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The parallel loop. All shared fields are sequentially consistent atomics: a
// loop costs a handful of them, and the reasoning stays simple.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/ThreadPool.h"

#include "lib/Runtime/StepContext.h"

#include <algorithm>
#include <sched.h>
#include <signal.h>

using namespace fulgur::rt;

/// Whether this thread is inside a loop already.
static thread_local bool isInLoop = false;

/// About 50 microseconds of a current processor.
static constexpr int spins = 1500;

static void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

int ThreadPool::countAllowedCPUs() {
  // Machines with more processors than a cpu_set_t holds need a larger set.
  for (int size = CPU_SETSIZE; size <= CPU_SETSIZE * 64; size *= 4) {
    cpu_set_t *set = CPU_ALLOC(size);
    if (!set)
      break;
    int count = 0;
    if (sched_getaffinity(0, CPU_ALLOC_SIZE(size), set) == 0)
      count = CPU_COUNT_S(CPU_ALLOC_SIZE(size), set);
    CPU_FREE(set);
    if (count > 0)
      return count;
  }
  return 1;
}

void ThreadPool::start(int threads, StepContext *current) {
  stepContext = current;
  // The threads are the library's own: signals are for those of the program.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (int i = 1; i < threads; ++i) {
    pthread_t worker;
    if (pthread_create(&worker, nullptr, runWorker, this) != 0)
      break;
    workers.push_back(worker);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stopping = true;
  }
  wake.notify_all();
  for (pthread_t worker : workers)
    pthread_join(worker, nullptr);
}

void *ThreadPool::runWorker(void *pool) {
  static_cast<ThreadPool *>(pool)->work();
  return nullptr;
}

bool ThreadPool::hasWork(uint64_t seen) const {
  return static_cast<uint32_t>(seen) != closed &&
         static_cast<uint32_t>(seen) < chunks;
}

void ThreadPool::work() {
  StepContext::setCurrent(stepContext);
  isInLoop = true;
  for (;;) {
    int spin = 0;
    while (!hasWork(state) && !stopping && spin++ < spins)
      relax();
    if (hasWork(state)) {
      takeChunks();
      continue;
    }
    std::unique_lock<std::mutex> lock(mutex);
    // From here on the caller sees a sleeper, or this thread sees its loop.
    ++sleepers;
    wake.wait(lock, [this] { return stopping || hasWork(state); });
    --sleepers;
    if (stopping)
      return;
  }
}

void ThreadPool::takeChunks() {
  uint64_t seen = state;
  while (hasWork(seen)) {
    Function body = function;
    void *argument = context;
    int64_t size = chunkSize, n = extent;
    if (!state.compare_exchange_strong(seen, seen + 1))
      continue;
    int64_t begin = static_cast<int64_t>(static_cast<uint32_t>(seen)) * size;
    body(argument, begin, n - begin < size ? n : begin + size);
    if (--unfinished == 0 && callerSleeps) {
      std::lock_guard<std::mutex> lock(mutex);
      done.notify_one();
    }
    seen = state;
  }
}

void ThreadPool::run(Function body, void *argument, int64_t n, int64_t grain) {
  if (n <= 0)
    return;
  grain = std::max<int64_t>(grain, 1);
  int64_t grains = n / grain + (n % grain != 0);
  if (isInLoop || workers.empty() || grains == 1) {
    body(argument, 0, n);
    return;
  }
  // Several chunks for each thread even out threads that are interrupted.
  int64_t wanted =
      std::min<int64_t>(grains, 4 * static_cast<int64_t>(getNumThreads()));
  int64_t size = (grains / wanted + (grains % wanted != 0)) * grain;
  int64_t count = n / size + (n % size != 0);

  // Closed first: a thread still looking at the last loop must not mistake the
  // fields of this one for its own.
  uint64_t number = (state >> 32) + 1;
  state = number << 32 | closed;
  function = body;
  context = argument;
  extent = n;
  chunkSize = size;
  chunks = static_cast<uint32_t>(count);
  unfinished = static_cast<uint32_t>(count);
  state = number << 32;
  if (sleepers > 0) {
    std::lock_guard<std::mutex> lock(mutex);
    wake.notify_all();
  }

  isInLoop = true;
  takeChunks();
  isInLoop = false;
  for (int spin = 0; unfinished != 0 && spin < spins; ++spin)
    relax();
  if (unfinished != 0) {
    std::unique_lock<std::mutex> lock(mutex);
    callerSleeps = true;
    done.wait(lock, [this] { return unfinished == 0; });
    callerSleeps = false;
  }
}
