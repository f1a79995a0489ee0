//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The way in, and calls that are not worth a file of their own.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Runtime/Emulator.h"

#include "lib/Emulator/Barriers.h"
#include "lib/Emulator/Calls.h"
#include "lib/Emulator/Memory.h"
#include "lib/Emulator/Numbers.h"
#include "lib/Emulator/TensorMap.h"

#include <algorithm>
#include <cmath>

using namespace fulgur::emu;

static int launch(const FulgurKernel *kernel, const int64_t grid[3],
                  int64_t sharedBytes, void *const *args, char *message,
                  int64_t messageBytes) {
  return Machine::get().launch(*kernel, grid, sharedBytes, args, message,
                               messageBytes);
}

static void encode(void *map, const void *data, int32_t type, int32_t rank,
                   const int64_t *sizes, const int64_t *stridesBytes,
                   const int32_t *box, int32_t swizzleBytes) {
  encodeTensorMap(*static_cast<TensorMap *>(map), data, type, rank, sizes,
                  stridesBytes, box, swizzleBytes);
}

static void setSeed(uint64_t seed) { Machine::get().setSeed(seed); }

const FulgurEmulator fulgur_emulator = {launch, encode, fulgur::emu::allocated,
                                        fulgur::emu::released, setSeed};

void fulgur_emu_access(FulgurSite site, const void *data, int64_t bytes,
                       int32_t access, int32_t alignment) {
  Machine &machine = Machine::get();
  if (uintptr_t(data) % uint32_t(alignment))
    machine.fault(site, "%p is not a multiple of %d bytes", data, alignment);
  if (access >= 2) {
    machine.current().readsAtomics = true;
    // Who looks at memory again and again waits for somebody else.
    if (access == 3 && !machine.isIndependent())
      machine.poll(site, "what another thread writes");
    else
      machine.progress();
  }
  checkAccess(site, data, size_t(bytes), Access(std::min(access, 2)));
}

void *fulgur_emu_shared(FulgurSite site, int64_t offset, int64_t arrayBytes,
                        int64_t staticBytes) {
  Machine &machine = Machine::get();
  Thread &thread = machine.current();
  if (machine.isIndependent())
    machine.fault(site, "uses shared memory in a kernel of independent "
                        "threads");
  Block &block = *thread.block;
  auto bytes = uint32_t(staticBytes + thread.registers.sharedBytes);
  if (bytes > Machine::maxSharedBytes)
    machine.fault(site, "%u bytes of shared memory are more than %u", bytes,
                  Machine::maxSharedBytes);
  if (bytes > block.bytes) {
    std::fill(block.memory + block.bytes, block.memory + bytes, '\xff');
    block.bytes = bytes;
    block.words.resize((bytes + 3) / 4);
  }
  Cluster &cluster = *block.cluster;
  cluster.staticBytes = uint32_t(staticBytes);
  std::pair<uint32_t, uint32_t> array(offset, offset + arrayBytes);
  if (arrayBytes && std::find(cluster.arrays.begin(), cluster.arrays.end(),
                              array) == cluster.arrays.end())
    cluster.arrays.push_back(array);
  return block.memory + offset;
}

void *fulgur_emu_mapa(FulgurSite site, void *data, int32_t rank) {
  uint32_t offset;
  Machine &machine = Machine::get();
  Block &block = getBlock(site, data, 0, offset);
  auto &blocks = block.cluster->blocks;
  if (rank < 0 || size_t(rank) >= blocks.size())
    machine.fault(site, "there is no block %d in a cluster of %zu", rank,
                  blocks.size());
  return blocks[size_t(rank)]->memory + offset;
}

void fulgur_emu_fence_proxy(FulgurSite site) {
  Machine &machine = Machine::get();
  if (machine.isIndependent())
    return;
  Thread &thread = machine.current();
  Clock &now = thread.clock[thread.slot];
  thread.fences.push_back(now);
  thread.fenced = thread.clock;
  ++now;
}

void fulgur_emu_grid_wait(FulgurSite site) {
  Thread &thread = Machine::get().current();
  thread.waitedForGrid = true;
  if (thread.block)
    thread.block->waitedForGrid = true;
}

static int32_t pack(uint32_t high, uint32_t low, int bits) {
  return int32_t(high << bits | low);
}

int32_t fulgur_emu_pack_bf16(float high, float low) {
  return pack(toBF16(high), toBF16(low), 16);
}

int32_t fulgur_emu_pack_f16(float high, float low) {
  return pack(toF16(high), toF16(low), 16);
}

int32_t fulgur_emu_pack_e4m3(float high, float low) {
  return pack(toE4M3(high), toE4M3(low), 8);
}

int32_t fulgur_emu_pack_e5m2(float high, float low) {
  return pack(toE5M2(high), toE5M2(low), 8);
}

float fulgur_emu_e4m3(int32_t bits) { return fromE4M3(uint8_t(bits)); }
float fulgur_emu_e5m2(int32_t bits) { return fromE5M2(uint8_t(bits)); }

int32_t fulgur_emu_tf32(float value) {
  // cvt.rna: to nearest, ties away from zero.
  uint32_t bits = toBits(value);
  return int32_t(std::isnan(value) ? 0x7fffffff : (bits + 0x1000) & ~0x1fffu);
}

float fulgur_emu_ex2(float value) { return std::exp2(value); }
float fulgur_emu_lg2(float value) { return std::log2(value); }
float fulgur_emu_rcp(float value) { return 1.0f / value; }
float fulgur_emu_rsqrt(float value) { return 1.0f / std::sqrt(value); }
float fulgur_emu_sqrt(float value) { return std::sqrt(value); }
float fulgur_emu_sin(float value) { return std::sin(value); }
float fulgur_emu_cos(float value) { return std::cos(value); }
float fulgur_emu_tanh(float value) { return std::tanh(value); }

int32_t fulgur_emu_prmt(int32_t a, int32_t b, int32_t selector) {
  uint64_t bytes = uint64_t(uint32_t(b)) << 32 | uint32_t(a);
  uint32_t result = 0;
  for (int i = 0; i < 4; ++i) {
    uint32_t choice = uint32_t(selector) >> 4 * i & 15;
    uint32_t byte = uint32_t(bytes >> 8 * (choice & 7)) & 0xff;
    if (choice & 8)
      byte = byte & 0x80 ? 0xff : 0;
    result |= byte << 8 * i;
  }
  return int32_t(result);
}

int64_t fulgur_emu_clock() {
  static int64_t now = 0;
  return ++now;
}
