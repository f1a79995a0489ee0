//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Small formats against their definitions.
//
//===----------------------------------------------------------------------===//
#include "lib/Emulator/Numbers.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace fulgur::emu;

TEST(Numbers, EveryCodeComesBack) {
  for (unsigned i = 0; i < 256; ++i) {
    if (!std::isnan(fromE4M3(uint8_t(i))))
      EXPECT_EQ(i, toE4M3(fromE4M3(uint8_t(i))));
    if (std::isfinite(fromE5M2(uint8_t(i))))
      EXPECT_EQ(i, toE5M2(fromE5M2(uint8_t(i))));
  }
  for (unsigned i = 0; i < 1 << 16; ++i)
    if (!std::isnan(fromF16(uint16_t(i))))
      EXPECT_EQ(i, toF16(fromF16(uint16_t(i))));
}

TEST(Numbers, TheirValues) {
  EXPECT_EQ(448.0f, fromE4M3(0x7e));
  EXPECT_EQ(std::ldexp(1.0f, -9), fromE4M3(1));
  EXPECT_EQ(57344.0f, fromE5M2(0x7b));
  EXPECT_EQ(65504.0f, fromF16(0x7bff));
  EXPECT_EQ(-1.5f, fromF16(0xbe00));
}

TEST(Numbers, TiesGoToEven) {
  EXPECT_EQ(0x3f80, toBF16(1.0f + std::ldexp(1.0f, -8)));
  EXPECT_EQ(0x3f82, toBF16(1.0f + 3 * std::ldexp(1.0f, -8)));
  EXPECT_EQ(0x3c00, toF16(1.0f + std::ldexp(1.0f, -11)));
  EXPECT_EQ(0x7c00, toF16(65520.0f));
  EXPECT_EQ(0x7e, toE4M3(1000.0f));
  EXPECT_EQ(0x38, toE4M3(1.0625f));
}
