//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Greedy placement: buffers in a fixed order, each in the smallest gap between
// the ones it lives with. Large buffers first is rarely far from the optimum;
// where it misses the lower bound, two other orders are tried as well.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Runtime/ArenaPlan.h"

#include <algorithm>
#include <vector>

using namespace fulgur::rt;

namespace {

struct Buffer {
  int64_t index;
  int64_t bytes;
  const FulgurLifetime *life;
  int64_t steps; // in which it lives
  int64_t offset;

  const FulgurSpan *begin() const { return life->spans; }
  const FulgurSpan *end() const { return life->spans + life->num_spans; }
};

} // namespace

/// Whether two buffers live in one step.
static bool meet(const Buffer &a, const Buffer &b) {
  const FulgurSpan *x = a.begin(), *y = b.begin();
  while (x != a.end() && y != b.end()) {
    if (x->last < y->first)
      ++x;
    else if (y->last < x->first)
      ++y;
    else
      return true;
  }
  return false;
}

/// The buffers that need room, with rounded sizes; false when a size or the sum
/// is out of range. Below the sum, no offset can overflow.
static bool collect(const FulgurLifetime *lifetimes, const int64_t *bytes,
                    int64_t n, std::vector<Buffer> &buffers) {
  int64_t sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (bytes[i] < 0 || bytes[i] > INT64_MAX - FULGUR_ALIGNMENT)
      return false;
    if (bytes[i] == 0 || lifetimes[i].num_spans == 0)
      continue;
    int64_t rounded =
        (bytes[i] + FULGUR_ALIGNMENT - 1) / FULGUR_ALIGNMENT * FULGUR_ALIGNMENT;
    if (__builtin_add_overflow(sum, rounded, &sum))
      return false;
    buffers.push_back({i, rounded, &lifetimes[i], 0, 0});
    for (const FulgurSpan &span : buffers.back())
      buffers.back().steps += span.last - span.first + 1;
  }
  return true;
}

/// Places the buffers in their order; returns the bytes of the arena.
static int64_t place(std::vector<Buffer> &buffers) {
  int64_t arena = 0;
  std::vector<Buffer> placed; // by offset
  placed.reserve(buffers.size());
  for (Buffer &buffer : buffers) {
    int64_t end = 0; // of the neighbours seen so far
    int64_t best = -1, bestGap = INT64_MAX;
    for (const Buffer &other : placed) {
      if (!meet(buffer, other))
        continue;
      int64_t gap = other.offset - end;
      if (gap >= buffer.bytes && gap < bestGap) {
        best = end;
        bestGap = gap;
      }
      end = std::max(end, other.offset + other.bytes);
    }
    buffer.offset = best >= 0 ? best : end;
    arena = std::max(arena, buffer.offset + buffer.bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), buffer,
                                   [](const Buffer &a, const Buffer &b) {
                                     return a.offset < b.offset;
                                   }),
                  buffer);
  }
  return arena;
}

static int64_t liveSet(const std::vector<Buffer> &buffers) {
  struct Event {
    int64_t step;
    int64_t bytes;
  };
  std::vector<Event> starts, ends;
  for (const Buffer &buffer : buffers)
    for (const FulgurSpan &span : buffer) {
      starts.push_back({span.first, buffer.bytes});
      ends.push_back({span.last, buffer.bytes});
    }
  auto earlier = [](const Event &a, const Event &b) { return a.step < b.step; };
  std::sort(starts.begin(), starts.end(), earlier);
  std::sort(ends.begin(), ends.end(), earlier);
  int64_t live = 0, most = 0;
  size_t ended = 0;
  for (const Event &start : starts) {
    while (ended < ends.size() && ends[ended].step < start.step)
      live -= ends[ended++].bytes;
    live += start.bytes;
    most = std::max(most, live);
  }
  return most;
}

static bool isLarger(const Buffer &a, const Buffer &b) {
  return a.bytes != b.bytes ? a.bytes > b.bytes : a.index < b.index;
}

static bool livesLonger(const Buffer &a, const Buffer &b) {
  return a.steps != b.steps ? a.steps > b.steps : isLarger(a, b);
}

static bool startsEarlier(const Buffer &a, const Buffer &b) {
  int64_t firstA = a.begin()->first, firstB = b.begin()->first;
  return firstA != firstB ? firstA < firstB : isLarger(a, b);
}

int64_t fulgur::rt::planArena(const FulgurLifetime *lifetimes,
                              const int64_t *bytes, int64_t n,
                              int64_t *offsets) {
  std::vector<Buffer> buffers;
  if (!collect(lifetimes, bytes, n, buffers))
    return -1;
  std::fill(offsets, offsets + n, 0);
  int64_t bound = liveSet(buffers), arena = INT64_MAX;
  for (auto order : {isLarger, livesLonger, startsEarlier}) {
    std::sort(buffers.begin(), buffers.end(), order);
    int64_t size = place(buffers);
    if (size < arena) {
      arena = size;
      for (const Buffer &buffer : buffers)
        offsets[buffer.index] = buffer.offset;
    }
    if (arena == bound)
      break;
  }
  return arena;
}

int64_t fulgur::rt::largestLiveSet(const FulgurLifetime *lifetimes,
                                   const int64_t *bytes, int64_t n) {
  std::vector<Buffer> buffers;
  if (!collect(lifetimes, bytes, n, buffers))
    return -1;
  return liveSet(buffers);
}
