//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sums of costs, and times.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/Cost.h"

#include <algorithm>
#include <numeric>

using namespace fulgur;

double Cost::getFlops() const {
  return std::accumulate(flops.begin(), flops.end(), 0.0);
}

Cost &Cost::operator+=(const Cost &other) {
  for (unsigned i = 0; i < numNumberTypes; ++i)
    flops[i] += other.flops[i];
  bytes += other.bytes;
  launches += other.launches;
  return *this;
}

Cost &Cost::operator*=(double factor) {
  for (double &count : flops)
    count *= factor;
  bytes *= factor;
  launches *= factor;
  return *this;
}

static double getArithmeticSeconds(const Cost &cost, const Machine &machine) {
  double seconds = 0;
  for (unsigned i = 0; i < numNumberTypes; ++i)
    seconds += cost.flops[i] / machine.getPeak(static_cast<NumberType>(i));
  return seconds;
}

static double getMemorySeconds(const Cost &cost, const Machine &machine) {
  return cost.bytes / machine.getMainMemory().bandwidth;
}

double fulgur::getRooflineSeconds(const Cost &cost, const Machine &machine) {
  return std::max(getArithmeticSeconds(cost, machine),
                  getMemorySeconds(cost, machine)) +
         cost.launches * machine.launchSeconds;
}

double fulgur::getSeconds(const Cost &cost, const Machine &machine) {
  return getArithmeticSeconds(cost, machine) + getMemorySeconds(cost, machine) +
         cost.launches * machine.launchSeconds;
}
