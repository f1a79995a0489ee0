//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One element from one element of each operand, broadcast against one another.
// Functions of floats narrower than f32 are computed in f32 and rounded once.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::floatAttr;
using fulgur::onnx::intAttr;
using fulgur::onnx::stringAttr;

using Values = SmallVector<Value>;

/// One element of the result from those of the operands, which have the type
/// that is computed in.
using ScalarFn = Value (*)(Lowering &l, Scalars s, ValueRange x);

static SmallVector<unsigned> allInputs(Lowering &l) {
  return llvm::to_vector(llvm::seq<unsigned>(0, l.operands.size()));
}

/// Elements of one type in, elements of the result's type out.
template <ScalarFn fn> static LogicalResult convertScalar(Lowering &l) {
  Type from = elementType(l.in(0)), to = l.resultElement();
  Type wide = isa<FloatType>(from) ? accumulatorType(from) : from;
  bool isUnsigned = l.isUnsigned(0);
  Value result =
      l.elementwise(allInputs(l), to, [&](Emitter &e, ValueRange x) -> Values {
        Scalars s{e, isUnsigned};
        Values elements;
        for (Value element : x)
          elements.push_back(
              element.getType() == from ? s.convert(element, wide) : element);
        Value value = fn(l, s, elements);
        return {isa<FloatType>(value.getType()) ? e.toFloat(value, to) : value};
      });
  return l.replace(result);
}

//===----------------------------------------------------------------------===//
// Functions of one number
//===----------------------------------------------------------------------===//

template <typename Op> static Value math1(Lowering &, Scalars s, ValueRange x) {
  return Op::create(s.e.builder, s.e.loc, x[0]);
}

static Value number(Scalars s, double value, ValueRange x) {
  return s.e.number(value, x[0].getType());
}

static Value exponential(Scalars s, Value x) {
  return math::ExpOp::create(s.e.builder, s.e.loc, x);
}

static Value negate(Lowering &, Scalars s, ValueRange x) {
  if (isa<FloatType>(x[0].getType()))
    return arith::NegFOp::create(s.e.builder, s.e.loc, x[0]);
  return s.sub(number(s, 0, x), x[0]);
}

static Value reciprocal(Lowering &, Scalars s, ValueRange x) {
  return s.div(number(s, 1, x), x[0]);
}

static Value sigmoid(Lowering &l, Scalars s, ValueRange x) {
  Value power = exponential(s, negate(l, s, x));
  return s.div(number(s, 1, x), s.add(number(s, 1, x), power));
}

static Value sign(Lowering &, Scalars s, ValueRange x) {
  Value zero = number(s, 0, x);
  if (s.isUnsigned)
    return s.select(s.equal(x[0], zero), zero, number(s, 1, x));
  Value negative = s.select(s.less(x[0], zero), number(s, -1, x), x[0]);
  return s.select(s.less(zero, x[0]), number(s, 1, x), negative);
}

static Value absolute(Lowering &, Scalars s, ValueRange x) {
  return s.abs(x[0]);
}

static Value isNaN(Lowering &, Scalars s, ValueRange x) {
  return s.isNaN(x[0]);
}

static Value isInf(Lowering &l, Scalars s, ValueRange x) {
  Value none = s.e.number(0, s.e.builder.getI1Type());
  Type type = x[0].getType();
  Value positive = intAttr(l.op, "detect_positive", 1)
                       ? s.equal(x[0], s.highest(type))
                       : none;
  Value negative = intAttr(l.op, "detect_negative", 1)
                       ? s.equal(x[0], s.lowest(type))
                       : none;
  return arith::OrIOp::create(s.e.builder, s.e.loc, positive, negative);
}

static Value logicalNot(Lowering &, Scalars s, ValueRange x) {
  return arith::XOrIOp::create(s.e.builder, s.e.loc, x[0],
                               s.e.number(-1, x[0].getType()));
}

static Value relu(Lowering &, Scalars s, ValueRange x) {
  return s.max(x[0], number(s, 0, x));
}

/// x where it is not negative, else `slope` · x.
static Value leakyRelu(Lowering &l, Scalars s, ValueRange x) {
  Value scaled = s.mul(x[0], number(s, floatAttr(l.op, "alpha", 0.01), x));
  return s.select(s.less(x[0], number(s, 0, x)), scaled, x[0]);
}

static Value elu(Lowering &l, Scalars s, ValueRange x) {
  Value grown = s.sub(exponential(s, x[0]), number(s, 1, x));
  grown = s.mul(grown, number(s, floatAttr(l.op, "alpha", 1), x));
  return s.select(s.less(x[0], number(s, 0, x)), grown, x[0]);
}

static Value selu(Lowering &l, Scalars s, ValueRange x) {
  double alpha = floatAttr(l.op, "alpha", 1.67326319217681884765625);
  double gamma = floatAttr(l.op, "gamma", 1.05070102214813232421875);
  Value grown = s.sub(exponential(s, x[0]), number(s, 1, x));
  grown = s.mul(grown, number(s, alpha, x));
  Value value = s.select(s.less(number(s, 0, x), x[0]), x[0], grown);
  return s.mul(number(s, gamma, x), value);
}

static Value swish(Lowering &l, Scalars s, ValueRange x) {
  Value scaled = s.mul(x[0], number(s, floatAttr(l.op, "alpha", 1), x));
  return s.mul(x[0], sigmoid(l, s, scaled));
}

static Value softplus(Lowering &, Scalars s, ValueRange x) {
  // log(1 + exp(x)) without overflow.
  OpBuilder &b = s.e.builder;
  Value off = arith::NegFOp::create(b, s.e.loc, s.abs(x[0]));
  Value log = math::Log1pOp::create(b, s.e.loc, exponential(s, off));
  return s.add(s.max(x[0], number(s, 0, x)), log);
}

static Value gelu(Lowering &l, Scalars s, ValueRange x) {
  OpBuilder &b = s.e.builder;
  Value inner;
  if (stringAttr(l.op, "approximate", "none") == "tanh") {
    Value cube = s.mul(s.mul(x[0], x[0]), x[0]);
    Value sum = s.add(x[0], s.mul(number(s, 0.044715, x), cube));
    inner = math::TanhOp::create(b, s.e.loc,
                                 s.mul(number(s, 0.7978845608028654, x), sum));
  } else {
    inner = math::ErfOp::create(b, s.e.loc,
                                s.mul(x[0], number(s, 0.7071067811865476, x)));
  }
  Value half = s.mul(number(s, 0.5, x), x[0]);
  return s.mul(half, s.add(number(s, 1, x), inner));
}

//===----------------------------------------------------------------------===//
// Functions of several numbers
//===----------------------------------------------------------------------===//

template <Value (Scalars::*fn)(Value, Value) const>
static Value fold(Lowering &, Scalars s, ValueRange x) {
  Value result = x[0];
  for (Value next : x.drop_front())
    result = (s.*fn)(result, next);
  return result;
}

template <typename Op> static Value bits(Lowering &, Scalars s, ValueRange x) {
  return Op::create(s.e.builder, s.e.loc, x[0], x[1]);
}

static Value mean(Lowering &l, Scalars s, ValueRange x) {
  return s.div(fold<&Scalars::add>(l, s, x), number(s, x.size(), x));
}

static Value less(Lowering &, Scalars s, ValueRange x) {
  return s.less(x[0], x[1]);
}
static Value greater(Lowering &, Scalars s, ValueRange x) {
  return s.less(x[1], x[0]);
}
static Value lessOrEqual(Lowering &, Scalars s, ValueRange x) {
  return arith::OrIOp::create(s.e.builder, s.e.loc, s.less(x[0], x[1]),
                              s.equal(x[0], x[1]));
}
static Value greaterOrEqual(Lowering &, Scalars s, ValueRange x) {
  return arith::OrIOp::create(s.e.builder, s.e.loc, s.less(x[1], x[0]),
                              s.equal(x[0], x[1]));
}
static Value equal(Lowering &, Scalars s, ValueRange x) {
  return s.equal(x[0], x[1]);
}

static Value parametricRelu(Lowering &, Scalars s, ValueRange x) {
  return s.select(s.less(x[0], number(s, 0, x)), s.mul(x[0], x[1]), x[0]);
}

/// The remainder has the sign of the divisor, or with `fmod` of the dividend.
static Value modulo(Lowering &l, Scalars s, ValueRange x) {
  OpBuilder &b = s.e.builder;
  Location loc = s.e.loc;
  Value zero = number(s, 0, x), rest;
  bool isFloat = isa<FloatType>(x[0].getType());
  if (isFloat) {
    rest = arith::RemFOp::create(b, loc, x[0], x[1]);
  } else {
    // As the division, which no operand stops.
    rest = s.sub(x[0], s.mul(s.div(x[0], x[1]), x[1]));
  }
  if (s.isUnsigned || intAttr(l.op, "fmod", 0))
    return rest;
  Value differs =
      arith::XOrIOp::create(b, loc, s.less(rest, zero), s.less(x[1], zero));
  Value adjusted = s.select(differs, s.add(rest, x[1]), rest);
  return s.select(s.equal(rest, zero), rest, adjusted);
}

static Value shift(Lowering &l, Scalars s, ValueRange x) {
  OpBuilder &b = s.e.builder;
  Value width = number(s, x[0].getType().getIntOrFloatBitWidth(), x);
  Value fits = s.less(x[1], width);
  Value by = s.select(fits, x[1], number(s, 0, x));
  Value moved = stringAttr(l.op, "direction", "") == "LEFT"
                    ? arith::ShLIOp::create(b, s.e.loc, x[0], by).getResult()
                    : arith::ShRUIOp::create(b, s.e.loc, x[0], by).getResult();
  return s.select(fits, moved, number(s, 0, x));
}

/// The base has the type of the result; the exponent may have another.
static LogicalResult convertPow(Lowering &l) {
  Type type = elementType(l.in(0)), to = l.resultElement();
  bool isUnsigned = l.isUnsigned(1);
  // Integers as floats that hold them.
  Type wide = isa<FloatType>(type) ? accumulatorType(type)
                                   : Type(l.e.builder.getF64Type());
  bool isBaseUnsigned = l.isUnsigned(0);
  std::optional<double> known = onnx::constantScalar(l.op->getOperand(1));
  return l.replace(
      l.elementwise({0, 1}, to, [&](Emitter &e, ValueRange x) -> Values {
        Scalars s{e, isBaseUnsigned};
        if (known == 2)
          return {s.convert(
              s.mul(s.convert(x[0], isa<FloatType>(type) ? wide : type),
                    s.convert(x[0], isa<FloatType>(type) ? wide : type)),
              to)};
        Value base = s.convert(x[0], wide);
        Value exponent = Scalars{e, isUnsigned}.convert(x[1], wide);
        Value power = math::PowFOp::create(e.builder, e.loc, base, exponent);
        return {s.convert(power, to)};
      }));
}

static LogicalResult convertCast(Lowering &l) {
  Type from = l.inputElement(0), to = l.outputElement();
  bool saturate = intAttr(l.op, "saturate", 1);
  return l.replace(l.elementwise(
      {0}, l.resultElement(), [&](Emitter &e, ValueRange x) -> Values {
        return {Scalars::cast(e, x[0], from, to, saturate)};
      }));
}

static LogicalResult convertWhere(Lowering &l) {
  return l.replace(l.elementwise({0, 1, 2}, l.resultElement(),
                                 [](Emitter &e, ValueRange x) -> Values {
                                   return {Scalars{e}.select(x[0], x[1], x[2])};
                                 }));
}

static LogicalResult convertClip(Lowering &l) {
  SmallVector<unsigned> inputs{0};
  for (unsigned i : {1, 2})
    if (l.in(i))
      inputs.push_back(i);
  bool isUnsigned = l.isUnsigned(0), hasLower = l.in(1) != Value();
  return l.replace(l.elementwise(inputs, l.resultElement(),
                                 [&](Emitter &e, ValueRange x) -> Values {
                                   Scalars s{e, isUnsigned};
                                   Value value = x[0];
                                   if (hasLower)
                                     value = s.max(value, x[1]);
                                   if (inputs.back() == 2)
                                     value = s.min(value, x.back());
                                   return {value};
                                 }));
}

static LogicalResult convertIdentity(Lowering &l) { return l.replace(l.in(0)); }

/// The same bits as a number of another type of the same width.
static LogicalResult convertBitCast(Lowering &l) {
  Type from = elementType(l.in(0)), to = l.resultElement();
  if (from == to)
    return l.replace(l.in(0));
  if (from.getIntOrFloatBitWidth() != to.getIntOrFloatBitWidth())
    return l.fail("the types have different widths");
  return l.replace(
      l.elementwise({0}, to, [&](Emitter &e, ValueRange x) -> Values {
        return {arith::BitcastOp::create(e.builder, e.loc, to, x[0])};
      }));
}

static LogicalResult convertDropout(Lowering &l) {
  if (!dropsNothing(l.op))
    return l.fail("expected the training mode to be off");
  if (!l.hasOutput(1))
    return l.replace(l.in(0));
  Value mask =
      l.e.filled(l.e.sizes(l.in(0)), l.e.number(1, l.resultElement(1)));
  return l.replace({l.in(0), mask});
}

void fulgur::populateConvertElementwisePatterns(
    RewritePatternSet &patterns, const ONNXTypeConverter &types) {
  addLowering<onnx::AbsOp>(patterns, types, convertScalar<absolute>);
  addLowering<onnx::AcosOp>(patterns, types,
                            convertScalar<math1<math::AcosOp>>);
  addLowering<onnx::AcoshOp>(patterns, types,
                             convertScalar<math1<math::AcoshOp>>);
  addLowering<onnx::AddOp>(patterns, types, convertScalar<fold<&Scalars::add>>);
  addLowering<onnx::AndOp>(patterns, types, convertScalar<bits<arith::AndIOp>>);
  addLowering<onnx::AsinOp>(patterns, types,
                            convertScalar<math1<math::AsinOp>>);
  addLowering<onnx::AsinhOp>(patterns, types,
                             convertScalar<math1<math::AsinhOp>>);
  addLowering<onnx::AtanOp>(patterns, types,
                            convertScalar<math1<math::AtanOp>>);
  addLowering<onnx::AtanhOp>(patterns, types,
                             convertScalar<math1<math::AtanhOp>>);
  addLowering<onnx::BitShiftOp>(patterns, types, convertScalar<shift>);
  addLowering<onnx::BitwiseAndOp>(patterns, types,
                                  convertScalar<bits<arith::AndIOp>>);
  addLowering<onnx::BitwiseNotOp>(patterns, types, convertScalar<logicalNot>);
  addLowering<onnx::BitwiseOrOp>(patterns, types,
                                 convertScalar<bits<arith::OrIOp>>);
  addLowering<onnx::BitwiseXorOp>(patterns, types,
                                  convertScalar<bits<arith::XOrIOp>>);
  addLowering<onnx::CeilOp>(patterns, types,
                            convertScalar<math1<math::CeilOp>>);
  addLowering<onnx::CosOp>(patterns, types, convertScalar<math1<math::CosOp>>);
  addLowering<onnx::CoshOp>(patterns, types,
                            convertScalar<math1<math::CoshOp>>);
  addLowering<onnx::DivOp>(patterns, types, convertScalar<fold<&Scalars::div>>);
  addLowering<onnx::EluOp>(patterns, types, convertScalar<elu>);
  addLowering<onnx::EqualOp>(patterns, types, convertScalar<equal>);
  addLowering<onnx::ErfOp>(patterns, types, convertScalar<math1<math::ErfOp>>);
  addLowering<onnx::ExpOp>(patterns, types, convertScalar<math1<math::ExpOp>>);
  addLowering<onnx::FloorOp>(patterns, types,
                             convertScalar<math1<math::FloorOp>>);
  addLowering<onnx::GeluOp>(patterns, types, convertScalar<gelu>);
  addLowering<onnx::GreaterOp>(patterns, types, convertScalar<greater>);
  addLowering<onnx::GreaterOrEqualOp>(patterns, types,
                                      convertScalar<greaterOrEqual>);
  addLowering<onnx::IsInfOp>(patterns, types, convertScalar<isInf>);
  addLowering<onnx::IsNaNOp>(patterns, types, convertScalar<isNaN>);
  addLowering<onnx::LeakyReluOp>(patterns, types, convertScalar<leakyRelu>);
  addLowering<onnx::LessOp>(patterns, types, convertScalar<less>);
  addLowering<onnx::LessOrEqualOp>(patterns, types, convertScalar<lessOrEqual>);
  addLowering<onnx::LogOp>(patterns, types, convertScalar<math1<math::LogOp>>);
  addLowering<onnx::MaxOp>(patterns, types, convertScalar<fold<&Scalars::max>>);
  addLowering<onnx::MeanOp>(patterns, types, convertScalar<mean>);
  addLowering<onnx::MinOp>(patterns, types, convertScalar<fold<&Scalars::min>>);
  addLowering<onnx::ModOp>(patterns, types, convertScalar<modulo>);
  addLowering<onnx::MulOp>(patterns, types, convertScalar<fold<&Scalars::mul>>);
  addLowering<onnx::NegOp>(patterns, types, convertScalar<negate>);
  addLowering<onnx::NotOp>(patterns, types, convertScalar<logicalNot>);
  addLowering<onnx::OrOp>(patterns, types, convertScalar<bits<arith::OrIOp>>);
  addLowering<onnx::PReluOp>(patterns, types, convertScalar<parametricRelu>);
  addLowering<onnx::ReciprocalOp>(patterns, types, convertScalar<reciprocal>);
  addLowering<onnx::ReluOp>(patterns, types, convertScalar<relu>);
  addLowering<onnx::RoundOp>(patterns, types,
                             convertScalar<math1<math::RoundEvenOp>>);
  addLowering<onnx::SeluOp>(patterns, types, convertScalar<selu>);
  addLowering<onnx::SigmoidOp>(patterns, types, convertScalar<sigmoid>);
  addLowering<onnx::SignOp>(patterns, types, convertScalar<sign>);
  addLowering<onnx::SinOp>(patterns, types, convertScalar<math1<math::SinOp>>);
  addLowering<onnx::SinhOp>(patterns, types,
                            convertScalar<math1<math::SinhOp>>);
  addLowering<onnx::SoftplusOp>(patterns, types, convertScalar<softplus>);
  addLowering<onnx::SqrtOp>(patterns, types,
                            convertScalar<math1<math::SqrtOp>>);
  addLowering<onnx::SubOp>(patterns, types, convertScalar<fold<&Scalars::sub>>);
  addLowering<onnx::SumOp>(patterns, types, convertScalar<fold<&Scalars::add>>);
  addLowering<onnx::SwishOp>(patterns, types, convertScalar<swish>);
  addLowering<onnx::TanOp>(patterns, types, convertScalar<math1<math::TanOp>>);
  addLowering<onnx::TanhOp>(patterns, types,
                            convertScalar<math1<math::TanhOp>>);
  addLowering<onnx::XorOp>(patterns, types, convertScalar<bits<arith::XOrIOp>>);
  addLowering<onnx::BitCastOp>(patterns, types, convertBitCast);
  addLowering<onnx::DropoutOp>(patterns, types, convertDropout);
  addLowering<onnx::CastOp, onnx::CastLikeOp>(patterns, types, convertCast);
  addLowering<onnx::ClipOp>(patterns, types, convertClip);
  addLowering<onnx::IdentityOp>(patterns, types, convertIdentity);
  addLowering<onnx::PowOp>(patterns, types, convertPow);
  addLowering<onnx::WhereOp>(patterns, types, convertWhere);
}
