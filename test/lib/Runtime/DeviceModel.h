//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A model with GPU variants as the compiler would write it, by hand. Over
// x: f32[n, 4], limit: i64[] and the cache past: f32[past, 4], with n from 1 to
// 1000,
//
//   y        = 2 x + w               f32[n, 4]     w embedded
//   total    = column sums of x and the cache        f32[4]
//   present  = past, and x behind it               f32[?, 4]   in place
//   selected = rows whose x[row][0] exceeds limit    i64[?]
//
// A negative limit is a broken condition that the host finds, an x[row][0] of
// less than -1000 one that a kernel finds. The variants are for sm_90a and
// sm_80; the first one can be emulated.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_TEST_LIB_RUNTIME_DEVICEMODEL_H
#define FULGUR_TEST_LIB_RUNTIME_DEVICEMODEL_H

#include "fulgur/Runtime/Model.h"

#include <string>

namespace fulgur {

// The model above is fulgur_model. This one has no `selected`, and its steps
// never wait for the device: they can be repeated as a graph.
extern const FulgurModel repeatableModel;

/// What the emulator of these tests does, and has seen.
struct EmulatorControl {
  /// The next launch of this kernel is a fault.
  std::string faultingKernel;
  uint64_t seed = 0;
  int launches = 0;
  int64_t allocatedBytes = 0;
};
extern EmulatorControl emulatorControl;

} // namespace fulgur

#endif // FULGUR_TEST_LIB_RUNTIME_DEVICEMODEL_H
