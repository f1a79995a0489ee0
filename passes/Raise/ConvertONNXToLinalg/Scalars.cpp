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
  return isUnsigned ? binary<arith::DivFOp, arith::DivUIOp>(e, a, b)
                    : binary<arith::DivFOp, arith::DivSIOp>(e, a, b);
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
