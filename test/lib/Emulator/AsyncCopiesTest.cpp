//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Boxes, swizzles, groups of copies.
//
//===----------------------------------------------------------------------===//
#include "test/lib/Emulator/TestUtils.h"

#include "lib/Emulator/TensorMap.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace fulgur::emu;

static bool contains(const std::string &text, const char *part) {
  return text.find(part) != std::string::npos;
}

TEST(Swizzle, IsThePatternOfThePTXManual) {
  // In units of 16 bytes, of lines of 128: the manual's figures.
  EXPECT_EQ(0x80u + 0x10, swizzle(0x80, 128));
  EXPECT_EQ(0x380u + 0x00, swizzle(0x380 + 0x70, 128));
  EXPECT_EQ(0x80u + 0x10, swizzle(0x80, 64));
  EXPECT_EQ(0x180u + 0x30, swizzle(0x180, 64));
  EXPECT_EQ(0x200u, swizzle(0x200, 64));
  EXPECT_EQ(0x80u + 0x10, swizzle(0x80, 32));
  EXPECT_EQ(0x100u, swizzle(0x100, 32));
  for (uint32_t i = 0; i < 4096; ++i) {
    EXPECT_EQ(i, swizzle(i, 0));
    for (uint32_t bytes : {32u, 64u, 128u})
      EXPECT_EQ(i, swizzle(swizzle(i, bytes), bytes));
  }
}

namespace {
struct Map {
  alignas(64) char bytes[128];
};
} // namespace

/// A tensor of i16 with these extents, innermost first; rows are padded to
/// multiples of 16 bytes.
static Map makeMap(const void *data, const std::vector<int64_t> &sizes,
                   const std::vector<int32_t> &box, int32_t swizzleBytes) {
  std::vector<int64_t> strides{2};
  for (size_t i = 1; i < sizes.size(); ++i)
    strides.push_back(i == 1 ? (sizes[0] * 2 + 15) / 16 * 16
                             : strides.back() * sizes[i - 1]);
  Map map;
  fulgur_emulator.tensor_map(map.bytes, data, FULGUR_I16, int32_t(sizes.size()),
                             sizes.data(), strides.data(), box.data(),
                             swizzleBytes);
  return map;
}

/// Loads a box, and compares each element with the tensor's, or zero.
static void testLoad(const std::vector<int64_t> &sizes,
                     const std::vector<int32_t> &box,
                     const std::vector<int32_t> &origin, int32_t swizzleBytes,
                     uint64_t seed) {
  int64_t row = (sizes[0] * 2 + 15) / 16 * 8, count = row;
  int32_t elements = box[0];
  for (size_t i = 1; i < sizes.size(); ++i) {
    count *= sizes[i];
    elements *= box[i];
  }
  DeviceArray<int16_t> data{size_t(count)};
  for (int64_t i = 0; i < count; ++i)
    data[size_t(i)] = int16_t(i % 30011 + 1);
  Map map = makeMap(data.data(), sizes, box, swizzleBytes);
  Launch launch;
  launch.seed = seed;
  EXPECT_EQ("", run(launch, [&] {
              char *tile = shared() + 1024, *barrier = shared();
              fulgur_emu_mbarrier_init("init", barrier, 1);
              fulgur_emu_fence_proxy("fence");
              fulgur_emu_mbarrier_arrive("expect", barrier, 1, 0, elements * 2);
              fulgur_emu_tma_load("load", tile, map.bytes, barrier,
                                  origin.data(), int32_t(sizes.size()), 0, 0);
              fulgur_emu_mbarrier_wait_parity("wait", barrier, 0);
              for (int32_t i = 0; i < elements; ++i) {
                int64_t left = i, at = 0, stride = 1;
                bool inside = true;
                for (size_t d = 0; d < sizes.size(); ++d) {
                  int64_t x = origin[d] + left % box[d];
                  left /= box[d];
                  inside &= x >= 0 && x < sizes[d];
                  at += x * stride;
                  stride *= d == 0 ? row : sizes[d];
                }
                auto offset =
                    swizzle(1024 + uint32_t(i) * 2, uint32_t(swizzleBytes));
                EXPECT_EQ(inside ? data[size_t(at)] : 0,
                          load(reinterpret_cast<int16_t *>(shared() + offset)))
                    << i;
              }
            }));
}

TEST(TensorMap, BoxesOfAllRanks) {
  for (uint64_t seed = 0; seed < 3; ++seed) {
    testLoad({40}, {16}, {8}, 0, seed);
    testLoad({40, 9}, {16, 4}, {3, 2}, 32, seed);
    testLoad({70, 9}, {64, 8}, {0, 0}, 128, seed);
    testLoad({40, 5, 4}, {32, 2, 3}, {0, 1, 1}, 64, seed);
    testLoad({16, 5, 4, 3}, {16, 2, 2, 2}, {0, 1, 1, 1}, 32, seed);
    testLoad({16, 5, 4, 3, 2}, {8, 2, 2, 2, 2}, {0, 1, 1, 1, 0}, 0, seed);
  }
}

TEST(TensorMap, ZeroOutOfBounds) {
  for (uint64_t seed = 0; seed < 3; ++seed) {
    testLoad({41}, {16}, {33}, 0, seed);
    testLoad({41, 9}, {16, 4}, {-5, -2}, 32, seed);
    testLoad({41, 9}, {64, 4}, {13, 7}, 128, seed);
    testLoad({16, 5, 4}, {16, 4, 3}, {3, 3, -1}, 32, seed);
  }
}

TEST(TensorMap, StoresAreClipped) {
  for (int32_t reduction : {0, 1}) {
    DeviceArray<float> data(24 * 4);
    for (size_t i = 0; i < data.size; ++i)
      data[i] = 1;
    Map map;
    int64_t sizes[] = {21, 3}, strides[] = {4, 96};
    int32_t box[] = {8, 4}, origin[] = {16, -1};
    fulgur_emulator.tensor_map(map.bytes, data.data(), FULGUR_F32, 2, sizes,
                               strides, box, 32);
    EXPECT_EQ("", run({}, [&] {
                for (uint32_t i = 0; i < 32; ++i)
                  store(
                      reinterpret_cast<float *>(shared() + swizzle(i * 4, 32)),
                      float(100 + i));
                fulgur_emu_fence_proxy("fence");
                fulgur_emu_tma_store("store", map.bytes, shared(), origin, 2,
                                     reduction);
                fulgur_emu_bulk_commit("commit");
                fulgur_emu_bulk_wait("wait", 0, 1);
              }));
    for (int y = 0; y < 4; ++y)
      for (int x = 0; x < 24; ++x) {
        bool inside = y < 3 && x >= 16 && x < 21;
        float stored = float(100 + (y + 1) * 8 + x - 16);
        EXPECT_EQ(inside ? stored + float(reduction) : 1,
                  data[size_t(y * 24 + x)]);
      }
  }
}

TEST(TensorMap, LimitsOfTheDriver) {
  DeviceArray<int16_t> data(4096);
  auto fault = [&](std::vector<int64_t> sizes, std::vector<int32_t> box,
                   int32_t swizzleBytes, uint32_t at = 1024,
                   const char *from = nullptr) {
    Map map = makeMap(from ? from : (const char *)data.data(), sizes, box,
                      swizzleBytes);
    return run({}, [&] {
      fulgur_emu_mbarrier_init("init", shared(), 1);
      fulgur_emu_fence_proxy("fence");
      int32_t origin[] = {0, 0};
      fulgur_emu_tma_load("load", shared() + at, map.bytes, shared(), origin, 2,
                          0, 0);
    });
  };
  EXPECT_TRUE(contains(fault({64, 8}, {64, 257}, 0), "1 to 256"));
  EXPECT_TRUE(contains(fault({64, 8}, {64, 8}, 64), "as long as the swizzle"));
  EXPECT_TRUE(contains(fault({64, 8}, {5, 8}, 0), "multiples of 16"));
  EXPECT_TRUE(contains(fault({64, 8}, {64, 8}, 128, 1152), "multiple of 1024"));
  EXPECT_TRUE(contains(fault({64, 8}, {64, 8}, 0, 1040), "multiple of 128"));
  EXPECT_TRUE(
      contains(fault({64, 8}, {64, 8}, 0, 1024, (const char *)data.data() + 2),
               "multiple of 16"));
  EXPECT_TRUE(contains(fault({64, 800}, {64, 8}, 0), "still expects"));
  EXPECT_TRUE(contains(fault({4096, 8}, {64, 8}, 0), "out of bounds"));
}

TEST(CpAsync, GroupsAndZeroFill) {
  DeviceArray<int32_t> data(8);
  for (size_t i = 0; i < 8; ++i)
    data[i] = int32_t(i + 1);
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Launch launch;
    launch.seed = seed;
    auto kernel = [&](int32_t pending) {
      return [&, pending] {
        int32_t *to = reinterpret_cast<int32_t *>(shared());
        fulgur_emu_cp_async("first", to, data.data(), 16, 16);
        fulgur_emu_cp_async_commit("commit");
        fulgur_emu_cp_async("second", to + 4, &data[4], 16, 8);
        fulgur_emu_cp_async_commit("commit");
        fulgur_emu_cp_async_wait("wait", pending);
        EXPECT_EQ(4, load(to + 3));
        if (pending < 2)
          EXPECT_EQ(6, load(to + 5));
        EXPECT_EQ(0, load(to + 6));
        fulgur_emu_cp_async_wait("wait", 0);
      };
    };
    EXPECT_EQ("", run(launch, kernel(0)));
    EXPECT_TRUE(contains(run(launch, kernel(1)), "still writing"));
  }
}

TEST(CpAsync, ArrivesAtAnMbarrier) {
  DeviceArray<int32_t> data(32 * 4);
  for (size_t i = 0; i < data.size; ++i)
    data[i] = int32_t(i);
  for (uint64_t seed = 0; seed < 6; ++seed) {
    Launch launch;
    launch.threads = 64;
    launch.seed = seed;
    EXPECT_EQ("", run(launch, [&] {
                auto *to = reinterpret_cast<int32_t *>(shared() + 64);
                if (tid() == 0)
                  fulgur_emu_mbarrier_init("init", shared(), 32);
                fulgur_emu_barrier("barrier", 0, 0, 0, 0);
                if (tid() < 32) {
                  fulgur_emu_cp_async("copy", to + 4 * tid(),
                                      &data[4 * size_t(tid())], 16, 16);
                  fulgur_emu_cp_async_mbarrier("arrive", shared(), 1);
                } else {
                  fulgur_emu_mbarrier_wait_parity("wait", shared(), 0);
                  for (int32_t i = 0; i < 128; ++i)
                    EXPECT_EQ(i, load(to + i));
                }
              }));
  }
}

TEST(Bulk, LoadsAndStores) {
  DeviceArray<int32_t> from(64), to(64);
  for (size_t i = 0; i < 64; ++i)
    from[i] = int32_t(i * i);
  EXPECT_EQ("", run({}, [&] {
              fulgur_emu_mbarrier_init("init", shared(), 1);
              fulgur_emu_fence_proxy("fence");
              fulgur_emu_mbarrier_arrive("expect", shared(), 1, 0, 256);
              fulgur_emu_bulk_load("load", shared() + 64, from.data(), 256,
                                   shared(), 0, 0);
              fulgur_emu_mbarrier_wait_parity("wait", shared(), 0);
              fulgur_emu_bulk_store("store", to.data(), shared() + 64, 256);
              fulgur_emu_bulk_commit("commit");
              fulgur_emu_bulk_wait("wait", 0, 0);
            }));
  EXPECT_EQ(0, memcmp(from.data(), to.data(), 256));
}
