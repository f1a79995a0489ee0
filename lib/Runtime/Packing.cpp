//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Packing of weights into panels, once at load. A model may have many gigabytes
// of them: the common interleaves are compiled with constant sizes, and several
// panels are written at a time so that a row is read in whole cache lines.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Types.h"
#include "lib/Runtime/Weights.h"

#include <algorithm>
#include <cstring>

using namespace fulgur;
using namespace fulgur::rt;

static int64_t ceilDiv(int64_t a, int64_t b) { return a / b + (a % b != 0); }

/// The last two extents as a matrix [k][n], and how many of them there are.
static bool getMatrix(const FulgurWeight &weight, int64_t &batch, int64_t &k,
                      int64_t &n) {
  if (weight.rank < 2 || weight.rank > FULGUR_MAX_RANK || weight.packed < 1 ||
      weight.interleave < 1)
    return false;
  k = weight.shape[weight.rank - 2];
  n = weight.shape[weight.rank - 1];
  if (weight.transposed)
    std::swap(k, n);
  return computeBytes(weight.shape, weight.rank - 2, 1, batch);
}

bool fulgur::rt::computePackedBytes(const FulgurWeight &weight,
                                    int64_t &bytes) {
  int64_t batch, k, n;
  if (!getMatrix(weight, batch, k, n) || k < 0 || n < 0)
    return false;
  int64_t shape[] = {batch, ceilDiv(n, weight.packed),
                     ceilDiv(k, weight.interleave), weight.packed,
                     weight.interleave};
  return computeBytes(shape, 5, getElementBytes(weight.type), bytes);
}

namespace {

/// Addresses are in bytes: what is stored need not be aligned to its elements.
struct Packing {
  const char *stored;
  char *packed;
  int64_t k, n, nr, ki;
  int64_t panels; // of a matrix
  int64_t panelBytes;
  bool transposed;
};

} // namespace

/// Writes rows [group * ki, group * ki + rows) of a panel. Constant Ki and rows
/// make the copies single instructions.
template <int64_t Size>
static inline void packGroup(const Packing &p, const char *matrix, char *panel,
                             int64_t column, int64_t columns, int64_t group,
                             int64_t ki, int64_t rows) {
  const int64_t row = group * ki;
  char *target = panel + group * p.nr * ki * Size;
  if (p.transposed) {
    const char *source = matrix + (column * p.k + row) * Size;
    for (int64_t r = 0; r < columns; ++r)
      memcpy(target + r * ki * Size, source + r * p.k * Size, rows * Size);
    return;
  }
  const char *source = matrix + (row * p.n + column) * Size;
  if (ki == 1) {
    memcpy(target, source, columns * Size);
    return;
  }
  for (int64_t r = 0; r < columns; ++r)
    for (int64_t i = 0; i < rows; ++i)
      memcpy(target + (r * ki + i) * Size, source + (i * p.n + r) * Size, Size);
}

/// Packs `count` neighbouring panels of a matrix. Ki 0: p.ki.
template <int64_t Size, int64_t Ki>
static void packBlock(const Packing &p, const char *matrix, char *panel,
                      int64_t column, int64_t count) {
  const int64_t ki = Ki ? Ki : p.ki;
  const int64_t full = p.k / ki, rest = p.k % ki;
  if (rest != 0 || column + count * p.nr > p.n)
    memset(panel, 0, count * p.panelBytes);
  for (int64_t group = 0; group < full; ++group)
    for (int64_t i = 0; i < count; ++i)
      packGroup<Size>(p, matrix, panel + i * p.panelBytes, column + i * p.nr,
                      std::min(p.nr, p.n - column - i * p.nr), group, ki, ki);
  for (int64_t i = 0; i < count && rest != 0; ++i)
    packGroup<Size>(p, matrix, panel + i * p.panelBytes, column + i * p.nr,
                    std::min(p.nr, p.n - column - i * p.nr), full, ki, rest);
}

/// Writes the panels [begin, end) of all matrices, counted together.
template <int64_t Size, int64_t Ki>
static void packPanels(void *context, int64_t begin, int64_t end) {
  const Packing &p = *static_cast<const Packing *>(context);
  // A transposed panel reads its own rows only; others share cache lines.
  const int64_t most = p.transposed ? 1 : 8;
  while (begin < end) {
    const int64_t inMatrix = begin % p.panels;
    const int64_t count =
        std::min(std::min(most, end - begin), p.panels - inMatrix);
    packBlock<Size, Ki>(p, p.stored + begin / p.panels * p.k * p.n * Size,
                        p.packed + begin * p.panelBytes, inMatrix * p.nr,
                        count);
    begin += count;
  }
}

template <int64_t Size> static ThreadPool::Function getFunction(int64_t ki) {
  switch (ki) {
  case 1:
    return packPanels<Size, 1>;
  case 2:
    return packPanels<Size, 2>;
  case 4:
    return packPanels<Size, 4>;
  default:
    return packPanels<Size, 0>;
  }
}

void fulgur::rt::packWeight(const FulgurWeight &weight, const char *stored,
                            char *packed, ThreadPool &pool) {
  int64_t batch, k, n;
  if (!getMatrix(weight, batch, k, n) || batch == 0 || k == 0 || n == 0)
    return;
  int64_t nr = weight.packed, ki = weight.interleave;
  int64_t size = getElementBytes(weight.type);
  Packing packing = {stored,
                     packed,
                     k,
                     n,
                     nr,
                     ki,
                     ceilDiv(n, nr),
                     ceilDiv(k, ki) * nr * ki * size,
                     weight.transposed != 0};
  ThreadPool::Function function = size == 1   ? getFunction<1>(ki)
                                  : size == 2 ? getFunction<2>(ki)
                                  : size == 4 ? getFunction<4>(ki)
                                              : getFunction<8>(ki);
  pool.run(function, &packing, batch * packing.panels, 8);
}
