//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Phases of mbarriers, named barriers, and the faults at them.
//
//===----------------------------------------------------------------------===//
#include "test/lib/Emulator/TestUtils.h"

#include <gtest/gtest.h>

using namespace fulgur::emu;

static bool contains(const std::string &text, const char *part) {
  return text.find(part) != std::string::npos;
}

TEST(Mbarrier, PhasesTurnWithArrivalsAndBytes) {
  EXPECT_EQ("", run({}, [] {
              char *barrier = shared();
              fulgur_emu_mbarrier_init("init", barrier, 2);
              EXPECT_FALSE(fulgur_emu_mbarrier_test_parity("t", barrier, 0));
              EXPECT_TRUE(fulgur_emu_mbarrier_test_parity("t", barrier, 1));
              EXPECT_EQ(0, fulgur_emu_mbarrier_arrive("a", barrier, 1, 0, 0));
              EXPECT_FALSE(fulgur_emu_mbarrier_test_parity("t", barrier, 0));
              EXPECT_EQ(0, fulgur_emu_mbarrier_arrive("a", barrier, 1, 0, 64));
              EXPECT_FALSE(fulgur_emu_mbarrier_test_parity("t", barrier, 0));
              fulgur_emu_mbarrier_complete_tx("c", barrier, 64);
              EXPECT_TRUE(fulgur_emu_mbarrier_test_parity("t", barrier, 0));
              EXPECT_FALSE(fulgur_emu_mbarrier_test_parity("t", barrier, 1));
              // Dropping one leaves one for every phase to come.
              EXPECT_EQ(1, fulgur_emu_mbarrier_arrive("a", barrier, 1, 1, 0));
              EXPECT_EQ(1, fulgur_emu_mbarrier_arrive("a", barrier, 1, 0, 0));
              EXPECT_EQ(2, fulgur_emu_mbarrier_arrive("a", barrier, 1, 0, 0));
              EXPECT_EQ(3, fulgur_emu_mbarrier_arrive("a", barrier, 1, 0, 0));
            }));
}

TEST(Mbarrier, TooManyArrivals) {
  std::string fault = run({}, [] {
    fulgur_emu_mbarrier_init("init", shared(), 2);
    fulgur_emu_mbarrier_arrive("arrive", shared(), 3, 0, 0);
  });
  EXPECT_TRUE(contains(fault, "kernel 'test', block (0, 0, 0), thread (0, 0, "
                              "0), arrive: 3 arrivals are too many"))
      << fault;
}

TEST(Mbarrier, MoreBytesThanExpected) {
  std::string fault = run({}, [] {
    fulgur_emu_mbarrier_init("init", shared(), 1);
    fulgur_emu_mbarrier_arrive("arrive", shared(), 1, 0, 16);
    fulgur_emu_mbarrier_complete_tx("complete", shared(), 32);
  });
  EXPECT_TRUE(contains(fault, "more bytes have come")) << fault;
}

TEST(Mbarrier, NotInitialised) {
  std::string fault =
      run({}, [] { fulgur_emu_mbarrier_arrive("a", shared() + 8, 1, 0, 0); });
  EXPECT_TRUE(contains(fault, "there is no mbarrier at byte 8")) << fault;
}

TEST(Mbarrier, OrdersWhatWasDoneBefore) {
  auto kernel = [](bool wait) {
    return [=] {
      int *data = reinterpret_cast<int *>(shared() + 64);
      if (tid() == 0)
        fulgur_emu_mbarrier_init("init", shared(), 1);
      fulgur_emu_barrier("barrier", 0, 0, 0, 0);
      if (tid() == 0) {
        store(data, 7);
        fulgur_emu_mbarrier_arrive("arrive", shared(), 1, 0, 0);
      } else if (wait) {
        fulgur_emu_mbarrier_wait_parity("wait", shared(), 0);
        EXPECT_EQ(7, load(data));
      } else {
        load(data);
      }
    };
  };
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Launch launch;
    launch.threads = 64;
    launch.seed = seed;
    EXPECT_EQ("", run(launch, kernel(true)));
    std::string fault = run(launch, kernel(false));
    EXPECT_TRUE(contains(fault, "race") || contains(fault, "nothing has"))
        << fault;
  }
}

TEST(Mbarrier, DeadlockNamesWhoWaits) {
  Launch launch;
  launch.threads = 32;
  std::string fault = run(launch, [] {
    if (tid() == 0)
      fulgur_emu_mbarrier_init("init", shared(), 2);
    fulgur_emu_syncwarp("sync", -1);
    if (tid() == 5)
      fulgur_emu_mbarrier_wait_parity("try_wait", shared(), 0);
  });
  EXPECT_TRUE(contains(fault, "thread (5, 0, 0), try_wait: deadlock: waits "
                              "for parity 0 of the mbarrier at byte 0 (phase "
                              "0, 2 of 2 arrivals"))
      << fault;
}

TEST(Barrier, CountsAndReduces) {
  Launch launch;
  launch.threads = 96;
  EXPECT_EQ("", run(launch, [] {
              EXPECT_EQ(3, fulgur_emu_barrier("b", 0, 0, 3, tid() % 32 == 0));
              if (tid() < 64)
                EXPECT_EQ(1, fulgur_emu_barrier("c", 1, 64, 2, tid() == 63));
            }));
}

TEST(Barrier, OnlySomeLanesCome) {
  Launch launch;
  launch.threads = 32;
  std::string fault = run(launch, [] {
    if (tid() != 3)
      fulgur_emu_barrier("barrier", 0, 0, 0, 0);
  });
  EXPECT_TRUE(contains(fault, "thread (3, 0, 0), end: ends, but other lanes "
                              "of its warp execute barrier") ||
              contains(fault, "deadlock"))
      << fault;
}

TEST(Cluster, BlocksSeeEachOther) {
  auto kernel = [](bool wait) {
    return [=] {
      int *own = reinterpret_cast<int *>(shared());
      int32_t rank = fulgur_emu_registers->clusterCtarank;
      store(own, 10 + rank);
      fulgur_emu_cluster_arrive("arrive", 0, 1);
      fulgur_emu_cluster_wait("wait", 1);
      auto *other = static_cast<int *>(fulgur_emu_mapa("mapa", own, 1 - rank));
      EXPECT_EQ(11 - rank, load(other));
      if (wait) {
        fulgur_emu_cluster_arrive("last arrive", 0, 1);
        fulgur_emu_cluster_wait("last wait", 1);
      }
    };
  };
  Launch launch;
  launch.blocks = launch.cluster = 2;
  EXPECT_EQ("", run(launch, kernel(true)));
  std::string fault = run(launch, kernel(false));
  EXPECT_TRUE(contains(fault, "of the cluster")) << fault;
}

TEST(Warp, ShufflesAndVotes) {
  Launch launch;
  launch.threads = 32;
  EXPECT_EQ(
      "", run(launch, [] {
        int32_t valid;
        int32_t lane = tid();
        EXPECT_EQ(lane ^ 5, fulgur_emu_shfl("x", 3, -1, lane, 5, 31, &valid));
        EXPECT_EQ(lane < 3 ? lane : lane - 3,
                  fulgur_emu_shfl("up", 1, -1, lane, 3, 0, &valid));
        EXPECT_EQ(lane >= 3, valid);
        // Segments of 8 lanes.
        EXPECT_EQ(lane / 8 * 8 + 2,
                  fulgur_emu_shfl("idx", 0, -1, lane, 2, 24 << 8 | 31, &valid));
        EXPECT_EQ(0x10, fulgur_emu_vote("vote", 2, -1, lane == 4));
        EXPECT_EQ(496, fulgur_emu_redux("add", 0, -1, lane));
        EXPECT_EQ(lane == 0, fulgur_emu_elect("elect", -1));
      }));
}

TEST(Warp, SetmaxnregKeepsWithinTheFile) {
  Launch launch;
  launch.threads = 384;
  auto kernel = [](int32_t more) {
    return [=] {
      if (tid() < 128)
        fulgur_emu_setmaxnreg("decrease", 40, 0);
      else
        fulgur_emu_setmaxnreg("increase", more, 1);
    };
  };
  EXPECT_EQ("", run(launch, kernel(232)));
  EXPECT_TRUE(contains(run(launch, kernel(240)), "deadlock"));
}

TEST(Global, BoundsAndRaces) {
  DeviceArray<int> data(4);
  Launch launch;
  launch.blocks = 2;
  launch.flags = FULGUR_KERNEL_INDEPENDENT;
  EXPECT_EQ("", run(launch, [&] {
              store(&data[size_t(fulgur_emu_registers->ctaid[0])], 1);
            }));
  EXPECT_TRUE(contains(run(launch, [&] { store(&data[0], 1); }), "race"));
  EXPECT_TRUE(contains(run(launch, [&] { load(&data[4]); }), "out of bounds"));
  EXPECT_TRUE(contains(
      run(launch, [&] { fulgur_emu_access("v", data.data() + 1, 8, 0, 8); }),
      "not a multiple of 8"));
}
