//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Choosing between two ways to compute the same, whose costs are multilinear
// polynomials of three sizes: each size is at most once a factor of a term.
//
// Time is linear in cost, so the difference d(x, y, z) of two times is such a
// polynomial, too:
//
//   d = c0 + c1·x + c2·y + c3·x·y + c4·z + c5·x·z + c6·y·z + c7·x·y·z
//
// Its eight coefficients are found from its values where every size is 0 or 1.
// Nobody writes the polynomial down a second time: the formula of the cost is
// the only truth. Over a box of sizes d is greatest and least at a corner, so
// eight more values tell whether one way is the better one for all sizes in the
// range. If not, d is evaluated when the sizes are known, in integers.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_COSTMODEL_CHOICE_H
#define FULGUR_LIB_COSTMODEL_CHOICE_H

#include "lib/CostModel/Sizes.h"

#include "mlir/IR/Builders.h"
#include <array>
#include <optional>

namespace fulgur {

/// How much longer the first of two ways takes than the second: seconds, as a
/// polynomial of three sizes.
class Difference {
public:
  static constexpr unsigned numSizes = 3;
  using Point = std::array<double, numSizes>;

  /// `seconds` has to be multilinear.
  explicit Difference(llvm::function_ref<double(const Point &)> seconds);

  double at(const Point &point) const;

  /// The one that takes no longer than the other wherever the sizes are:
  /// true for the first; none if that depends on them.
  std::optional<bool>
  isFirstBetter(const std::array<Extent, numSizes> &sizes) const;

  /// The value of size `axis` at which both take the same time, the others
  /// being those of `point`; none if there is no such value above zero.
  std::optional<double> breakEven(const Point &point, unsigned axis) const;

  /// i1: whether the first takes no longer, for `sizes` of type index. The
  /// coefficients are scaled to at most 2²⁰ and rounded, so that nothing
  /// overflows as long as the product of all sizes is below 2⁴⁰.
  mlir::Value emit(mlir::OpBuilder &builder, mlir::Location loc,
                   mlir::ValueRange sizes) const;

private:
  /// Bit i of the place says whether size i is a factor.
  std::array<double, 1u << numSizes> coefficients;
};

} // namespace fulgur

#endif // FULGUR_LIB_COSTMODEL_CHOICE_H
