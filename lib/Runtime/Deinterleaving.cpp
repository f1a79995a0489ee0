//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Moves entries of weights, once at load, so that no step has to: even ones
// before odd ones, as rotary embedding wants the columns of a projection.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Types.h"
#include "lib/Runtime/Weights.h"

#include <cstring>

using namespace fulgur;
using namespace fulgur::rt;

namespace {

/// A weight as [groups][period] entries of `bytes` each.
struct Deinterleaving {
  const char *stored;
  char *moved;
  int64_t period, begin, end;
  int64_t bytes;
};

} // namespace

bool fulgur::rt::isValidDeinterleaving(const FulgurWeight &weight) {
  const int64_t axis = weight.deinterleaved[0],
                period = weight.deinterleaved[1],
                begin = weight.deinterleaved[2], end = weight.deinterleaved[3];
  if (period == 0)
    return true;
  return !weight.stored_packed && axis >= 0 && axis < weight.rank &&
         period > 0 && weight.shape[axis] % period == 0 && begin >= 0 &&
         begin < end && end <= period && (end - begin) % 2 == 0;
}

/// Writes the groups [first, last).
static void moveGroups(void *context, int64_t first, int64_t last) {
  const Deinterleaving &d = *static_cast<const Deinterleaving *>(context);
  const int64_t half = (d.end - d.begin) / 2;
  for (int64_t group = first; group < last; ++group) {
    const char *from = d.stored + group * d.period * d.bytes;
    char *to = d.moved + group * d.period * d.bytes;
    memcpy(to, from, d.begin * d.bytes);
    for (int64_t i = 0; i < half; ++i) {
      const char *pair = from + (d.begin + 2 * i) * d.bytes;
      memcpy(to + (d.begin + i) * d.bytes, pair, d.bytes);
      memcpy(to + (d.begin + half + i) * d.bytes, pair + d.bytes, d.bytes);
    }
    memcpy(to + d.end * d.bytes, from + d.end * d.bytes,
           (d.period - d.end) * d.bytes);
  }
}

void fulgur::rt::deinterleaveWeight(const FulgurWeight &weight,
                                    const char *stored, char *moved,
                                    ThreadPool &pool) {
  const int64_t axis = weight.deinterleaved[0];
  int64_t groups = weight.shape[axis] / weight.deinterleaved[1];
  int64_t bytes = getElementBytes(weight.type);
  for (int64_t i = 0; i < weight.rank; ++i)
    (i < axis ? groups : bytes) *= i == axis ? 1 : weight.shape[i];
  if (groups == 0 || bytes == 0)
    return;
  Deinterleaving work = {stored,
                         moved,
                         weight.deinterleaved[1],
                         weight.deinterleaved[2],
                         weight.deinterleaved[3],
                         bytes};
  pool.run(moveGroups, &work, groups, 16);
}
