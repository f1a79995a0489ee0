//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Samples an image at the places of a grid, whose coordinates run from −1 to 1,
// that of the last dimension first.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Interpolation.h"
#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::intAttr;
using fulgur::onnx::stringAttr;

using Values = SmallVector<Value>;

namespace {
struct Sampler {
  Interpolation mode;
  /// What is beyond the image: zeros, its border, or its reflection.
  StringRef padding;
  bool aligned;
  Value x;
  MixedSizes image;
  Type real;

  Value place(Emitter &e, Value coordinate, Value length) const;
  Value clamp(Emitter &e, Value place, Value length) const;
  Value reflect(Emitter &e, Value place, Value length) const;
  Value sample(Emitter &e, ArrayRef<Value> leading, ValueRange places) const;
};
} // namespace

/// The place in the image, counted in elements.
Value Sampler::place(Emitter &e, Value coordinate, Value length) const {
  Scalars s{e};
  Value one = e.real(1, real), half = e.real(0.5, real);
  Value up = s.add(s.convert(coordinate, real), one);
  return aligned ? s.mul(s.mul(up, half), s.sub(length, one))
                 : s.mul(s.sub(s.mul(up, length), one), half);
}

Value Sampler::clamp(Emitter &e, Value place, Value length) const {
  Scalars s{e};
  Value last = s.sub(length, e.real(1, real));
  return s.max(e.real(0, real), s.min(place, last));
}

/// Folds the line at the edges of the image until the place is inside of it.
Value Sampler::reflect(Emitter &e, Value place, Value length) const {
  Scalars s{e};
  Value low = e.real(aligned ? 0 : -0.5, real);
  Value range = aligned ? s.sub(length, e.real(1, real)) : length;
  Value distance = s.abs(s.sub(place, low));
  Value turns = math::FloorOp::create(e.builder, e.loc, s.div(distance, range));
  Value rest = s.sub(distance, s.mul(turns, range));
  Value half = s.mul(turns, e.real(0.5, real));
  Value isEven = s.equal(half, math::FloorOp::create(e.builder, e.loc, half));
  Value folded = s.add(low, s.select(isEven, rest, s.sub(range, rest)));
  // An image of one element has no range to fold.
  return s.select(s.less(e.real(0, real), range), folded, e.real(0, real));
}

/// The sum over the neighbours in all dimensions, one after the other.
Value Sampler::sample(Emitter &e, ArrayRef<Value> leading,
                      ValueRange places) const {
  Scalars s{e};
  size_t rank = places.size();
  SmallVector<Value> lengths, wholes;
  SmallVector<Values> weights;
  for (auto [i, place] : llvm::enumerate(places)) {
    lengths.push_back(e.indexToFloat(e.index(image[2 + i]), real));
    wholes.push_back(
        mode == Interpolation::Nearest
            ? place
            : math::FloorOp::create(e.builder, e.loc, place).getResult());
    weights.push_back(
        interpolationWeights(e, mode, s.sub(place, wholes[i]), -0.75));
  }
  Values at(leading);
  std::function<Value(size_t, Value)> sum = [&](size_t dim,
                                                Value visible) -> Value {
    if (dim == rank) {
      Value element =
          s.convert(tensor::ExtractOp::create(e.builder, e.loc, x, at), real);
      return visible ? s.select(visible, element, e.real(0, real)) : element;
    }
    Value total;
    for (auto [i, weight] : llvm::enumerate(weights[dim])) {
      double offset = static_cast<double>(i) - firstNeighbour(mode);
      Value tap = s.add(wholes[dim], e.real(offset, real));
      Value inside = clamp(
          e, padding == "reflection" ? reflect(e, tap, lengths[dim]) : tap,
          lengths[dim]);
      Value seen = visible;
      if (padding == "zeros") {
        seen = s.equal(tap, inside);
        if (visible)
          seen = arith::AndIOp::create(e.builder, e.loc, visible, seen);
      }
      at.push_back(toIndex(e, inside));
      Value term = s.mul(sum(dim + 1, seen), weight);
      at.pop_back();
      total = total ? s.add(total, term) : term;
    }
    return total;
  };
  return sum(0, {});
}

static LogicalResult convertGridSample(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0), grid = l.in(1);
  int64_t rank = rankOf(x), spatial = rank - 2;
  if (spatial < 1 || rankOf(grid) != rank)
    return l.fail("expected a grid with the rank of the image");
  StringRef mode = stringAttr(l.op, "mode", "linear");
  Type type = l.resultElement();
  Sampler sampler{mode == "nearest" ? Interpolation::Nearest
                  : mode == "cubic" || mode == "bicubic"
                      ? Interpolation::Cubic
                      : Interpolation::Linear,
                  stringAttr(l.op, "padding_mode", "zeros"),
                  intAttr(l.op, "align_corners", 0) != 0,
                  x,
                  e.sizes(x),
                  accumulatorType(elementType(x))};
  MixedSizes sizes{sampler.image[0], sampler.image[1]};
  for (int64_t i = 1; i <= spatial; ++i)
    sizes.push_back(e.size(grid, i));
  Type real = sampler.real;
  auto body = [&](Emitter &e, ValueRange) -> Values {
    Scalars s{e};
    Values index;
    for (int64_t dim = 0; dim < rank; ++dim)
      index.push_back(linalg::IndexOp::create(e.builder, e.loc, dim));
    Values where{index[0]}, places;
    where.append(index.begin() + 2, index.end());
    for (int64_t i = 0; i < spatial; ++i) {
      where.push_back(e.index(spatial - 1 - i));
      Value coordinate =
          tensor::ExtractOp::create(e.builder, e.loc, grid, where);
      where.pop_back();
      Value length = e.indexToFloat(e.index(sampler.image[2 + i]), real);
      Value place = sampler.place(e, coordinate, length);
      // NaN is nowhere; any place in the image will do.
      place = s.select(s.isNaN(place), e.real(0, real), place);
      if (sampler.mode == Interpolation::Nearest)
        place = math::RoundEvenOp::create(e.builder, e.loc, place);
      if (sampler.padding == "border")
        place = sampler.clamp(e, place, length);
      if (sampler.padding == "reflection")
        place = sampler.reflect(e, place, length);
      places.push_back(place);
    }
    return {s.convert(sampler.sample(e, {index[0], index[1]}, places), type)};
  };
  return l.replace(e.parallel(ValueRange(), {}, sizes, type, body));
}

void fulgur::populateConvertGridSamplePatterns(RewritePatternSet &patterns,
                                               const ONNXTypeConverter &types) {
  addLowering<onnx::GridSampleOp>(patterns, types, convertGridSample);
}
