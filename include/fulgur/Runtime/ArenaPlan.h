//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Where the buffers of a step are in one arena. The runtime plans by the sizes
// of every set of dimensions; the compiler runs the same code for its report.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_RUNTIME_ARENAPLAN_H
#define FULGUR_RUNTIME_ARENAPLAN_H

#include "fulgur/Runtime/Model.h"

namespace fulgur::rt {

/// Writes the offsets of `n` buffers, multiples of FULGUR_ALIGNMENT such that
/// buffers whose lifetimes meet do not share a byte, and returns the bytes of
/// the arena. Deterministic. Returns -1 when a size is negative or the arena
/// would not fit in 63 bits.
int64_t planArena(const FulgurLifetime *lifetimes, const int64_t *bytes,
                  int64_t n, int64_t *offsets);

/// The bytes of the buffers that live at the same step, at the step where they
/// are most: no plan has a smaller arena. Sizes are rounded up to
/// FULGUR_ALIGNMENT. Returns -1 as planArena does.
int64_t largestLiveSet(const FulgurLifetime *lifetimes, const int64_t *bytes,
                       int64_t n);

} // namespace fulgur::rt

#endif // FULGUR_RUNTIME_ARENAPLAN_H
