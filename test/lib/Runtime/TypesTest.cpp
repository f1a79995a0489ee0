//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Elements as numbers: every bit pattern of the small floats survives a round
// trip, and rounding is to nearest even.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Types.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace fulgur::rt;

namespace {

TEST(Types, SmallFloatsSurviveARoundTrip) {
  for (int32_t type :
       {FULGUR_F16, FULGUR_BF16, FULGUR_F8E4M3FN, FULGUR_F8E5M2}) {
    uint32_t patterns = getElementBytes(type) == 1 ? 0x100 : 0x10000;
    for (uint32_t bits = 0; bits < patterns; ++bits) {
      uint16_t back = 0;
      double value = readNumber(type, &bits, 0);
      writeNumber(type, &back, 0, value);
      if (std::isnan(value))
        EXPECT_TRUE(std::isnan(readNumber(type, &back, 0)));
      else
        ASSERT_EQ(back, bits) << getTypeName(type) << " " << value;
    }
  }
}

TEST(Types, SmallFloatsHaveKnownValues) {
  uint16_t bits = 0x3c00;
  EXPECT_EQ(readNumber(FULGUR_F16, &bits, 0), 1.0);
  bits = 0x3f80;
  EXPECT_EQ(readNumber(FULGUR_BF16, &bits, 0), 1.0);
  bits = 0x7e;
  EXPECT_EQ(readNumber(FULGUR_F8E4M3FN, &bits, 0), 448.0);
  bits = 0x7b;
  EXPECT_EQ(readNumber(FULGUR_F8E5M2, &bits, 0), 57344.0);
}

TEST(Types, RoundsToNearestEven) {
  uint16_t bits;
  writeNumber(FULGUR_BF16, &bits, 0, 1 + 0x1p-8);
  EXPECT_EQ(bits, 0x3f80);
  writeNumber(FULGUR_BF16, &bits, 0, 1 + 0x3p-8);
  EXPECT_EQ(bits, 0x3f82);
  writeNumber(FULGUR_F16, &bits, 0, 65520);
  EXPECT_EQ(bits, 0x7c00);
  writeNumber(FULGUR_F16, &bits, 0, 0x1p-25);
  EXPECT_EQ(bits, 0);
}

TEST(Types, IntegersSaturate) {
  int8_t small;
  writeNumber(FULGUR_I8, &small, 0, 1000);
  EXPECT_EQ(small, 127);
  int64_t large;
  writeNumber(FULGUR_I64, &large, 0, 1e30);
  EXPECT_EQ(large, INT64_MAX);
  uint8_t positive;
  writeNumber(FULGUR_U8, &positive, 0, -3);
  EXPECT_EQ(positive, 0);
}

TEST(Types, SizesDoNotOverflow) {
  int64_t bytes;
  int64_t large[] = {INT64_MAX / 2, 3};
  EXPECT_FALSE(computeBytes(large, 2, 1, bytes));
  int64_t empty[] = {INT64_MAX, INT64_MAX, 0};
  ASSERT_TRUE(computeBytes(empty, 3, 8, bytes));
  EXPECT_EQ(bytes, 0);
  int64_t negative[] = {0, -1};
  EXPECT_FALSE(computeBytes(negative, 2, 1, bytes));
}

} // namespace
