//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Finds, compares and emits the difference of two times.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/Choice.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;
using namespace fulgur;

/// Stands for a size without a bound. Sizes of models are below it, and a term
/// of all three is then still the greatest by far.
static constexpr double boundless = 1e9;
/// The greatest coefficient at run time.
static constexpr double coefficientRange = 1 << 20;

Difference::Difference(function_ref<double(const Point &)> seconds) {
  for (unsigned place = 0; place < coefficients.size(); ++place) {
    Point corner;
    for (unsigned i = 0; i < numSizes; ++i)
      corner[i] = place >> i & 1;
    coefficients[place] = seconds(corner);
  }
  // The value at a corner is the sum of the coefficients whose factors are all
  // 1 there; size by size, what the others contribute is taken away.
  for (unsigned i = 0; i < numSizes; ++i)
    for (unsigned place = 0; place < coefficients.size(); ++place)
      if (place >> i & 1)
        coefficients[place] -= coefficients[place ^ (1u << i)];
}

double Difference::at(const Point &point) const {
  double sum = 0;
  for (unsigned place = 0; place < coefficients.size(); ++place) {
    double term = coefficients[place];
    for (unsigned i = 0; i < numSizes; ++i)
      if (place >> i & 1)
        term *= point[i];
    sum += term;
  }
  return sum;
}

std::optional<bool>
Difference::isFirstBetter(const std::array<Extent, numSizes> &sizes) const {
  bool always = true, never = true;
  for (unsigned place = 0; place < coefficients.size(); ++place) {
    Point corner;
    for (unsigned i = 0; i < numSizes; ++i)
      // Nothing is to be done for a size of 0.
      corner[i] = place >> i & 1 ? std::min(sizes[i].max, boundless)
                                 : std::max(sizes[i].min, 1.0);
    double difference = at(corner);
    always &= difference <= 0;
    never &= difference >= 0;
  }
  if (always)
    return true;
  if (never)
    return false;
  return std::nullopt;
}

std::optional<double> Difference::breakEven(const Point &point,
                                            unsigned axis) const {
  Point zero = point, one = point;
  zero[axis] = 0;
  one[axis] = 1;
  double slope = at(one) - at(zero), even = -at(zero) / slope;
  if (slope == 0 || !(even > 0))
    return std::nullopt;
  return even;
}

Value Difference::emit(OpBuilder &builder, Location loc,
                       ValueRange sizes) const {
  double greatest = 0;
  for (double coefficient : coefficients)
    greatest = std::max(greatest, std::abs(coefficient));
  double scale = greatest > 0 ? coefficientRange / greatest : 1;
  SmallVector<Value> terms;
  for (double coefficient : coefficients)
    terms.push_back(arith::ConstantIndexOp::create(
        builder, loc, std::llround(scale * coefficient)));
  // Horner's scheme: halves that the last size, then the one before … is a
  // factor of.
  for (unsigned i = numSizes; i-- > 0;) {
    unsigned half = terms.size() / 2;
    for (unsigned place = 0; place < half; ++place) {
      Value product = builder.createOrFold<arith::MulIOp>(
          loc, terms[half + place], sizes[i]);
      terms[place] =
          builder.createOrFold<arith::AddIOp>(loc, terms[place], product);
    }
    terms.resize(half);
  }
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sle,
                               terms.front(),
                               arith::ConstantIndexOp::create(builder, loc, 0));
}
