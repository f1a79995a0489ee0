//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What a piece of a model costs, whatever runs it, and the time that a machine
// takes for that.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_COSTMODEL_COST_H
#define FULGUR_LIB_COSTMODEL_COST_H

#include "lib/CostModel/Machine.h"

namespace fulgur {

struct Cost {
  /// Operations by their type; a multiply-add is two.
  std::array<double, numNumberTypes> flops{};
  /// Bytes read from and written to the memory that holds the model.
  double bytes = 0;
  /// Parallel loops or kernels, one after the other.
  double launches = 0;

  double getFlops() const;
  double &flopsOf(NumberType type) {
    return flops[static_cast<unsigned>(type)];
  }
  double flopsOf(NumberType type) const {
    return flops[static_cast<unsigned>(type)];
  }

  Cost &operator+=(const Cost &other);
  Cost &operator*=(double factor);
  friend Cost operator+(Cost a, const Cost &b) { return a += b; }
  friend Cost operator*(double factor, Cost a) { return a *= factor; }
  friend Cost operator-(Cost a, const Cost &b) { return a += -1.0 * b; }
};

/// The least time: arithmetic and memory overlap as well as they can.
///
/// `max(Σ flops / peak, bytes / bandwidth) + launches · launch` (the roofline
/// of Williams, Waterman and Patterson, CACM 2009)
double getRooflineSeconds(const Cost &cost, const Machine &machine);

/// The time by which choices are made: nothing overlaps.
///
/// `Σ flops / peak + bytes / bandwidth + launches · launch`
///
/// An operation is several loops, some bound by arithmetic and some by memory,
/// and the sum is at most twice their rooflines. It is also linear in the cost,
/// so that what a cost is as a polynomial of the sizes, the time is too, and
/// two times can be compared when the sizes are known (Choice.h).
double getSeconds(const Cost &cost, const Machine &machine);

} // namespace fulgur

#endif // FULGUR_LIB_COSTMODEL_COST_H
