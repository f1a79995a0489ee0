//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The threads of a warpgroup bring the same operation, one after the other. The
// first one reads the matrices; each warp's rows of A·B are computed when its
// A is there. Shared memory counts as read until a thread waits.
//
//===----------------------------------------------------------------------===//
#include "lib/Emulator/Wgmma.h"

#include "lib/Emulator/Barriers.h"
#include "lib/Emulator/Calls.h"
#include "lib/Emulator/Memory.h"
#include "lib/Emulator/TensorMap.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace fulgur::emu;

bool MatrixDescriptor::decode(uint64_t bits) {
  static constexpr uint32_t swizzles[] = {0, 128, 64, 32};
  start = uint32_t(bits & 0x3fff) << 4;
  leading = uint32_t(bits >> 16 & 0x3fff) << 4;
  stride = uint32_t(bits >> 32 & 0x3fff) << 4;
  swizzle = swizzles[bits >> 62];
  constexpr uint64_t known = 0xc0003fff3fff3fff;
  return !(bits & ~known);
}

uint32_t MatrixDescriptor::locate(uint32_t i, uint32_t k, uint32_t elementBytes,
                                  bool transposed) const {
  uint32_t at = start;
  if (!transposed) {
    uint32_t byte = k * elementBytes;
    at += i / 8 * stride;
    if (swizzle)
      at += i % 8 * swizzle + byte;
    else
      at += byte / 16 * leading + i % 8 * 16 + byte % 16;
  } else {
    uint32_t width = (swizzle ? swizzle : 16) / elementBytes;
    at += i / width * (swizzle ? leading : stride) +
          k / 8 * (swizzle ? stride : leading) + k % 8 * width * elementBytes +
          i % width * elementBytes;
  }
  return fulgur::emu::swizzle(at, swizzle);
}

/// Reads a matrix of [extent][k], or its transpose, as [extent][k] floats.
static void readMatrix(Wgmma &op, Thread &thread, uint64_t bits,
                       uint32_t extent, Element type, bool transposed,
                       float sign, float *out, uint32_t strideI,
                       uint32_t strideK) {
  Machine &machine = Machine::get();
  Block &block = *thread.block;
  MatrixDescriptor descriptor;
  if (!descriptor.decode(bits))
    machine.fault(op.site,
                  "the matrix descriptor %#llx has bits set that are "
                  "not modelled",
                  (unsigned long long)(bits));
  uint32_t size = getBytes(type);
  if (transposed && size != 2)
    machine.fault(op.site, "only elements of 16 bits can be MN-major");
  // 16 bytes at a time lie together, whatever the layout.
  uint32_t run = 16 / size;
  for (uint32_t outer = 0; outer < (transposed ? op.k : extent); ++outer)
    for (uint32_t inner = 0; inner < (transposed ? extent : op.k);
         inner += run) {
      uint32_t i = transposed ? inner : outer, k = transposed ? outer : inner;
      uint32_t at = descriptor.locate(i, k, size, transposed);
      if (at + 16 > block.bytes)
        machine.fault(op.site,
                      "out of bounds: reads byte %u of %u bytes of shared "
                      "memory",
                      at, block.bytes);
      op.lines.push_back(at);
      float values[16];
      decode(type, block.memory + at, values, run);
      for (uint32_t x = 0; x < run; ++x)
        out[transposed ? (i + x) * strideI + k * strideK
                       : i * strideI + (k + x) * strideK] = sign * values[x];
    }
}

/// Rows [16 warp, 16 warp + 16) of the products.
__attribute__((target_clones("avx512f", "avx2", "default"))) static void
multiply(float *products, const float *a, const float *b, uint32_t n,
         uint32_t k) {
  for (uint32_t row = 0; row < 16; ++row) {
    float *out = products + row * n;
    for (uint32_t i = 0; i < k; ++i) {
      float factor = a[row * k + i];
      for (uint32_t column = 0; column < n; ++column)
        out[column] += factor * b[i * n + column];
    }
  }
}

/// The operation that the thread issues: a new one, or the one that others of
/// its warpgroup have brought, which must be the same.
static Wgmma &issue(Site site, Thread &thread, Warpgroup &warpgroup,
                    uint64_t descA, uint64_t descB, bool fromRegisters,
                    uint32_t n, uint32_t k, bool &isNew) {
  uint64_t number = thread.wgmmas++;
  isNew = number == warpgroup.firstOp + warpgroup.ops.size();
  if (isNew) {
    auto op = std::make_unique<Wgmma>();
    op->site = site;
    op->descA = descA;
    op->descB = descB;
    op->n = n;
    op->k = k;
    op->group = thread.wgmmaGroups;
    op->a.resize(64 * k);
    op->b.resize(k * n);
    op->products.resize(64 * n);
    warpgroup.ops.push_back(std::move(op));
  }
  Wgmma &op = *warpgroup.ops[number - warpgroup.firstOp];
  if (op.site != site)
    Machine::get().fault(site,
                         "is not executed by the whole warpgroup: other "
                         "threads execute %s",
                         op.site);
  if ((!fromRegisters && op.descA != descA) || op.descB != descB ||
      op.group != thread.wgmmaGroups)
    Machine::get().fault(site, "the matrix descriptors are not the same in all "
                               "threads of the warpgroup");
  return op;
}

/// Accumulators that a wgmma under way will write are NaN with a number in
/// them; their values are kept with the thread.
static constexpr uint32_t deferredTag = 0x7fd00000;

static std::vector<float> *findDeferred(Site site, Thread &thread,
                                        const float *accumulators,
                                        uint32_t count, uint64_t **group) {
  uint32_t bits = toBits(accumulators[0]);
  if ((bits & 0xfff00000) != deferredTag)
    return nullptr;
  auto found = thread.deferred.find(bits & 0xfffff);
  if (found == thread.deferred.end() || found->second.values.size() != count)
    return nullptr;
  for (uint32_t i = 1; i < count; ++i)
    if (toBits(accumulators[i]) != bits)
      Machine::get().fault(site,
                           "accumulator %u is not of the same wgmma as "
                           "the first one",
                           i);
  *group = &found->second.group;
  return &found->second.values;
}

void fulgur_emu_wgmma(FulgurSite site, float *accumulators, const int32_t *a,
                      int64_t descA, int64_t descB, int32_t numColumns,
                      int32_t typeA, int32_t typeB, int32_t scaleD,
                      int32_t negate, int32_t transpose, int32_t deferred) {
  Machine &machine = Machine::get();
  Thread &thread = machine.current();
  checkAligned(site, thread);
  if (thread.block->threads.size() % 128)
    machine.fault(site, "a block of %zu threads is not made of warpgroups",
                  thread.block->threads.size());
  auto n = uint32_t(numColumns), count = n / 2;
  if (n % 8 || n < 8 || n > 256)
    machine.fault(site, "n is %u: no multiple of 8 from 8 to 256", n);
  uint64_t *group = nullptr;
  std::vector<float> *kept =
      deferred ? findDeferred(site, thread, accumulators, count, &group)
               : nullptr;
  // Registers that other instructions may have written need a fence before.
  if (!thread.wgmmaFence && (!kept || a))
    machine.fault(site, "reads or writes registers that other instructions "
                        "use, without wgmma.fence before");
  Warpgroup &warpgroup = thread.block->warpgroups[thread.index / 128];
  auto elementA = Element(typeA), elementB = Element(typeB);
  uint32_t k = 32 / getBytes(elementA), warp = thread.index / 32 % 4;
  bool isNew;
  Wgmma &op = issue(site, thread, warpgroup, uint64_t(descA), uint64_t(descB),
                    a != nullptr, n, k, isNew);
  thread.openWgmmas = true;
  if (isNew) {
    if (!a)
      readMatrix(op, thread, op.descA, 64, elementA, transpose & 1,
                 negate & 1 ? -1.0f : 1.0f, op.a.data(), k, 1);
    readMatrix(op, thread, op.descB, n, elementB, transpose >> 1 & 1,
               negate >> 1 & 1 ? -1.0f : 1.0f, op.b.data(), 1, n);
    std::sort(op.lines.begin(), op.lines.end());
    op.lines.erase(std::unique(op.lines.begin(), op.lines.end()),
                   op.lines.end());
    for (uint32_t line : op.lines)
      beginAsyncRead(site, thread, *thread.block, line, line + 16);
  } else if (thread.lane == 0) {
    // Every warp must know that the matrices are there.
    for (uint32_t line : op.lines) {
      beginAsyncRead(site, thread, *thread.block, line, line + 16);
      for (uint32_t i = line / 4; i < line / 4 + 4; ++i)
        --thread.block->words[i].pendingReads;
    }
  }
  if (a) {
    uint64_t values[4];
    for (unsigned i = 0; i < 4; ++i)
      values[i] = uint32_t(a[i]);
    Rendezvous &met = meet(site, ~0u, values, 4);
    if (!(op.warpsComputed >> warp & 1)) {
      uint32_t e = k / 8;
      for (uint32_t lane = 0; lane < 32; ++lane)
        for (uint32_t r = 0; r < 4; ++r) {
          auto bits = uint32_t(met.values[lane][r]);
          float *row = &op.a[(16 * warp + lane / 4 + 8 * (r % 2)) * k];
          float *out = row + e * (lane % 4) + 4 * e * (r / 2);
          decode(elementA, &bits, out, e);
          for (uint32_t x = 0; x < e; ++x)
            out[x] = negate & 1 ? -out[x] : out[x];
        }
    }
    finish(met);
  }
  if (!(op.warpsComputed >> warp & 1)) {
    multiply(&op.products[16 * warp * n], &op.a[16 * warp * k], op.b.data(), n,
             k);
    op.warpsComputed |= 1u << warp;
  }
  ++op.threads;
  machine.progress();
  float *in = kept ? kept->data() : accumulators;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t row = 16 * warp + thread.lane / 4 + 8 * (i / 2 % 2);
    uint32_t column = i / 4 * 8 + thread.lane % 4 * 2 + i % 2;
    in[i] = (scaleD ? in[i] : 0.0f) + op.products[row * n + column];
  }
  if (!deferred)
    return;
  if (kept) {
    *group = thread.wgmmaGroups;
    return;
  }
  uint32_t number = thread.nextDeferred++ & 0xfffff;
  thread.deferred[number] = {
      std::vector<float>(accumulators, accumulators + count),
      thread.wgmmaGroups};
  std::fill(accumulators, accumulators + count, toFloat(deferredTag | number));
}

void fulgur_emu_wgmma_fence(FulgurSite site) {
  Thread &thread = Machine::get().current();
  checkAligned(site, thread);
  thread.wgmmaFence = true;
}

void fulgur_emu_wgmma_commit(FulgurSite site) {
  Thread &thread = Machine::get().current();
  checkAligned(site, thread);
  ++thread.wgmmaGroups;
  thread.wgmmaFence = thread.openWgmmas = false;
}

void fulgur_emu_wgmma_wait(FulgurSite site, int32_t pending) {
  Machine &machine = Machine::get();
  Thread &thread = machine.current();
  checkAligned(site, thread);
  if (thread.block->warpgroups.empty())
    return;
  Warpgroup &warpgroup = thread.block->warpgroups[thread.index / 128];
  uint64_t done = thread.wgmmaGroups > uint64_t(pending)
                      ? thread.wgmmaGroups - uint64_t(pending)
                      : 0;
  // All threads of the warpgroup have brought what it waits for.
  auto ready = [&] {
    for (auto &op : warpgroup.ops)
      if (op->group < done && op->threads < 128)
        return false;
    return true;
  };
  machine.wait(site, ready, [] {
    return std::string("a wgmma that not all threads of its warpgroup execute");
  });
  Clock time = ++machine.cluster().events;
  for (auto &op : warpgroup.ops)
    if (op->group < done && !op->ended) {
      for (uint32_t line : op->lines)
        endAsyncRead(*thread.block, line, line + 16, warpgroup.slot, time);
      op->ended = true;
    }
  while (!warpgroup.ops.empty() && warpgroup.ops.front()->ended) {
    warpgroup.ops.pop_front();
    ++warpgroup.firstOp;
  }
  thread.clock[warpgroup.slot] = time;
  thread.wgmmaGroupsDone = std::max(thread.wgmmaGroupsDone, done);
  thread.wgmmaFence = false;
}

void fulgur_emu_wgmma_result(FulgurSite site, float *accumulators,
                             int32_t count) {
  Thread &thread = Machine::get().current();
  uint64_t *group = nullptr;
  std::vector<float> *kept =
      findDeferred(site, thread, accumulators, uint32_t(count), &group);
  if (!kept || *group >= thread.wgmmaGroupsDone)
    return;
  uint32_t number = toBits(accumulators[0]) & 0xfffff;
  std::copy(kept->begin(), kept->end(), accumulators);
  thread.deferred.erase(number);
}

void fulgur::emu::checkWgmmasDone(Site site, Thread &thread) {
  if (thread.openWgmmas || thread.wgmmaGroupsDone < thread.wgmmaGroups)
    Machine::get().fault(site, "ends before it has waited for its wgmmas");
}
