//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What any GPU demands of a launch and of a tensor map. Checked on every
// device, so that a test on the emulator finds what a driver would refuse.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_LAUNCHCHECKS_H
#define FULGUR_LIB_RUNTIME_LAUNCHCHECKS_H

#include "lib/Runtime/Device.h"

namespace fulgur::rt {

constexpr int32_t maxTensorMapRank = 5;

/// `kernel 'add', grid 3 x 1 x 1, block 64 x 1 x 1, 0 bytes of shared memory`.
std::string describe(const FulgurKernel &kernel, const int64_t grid[3],
                     int64_t sharedBytes);
/// Of a rank that maps can have.
std::string describe(const TensorMapInfo &info);

/// Inputs can be so large that a grid is InvalidInput; all else is an error of
/// the compiler. Source: CUDA C++ Programming Guide, "Technical Specifications
/// per Compute Capability".
Status checkLaunch(const FulgurKernel &kernel, const int64_t grid[3],
                   int64_t sharedBytes);

/// Source: CUDA Driver API, cuTensorMapEncodeTiled, without interleaving. Sizes
/// of 0 pass here.
Status checkTensorMap(const void *map, const TensorMapInfo &info);

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_LAUNCHCHECKS_H
