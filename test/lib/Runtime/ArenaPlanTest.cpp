//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Plans of arenas: buffers that live together are apart, the arena is small,
// and planning is quick.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Runtime/ArenaPlan.h"

#include <deque>
#include <gtest/gtest.h>
#include <vector>

using namespace fulgur::rt;

namespace {

struct Problem {
  std::deque<std::vector<FulgurSpan>> spans;
  std::vector<FulgurLifetime> lifetimes;
  std::vector<int64_t> bytes;
  std::vector<int64_t> offsets;

  void add(int64_t first, int64_t last, int64_t size) {
    add({{first, last}}, size);
  }
  void add(std::vector<FulgurSpan> life, int64_t size) {
    spans.push_back(life);
    lifetimes.push_back({int64_t(life.size()), spans.back().data()});
    bytes.push_back(size);
  }
  int64_t plan() {
    offsets.assign(bytes.size(), -1);
    return planArena(lifetimes.data(), bytes.data(), bytes.size(),
                     offsets.data());
  }
  int64_t bound() const {
    return largestLiveSet(lifetimes.data(), bytes.data(), bytes.size());
  }
  void check(int64_t arena) const {
    for (size_t i = 0; i < bytes.size(); ++i) {
      ASSERT_GE(offsets[i], 0);
      ASSERT_EQ(offsets[i] % FULGUR_ALIGNMENT, 0);
      ASSERT_LE(offsets[i] + bytes[i], arena);
      for (size_t k = 0; k < i; ++k) {
        bool meet = false;
        for (const FulgurSpan &a : spans[i])
          for (const FulgurSpan &b : spans[k])
            meet |= a.first <= b.last && b.first <= a.last;
        bool overlap = offsets[i] < offsets[k] + bytes[k] &&
                       offsets[k] < offsets[i] + bytes[i];
        ASSERT_FALSE(meet && overlap) << i << " and " << k;
      }
    }
  }
};

TEST(ArenaPlan, HasNoBytesWithoutBuffers) {
  Problem problem;
  EXPECT_EQ(problem.plan(), 0);
  problem.add(0, 5, 0);
  EXPECT_EQ(problem.plan(), 0);
  EXPECT_EQ(problem.bound(), 0);
}

TEST(ArenaPlan, SharesWhatDoesNotLiveTogether) {
  Problem problem;
  problem.add(0, 1, 100);
  problem.add(2, 3, 100);
  EXPECT_EQ(problem.plan(), 128);
  EXPECT_EQ(problem.offsets[0], problem.offsets[1]);
}

TEST(ArenaPlan, SeparatesWhatMeetsInOneStep) {
  Problem problem;
  problem.add(0, 1, 64);
  problem.add(1, 2, 64);
  EXPECT_EQ(problem.plan(), 128);
}

TEST(ArenaPlan, SharesInTheGapsOfALife) {
  Problem problem;
  problem.add({{0, 1}, {4, 5}, {8, 9}}, 64);
  problem.add({{2, 3}, {6, 7}}, 64);
  EXPECT_EQ(problem.plan(), 64);
  problem.add(5, 6, 64);
  EXPECT_EQ(problem.plan(), 128);
  EXPECT_EQ(problem.bound(), 128);
  problem.check(128);
}

TEST(ArenaPlan, RefusesSizesOutOfRange) {
  Problem problem;
  problem.add(0, 1, -1);
  EXPECT_EQ(problem.plan(), -1);
  EXPECT_EQ(problem.bound(), -1);
  Problem huge;
  huge.add(0, 1, INT64_MAX / 2 + 1);
  huge.add(5, 6, INT64_MAX / 2 + 1);
  EXPECT_EQ(huge.plan(), -1);
  Problem largest;
  largest.add(0, 1, INT64_MAX);
  EXPECT_EQ(largest.plan(), -1);
}

TEST(ArenaPlan, IsValidAndNearTheBoundForManyBuffers) {
  for (int64_t n : {10, 100, 5000}) {
    Problem problem;
    uint64_t state = 7;
    auto next = [&](uint64_t below) {
      state = state * 6364136223846793005 + 1442695040888963407;
      return static_cast<int64_t>((state >> 33) % below);
    };
    for (int64_t i = 0; i < n; ++i) {
      int64_t length = next(20) == 0 ? next(n) : next(6);
      problem.add(i, std::min(i + length, n), next(100000));
    }
    int64_t arena = problem.plan();
    problem.check(arena);
    EXPECT_GE(arena, problem.bound());
    EXPECT_LE(arena, problem.bound() * 5 / 4) << n;
    std::vector<int64_t> offsets = problem.offsets;
    EXPECT_EQ(problem.plan(), arena);
    EXPECT_EQ(problem.offsets, offsets);
  }
}

} // namespace
