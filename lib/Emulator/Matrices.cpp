//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrices in the registers of a warp.
//
// A fragment's element (row, column) of an operand with e elements in a
// register: lane l holds in register r
//   A[l / 4 + 8 (r % 2)][e (l % 4) + 4 e (r / 2) + x]   0 <= x < e
//   B[e (l % 4) + 4 e r + x][l / 4]
//   D[l / 4 + 8 (r / 2)][2 (l % 4) + r % 2]
// (PTX ISA, "Matrix Fragments for mma.m16n8k16" and the other shapes).
//
//===----------------------------------------------------------------------===//
#include "lib/Emulator/Barriers.h"
#include "lib/Emulator/Calls.h"
#include "lib/Emulator/Memory.h"
#include "lib/Emulator/Numbers.h"

#include <cstring>
#include <utility>

using namespace fulgur::emu;

static void *getRow(Site site, const Rendezvous &met, uint32_t lane) {
  auto address = uintptr_t(met.values[lane][0]);
  if (address % 16)
    Machine::get().fault(site, "row %u is not at a multiple of 16 bytes", lane);
  return reinterpret_cast<void *>(address);
}

/// The lanes whose addresses count access 16 bytes each.
static void checkRow(Site site, const void *row, int32_t count, Access access) {
  uint32_t lane = Machine::get().current().lane;
  if (lane >= 8u * uint32_t(count))
    return;
  if (!Machine::get().isShared(uintptr_t(row)))
    Machine::get().fault(site, "%p is no address of shared memory", row);
  checkAccess(site, row, 16, access);
}

void fulgur_emu_ldmatrix(FulgurSite site, const void *row, int32_t count,
                         int32_t transpose, int32_t *out) {
  uint32_t lane = Machine::get().current().lane;
  checkAligned(site, Machine::get().current());
  checkRow(site, row, count, Access::Read);
  uint64_t address = uintptr_t(row);
  Rendezvous &met = meet(site, ~0u, &address, 1);
  for (int32_t m = 0; m < count; ++m) {
    uint16_t pair[2];
    for (uint32_t x = 0; x < 2; ++x) {
      uint32_t i = lane / 4, j = lane % 4 * 2 + x;
      if (transpose)
        std::swap(i, j);
      auto *data =
          static_cast<const char *>(getRow(site, met, uint32_t(m) * 8 + i));
      memcpy(&pair[x], data + 2 * j, 2);
    }
    memcpy(out + m, pair, 4);
  }
  finish(met);
}

void fulgur_emu_stmatrix(FulgurSite site, void *row, int32_t count,
                         int32_t transpose, const int32_t *in) {
  uint32_t lane = Machine::get().current().lane;
  checkAligned(site, Machine::get().current());
  checkRow(site, row, count, Access::Write);
  uint64_t address = uintptr_t(row);
  Rendezvous &met = meet(site, ~0u, &address, 1);
  for (int32_t m = 0; m < count; ++m) {
    uint16_t pair[2];
    memcpy(pair, in + m, 4);
    for (uint32_t x = 0; x < 2; ++x) {
      uint32_t i = lane / 4, j = lane % 4 * 2 + x;
      if (transpose)
        std::swap(i, j);
      auto *data = static_cast<char *>(getRow(site, met, uint32_t(m) * 8 + i));
      memcpy(data + 2 * j, &pair[x], 2);
    }
  }
  finish(met);
}

void fulgur_emu_mma(FulgurSite site, int32_t k, int32_t typeA, int32_t typeB,
                    const int32_t *a, const int32_t *b, const float *c,
                    float *d) {
  auto elementA = Element(typeA), elementB = Element(typeB);
  unsigned e = 4 / getBytes(elementA);
  unsigned numA = unsigned(k) / (2 * e), numB = unsigned(k) / (4 * e);
  uint32_t lane = Machine::get().current().lane;
  checkAligned(site, Machine::get().current());
  uint64_t values[6];
  for (unsigned i = 0; i < numA; ++i)
    values[i] = uint32_t(a[i]);
  for (unsigned i = 0; i < numB; ++i)
    values[numA + i] = uint32_t(b[i]);
  Rendezvous &met = meet(site, ~0u, values, numA + numB);
  float rows[2][32], columns[2][32];
  for (unsigned part = 0; part < 4; ++part) {
    const uint64_t *rowLane = met.values[lane / 4 * 4 + part];
    for (unsigned r = 0; r < numA; ++r) {
      auto bits = uint32_t(rowLane[r]);
      decode(elementA, &bits, rows[r % 2] + e * part + 4 * e * (r / 2), e);
    }
    for (unsigned x = 0; x < 2; ++x) {
      const uint64_t *columnLane = met.values[(lane % 4 * 2 + x) * 4 + part];
      for (unsigned r = 0; r < numB; ++r) {
        auto bits = uint32_t(columnLane[numA + r]);
        decode(elementB, &bits, columns[x] + e * part + 4 * e * r, e);
      }
    }
  }
  finish(met);
  for (unsigned r = 0; r < 4; ++r) {
    float sum = 0;
    for (int32_t i = 0; i < k; ++i)
      sum += rows[r / 2][i] * columns[r % 2][i];
    d[r] = c[r] + sum;
  }
}
