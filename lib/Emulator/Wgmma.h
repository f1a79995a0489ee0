//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix products of a warpgroup.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_EMULATOR_WGMMA_H
#define FULGUR_LIB_EMULATOR_WGMMA_H

#include "lib/Emulator/Machine.h"
#include "lib/Emulator/Numbers.h"

namespace fulgur::emu {

/// A matrix descriptor of wgmma (PTX ISA, "Matrix Descriptor Format").
struct MatrixDescriptor {
  uint32_t start, leading, stride; /* byte offsets */
  uint32_t swizzle;                /* 0, 32, 64 or 128 bytes */

  /// False if it has bits that have no meaning here.
  bool decode(uint64_t bits);

  /// Where element (i, k) of a matrix lies: i counts rows of A or columns of B.
  /// `transposed`: MN-major. Offsets are from the window's start.
  uint32_t locate(uint32_t i, uint32_t k, uint32_t elementBytes,
                  bool transposed) const;
};

/// Faults if the thread has issued a wgmma for which it has not waited.
void checkWgmmasDone(Site site, Thread &thread);

} // namespace fulgur::emu

#endif // FULGUR_LIB_EMULATOR_WGMMA_H
