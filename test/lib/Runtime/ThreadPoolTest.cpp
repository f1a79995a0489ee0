//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Parallel loops cover their range once, whatever the sizes, in a row and when
// the threads sleep in between.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/StepContext.h"

#include "fulgur/Runtime/Model.h"

#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <unistd.h>
#include <vector>

using namespace fulgur::rt;

namespace {

struct Coverage {
  explicit Coverage(int64_t n, int64_t grain)
      : counts(new std::atomic<int>[n]), grain(grain) {
    for (int64_t i = 0; i < n; ++i)
      counts[i] = 0;
  }
  std::unique_ptr<std::atomic<int>[]> counts;
  int64_t grain;
  std::atomic<bool> aligned{true};
};

void cover(void *context, int64_t begin, int64_t end) {
  auto &coverage = *static_cast<Coverage *>(context);
  if (begin % coverage.grain != 0)
    coverage.aligned = false;
  for (int64_t i = begin; i < end; ++i)
    ++coverage.counts[i];
}

void expectCovered(ThreadPool &pool, int64_t n, int64_t grain) {
  Coverage coverage(n, grain);
  pool.run(cover, &coverage, n, grain);
  EXPECT_TRUE(coverage.aligned);
  for (int64_t i = 0; i < n; ++i)
    ASSERT_EQ(coverage.counts[i], 1) << i << " of " << n;
}

TEST(ThreadPool, CoversEveryRangeOnce) {
  for (int threads : {1, 2, 3, 8}) {
    StepContext context;
    context.pool.start(threads, &context);
    EXPECT_EQ(context.pool.getNumThreads(), threads);
    for (int64_t n : {0, 1, 2, 7, 64, 1000, 4097})
      for (int64_t grain : {1, 3, 64, 5000})
        expectCovered(context.pool, n, grain);
  }
}

TEST(ThreadPool, RunsLoopsInARow) {
  StepContext context;
  context.pool.start(4, &context);
  for (int i = 0; i < 20000; ++i)
    expectCovered(context.pool, 1 + i % 17, 1);
}

TEST(ThreadPool, WakesThreadsThatSleep) {
  StepContext context;
  context.pool.start(3, &context);
  for (int i = 0; i < 20; ++i) {
    usleep(2000);
    expectCovered(context.pool, 100, 1);
  }
}

struct Nested {
  ThreadPool *pool;
  std::atomic<int64_t> sum{0};
};

void runInner(void *context, int64_t begin, int64_t end) {
  static_cast<Nested *>(context)->sum += end - begin;
}

void runOuter(void *context, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<Nested *>(context)->pool->run(runInner, context, 10, 1);
}

TEST(ThreadPool, RunsAnInnerLoopInItsThread) {
  StepContext context;
  context.pool.start(4, &context);
  Nested nested{&context.pool};
  context.pool.run(runOuter, &nested, 50, 1);
  EXPECT_EQ(nested.sum, 500);
}

TEST(ThreadPool, CountsAtLeastOneProcessor) {
  EXPECT_GE(ThreadPool::countAllowedCPUs(), 1);
}

void allocateSome(void *, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    auto *memory = static_cast<char *>(fulgur_alloc(i * 100));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % FULGUR_ALIGNMENT, 0u);
    for (int64_t k = 0; k < i * 100; ++k)
      memory[k] = static_cast<char>(i);
  }
}

TEST(StepContext, AllocatesInEveryThread) {
  StepContext context;
  context.pool.start(3, &context);
  StepContext::setCurrent(&context);
  for (int step = 0; step < 3; ++step) {
    context.begin();
    fulgur_parallel_for(allocateSome, nullptr, 300, 1);
  }
  StepContext::setCurrent(nullptr);
}

TEST(StepContext, RunsLoopsOutsideOfASession) {
  Coverage coverage(10, 1);
  fulgur_parallel_for(cover, &coverage, 10, 1);
  EXPECT_EQ(coverage.counts[9], 1);
}

} // namespace
