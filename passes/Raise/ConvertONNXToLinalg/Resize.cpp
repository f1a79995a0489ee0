//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Resizing images, one axis after the other: an element of the result is a
// weighted sum of a few neighbours along the axis.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Interpolation.h"
#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::floatAttr;
using fulgur::onnx::fromFront;
using fulgur::onnx::intAttr;
using fulgur::onnx::intsAttr;
using fulgur::onnx::stringAttr;

using Values = SmallVector<Value>;

static Interpolation parseMode(StringRef text) {
  return llvm::StringSwitch<Interpolation>(text)
      .Case("linear", Interpolation::Linear)
      .Case("cubic", Interpolation::Cubic)
      .Default(Interpolation::Nearest);
}

namespace {
/// One axis that is resized.
struct Axis {
  int64_t dim;
  OpFoldResult in, out;
  Value scale;
  /// Where the crop starts and ends, for tf_crop_and_resize.
  Value start, end;
};

/// Emits floating-point arithmetic in f32.
struct Resizer {
  Lowering &l;
  Interpolation mode;
  StringRef nearest, coordinates;
  Type real;

  explicit Resizer(Lowering &l)
      : l(l), mode(parseMode(stringAttr(l.op, "mode", "nearest"))),
        nearest(stringAttr(l.op, "nearest_mode", "round_prefer_floor")),
        coordinates(
            stringAttr(l.op, "coordinate_transformation_mode", "half_pixel")),
        real(l.e.builder.getF32Type()) {}

  bool crops() const { return coordinates == "tf_crop_and_resize"; }
  Value sizeOf(Emitter &e, OpFoldResult size) const {
    return e.indexToFloat(e.index(size), real);
  }
  Value element(unsigned input, int64_t index) const {
    return tensor::ExtractOp::create(l.e.builder, l.e.loc, l.in(input),
                                     l.e.index(index));
  }

  FailureOr<SmallVector<Axis>> readAxes() const;
  void readSizes(SmallVectorImpl<Axis> &axes) const;
  Value position(Emitter &e, const Axis &axis, Value at) const;
  Value nearestIndex(Emitter &e, Value position) const;
  Value resize(Value x, const Axis &axis) const;
  Value extrapolate(Value resized, ArrayRef<Axis> axes) const;
};
} // namespace

static OpFoldResult toSize(Emitter &e, Value integer) {
  return arith::IndexCastOp::create(e.builder, e.loc, e.builder.getIndexType(),
                                    integer)
      .getResult();
}

/// The sizes of the result from those that are asked for, which may be bounds
/// that keep the ratio of the axes.
void Resizer::readSizes(SmallVectorImpl<Axis> &axes) const {
  Emitter &e = l.e;
  Scalars s{e};
  StringRef policy = stringAttr(l.op, "keep_aspect_ratio_policy", "stretch");
  Value common;
  for (auto [i, axis] : llvm::enumerate(axes)) {
    Value size = element(3, i);
    axis.out = toSize(e, size);
    axis.scale = s.div(sizeOf(e, axis.out), sizeOf(e, axis.in));
    common = !common                   ? axis.scale
             : policy == "not_smaller" ? s.max(common, axis.scale)
                                       : s.min(common, axis.scale);
  }
  if (policy == "stretch")
    return;
  for (Axis &axis : axes) {
    axis.scale = common;
    Value size = s.add(s.mul(common, sizeOf(e, axis.in)), e.real(0.5, real));
    size = s.convert(math::FloorOp::create(e.builder, e.loc, size),
                     e.builder.getI64Type());
    axis.out = toSize(e, size);
  }
}

FailureOr<SmallVector<Axis>> Resizer::readAxes() const {
  Emitter &e = l.e;
  Scalars s{e};
  Value x = l.in(0), given = l.in(2) ? l.in(2) : l.in(3);
  int64_t rank = rankOf(x);
  SmallVector<Axis> axes;
  std::optional<ArrayRef<int64_t>> dims = intsAttr(l.op, "axes");
  for (int64_t i = 0, n = dims ? dims->size() : rank; i < n; ++i) {
    int64_t dim = dims ? fromFront((*dims)[i], rank) : i;
    axes.push_back({dim, e.size(x, dim), {}, {}, {}, {}});
  }
  if (!given || tensorType(given).getRank() != 1 ||
      tensorType(given).getDimSize(0) != static_cast<int64_t>(axes.size()))
    return l.fail("expected one scale or size for each axis");
  if (crops() && !l.in(1))
    return l.fail("the region to crop is missing");
  if (l.in(2)) {
    for (auto [i, axis] : llvm::enumerate(axes)) {
      axis.scale = element(2, i);
      Value size = s.mul(axis.scale, sizeOf(e, axis.in));
      size = s.convert(math::FloorOp::create(e.builder, e.loc, size),
                       e.builder.getI64Type());
      axis.out = toSize(e, size);
    }
  } else {
    readSizes(axes);
  }
  auto type = dyn_cast<RankedTensorType>(l.op->getResult(0).getType());
  for (auto [i, axis] : llvm::enumerate(axes)) {
    if (type && !type.isDynamicDim(axis.dim))
      axis.out = e.size(type.getDimSize(axis.dim));
    if (crops()) {
      axis.start = s.convert(element(1, i), real);
      axis.end = s.convert(element(1, axes.size() + i), real);
    }
  }
  return axes;
}

/// The place in the operand that element `at` of the result shows.
Value Resizer::position(Emitter &e, const Axis &axis, Value at) const {
  Scalars s{e};
  Value x = e.indexToFloat(at, real), one = e.real(1, real);
  Value half = e.real(0.5, real), zero = e.real(0, real);
  Value in = sizeOf(e, axis.in), out = sizeOf(e, axis.out);
  Value many = s.less(one, out);
  auto centre = [&] { return s.sub(s.div(s.add(x, half), axis.scale), half); };
  if (coordinates == "asymmetric")
    return s.div(x, axis.scale);
  if (coordinates == "pytorch_half_pixel")
    return s.select(many, centre(), zero);
  if (coordinates == "align_corners") {
    Value length = s.mul(axis.scale, in);
    Value ratio = s.div(s.sub(in, one), s.sub(length, one));
    return s.select(many, s.mul(x, ratio), zero);
  }
  if (coordinates == "half_pixel_symmetric") {
    Value adjust = s.div(out, s.mul(axis.scale, in));
    Value offset = s.mul(s.mul(in, half), s.sub(one, adjust));
    return s.add(offset, centre());
  }
  if (crops()) {
    Value last = s.sub(in, one), span = s.sub(axis.end, axis.start);
    Value step = s.div(s.mul(span, last), s.sub(out, one));
    Value spread = s.add(s.mul(axis.start, last), s.mul(x, step));
    Value middle = s.mul(s.mul(s.add(axis.start, axis.end), half), last);
    return s.select(many, spread, middle);
  }
  return centre();
}

/// The whole number that `nearest_mode` rounds to.
Value Resizer::nearestIndex(Emitter &e, Value x) const {
  Scalars s{e};
  Value half = e.real(0.5, real);
  auto floor = [&](Value v) -> Value {
    return math::FloorOp::create(e.builder, e.loc, v);
  };
  auto ceil = [&](Value v) -> Value {
    return math::CeilOp::create(e.builder, e.loc, v);
  };
  return nearest == "floor"               ? floor(x)
         : nearest == "ceil"              ? ceil(x)
         : nearest == "round_prefer_ceil" ? floor(s.add(x, half))
                                          : ceil(s.sub(x, half));
}

Value Resizer::resize(Value x, const Axis &axis) const {
  MixedSizes sizes = l.e.sizes(x);
  int64_t rank = sizes.size();
  sizes[axis.dim] = axis.out;
  Type type = elementType(x);
  bool excludes = intAttr(l.op, "exclude_outside", 0);
  int64_t before = firstNeighbour(mode);
  double a = floatAttr(l.op, "cubic_coeff_a", -0.75);
  auto body = [&](Emitter &e, ValueRange) -> Values {
    Scalars s{e};
    Values at;
    for (int64_t dim = 0; dim < rank; ++dim)
      at.push_back(linalg::IndexOp::create(e.builder, e.loc, dim));
    Value place = position(e, axis, at[axis.dim]);
    Value whole =
        mode == Interpolation::Nearest
            ? nearestIndex(e, place)
            : math::FloorOp::create(e.builder, e.loc, place).getResult();
    Value first = toIndex(e, whole);
    Value end = e.index(axis.in), last = s.sub(end, e.index(1));
    Value total, sum;
    for (auto [i, weight] : llvm::enumerate(
             interpolationWeights(e, mode, s.sub(place, whole), a))) {
      Value tap = s.add(first, e.index(static_cast<int64_t>(i) - before));
      Value inside = s.max(e.index(0), s.min(tap, last));
      at[axis.dim] = inside;
      Value element = tensor::ExtractOp::create(e.builder, e.loc, x, at);
      if (mode == Interpolation::Nearest)
        return {element};
      if (excludes)
        weight = s.select(s.equal(tap, inside), weight, e.real(0, real));
      Value term = s.mul(s.convert(element, real), weight);
      total = total ? s.add(total, term) : term;
      sum = sum ? s.add(sum, weight) : weight;
    }
    if (excludes)
      total = s.div(total, sum);
    return {s.convert(total, type)};
  };
  return l.e.parallel(ValueRange(), {}, sizes, type, body);
}

/// A fixed value wherever the place is outside of the operand.
Value Resizer::extrapolate(Value resized, ArrayRef<Axis> axes) const {
  double value = floatAttr(l.op, "extrapolation_value", 0);
  Type type = elementType(resized);
  MixedSizes sizes = l.e.sizes(resized);
  AffineMap identity = l.e.builder.getMultiDimIdentityMap(sizes.size());
  return l.e.parallel(
      resized, identity, sizes, type,
      [&](Emitter &e, ValueRange args) -> Values {
        Scalars s{e};
        Value result = args[0], other = e.number(value, type);
        for (const Axis &axis : axes) {
          Value at = linalg::IndexOp::create(e.builder, e.loc, axis.dim);
          Value place = position(e, axis, at), zero = e.real(0, real);
          Value last = s.sub(sizeOf(e, axis.in), e.real(1, real));
          result = s.select(s.less(place, zero), other, result);
          result = s.select(s.less(last, place), other, result);
        }
        return {result};
      });
}

static LogicalResult convertResize(Lowering &l) {
  Resizer resizer(l);
  if (intAttr(l.op, "antialias", 0))
    return l.fail("antialiasing is not supported");
  FailureOr<SmallVector<Axis>> axes = resizer.readAxes();
  if (failed(axes))
    return failure();
  Value x = l.in(0);
  for (const Axis &axis : *axes) {
    // From one element to one: the same, wherever it is sampled.
    if (isConstantIntValue(axis.in, 1) && isConstantIntValue(axis.out, 1))
      continue;
    x = resizer.resize(x, axis);
  }
  return l.replace(resizer.crops() ? resizer.extrapolate(x, *axes) : x);
}

void fulgur::populateConvertResizePatterns(RewritePatternSet &patterns,
                                           const ONNXTypeConverter &types) {
  addLowering<onnx::ResizeOp>(patterns, types, convertResize);
}
