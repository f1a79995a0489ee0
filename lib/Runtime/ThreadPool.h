//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The threads of a session. Between two parallel loops of a step there are
// microseconds, so that waiting threads spin for a while before they sleep.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_THREADPOOL_H
#define FULGUR_LIB_RUNTIME_THREADPOOL_H

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <pthread.h>
#include <vector>

namespace fulgur::rt {

class StepContext;

class ThreadPool {
public:
  using Function = void (*)(void *context, int64_t begin, int64_t end);

  ThreadPool() = default;
  ThreadPool(const ThreadPool &) = delete;
  ~ThreadPool();

  /// Starts `threads` - 1 threads, or as many of them as the system gives. In
  /// them StepContext::getCurrent() is `context`.
  void start(int threads, StepContext *context);

  /// As fulgur_parallel_for says. One thread at a time may call this.
  void run(Function function, void *context, int64_t n, int64_t grain);

  int getNumThreads() const { return static_cast<int>(workers.size()) + 1; }

  /// The processors that this process may use.
  static int countAllowedCPUs();

private:
  static void *runWorker(void *pool);
  void work();
  void takeChunks();
  bool hasWork(uint64_t state) const;

  std::vector<pthread_t> workers;
  StepContext *stepContext = nullptr;

  // A loop. `state` is its number in the upper and its next chunk in the lower
  // half. Chunks are claimed by compare and exchange on both, so that a thread
  // which wakes late can not claim a chunk of a loop that it has not read.
  std::atomic<uint64_t> state{closed};
  std::atomic<Function> function{nullptr};
  std::atomic<void *> context{nullptr};
  std::atomic<int64_t> extent{0};
  std::atomic<int64_t> chunkSize{1};
  std::atomic<uint32_t> chunks{0};
  std::atomic<uint32_t> unfinished{0};

  std::atomic<bool> stopping{false};
  std::atomic<int> sleepers{0};
  std::atomic<bool> callerSleeps{false};
  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable done;

  /// The chunk of a state in which no chunk can be claimed.
  static constexpr uint64_t closed = UINT32_MAX;
};

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_THREADPOOL_H
