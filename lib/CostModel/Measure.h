//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Measures the processor that this program runs on.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_COSTMODEL_MEASURE_H
#define FULGUR_LIB_COSTMODEL_MEASURE_H

#include "lib/CostModel/Machine.h"

namespace fulgur {

/// The description of this machine, with as many cores as this process may use.
/// Every number is the best of several runs, as other work on the machine only
/// takes away. It takes a few seconds and 256 MiB of memory.
Machine measureMachine();

} // namespace fulgur

#endif // FULGUR_LIB_COSTMODEL_MEASURE_H
