//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Numbers as small integers, or floats of 8 bits, with a scale and a zero
// point.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Quantization.h"

#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::fromFront;
using fulgur::onnx::intAttr;

using Values = SmallVector<Value>;

/// How a scale or zero point is read for an element of a tensor of `rank`
/// dimensions: one for all, by `axis`, or, with as many dimensions, in blocks
/// along `axis`.
static AffineMap parameterMap(Emitter &e, Value parameter, int64_t rank,
                              int64_t axis, int64_t block) {
  RankedTensorType type = tensorType(parameter);
  if (type.hasStaticShape() && type.getNumElements() == 1)
    return e.map(rank, SmallVector<int64_t>(type.getRank(), -1));
  if (type.getRank() == 1 && !block)
    return e.map(rank, axis);
  SmallVector<AffineExpr> exprs;
  for (int64_t i = 0, first = rank - type.getRank(); i < type.getRank(); ++i) {
    AffineExpr dim = e.builder.getAffineDimExpr(first + i);
    if (type.getDimSize(i) == 1)
      dim = e.builder.getAffineConstantExpr(0);
    else if (block && first + i == axis)
      dim = dim.floorDiv(block);
    exprs.push_back(dim);
  }
  return AffineMap::get(rank, 0, exprs, e.builder.getContext());
}

/// A float as `type`: rounded to nearest, ties to even, plus `zero`, within the
/// bounds of the type. `zero` may be null.
static Value quantize(Emitter &e, Value value, Value zero, bool isUnsigned,
                      Type type) {
  Scalars s{e}, target{e, isUnsigned};
  Type wide = value.getType();
  if (auto real = dyn_cast<FloatType>(type)) {
    Value most = e.real(
        APFloat::getLargest(real.getFloatSemantics()).convertToDouble(), wide);
    Value least = arith::NegFOp::create(e.builder, e.loc, most);
    return e.toFloat(s.max(least, s.min(most, value)), type);
  }
  value = math::RoundEvenOp::create(e.builder, e.loc, value);
  if (zero)
    value = s.add(value, target.convert(zero, wide));
  value = s.max(value, target.convert(target.lowest(type), wide));
  value = s.min(value, target.convert(target.highest(type), wide));
  Type i32 = e.builder.getI32Type();
  return s.convert(s.convert(value, i32), type);
}

Value fulgur::emitCentred(Lowering &l, unsigned index, unsigned zero,
                          int64_t axis) {
  Emitter &e = l.e;
  Value x = l.in(index), z = l.in(zero);
  int64_t rank = rankOf(x);
  Type i32 = e.builder.getI32Type();
  bool isUnsigned = l.isUnsigned(index);
  Values inputs{x};
  SmallVector<AffineMap> maps{e.builder.getMultiDimIdentityMap(rank)};
  if (z) {
    inputs.push_back(z);
    maps.push_back(parameterMap(e, z, rank, axis, 0));
  }
  return e.parallel(inputs, maps, e.sizes(x), i32,
                    [&](Emitter &e, ValueRange args) -> Values {
                      Scalars s{e, isUnsigned};
                      Value value = s.convert(args[0], i32);
                      return {z ? s.sub(value, s.convert(args[1], i32))
                                : value};
                    });
}

Value fulgur::emitRequantized(Lowering &l, Value sums,
                              ArrayRef<unsigned> scales, unsigned zero,
                              ArrayRef<int64_t> axes) {
  Emitter &e = l.e;
  int64_t rank = rankOf(sums);
  Type wide = e.builder.getF32Type(), type = l.resultElement();
  Value z = l.in(zero);
  bool isUnsigned = l.isUnsigned(zero);
  Values inputs{sums};
  SmallVector<AffineMap> maps{e.builder.getMultiDimIdentityMap(rank)};
  for (auto [i, scale] : llvm::enumerate(scales)) {
    inputs.push_back(l.in(scale));
    maps.push_back(
        parameterMap(e, l.in(scale), rank, i < axes.size() ? axes[i] : 0, 0));
  }
  inputs.push_back(z);
  maps.push_back(parameterMap(e, z, rank, 0, 0));
  return e.parallel(inputs, maps, e.sizes(sums), type,
                    [&](Emitter &e, ValueRange args) -> Values {
                      Scalars s{e};
                      Value scale = s.mul(s.convert(args[1], wide),
                                          s.convert(args[2], wide));
                      scale = s.div(scale, s.convert(args[3], wide));
                      Value value = s.mul(s.convert(args[0], wide), scale);
                      return {quantize(e, value, args[4], isUnsigned, type)};
                    });
}

static LogicalResult convertQuantize(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0), scale = l.in(1), zero = l.in(2);
  int64_t rank = rankOf(x), axis = fromFront(intAttr(l.op, "axis", 1), rank);
  int64_t block = intAttr(l.op, "block_size", 0);
  Type type = l.resultElement(), wide = e.builder.getF32Type();
  Type given = getElementTypeOrSelf(l.op->getResult(0).getType());
  Values inputs{x, scale};
  SmallVector<AffineMap> maps{e.builder.getMultiDimIdentityMap(rank),
                              parameterMap(e, scale, rank, axis, block)};
  if (zero) {
    inputs.push_back(zero);
    maps.push_back(parameterMap(e, zero, rank, axis, block));
  }
  return l.replace(e.parallel(
      inputs, maps, e.sizes(x), type,
      [&](Emitter &e, ValueRange args) -> Values {
        Scalars s{e};
        Value value = s.div(s.convert(args[0], wide), s.convert(args[1], wide));
        return {quantize(e, value, zero ? args[2] : Value(),
                         given.isUnsignedInteger(), type)};
      }));
}

static LogicalResult convertDequantize(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0), scale = l.in(1), zero = l.in(2);
  int64_t rank = rankOf(x), axis = fromFront(intAttr(l.op, "axis", 1), rank);
  int64_t block = intAttr(l.op, "block_size", 0);
  Type type = l.resultElement(), wide = e.builder.getF32Type();
  Type i32 = e.builder.getI32Type();
  bool isUnsigned = l.isUnsigned(0), isFloat = isa<FloatType>(elementType(x));
  Values inputs{x, scale};
  SmallVector<AffineMap> maps{e.builder.getMultiDimIdentityMap(rank),
                              parameterMap(e, scale, rank, axis, block)};
  if (zero && !isFloat) {
    inputs.push_back(zero);
    maps.push_back(parameterMap(e, zero, rank, axis, block));
  }
  return l.replace(e.parallel(
      inputs, maps, e.sizes(x), type,
      [&](Emitter &e, ValueRange args) -> Values {
        Scalars s{e}, stored{e, isUnsigned};
        Value value = args[0];
        if (!isFloat) {
          // The difference is exact; floats might not hold its parts.
          value = stored.convert(value, i32);
          if (zero)
            value = s.sub(value, stored.convert(args[2], i32));
        }
        value = s.mul(s.convert(value, wide), s.convert(args[1], wide));
        return {s.convert(value, type)};
      }));
}

void fulgur::populateConvertQuantizationPatterns(
    RewritePatternSet &patterns, const ONNXTypeConverter &types) {
  addLowering<onnx::QuantizeLinearOp>(patterns, types, convertQuantize);
  addLowering<onnx::DequantizeLinearOp>(patterns, types, convertDequantize);
}
