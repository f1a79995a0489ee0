//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Code without branches, but for the two series. Products and sums are fused
// where the accuracy depends on it, and nowhere reordered.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/ExpandMath/Float64.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <limits>

using namespace mlir;
using namespace fulgur;

static constexpr double infinity = std::numeric_limits<double>::infinity();
static constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();
/// ln 2 in two parts, the first with 32 zero bits at its end.
static constexpr double ln2High = 6.93147180369123816490e-01;
static constexpr double ln2Low = 1.90821492927058770002e-10;
static constexpr double ln2 = 6.93147180559945286227e-01;

Value Float64Writer::constant(double value) {
  return arith::ConstantOp::create(b, b.getF64FloatAttr(value));
}
Value Float64Writer::integer(int64_t value) {
  return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
}
Value Float64Writer::add(Value x, Value y) {
  return arith::AddFOp::create(b, x, y);
}
Value Float64Writer::sub(Value x, Value y) {
  return arith::SubFOp::create(b, x, y);
}
Value Float64Writer::mul(Value x, Value y) {
  return arith::MulFOp::create(b, x, y);
}
Value Float64Writer::div(Value x, Value y) {
  return arith::DivFOp::create(b, x, y);
}
Value Float64Writer::fma(Value x, Value y, Value z) {
  return math::FmaOp::create(b, x, y, z);
}
Value Float64Writer::abs(Value x) { return math::AbsFOp::create(b, x); }
Value Float64Writer::sqrt(Value x) { return math::SqrtOp::create(b, x); }
Value Float64Writer::withSign(Value magnitude, Value sign) {
  return math::CopySignOp::create(b, magnitude, sign);
}
Value Float64Writer::isLess(Value x, double y) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, x, constant(y));
}
Value Float64Writer::isEqual(Value x, double y) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, x, constant(y));
}
Value Float64Writer::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(b, condition, x, y);
}

Value Float64Writer::polynomial(Value x, ArrayRef<double> coefficients) {
  Value result = constant(coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    result = fma(result, x, constant(coefficient));
  return result;
}

/// Adding 1.5 * 2^52 leaves no bits behind the point; the last bits are those
/// of the integer. Below 2^51.
std::pair<Value, Value> Float64Writer::round(Value x) {
  Value shift = constant(0x1.8p52);
  Value shifted = add(x, shift);
  Value bits = arith::BitcastOp::create(b, b.getI64Type(), shifted);
  Value offset =
      integer(static_cast<int64_t>(llvm::bit_cast<uint64_t>(0x1.8p52)));
  return {sub(shifted, shift), arith::SubIOp::create(b, bits, offset)};
}

Value Float64Writer::power2(Value k) {
  Value biased = arith::AddIOp::create(b, k, integer(1023));
  Value bits = arith::ShLIOp::create(b, biased, integer(52));
  return arith::BitcastOp::create(b, b.getF64Type(), bits);
}

/// 2^k exp(r), |r| <= ln 2 / 2, by the series of exp.
Value Float64Writer::scaledExp(Value r, Value k) {
  SmallVector<double> coefficients = {1.0};
  for (int n = 1; n <= 13; ++n)
    coefficients.push_back(coefficients.back() / n);
  Value series = polynomial(r, coefficients);
  // In two steps: 2^k alone may not be a normal number.
  Value half = arith::ShRSIOp::create(b, k, integer(1));
  Value rest = arith::SubIOp::create(b, k, half);
  return mul(mul(series, power2(half)), power2(rest));
}

/// x = k ln 2 + r.
Value Float64Writer::exp(Value x) {
  // Beyond, it is 0 or infinity.
  Value clamped = arith::MaximumFOp::create(b, x, constant(-746.0));
  clamped = arith::MinimumFOp::create(b, clamped, constant(710.0));
  auto [turns, k] = round(mul(clamped, constant(1.44269504088896338700)));
  Value r = fma(turns, constant(-ln2High), clamped);
  return scaledExp(fma(turns, constant(-ln2Low), r), k);
}

Value Float64Writer::exp2(Value x) {
  Value clamped = arith::MaximumFOp::create(b, x, constant(-1076.0));
  clamped = arith::MinimumFOp::create(b, clamped, constant(1025.0));
  auto [turns, k] = round(clamped);
  return scaledExp(mul(sub(clamped, turns), constant(ln2)), k);
}

/// log(x) = k ln 2 + log(1 + f), sqrt(1/2) < 1 + f < sqrt(2); with
/// s = f / (2 + f), log(1 + f) = f - f²/2 + s (f²/2 + R(s²)).
Value Float64Writer::log(Value x) {
  Value isTiny = isLess(x, 0x1p-1022);
  Value scaled = select(isTiny, mul(x, constant(0x1p54)), x);
  Value bits = arith::BitcastOp::create(b, b.getI64Type(), scaled);
  // So that the exponent changes at sqrt(1/2).
  Value low = integer(0x3fe6a09e667f3bcd);
  Value above = arith::SubIOp::create(b, bits, low);
  Value k = arith::ShRSIOp::create(b, above, integer(52));
  Value fraction =
      arith::SubIOp::create(b, bits, arith::ShLIOp::create(b, k, integer(52)));
  Value m = arith::BitcastOp::create(b, b.getF64Type(), fraction);
  Value exponent = arith::SIToFPOp::create(b, b.getF64Type(), k);
  exponent = select(isTiny, sub(exponent, constant(54.0)), exponent);
  Value f = sub(m, constant(1.0));
  Value s = div(f, add(f, constant(2.0)));
  Value z = mul(s, s);
  Value r =
      mul(z, polynomial(z, {6.666666666666735130e-01, 3.999999999940941908e-01,
                            2.857142874366239149e-01, 2.222219843214978396e-01,
                            1.818357216161805012e-01, 1.531383769920937332e-01,
                            1.479819860511658591e-01}));
  Value halfSquare = mul(constant(0.5), mul(f, f));
  Value tail = fma(s, add(halfSquare, r), mul(exponent, constant(ln2Low)));
  Value result =
      sub(mul(exponent, constant(ln2High)), sub(sub(halfSquare, tail), f));
  result = select(isEqual(x, infinity), x, result);
  result = select(isEqual(x, 0.0), constant(-infinity), result);
  Value isValid =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, x, constant(0.0));
  return select(isValid, result, constant(notANumber));
}

Value Float64Writer::log2(Value x) {
  return mul(log(x), constant(1.44269504088896338700));
}

Value Float64Writer::log10(Value x) {
  return mul(log(x), constant(4.34294481903251816668e-01));
}

/// W. Kahan: the error of 1 + x cancels in log(u) / (u - 1).
Value Float64Writer::log1p(Value x) {
  Value u = add(x, constant(1.0));
  Value result = div(mul(log(u), x), sub(u, constant(1.0)));
  result = select(isEqual(u, 1.0), x, result);
  result = select(isEqual(u, 0.0), constant(-infinity), result);
  return select(isEqual(u, infinity), x, result);
}

/// The same for (u - 1) / log(u), u = exp(x).
Value Float64Writer::expm1(Value x) {
  Value u = exp(x);
  Value less = sub(u, constant(1.0));
  Value result = div(mul(less, x), log(u));
  result = select(isEqual(u, 1.0), x, result);
  Value isInner = arith::AndIOp::create(
      b, isLess(x, 40.0), isLess(arith::NegFOp::create(b, x), 40.0));
  return select(isInner, result, less);
}

/// x = k pi/2 + r, |r| <= pi/4; k says which function of r it is.
Value Float64Writer::sinOrCos(Value x, bool isCos) {
  Value turns, k;
  std::tie(turns, k) = round(mul(x, constant(6.36619772367581382433e-01)));
  Value r = fma(turns, constant(-1.57079632679489655800e+00), x);
  r = fma(turns, constant(-6.12323399573676603587e-17), r);
  Value z = mul(r, r);
  Value sine = fma(
      mul(r, z),
      polynomial(z, {-1.66666666666666324348e-01, 8.33333333332248946124e-03,
                     -1.98412698298579493134e-04, 2.75573137070700676789e-06,
                     -2.50507602534068634195e-08, 1.58969099521155010221e-10}),
      r);
  Value quartic =
      polynomial(z, {4.16666666666666019037e-02, -1.38888888888741095749e-03,
                     2.48015872894767294178e-05, -2.75573143513906633035e-07,
                     2.08757232129817482790e-09, -1.13596475577881948265e-11});
  Value cosine = fma(z, fma(z, quartic, constant(-0.5)), constant(1.0));
  if (isCos)
    k = arith::AddIOp::create(b, k, integer(1));
  auto bit = [&](int64_t mask) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                                 arith::AndIOp::create(b, k, integer(mask)),
                                 integer(0));
  };
  Value result = select(bit(1), cosine, sine);
  return select(bit(2), arith::NegFOp::create(b, result), result);
}

Value Float64Writer::tan(Value x) { return div(sin(x), cos(x)); }

/// atan(x) = atan(c) + atan((x - c) / (1 + c x)) for the nearest of five c.
Value Float64Writer::atan(Value x) {
  Value size = abs(x);
  Value one = constant(1.0);
  struct Piece {
    double end, center, value;
  };
  // The last one is c = infinity: atan(x) = pi/2 + atan(-1 / x).
  Value reduced = div(constant(-1.0), size);
  Value base = constant(1.57079632679489655800e+00);
  for (const Piece &piece : {Piece{2.4375, 1.5, 9.82793723247329054082e-01},
                             Piece{1.1875, 1.0, 7.85398163397448278999e-01},
                             Piece{0.6875, 0.5, 4.63647609000806093515e-01},
                             Piece{0.4375, 0.0, 0.0}}) {
    Value isHere = isLess(size, piece.end);
    Value center = constant(piece.center);
    Value here = div(sub(size, center), fma(size, center, one));
    reduced = select(isHere, here, reduced);
    base = select(isHere, constant(piece.value), base);
  }
  Value z = mul(reduced, reduced);
  Value series =
      polynomial(z, {3.33333333333329318027e-01, -1.99999999998764832476e-01,
                     1.42857142725034663711e-01, -1.11111104054623557880e-01,
                     9.09088713343650656196e-02, -7.69187620504482999495e-02,
                     6.66107313738753120669e-02, -5.83357013379057348645e-02,
                     4.97687799461593236017e-02, -3.65315727442169155270e-02,
                     1.62858201153657823623e-02});
  Value tail = mul(reduced, mul(z, series));
  return withSign(add(base, sub(reduced, tail)), x);
}

Value Float64Writer::asin(Value x) {
  Value one = constant(1.0);
  return atan(div(x, sqrt(mul(sub(one, x), add(one, x)))));
}

Value Float64Writer::acos(Value x) {
  Value one = constant(1.0);
  Value half = atan(sqrt(div(sub(one, x), add(one, x))));
  return add(half, half);
}

Value Float64Writer::sinh(Value x) {
  Value size = abs(x);
  Value e = expm1(size);
  Value small = mul(constant(0.5), add(e, div(e, add(e, constant(1.0)))));
  Value root = exp(mul(size, constant(0.5)));
  Value large = mul(root, mul(constant(0.5), root));
  return withSign(select(isLess(size, 40.0), small, large), x);
}

Value Float64Writer::cosh(Value x) {
  Value root = exp(mul(abs(x), constant(0.5)));
  Value half = constant(0.5);
  return add(mul(root, mul(half, root)), div(div(half, root), root));
}

Value Float64Writer::tanh(Value x) {
  Value size = abs(x);
  Value e = expm1(add(size, size));
  Value small = div(e, add(e, constant(2.0)));
  // What is not large either is not a number.
  Value isLarge =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, size, constant(20.0));
  Value result = select(isLarge, constant(1.0), small);
  return withSign(result, x);
}

/// Above 2^28 the one under the root does not count.
static constexpr double large = 0x1p28;

Value Float64Writer::asinh(Value x) {
  Value size = abs(x), one = constant(1.0);
  Value square = mul(size, size);
  Value inner = log1p(add(size, div(square, add(one, sqrt(add(one, square))))));
  Value outer = add(log(size), constant(ln2));
  return withSign(select(isLess(size, large), inner, outer), x);
}

Value Float64Writer::acosh(Value x) {
  Value t = sub(x, constant(1.0));
  Value inner = log1p(add(t, sqrt(fma(t, t, add(t, t)))));
  Value outer = add(log(x), constant(ln2));
  return select(isLess(x, large), inner, outer);
}

Value Float64Writer::atanh(Value x) {
  Value size = abs(x);
  Value ratio = div(add(size, size), sub(constant(1.0), size));
  return withSign(mul(constant(0.5), log1p(ratio)), x);
}

/// One step of Newton's iteration behind exp(log(x) / 3).
Value Float64Writer::cbrt(Value x) {
  Value size = abs(x);
  Value y = exp(div(log(size), constant(3.0)));
  Value square = mul(y, y);
  Value step = div(fma(square, y, arith::NegFOp::create(b, size)),
                   mul(constant(3.0), square));
  Value isPlain = arith::AndIOp::create(
      b, isLess(size, infinity),
      arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, size, constant(0.0)));
  return withSign(select(isPlain, sub(y, step), size), x);
}

/// erf(x) = 2/sqrt(pi) x exp(-x²) (1 + 2x²/3 (1 + 2x²/5 (…))): all terms are
/// positive. From 6 on it is 1.
Value Float64Writer::erf(Value x) {
  Value size = arith::MinimumFOp::create(b, abs(x), constant(6.0));
  Value square = mul(size, size);
  Value doubled = add(square, square), one = constant(1.0);
  // From the last term on: at 6, later ones are below the last place.
  constexpr int64_t numTerms = 170;
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value end = arith::ConstantIndexOp::create(b, numTerms);
  Value step = arith::ConstantIndexOp::create(b, 1);
  auto loop = scf::ForOp::create(
      b, zero, end, step, ValueRange{one, constant(2.0 * numTerms + 1.0)},
      [&](OpBuilder &builder, Location loc, Value, ValueRange state) {
        Float64Writer inner(builder, loc);
        Value ratio = inner.div(doubled, state[1]);
        Value next = inner.fma(state[0], ratio, inner.constant(1.0));
        Value odd = inner.sub(state[1], inner.constant(2.0));
        scf::YieldOp::create(builder, loc, ValueRange{next, odd});
      });
  Value scale = mul(mul(constant(1.12837916709551255856), size),
                    exp(arith::NegFOp::create(b, square)));
  return withSign(mul(scale, loop.getResult(0)), x);
}

/// From 1 on by the continued fraction
/// erfc(x) = exp(-x²)/sqrt(pi) / (x + (1/2) / (x + (2/2) / (x + …))).
Value Float64Writer::erfc(Value x) {
  Value size = abs(x);
  Value start = arith::MaximumFOp::create(b, size, constant(1.0));
  constexpr int64_t numTerms = 300;
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value end = arith::ConstantIndexOp::create(b, numTerms);
  Value step = arith::ConstantIndexOp::create(b, 1);
  auto loop = scf::ForOp::create(
      b, zero, end, step, ValueRange{start, constant(0.5 * numTerms)},
      [&](OpBuilder &builder, Location loc, Value, ValueRange state) {
        Float64Writer inner(builder, loc);
        Value next = inner.add(start, inner.div(state[1], state[0]));
        Value half = inner.sub(state[1], inner.constant(0.5));
        scf::YieldOp::create(builder, loc, ValueRange{next, half});
      });
  Value power = exp(arith::NegFOp::create(b, mul(start, start)));
  Value outer =
      div(mul(power, constant(5.64189583547756279280e-01)), loop.getResult(0));
  Value two = constant(2.0);
  outer = select(isLess(x, 0.0), sub(two, outer), outer);
  return select(isLess(size, 1.0), sub(constant(1.0), erf(x)), outer);
}

/// x^y = exp(y log |x|), with the sign of x where y is odd.
Value Float64Writer::pow(Value x, Value y) {
  Value size = abs(x), one = constant(1.0);
  Value result = exp(mul(y, log(size)));
  Value isNegative = isLess(x, 0.0);
  Value whole = math::FloorOp::create(b, y);
  Value isWhole = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, whole, y);
  Value half = mul(y, constant(0.5));
  Value isOdd = arith::CmpFOp::create(b, arith::CmpFPredicate::UNE,
                                      math::FloorOp::create(b, half), half);
  isOdd = arith::AndIOp::create(b, isOdd, isWhole);
  // Also of the negative zero.
  Value hasSign =
      arith::AndIOp::create(b, isOdd, isLess(withSign(one, x), 0.0));
  result = select(hasSign, arith::NegFOp::create(b, result), result);
  Value odd = select(isOdd, withSign(one, x), one);
  result = select(isEqual(size, 1.0), odd, result);
  // A negative number has whole powers alone.
  Value isUndefined = arith::AndIOp::create(
      b, arith::AndIOp::create(b, isNegative, isLess(size, infinity)),
      arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, whole, y));
  result = select(isUndefined, constant(notANumber), result);
  result = select(isEqual(x, 1.0), one, result);
  return select(isEqual(y, 0.0), one, result);
}
