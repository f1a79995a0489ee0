//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The loops that measure a machine, run by the threads that compiled models run
// their loops with.
//
// Multiply-adds: as many independent sums in registers as it takes to hide the
// latency of one, in the widest vectors that the processor has.
//
// Reading: a thread reads several streams side by side, and asks for each line
// some way ahead. The prefetcher of a processor follows one stream only to the
// end of a page, and a core waits for one line while it could wait for many:
// one stream reads main memory at half of what eight do. Which number of
// streams and which distance is best depends on the processor and the level, so
// a few are tried.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/Measure.h"

#include "lib/Runtime/ThreadPool.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/TargetParser/Host.h"

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace fulgur;

/// How long a run takes at least; its shortest is what counts. Beside other
/// work no core is free for long: many short runs find a moment when all are,
/// and a run shorter than the turn that a scheduler gives fits into it.
static constexpr double runSeconds = 0.002;
static constexpr int numRuns = 60;
/// Main memory is read beyond all caches, a part at a time.
static constexpr int64_t mainMemoryBytes = int64_t(256) << 20;
static constexpr int mainMemoryParts = 16;

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

namespace {
/// What one thread of a run computes, so that no loop can be left out.
struct alignas(64) Result {
  double value = 0;
};

class Meter {
public:
  Meter() : cores(rt::ThreadPool::countAllowedCPUs()), results(cores) {
    pool.start(cores, nullptr);
  }

  int getCores() const { return cores; }
  double getLaunchSeconds();
  /// How often a second `threads` threads together do `work(thread, turns)`.
  double getRate(int threads, const std::function<double(int, int64_t)> &work);

private:
  double timeOnce(int threads, int64_t turns,
                  const std::function<double(int, int64_t)> &work);

  int cores;
  std::vector<Result> results;
  rt::ThreadPool pool;
};

/// Memory that is there: huge pages, written once.
class Memory {
public:
  explicit Memory(int64_t bytes) : bytes(bytes) {
    void *place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED)
      return;
    madvise(place, bytes, MADV_HUGEPAGE);
    memset(place, 1, bytes);
    data = static_cast<const char *>(place);
  }
  ~Memory() {
    if (data)
      munmap(const_cast<char *>(data), bytes);
  }
  Memory(const Memory &) = delete;

  const char *data = nullptr;
  int64_t bytes;
};
} // namespace

double Meter::timeOnce(int threads, int64_t turns,
                       const std::function<double(int, int64_t)> &work) {
  struct Context {
    Meter *meter;
    int64_t turns;
    const std::function<double(int, int64_t)> *work;
  } context{this, turns, &work};
  double start = now();
  if (threads == 1) {
    results[0].value += work(0, turns);
  } else {
    pool.run(
        [](void *data, int64_t begin, int64_t end) {
          auto *context = static_cast<Context *>(data);
          for (int64_t i = begin; i < end; ++i)
            context->meter->results[i].value +=
                (*context->work)(static_cast<int>(i), context->turns);
        },
        &context, threads, 1);
  }
  return now() - start;
}

double Meter::getRate(int threads,
                      const std::function<double(int, int64_t)> &work) {
  int64_t turns = 1;
  double seconds = timeOnce(threads, turns, work);
  while (seconds < runSeconds) {
    turns *= 2;
    seconds = timeOnce(threads, turns, work);
  }
  for (int run = 1; run < numRuns; ++run)
    seconds = std::min(seconds, timeOnce(threads, turns, work));
  return static_cast<double>(threads) * turns / seconds;
}

/// A loop whose turns wait for each other, so that every thread has to come.
double Meter::getLaunchSeconds() {
  constexpr int loops = 20;
  struct Context {
    std::atomic<int> arrived{0};
    int threads;
  } context;
  context.threads = pool.getNumThreads();
  double best = 1;
  for (int run = 0; run < 10 * numRuns; ++run) {
    double start = now();
    for (int i = 0; i < loops; ++i) {
      context.arrived = 0;
      pool.run(
          [](void *data, int64_t begin, int64_t end) {
            auto *context = static_cast<Context *>(data);
            context->arrived += static_cast<int>(end - begin);
            while (context->arrived < context->threads)
              sched_yield();
          },
          &context, context.threads, 1);
    }
    best = std::min(best, (now() - start) / loops);
  }
  return best;
}

//===----------------------------------------------------------------------===//
// Multiply-adds
//===----------------------------------------------------------------------===//

static constexpr int numSums = 12;
/// Multiply-adds of one sum in one turn of the meter.
static constexpr int64_t chain = 1000;

/// Sums of vectors of `Bytes`. Inlined where the processor is known to have
/// them.
template <typename T, int Bytes>
__attribute__((always_inline)) static inline double multiplyAdd(int64_t turns) {
  typedef T Vector __attribute__((vector_size(Bytes)));
  Vector sums[numSums], factor = {}, term = {};
  for (unsigned i = 0; i < Bytes / sizeof(T); ++i) {
    factor[i] = T(0.999);
    term[i] = T(0.001) * T(i + turns);
  }
  for (Vector &sum : sums)
    sum = term;
  for (int64_t turn = 0; turn < turns * chain; ++turn)
#pragma clang loop unroll(full)
    for (Vector &sum : sums)
      sum = __builtin_elementwise_fma(sum, factor, term);
  double total = 0;
  for (Vector &sum : sums)
    total += sum[0];
  return total;
}

/// Operations of one turn.
template <typename T, int Bytes> static constexpr double flopsOf() {
  return 2.0 * numSums * chain * Bytes / sizeof(T);
}

#if defined(__x86_64__)
#define FULGUR_TARGET(features) __attribute__((target(features)))

FULGUR_TARGET("avx512f") static double f32Wide(int, int64_t turns) {
  return multiplyAdd<float, 64>(turns);
}
FULGUR_TARGET("avx512f") static double f64Wide(int, int64_t turns) {
  return multiplyAdd<double, 64>(turns);
}
FULGUR_TARGET("avx2,fma") static double f32Narrow(int, int64_t turns) {
  return multiplyAdd<float, 32>(turns);
}
FULGUR_TARGET("avx2,fma") static double f64Narrow(int, int64_t turns) {
  return multiplyAdd<double, 32>(turns);
}

/// Dot products of pairs: two multiply-adds for each of 16 sums.
FULGUR_TARGET("avx512f,avx512bf16")
static double bf16Pairs(int, int64_t turns) {
  __m512 sums[numSums];
  __m512bh left = (__m512bh)_mm512_set1_epi16(0x3c01);
  __m512bh right =
      (__m512bh)_mm512_set1_epi16(static_cast<short>(turns & 0x3fff));
  for (__m512 &sum : sums)
    sum = _mm512_set1_ps(static_cast<float>(turns));
  for (int64_t turn = 0; turn < turns * chain; ++turn)
#pragma clang loop unroll(full)
    for (__m512 &sum : sums)
      sum = _mm512_dpbf16_ps(sum, left, right);
  double total = 0;
  for (__m512 &sum : sums)
    total += sum[0];
  return total;
}
#endif

static void measurePeaks(Meter &meter, Machine &machine) {
  auto measure = [&](NumberType type, double (*loop)(int, int64_t),
                     double flops) {
    machine.peak[static_cast<unsigned>(type)] =
        flops * meter.getRate(meter.getCores(), loop);
  };
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    measure(NumberType::F32, f32Wide, flopsOf<float, 64>());
    measure(NumberType::F64, f64Wide, flopsOf<double, 64>());
    if (__builtin_cpu_supports("avx512bf16"))
      measure(NumberType::BF16, bf16Pairs, 2 * flopsOf<float, 64>());
    return;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    measure(NumberType::F32, f32Narrow, flopsOf<float, 32>());
    measure(NumberType::F64, f64Narrow, flopsOf<double, 32>());
    return;
  }
#endif
  measure(
      NumberType::F32,
      [](int, int64_t turns) { return multiplyAdd<float, 16>(turns); },
      flopsOf<float, 16>());
  measure(
      NumberType::F64,
      [](int, int64_t turns) { return multiplyAdd<double, 16>(turns); },
      flopsOf<double, 16>());
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
/// A way to read.
struct Way {
  int streams;
  /// Bytes; 0 asks for nothing.
  int distance;
};
} // namespace

/// Reads `bytes` once, in as many streams.
template <int Streams, int Bytes>
__attribute__((always_inline)) static inline double
readStreams(const char *data, int64_t bytes, int distance) {
  typedef int64_t Vector __attribute__((vector_size(Bytes)));
  constexpr int64_t line = 64;
  int64_t part = bytes / Streams / line * line;
  Vector sums[Streams] = {};
  for (int64_t at = 0; at < part; at += line)
#pragma clang loop unroll(full)
    for (int stream = 0; stream < Streams; ++stream) {
      const char *place = data + stream * part + at;
      if (distance)
        __builtin_prefetch(place + distance);
#pragma clang loop unroll(full)
      for (int i = 0; i < line / Bytes; ++i)
        sums[stream] += *reinterpret_cast<const Vector *>(place + i * Bytes);
    }
  double total = 0;
  for (Vector &sum : sums)
    total += static_cast<double>(sum[0]);
  return total;
}

template <int Bytes>
__attribute__((always_inline)) static inline double
readOnce(const char *data, int64_t bytes, Way way) {
  switch (way.streams) {
  case 1:
    return readStreams<1, Bytes>(data, bytes, way.distance);
  case 4:
    return readStreams<4, Bytes>(data, bytes, way.distance);
  default:
    return readStreams<8, Bytes>(data, bytes, way.distance);
  }
}

#if defined(__x86_64__)
FULGUR_TARGET("avx512f")
static double readWide(const char *data, int64_t bytes, Way way) {
  return readOnce<64>(data, bytes, way);
}
FULGUR_TARGET("avx2")
static double readNarrow(const char *data, int64_t bytes, Way way) {
  return readOnce<32>(data, bytes, way);
}
#endif
static double readPlain(const char *data, int64_t bytes, Way way) {
  return readOnce<16>(data, bytes, way);
}

static auto getReader() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return readWide;
  if (__builtin_cpu_supports("avx2"))
    return readNarrow;
#endif
  return readPlain;
}

/// Bytes a second of `threads` threads, each of which reads `bytes` of its own
/// in so many parts, one a turn.
static double measureReading(Meter &meter, const Memory &memory, int threads,
                             int64_t bytes, int parts) {
  auto read = getReader();
  struct alignas(64) Position {
    int64_t part = 0;
  };
  std::vector<Position> positions(threads);
  int64_t each = bytes / parts / 4096 * 4096;
  double best = 0;
  for (Way way : {Way{1, 0},
                  {4, 0},
                  {8, 0},
                  {4, 512},
                  {8, 512},
                  {8, 1024},
                  {4, 2048},
                  {1, 2048}})
    best = std::max(best, meter.getRate(threads, [&](int thread, int64_t n) {
      double total = 0;
      for (int64_t i = 0; i < n; ++i) {
        int64_t part = positions[thread].part++ % parts;
        total += read(memory.data + thread * bytes + part * each, each, way);
      }
      return total;
    }));
  return best * static_cast<double>(each);
}

namespace {
struct Cache {
  int64_t bytes = 0;
  /// Of the cores that this process may use.
  bool isShared = false;
};
} // namespace

/// What Linux says of a processor's cache; no bytes if it says nothing.
static Cache readCache(int index) {
  auto read = [&](const char *name) -> std::string {
    std::string path =
        llvm::formatv("/sys/devices/system/cpu/cpu{0}/cache/index{1}/{2}",
                      std::max(0, sched_getcpu()), index, name);
    auto buffer = llvm::MemoryBuffer::getFileAsStream(path);
    return buffer ? (*buffer)->getBuffer().trim().str() : std::string();
  };
  std::string text = read("size"), type = read("type");
  llvm::StringRef size = text;
  int64_t kilobytes = 0;
  Cache cache;
  if (type == "Instruction" || !size.consume_back("K") ||
      size.getAsInteger(10, kilobytes))
    return cache;
  cache.bytes = kilobytes << 10;
  cache.isShared =
      read("shared_cpu_list").find_first_of(",-") != std::string::npos;
  return cache;
}

static void measureMemory(Meter &meter, Machine &machine) {
  Memory memory(mainMemoryBytes);
  if (!memory.data)
    return;
  int cores = meter.getCores();
  auto measure = [&](std::string name, double capacity, int64_t each,
                     int parts) {
    machine.memory.push_back({std::move(name), capacity,
                              measureReading(meter, memory, cores, each, parts),
                              measureReading(meter, memory, 1, each, parts)});
  };
  int level = 0;
  for (int index = 0; index < 8; ++index) {
    Cache cache = readCache(index);
    // Half of a cache, so that all of what is read stays there.
    int64_t each = cache.bytes / 2 / (cache.isShared ? cores : 1);
    if (each > 0 && each * cores <= mainMemoryBytes / 4)
      measure("L" + std::to_string(++level), static_cast<double>(cache.bytes),
              each, /*parts=*/1);
  }
  measure("DRAM",
          static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
              static_cast<double>(sysconf(_SC_PAGESIZE)),
          mainMemoryBytes / cores, mainMemoryParts);
}

Machine fulgur::measureMachine() {
  Meter meter;
  Machine machine;
  machine.name = llvm::sys::getHostCPUName().str();
  machine.cores = meter.getCores();
  machine.source = llvm::formatv("fulgur-compile --measure-machine on {0}, "
                                 "with {1} cores",
                                 machine.name, machine.cores);
  machine.launchSeconds = meter.getLaunchSeconds();
  measurePeaks(meter, machine);
  measureMemory(meter, machine);
  return machine;
}
