//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tensors from nothing but sizes and numbers.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::intAttr;

using Values = SmallVector<Value>;

static LogicalResult convertConstantOfShape(Lowering &l) {
  Emitter &e = l.e;
  std::optional<MixedSizes> sizes = l.sizesInput(0);
  if (!sizes)
    return l.fail("the rank of the result is not known");
  RankedTensorType type = l.outputType();
  for (auto [dim, size] : llvm::enumerate(*sizes))
    if (!type.isDynamicDim(dim))
      size = e.size(type.getDimSize(dim));
  Type element = type.getElementType();
  TypedAttr value = e.builder.getZeroAttr(element);
  if (auto given = l.op->getAttrOfType<DenseElementsAttr>("value")) {
    if (auto real = dyn_cast<FloatType>(element))
      value = FloatAttr::get(real, given.getSplatValue<APFloat>());
    else
      value = IntegerAttr::get(element, given.getSplatValue<APInt>());
  }
  Value scalar = arith::ConstantOp::create(e.builder, e.loc, value);
  return l.replace(e.filled(*sizes, scalar));
}

/// start, start + delta, … up to limit, which is not reached.
static LogicalResult convertRange(Lowering &l) {
  Emitter &e = l.e;
  Value start = l.onlyElement(l.in(0)), limit = l.onlyElement(l.in(1)),
        delta = l.onlyElement(l.in(2));
  Type type = start.getType(), i64 = e.builder.getI64Type();
  Scalars s{e};
  Value count;
  if (isa<FloatType>(type)) {
    Value steps = s.div(s.sub(limit, start), delta);
    steps = math::CeilOp::create(e.builder, e.loc, steps);
    count = s.convert(steps, i64);
  } else {
    Value from = s.convert(start, i64), by = s.convert(delta, i64);
    Value span = s.sub(s.convert(limit, i64), from);
    // Away from zero: span / delta rounded up where they have the same sign.
    Value one = e.number(1, i64), zero = e.number(0, i64);
    Value edge = s.select(s.less(zero, by), s.sub(by, one), s.add(by, one));
    count = s.div(s.add(span, edge), by);
  }
  count = s.max(count, e.number(0, i64));
  OpFoldResult size = arith::IndexCastOp::create(
                          e.builder, e.loc, e.builder.getIndexType(), count)
                          .getResult();
  RankedTensorType result = l.outputType();
  if (!result.isDynamicDim(0))
    size = e.size(result.getDimSize(0));
  return l.replace(
      e.parallel(ValueRange(), {}, MixedSizes{size}, type,
                 [&](Emitter &e, ValueRange) -> Values {
                   Scalars s{e};
                   Value loop = linalg::IndexOp::create(e.builder, e.loc, 0);
                   Value step = arith::IndexCastOp::create(
                       e.builder, e.loc, e.builder.getI64Type(), loop);
                   return {s.add(start, s.mul(s.convert(step, type), delta))};
                 }));
}

static LogicalResult convertEyeLike(Lowering &l) {
  Emitter &e = l.e;
  int64_t k = intAttr(l.op, "k", 0);
  Type type = l.resultElement();
  return l.replace(e.parallel(
      ValueRange(), {}, e.sizes(l.in(0)), type,
      [&](Emitter &e, ValueRange) -> Values {
        Scalars s{e};
        Value row = linalg::IndexOp::create(e.builder, e.loc, 0);
        Value column = linalg::IndexOp::create(e.builder, e.loc, 1);
        Value isOne = s.equal(s.add(row, e.index(k)), column);
        return {s.select(isOne, e.number(1, type), e.number(0, type))};
      }));
}

void fulgur::populateConvertCreationPatterns(RewritePatternSet &patterns,
                                             const ONNXTypeConverter &types) {
  addLowering<onnx::ConstantOfShapeOp>(patterns, types, convertConstantOfShape);
  addLowering<onnx::RangeOp>(patterns, types, convertRange);
  addLowering<onnx::EyeLikeOp>(patterns, types, convertEyeLike);
}
