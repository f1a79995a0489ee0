//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Costs and the times they take.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/Cost.h"

#include <gtest/gtest.h>

using namespace fulgur;

namespace {

Machine makeMachine() {
  Machine machine;
  machine.peak[static_cast<unsigned>(NumberType::F32)] = 100;
  machine.peak[static_cast<unsigned>(NumberType::BF16)] = 400;
  machine.memory.push_back({"near", 1, 1000, 0});
  machine.memory.push_back({"far", 10, 10, 0});
  machine.launchSeconds = 0.5;
  return machine;
}

Cost makeCost(double f32, double bf16, double bytes, double launches) {
  Cost cost;
  cost.flopsOf(NumberType::F32) = f32;
  cost.flopsOf(NumberType::BF16) = bf16;
  cost.bytes = bytes;
  cost.launches = launches;
  return cost;
}

TEST(CostTest, addsUp) {
  Cost cost = makeCost(1, 2, 3, 4) + 2.0 * makeCost(10, 20, 30, 40) -
              makeCost(1, 1, 1, 1);
  EXPECT_EQ(cost.flopsOf(NumberType::F32), 20);
  EXPECT_EQ(cost.flopsOf(NumberType::BF16), 41);
  EXPECT_EQ(cost.getFlops(), 61);
  EXPECT_EQ(cost.bytes, 62);
  EXPECT_EQ(cost.launches, 83);
}

TEST(CostTest, isBoundByMemoryOrArithmetic) {
  Machine machine = makeMachine();
  // 3 seconds of arithmetic: 2 in f32 and 1 in bf16.
  EXPECT_EQ(getRooflineSeconds(makeCost(200, 400, 20, 0), machine), 3);
  // 4 seconds of the level that holds the model.
  EXPECT_EQ(getRooflineSeconds(makeCost(200, 400, 40, 0), machine), 4);
  EXPECT_EQ(getRooflineSeconds(makeCost(200, 400, 40, 6), machine), 7);
}

TEST(CostTest, isLinear) {
  Machine machine = makeMachine();
  EXPECT_EQ(getSeconds(makeCost(200, 400, 40, 6), machine), 10);
  Cost a = makeCost(200, 40, 10, 2), b = makeCost(50, 4, 1000, 1);
  EXPECT_DOUBLE_EQ(getSeconds(a + 3.0 * b, machine),
                   getSeconds(a, machine) + 3 * getSeconds(b, machine));
  // Not less than the roofline, and at most twice that.
  for (const Cost &cost : {a, b, a + b}) {
    EXPECT_GE(getSeconds(cost, machine), getRooflineSeconds(cost, machine));
    EXPECT_LE(getSeconds(cost, machine), 2 * getRooflineSeconds(cost, machine));
  }
}

} // namespace
