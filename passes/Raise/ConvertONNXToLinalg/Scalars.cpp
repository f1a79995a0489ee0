//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Arithmetic on elements of any type.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace fulgur;

/// The operation for floats, or that for integers.
template <typename FloatOp, typename IntOp>
static Value binary(Emitter &e, Value a, Value b) {
  if (isa<FloatType>(a.getType()))
    return FloatOp::create(e.builder, e.loc, a, b);
  return IntOp::create(e.builder, e.loc, a, b);
}

Value Scalars::add(Value a, Value b) const {
  return binary<arith::AddFOp, arith::AddIOp>(e, a, b);
}

Value Scalars::sub(Value a, Value b) const {
  return binary<arith::SubFOp, arith::SubIOp>(e, a, b);
}

Value Scalars::mul(Value a, Value b) const {
  return binary<arith::MulFOp, arith::MulIOp>(e, a, b);
}

Value Scalars::div(Value a, Value b) const {
  if (isa<FloatType>(a.getType()))
    return arith::DivFOp::create(e.builder, e.loc, a, b);
  auto is = [&](Value divisor) {
    return arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::eq, b,
                                 divisor);
  };
  Value zero = e.number(0, a.getType()), one = e.number(1, a.getType());
  Value isZero = is(zero);
  if (isUnsigned) {
    Value quotient =
        arith::DivUIOp::create(e.builder, e.loc, a, select(isZero, one, b));
    return select(isZero, zero, quotient);
  }
  // The least number divided by -1 overflows, which stops a processor too.
  Value isMinusOne = is(e.number(-1, a.getType()));
  Value isSpecial = arith::OrIOp::create(e.builder, e.loc, isZero, isMinusOne);
  Value quotient =
      arith::DivSIOp::create(e.builder, e.loc, a, select(isSpecial, one, b));
  return select(isZero, zero, select(isMinusOne, sub(zero, a), quotient));
}

Value Scalars::max(Value a, Value b) const {
  return isUnsigned ? binary<arith::MaximumFOp, arith::MaxUIOp>(e, a, b)
                    : binary<arith::MaximumFOp, arith::MaxSIOp>(e, a, b);
}

Value Scalars::min(Value a, Value b) const {
  return isUnsigned ? binary<arith::MinimumFOp, arith::MinUIOp>(e, a, b)
                    : binary<arith::MinimumFOp, arith::MinSIOp>(e, a, b);
}

Value Scalars::abs(Value a) const {
  if (isa<FloatType>(a.getType()))
    return math::AbsFOp::create(e.builder, e.loc, a);
  return isUnsigned ? a : math::AbsIOp::create(e.builder, e.loc, a).getResult();
}

Value Scalars::less(Value a, Value b) const {
  if (isa<FloatType>(a.getType()))
    return arith::CmpFOp::create(e.builder, e.loc, arith::CmpFPredicate::OLT, a,
                                 b);
  return arith::CmpIOp::create(
      e.builder, e.loc,
      isUnsigned ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt, a, b);
}

Value Scalars::equal(Value a, Value b) const {
  if (isa<FloatType>(a.getType()))
    return arith::CmpFOp::create(e.builder, e.loc, arith::CmpFPredicate::OEQ, a,
                                 b);
  return arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::eq, a,
                               b);
}

Value Scalars::isNaN(Value a) const {
  return arith::CmpFOp::create(e.builder, e.loc, arith::CmpFPredicate::UNO, a,
                               a);
}

Value Scalars::select(Value condition, Value a, Value b) const {
  return arith::SelectOp::create(e.builder, e.loc, condition, a, b);
}

Value Scalars::convert(Value value, Type type) const {
  Type from = value.getType();
  if (from == type)
    return value;
  OpBuilder &b = e.builder;
  if (isa<FloatType>(from) && isa<FloatType>(type))
    return e.toFloat(value, type);
  if (isa<FloatType>(from))
    return isUnsigned
               ? arith::FPToUIOp::create(b, e.loc, type, value).getResult()
               : arith::FPToSIOp::create(b, e.loc, type, value).getResult();
  if (isa<FloatType>(type))
    return isUnsigned
               ? arith::UIToFPOp::create(b, e.loc, type, value).getResult()
               : arith::SIToFPOp::create(b, e.loc, type, value).getResult();
  unsigned width = from.getIntOrFloatBitWidth();
  unsigned to = type.getIntOrFloatBitWidth();
  if (to < width)
    return arith::TruncIOp::create(b, e.loc, type, value);
  if (to == width)
    return value;
  return isUnsigned ? arith::ExtUIOp::create(b, e.loc, type, value).getResult()
                    : arith::ExtSIOp::create(b, e.loc, type, value).getResult();
}

static Value extreme(Emitter &e, Type type, bool isUnsigned, bool greatest) {
  Attribute value;
  if (auto real = dyn_cast<FloatType>(type)) {
    const llvm::fltSemantics &semantics = real.getFloatSemantics();
    APFloat bound = APFloat::semanticsHasInf(semantics)
                        ? APFloat::getInf(semantics, !greatest)
                        : APFloat::getLargest(semantics, !greatest);
    value = e.builder.getFloatAttr(type, bound);
  } else {
    unsigned width = type.getIntOrFloatBitWidth();
    APInt bound = isUnsigned && greatest ? APInt::getMaxValue(width)
                  : isUnsigned           ? APInt::getMinValue(width)
                  : greatest             ? APInt::getSignedMaxValue(width)
                                         : APInt::getSignedMinValue(width);
    value = e.builder.getIntegerAttr(type, bound);
  }
  return arith::ConstantOp::create(e.builder, e.loc, cast<TypedAttr>(value));
}

Value Scalars::lowest(Type type) const {
  return extreme(e, type, isUnsigned, /*greatest=*/false);
}

Value Scalars::highest(Type type) const {
  return extreme(e, type, isUnsigned, /*greatest=*/true);
}

//===----------------------------------------------------------------------===//
// Conversions between the standard's types
//===----------------------------------------------------------------------===//

static bool isUnsignedType(Type type) {
  return type.isUnsignedInteger() || type.isInteger(1);
}

static Type signless(Type type) {
  auto integer = dyn_cast<IntegerType>(type);
  return integer ? IntegerType::get(type.getContext(), integer.getWidth())
                 : type;
}

static Value compareFloats(Emitter &e, arith::CmpFPredicate predicate, Value a,
                           Value b) {
  return arith::CmpFOp::create(e.builder, e.loc, predicate, a, b);
}

/// Saturates before the conversion, whose result is undefined out of range.
static Value floatToInteger(Emitter &e, Value value, Type to) {
  Type from = value.getType();
  if (from.getIntOrFloatBitWidth() < 32)
    return floatToInteger(e, e.toFloat(value, e.builder.getF32Type()), to);
  unsigned width = to.getIntOrFloatBitWidth();
  bool isSigned = !isUnsignedType(to);
  Type type = signless(to);
  Scalars s{e, !isSigned};
  // Powers of two are exact in every float type; 2^(width-1) - 1 may not be.
  double limit = std::ldexp(1.0, isSigned ? width - 1 : width);
  Value upper = e.real(limit, from),
        lower = e.real(isSigned ? -limit : 0, from);
  Value isAbove = compareFloats(e, arith::CmpFPredicate::OGE, value, upper);
  // NaN is not in the range either.
  Value isBelow = arith::CmpFOp::create(
      e.builder, e.loc, arith::CmpFPredicate::ULT, value, lower);
  Value isOutside = arith::OrIOp::create(e.builder, e.loc, isAbove, isBelow);
  Value inside = s.select(isOutside, e.real(0, from), value);
  Value integer;
  if (isSigned)
    integer = arith::FPToSIOp::create(e.builder, e.loc, type, inside);
  else
    integer = arith::FPToUIOp::create(e.builder, e.loc, type, inside);
  Value isNaN = compareFloats(e, arith::CmpFPredicate::UNO, value, value);
  Value bound = s.select(isAbove, s.highest(type), s.lowest(type));
  bound = s.select(isNaN, e.number(0, type), bound);
  return s.select(isOutside, bound, integer);
}

/// To an 8-bit float, whose range is small.
static Value toSmallFloat(Emitter &e, Value value, FloatType to,
                          bool saturate) {
  value = e.toFloat(value, e.builder.getF32Type());
  Type type = value.getType();
  bool losesInfo;
  APFloat largest = APFloat::getLargest(to.getFloatSemantics());
  largest.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
  double limit = largest.convertToFloat();
  if (saturate) {
    // NaN passes both.
    Value upper = e.real(limit, type), lower = e.real(-limit, type);
    value = arith::MinimumFOp::create(e.builder, e.loc, value, upper);
    value = arith::MaximumFOp::create(e.builder, e.loc, value, lower);
  }
  return e.toFloat(value, to);
}

Value Scalars::cast(Emitter &e, Value value, Type from, Type to,
                    bool saturate) {
  if (from == to)
    return value;
  if (isa<FloatType>(from) && isa<FloatType>(to))
    return to.getIntOrFloatBitWidth() == 8
               ? toSmallFloat(e, value, llvm::cast<FloatType>(to), saturate)
               : e.toFloat(value, to);
  if (to.isInteger(1)) {
    Value zero = e.number(0, value.getType());
    if (isa<FloatType>(from))
      return arith::CmpFOp::create(e.builder, e.loc, arith::CmpFPredicate::UNE,
                                   value, zero);
    return arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::ne,
                                 value, zero);
  }
  if (isa<FloatType>(from))
    return floatToInteger(e, value, to);
  if (isa<FloatType>(to)) {
    // By way of f32 to the smaller ones, as the standard's reference does.
    Type wide = to.getIntOrFloatBitWidth() < 32 ? e.builder.getF32Type() : to;
    Value real;
    if (isUnsignedType(from))
      real = arith::UIToFPOp::create(e.builder, e.loc, wide, value);
    else
      real = arith::SIToFPOp::create(e.builder, e.loc, wide, value);
    return cast(e, real, wide, to, saturate);
  }
  unsigned before = from.getIntOrFloatBitWidth();
  unsigned after = to.getIntOrFloatBitWidth();
  if (before == after)
    return value;
  if (before > after)
    return arith::TruncIOp::create(e.builder, e.loc, signless(to), value);
  if (isUnsignedType(from))
    return arith::ExtUIOp::create(e.builder, e.loc, signless(to), value);
  return arith::ExtSIOp::create(e.builder, e.loc, signless(to), value);
}
