//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Fragments and products against plain loops.
//
//===----------------------------------------------------------------------===//
#include "test/lib/Emulator/TestUtils.h"

#include "lib/Emulator/Numbers.h"
#include "lib/Emulator/TensorMap.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace fulgur::emu;

/// Numbers that every format has, so that sums are exact.
static float number(uint32_t i) {
  return float(int(i * 2654435761u >> 13) % 9) / 2;
}

static void encode(Element type, float value, char *to) {
  uint16_t half = type == Element::BF16 ? toBF16(value) : toF16(value);
  if (getBytes(type) == 4)
    memcpy(to, &value, 4);
  else if (getBytes(type) == 2)
    memcpy(to, &half, 2);
  else
    *to = char(type == Element::E4M3 ? toE4M3(value) : toE5M2(value));
}

/// A register of elements m[row(x)][column(x)].
template <typename At> static int32_t pack(Element type, At at) {
  char bytes[4];
  for (uint32_t x = 0; x < 4 / getBytes(type); ++x)
    encode(type, at(x), bytes + x * getBytes(type));
  int32_t word;
  memcpy(&word, bytes, 4);
  return word;
}

static float a(uint32_t i, uint32_t k) { return number(i * 64 + k); }
static float b(uint32_t k, uint32_t j) { return number(7777 + k * 256 + j); }
static float product(uint32_t i, uint32_t j, uint32_t depth) {
  float sum = 0;
  for (uint32_t k = 0; k < depth; ++k)
    sum += a(i, k) * b(k, j);
  return sum;
}

TEST(Mma, FragmentsOfAllFormats) {
  for (Element type : {Element::BF16, Element::F16, Element::E4M3,
                       Element::E5M2, Element::TF32}) {
    uint32_t e = 4 / getBytes(type), depth = 8 * e;
    Launch launch;
    launch.threads = 32;
    EXPECT_EQ(
        "", run(launch, [&] {
          uint32_t lane = uint32_t(tid()), group = lane / 4, part = lane % 4;
          int32_t as[4], bs[2];
          for (uint32_t r = 0; r < 4; ++r)
            as[r] = pack(type, [&](uint32_t x) {
              return a(group + 8 * (r % 2), e * part + 4 * e * (r / 2) + x);
            });
          for (uint32_t r = 0; r < 2; ++r)
            bs[r] = pack(type, [&](uint32_t x) {
              return b(e * part + 4 * e * r + x, group);
            });
          float c[4] = {1, 2, 3, 4}, d[4];
          fulgur_emu_mma("mma", int32_t(depth), int32_t(type), int32_t(type),
                         as, bs, c, d);
          for (uint32_t r = 0; r < 4; ++r)
            EXPECT_EQ(c[r] +
                          product(group + 8 * (r / 2), 2 * part + r % 2, depth),
                      d[r]);
        }));
  }
}

TEST(Matrices, LoadAndStore) {
  for (int32_t count : {1, 2, 4})
    for (int32_t transpose : {0, 1}) {
      Launch launch;
      launch.threads = 32;
      EXPECT_EQ("", run(launch, [&] {
                  auto *data = reinterpret_cast<int16_t *>(shared());
                  for (int32_t i = tid(); i < 256; i += 32)
                    store(data + i, int16_t(i));
                  fulgur_emu_syncwarp("sync", -1);
                  int32_t words[4];
                  fulgur_emu_ldmatrix("load", data + 8 * tid(), count,
                                      transpose, words);
                  for (int32_t m = 0; m < count; ++m)
                    for (int32_t x = 0; x < 2; ++x) {
                      int32_t i = tid() / 4, j = tid() % 4 * 2 + x;
                      int32_t at = transpose ? j * 8 + i : i * 8 + j;
                      EXPECT_EQ(m * 64 + at, words[m] >> 16 * x & 0xffff);
                    }
                  fulgur_emu_stmatrix("store", data + 256 + 8 * tid(), count,
                                      transpose, words);
                  fulgur_emu_syncwarp("sync", -1);
                  for (int32_t i = tid(); i < 64 * count; i += 32)
                    EXPECT_EQ(i, load(data + 256 + i));
                }));
    }
}

/// Writes m[extent][k of 32 bytes] to shared memory at `at` as CUTLASS's
/// canonical layouts say, and makes its descriptor. K-major: groups of 8 rows
/// one behind the other; MN-major: groups of 8 of k, then of the width.
template <typename At>
static uint64_t place(uint32_t at, Element type, uint32_t extent,
                      uint32_t swizzleBytes, bool transposed, At value) {
  uint32_t size = getBytes(type), depth = 32 / size, leading = 16, stride = 16;
  uint32_t width = (swizzleBytes ? swizzleBytes : 16) / size;
  for (uint32_t i = 0; i < extent; ++i)
    for (uint32_t k = 0; k < depth; ++k) {
      uint32_t offset;
      if (!transposed && swizzleBytes) {
        stride = 8 * swizzleBytes;
        offset = i * swizzleBytes + k * size;
      } else if (!transposed) {
        // Core matrices of 8 rows of 16 bytes: first along k.
        leading = 128;
        stride = 256;
        offset = i / 8 * 256 + k * size / 16 * 128 + i % 8 * 16 + k * size % 16;
      } else {
        // 8 of k, each `width` long; then the other 8; then along i.
        uint32_t tile = 8 * width * size;
        (swizzleBytes ? stride : leading) = tile;
        (swizzleBytes ? leading : stride) = 2 * tile;
        offset = i / width * 2 * tile + k / 8 * tile + k % 8 * width * size +
                 i % width * size;
      }
      char bytes[4];
      encode(type, value(i, k), bytes);
      char *to = shared() + swizzle(at + offset, swizzleBytes);
      for (uint32_t x = 0; x < size; ++x)
        store(to + x, bytes[x]);
    }
  uint64_t code = swizzleBytes == 128  ? 1
                  : swizzleBytes == 64 ? 2
                  : swizzleBytes == 32 ? 3
                                       : 0;
  return at >> 4 | uint64_t(leading >> 4) << 16 | uint64_t(stride >> 4) << 32 |
         code << 62;
}

static void testWgmma(Element type, uint32_t n, uint32_t swizzleBytes,
                      bool transposeA, bool transposeB, bool fromRegisters,
                      bool deferred) {
  uint32_t e = 4 / getBytes(type), depth = 8 * e;
  Launch launch;
  launch.threads = 128;
  static uint64_t descA, descB;
  EXPECT_EQ("", run(launch, [&] {
              if (tid() == 0) {
                descA = place(0, type, 64, swizzleBytes, transposeA, a);
                descB = place(16384, type, n, swizzleBytes, transposeB,
                              [](uint32_t j, uint32_t k) { return b(k, j); });
                fulgur_emu_fence_proxy("fence");
              }
              fulgur_emu_barrier("barrier", 0, 0, 0, 0);
              uint32_t warp = uint32_t(tid()) / 32, lane = uint32_t(tid()) % 32;
              int32_t registers[4];
              for (uint32_t r = 0; r < 4; ++r)
                registers[r] = pack(type, [&](uint32_t x) {
                  return a(16 * warp + lane / 4 + 8 * (r % 2),
                           e * (lane % 4) + 4 * e * (r / 2) + x);
                });
              std::vector<float> sums(n / 2, 3.0f);
              fulgur_emu_wgmma_fence("fence");
              // The second one adds to the first one.
              for (int32_t i = 0; i < 2; ++i)
                fulgur_emu_wgmma("wgmma", sums.data(),
                                 fromRegisters ? registers : nullptr,
                                 int64_t(descA), int64_t(descB), int32_t(n),
                                 int32_t(type), int32_t(type), i, 0,
                                 transposeA | transposeB << 1, deferred);
              fulgur_emu_wgmma_commit("commit");
              if (deferred)
                EXPECT_NE(sums[0], sums[0]);
              fulgur_emu_wgmma_wait("wait", 0);
              if (deferred)
                fulgur_emu_wgmma_result("wait", sums.data(), int32_t(n / 2));
              for (uint32_t i = 0; i < n / 2; ++i) {
                uint32_t row = 16 * warp + lane / 4 + 8 * (i / 2 % 2);
                uint32_t column = i / 4 * 8 + lane % 4 * 2 + i % 2;
                EXPECT_EQ(2 * product(row, column, depth), sums[i]);
              }
            }));
}

TEST(Wgmma, SwizzlesAndFormats) {
  for (Element type :
       {Element::BF16, Element::F16, Element::E4M3, Element::TF32})
    for (uint32_t swizzleBytes : {0u, 32u, 64u, 128u})
      testWgmma(type, 24, swizzleBytes, false, false, false, false);
}

TEST(Wgmma, MNMajor) {
  for (uint32_t swizzleBytes : {0u, 32u, 64u, 128u}) {
    testWgmma(Element::BF16, 64, swizzleBytes, true, false, false, false);
    testWgmma(Element::BF16, 64, swizzleBytes, false, true, false, false);
    testWgmma(Element::F16, 128, swizzleBytes, true, true, false, true);
  }
}

TEST(Wgmma, AllWidths) {
  for (uint32_t n = 8; n <= 256; n += 56)
    testWgmma(Element::BF16, n, 128, false, false, false, true);
}

TEST(Wgmma, FromRegisters) {
  for (Element type : {Element::BF16, Element::F16, Element::E4M3})
    testWgmma(type, 32, 128, false, false, true, true);
}

TEST(Wgmma, WaitsAndFences) {
  auto kernel = [](bool fence, bool wait, bool overwrite) {
    Launch launch;
    launch.threads = 128;
    static uint64_t descriptor;
    return run(launch, [=] {
      if (tid() == 0) {
        descriptor = place(0, Element::BF16, 64, 128, false, a);
        fulgur_emu_fence_proxy("fence");
      }
      fulgur_emu_barrier("barrier", 0, 0, 0, 0);
      float sums[4] = {};
      if (fence)
        fulgur_emu_wgmma_fence("fence");
      fulgur_emu_wgmma("wgmma", sums, nullptr, int64_t(descriptor),
                       int64_t(descriptor), 8, 0, 0, 1, 0, 0, 0);
      fulgur_emu_wgmma_commit("commit");
      if (overwrite)
        store(shared(), char(1));
      if (wait)
        fulgur_emu_wgmma_wait("wait", 0);
    });
  };
  EXPECT_EQ("", kernel(true, true, false));
  EXPECT_NE(std::string::npos,
            kernel(false, true, false).find("without wgmma.fence"));
  EXPECT_NE(std::string::npos,
            kernel(true, false, false).find("has waited for its wgmmas"));
  EXPECT_NE(std::string::npos, kernel(true, true, true).find("still reads"));
}
