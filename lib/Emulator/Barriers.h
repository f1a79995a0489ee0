//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What barriers and warps need of each other.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_EMULATOR_BARRIERS_H
#define FULGUR_LIB_EMULATOR_BARRIERS_H

#include "lib/Emulator/Machine.h"

namespace fulgur::emu {

/// The mbarrier at `data`, or a fault.
Mbarrier &getMbarrier(Site site, const void *data, Thread &thread);

/// An asynchronous operation has moved bytes: the barrier expects so many less.
/// Returns the time of this event, in the barrier's completion counter.
void completeBytes(Site site, Mbarrier &barrier, int64_t bytes, Clock time);

/// Arrives without the thread's own clock: a copy is through.
void arrive(Site site, Mbarrier &barrier, uint32_t count);

/// All lanes of a warp execute what is at `site` here.
void checkAligned(Site site, Thread &thread);

/// Waits for the lanes of `mask`, which all bring `count` values. The values of
/// a lane are there until finish(), which every lane calls. \p ordered: they
/// know what the others did before, which not all operations see to.
Rendezvous &meet(Site site, uint32_t mask, const uint64_t *values,
                 unsigned count, bool ordered = false);
void finish(Rendezvous &rendezvous);

} // namespace fulgur::emu

#endif // FULGUR_LIB_EMULATOR_BARRIERS_H
