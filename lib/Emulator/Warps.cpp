//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the lanes of a warp do together, but for matrices.
//
//===----------------------------------------------------------------------===//
#include "lib/Emulator/Barriers.h"
#include "lib/Emulator/Calls.h"
#include "lib/Emulator/Memory.h"

#include <algorithm>
#include <cstdio>

using namespace fulgur::emu;

void fulgur::emu::checkAligned(Site site, Thread &thread) {
  std::vector<Site> &ops = thread.warp->alignedOps;
  if (thread.alignedOps == ops.size())
    ops.push_back(site);
  Site other = ops[thread.alignedOps++];
  if (other != site)
    Machine::get().fault(site,
                         "is not executed by the whole warp: another lane "
                         "executes %s",
                         other);
}

Rendezvous &fulgur::emu::meet(Site site, uint32_t mask, const uint64_t *values,
                              unsigned count, bool ordered) {
  Machine &machine = Machine::get();
  if (machine.isIndependent())
    machine.fault(site, "waits in a kernel of independent threads");
  Thread &thread = machine.current();
  Warp &warp = *thread.warp;
  uint32_t there =
      warp.lanes.size() == 32 ? ~0u : (1u << warp.lanes.size()) - 1;
  uint32_t bit = 1u << thread.lane;
  mask &= there;
  if (!(mask & bit))
    machine.fault(site, "lane %u is not in the mask %#x", thread.lane, mask);
  Rendezvous *found = nullptr;
  for (auto &one : warp.rendezvous) {
    if (one->complete || !(one->mask & mask))
      continue;
    if (one->site != site || one->mask != mask)
      machine.fault(site,
                    "is not executed by all lanes of the mask %#x: others "
                    "execute %s with mask %#x",
                    mask, one->site, one->mask);
    found = one.get();
  }
  if (!found) {
    for (Thread *lane : warp.lanes)
      if (mask >> lane->lane & 1 && lane->done)
        machine.fault(site, "waits for lane %u, which has ended", lane->lane);
    warp.rendezvous.push_back(std::make_unique<Rendezvous>());
    found = warp.rendezvous.back().get();
    found->site = site;
    found->mask = mask;
  }
  std::copy(values, values + count, found->values[thread.lane]);
  if (ordered)
    release(thread, found->clock);
  found->arrived |= bit;
  found->complete = found->arrived == mask;
  machine.wait(
      site, [&] { return found->complete; },
      [&] {
        char text[96];
        snprintf(text, sizeof(text), "lanes %#x of its warp",
                 found->mask & ~found->arrived);
        return std::string(text);
      });
  if (ordered)
    join(thread.clock, found->clock);
  return *found;
}

void fulgur::emu::finish(Rendezvous &rendezvous) {
  Thread &thread = Machine::get().current();
  rendezvous.left |= 1u << thread.lane;
  if (rendezvous.left != rendezvous.mask)
    return;
  auto &all = thread.warp->rendezvous;
  all.erase(std::find_if(all.begin(), all.end(),
                         [&](auto &one) { return one.get() == &rendezvous; }));
}

/// What every lane brings, and what this one makes of it.
template <typename Combine>
static auto collect(Site site, uint32_t mask, uint64_t value, Combine combine) {
  Rendezvous &met = meet(site, mask, &value, 1);
  auto result = combine(met);
  finish(met);
  return result;
}

void fulgur_emu_syncwarp(FulgurSite site, int32_t mask) {
  finish(meet(site, uint32_t(mask), nullptr, 0, /*ordered=*/true));
}

void fulgur_emu_aligned(FulgurSite site) {
  checkAligned(site, Machine::get().current());
}

int32_t fulgur_emu_elect(FulgurSite site, int32_t mask) {
  Thread &thread = Machine::get().current();
  checkAligned(site, thread);
  if (!(uint32_t(mask) >> thread.lane & 1))
    Machine::get().fault(site, "lane %u is not in the mask %#x", thread.lane,
                         unsigned(mask));
  return unsigned(__builtin_ctz(unsigned(mask))) == thread.lane;
}

int32_t fulgur_emu_shfl(FulgurSite site, int32_t kind, int32_t mask,
                        int32_t value, int32_t offset, int32_t clamp,
                        int32_t *valid) {
  uint32_t lane = Machine::get().current().lane;
  uint32_t segment = uint32_t(clamp) >> 8 & 31, bound = uint32_t(clamp) & 31;
  uint32_t low = lane & segment, high = low | (bound & ~segment);
  int64_t from;
  bool inside;
  uint32_t distance = uint32_t(offset) & 31;
  switch (kind) {
  case 0:
    from = low | (distance & ~segment);
    inside = from <= high;
    break;
  case 1:
    from = int64_t(lane) - distance;
    inside = from >= int64_t(high);
    break;
  case 2:
    from = lane + distance;
    inside = from <= high;
    break;
  default:
    from = lane ^ distance;
    inside = from <= high;
  }
  if (!inside)
    from = lane;
  *valid = inside;
  return collect(
      site, uint32_t(mask), uint32_t(value), [&](const Rendezvous &met) {
        if (!(met.mask >> from & 1))
          Machine::get().fault(site,
                               "reads lane %d, which is not in the mask %#x",
                               int(from), met.mask);
        return int32_t(met.values[from][0]);
      });
}

int32_t fulgur_emu_vote(FulgurSite site, int32_t kind, int32_t mask,
                        int32_t predicate) {
  return collect(site, uint32_t(mask), predicate & 1,
                 [&](const Rendezvous &met) -> int32_t {
                   uint32_t ballot = 0;
                   for (unsigned i = 0; i < 32; ++i)
                     if (met.mask >> i & 1 && met.values[i][0])
                       ballot |= 1u << i;
                   switch (kind) {
                   case 0:
                     return ballot == met.mask;
                   case 1:
                     return ballot != 0;
                   case 2:
                     return int32_t(ballot);
                   default:
                     return ballot == met.mask || ballot == 0;
                   }
                 });
}

int32_t fulgur_emu_redux(FulgurSite site, int32_t kind, int32_t mask,
                         int32_t value) {
  return collect(site, uint32_t(mask), uint32_t(value),
                 [&](const Rendezvous &met) -> int32_t {
                   uint32_t result = 0;
                   bool first = true;
                   for (unsigned i = 0; i < 32; ++i) {
                     if (!(met.mask >> i & 1))
                       continue;
                     auto next = uint32_t(met.values[i][0]);
                     auto a = int32_t(result), b = int32_t(next);
                     result = first       ? next
                              : kind == 0 ? result + next
                              : kind == 1 ? result & next
                              : kind == 2 ? uint32_t(std::max(a, b))
                              : kind == 3 ? uint32_t(std::min(a, b))
                              : kind == 4 ? result | next
                              : kind == 5 ? std::max(result, next)
                              : kind == 6 ? std::min(result, next)
                                          : result ^ next;
                     first = false;
                   }
                   return int32_t(result);
                 });
}

int32_t fulgur_emu_match(FulgurSite site, int32_t kind, int32_t mask,
                         int64_t value, int32_t *all) {
  uint32_t same = collect(
      site, uint32_t(mask), uint64_t(value), [&](const Rendezvous &met) {
        uint32_t lanes = 0;
        for (unsigned i = 0; i < 32; ++i)
          if (met.mask >> i & 1 && met.values[i][0] == uint64_t(value))
            lanes |= 1u << i;
        *all = lanes == met.mask;
        return lanes;
      });
  return kind == 0 || *all ? int32_t(same) : 0;
}

/// The first lane of a warp changes the registers of all its lanes.
void fulgur_emu_setmaxnreg(FulgurSite site, int32_t registers,
                           int32_t increase) {
  Machine &machine = Machine::get();
  Thread &thread = machine.current();
  Warp &warp = *thread.warp;
  checkAligned(site, thread);
  if (registers % 8 || registers < 24 || registers > 256)
    machine.fault(site, "%d registers are no multiple of 8 from 24 to 256",
                  registers);
  if (thread.alignedOps <= warp.registerChanges) {
    machine.wait(
        site, [&] { return warp.registers == registers; },
        [] { return std::string("the registers of its warp"); });
    return;
  }
  warp.registerChanges = thread.alignedOps;
  int32_t more = registers - warp.registers;
  if (increase ? more < 0 : more > 0)
    machine.fault(site, "changes %d registers to %d", warp.registers,
                  registers);
  int32_t &left = thread.block->freeRegisters;
  machine.wait(
      site, [&] { return left >= more * 32; },
      [&] {
        return std::to_string(more * 32) + " registers, of which " +
               std::to_string(left) + " are free";
      });
  left -= more * 32;
  warp.registers = registers;
}
