//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Normalisations: by the moments of a tensor over some axes, and softmax. All
// arithmetic is in f32, or f64 for f64, whatever the type of the elements.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"
#include "passes/Raise/ConvertONNXToLinalg/Quantization.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::floatAttr;
using fulgur::onnx::fromFront;
using fulgur::onnx::intAttr;

using Values = SmallVector<Value>;

namespace {
/// A tensor of floats, and some of its axes.
struct Axes {
  Emitter &e;
  Value x;
  int64_t rank;
  SmallVector<int64_t> axes, others;
  MixedSizes sizes, kept;
  AffineMap whole, outer;
  /// What is computed in.
  Type wide;

  Axes(Emitter &e, Value x, ArrayRef<int64_t> axes)
      : e(e), x(x), rank(rankOf(x)), axes(axes), sizes(e.sizes(x)),
        whole(e.builder.getMultiDimIdentityMap(rank)),
        wide(accumulatorType(elementType(x))) {
    for (int64_t i = 0; i < rank; ++i)
      if (!llvm::is_contained(axes, i)) {
        others.push_back(i);
        kept.push_back(sizes[i]);
      }
    outer = e.map(rank, others);
  }

  /// The number of elements that share a moment.
  Value count() const {
    OpFoldResult product = e.size(1);
    for (int64_t axis : axes)
      product = e.mul(product, sizes[axis]);
    return e.indexToFloat(e.index(product), wide);
  }
  /// Σ f(x, y) over the axes, where `y` has the other ones, if it is not null.
  Value sum(Value y, function_ref<Value(Scalars, Value, Value)> f) const {
    Values inputs{x};
    SmallVector<AffineMap> maps{whole};
    if (y) {
      inputs.push_back(y);
      maps.push_back(outer);
    }
    return e.reduce(inputs, maps, e.filled(kept, wide, 0), axes,
                    [&](Emitter &e, ValueRange args) -> Values {
                      Scalars s{e};
                      Value term =
                          f(s, s.convert(args[0], wide), y ? args[1] : Value());
                      return {s.add(args.back(), term)};
                    });
  }
  /// f of each element of a tensor without the axes.
  Value each(Value y, function_ref<Value(Scalars, Value)> f) const {
    return e.parallel(y, e.builder.getMultiDimIdentityMap(kept.size()), kept,
                      wide, [&](Emitter &e, ValueRange args) -> Values {
                        return {f(Scalars{e}, args[0])};
                      });
  }
  Value mean() const {
    Value total = sum({}, [](Scalars, Value x, Value) { return x; });
    Value n = count();
    return each(total, [&](Scalars s, Value v) { return s.div(v, n); });
  }
  /// 1 / sqrt(mean of (x − mean)² + eps); `mean` may be null, for 0.
  Value inverseDeviation(Value mean, double eps) const {
    Value squares = sum(mean, [](Scalars s, Value x, Value mean) {
      Value off = mean ? s.sub(x, mean) : x;
      return s.mul(off, off);
    });
    Value n = count();
    return each(squares, [&](Scalars s, Value v) -> Value {
      Value variance = s.add(s.div(v, n), s.e.real(eps, v.getType()));
      return math::RsqrtOp::create(s.e.builder, s.e.loc, variance);
    });
  }
};

/// (x − mean) · inverse · scale + bias, each of the four optional, as `type`.
struct Affine {
  Value mean, inverse;
  AffineMap moments;
  Value scale, bias;
  AffineMap parameters, biasMap;

  Value apply(const Axes &a, Type type) const {
    Values inputs{a.x};
    SmallVector<AffineMap> maps{a.whole};
    auto add = [&](Value value, AffineMap map) {
      if (!value)
        return;
      inputs.push_back(value);
      maps.push_back(map);
    };
    add(mean, moments);
    add(inverse, moments);
    add(scale, parameters);
    add(bias, biasMap ? biasMap : parameters);
    return a.e.parallel(inputs, maps, a.sizes, type,
                        [&](Emitter &e, ValueRange args) -> Values {
                          Scalars s{e};
                          Value value = s.convert(args[0], a.wide);
                          size_t next = 1;
                          auto take = [&] {
                            return s.convert(args[next++], a.wide);
                          };
                          if (mean)
                            value = s.sub(value, take());
                          if (inverse)
                            value = s.mul(value, take());
                          if (scale)
                            value = s.mul(value, take());
                          if (bias)
                            value = s.add(value, take());
                          return {s.convert(value, type)};
                        });
  }
};
} // namespace

static SmallVector<int64_t> range(int64_t from, int64_t to) {
  return llvm::to_vector(llvm::seq<int64_t>(from, std::max(from, to)));
}

/// The map of an operand that is broadcast to the trailing dimensions.
static AffineMap trailing(Emitter &e, Value operand, int64_t rank) {
  SmallVector<int64_t> dims = range(rank - rankOf(operand), rank);
  return e.broadcast(operand, dims, rank);
}

/// LayerNormalization and RMSNormalization: over the trailing axes.
template <bool centred> static LogicalResult convertLayerNorm(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  int64_t rank = rankOf(x);
  int64_t axis = fromFront(intAttr(l.op, "axis", -1), rank);
  Axes axes(e, x, range(axis, rank));
  Affine affine;
  affine.mean = centred ? axes.mean() : Value();
  affine.inverse =
      axes.inverseDeviation(affine.mean, floatAttr(l.op, "epsilon", 1e-5));
  affine.moments = axes.outer;
  affine.scale = l.in(1);
  affine.parameters = trailing(e, affine.scale, rank);
  if ((affine.bias = l.in(2)))
    affine.biasMap = trailing(e, affine.bias, rank);
  Values results{affine.apply(axes, l.resultElement())};
  for (unsigned i = 1; i < l.op->getNumResults(); ++i) {
    Value moment = i == 1 ? affine.mean : affine.inverse;
    if (!l.hasOutput(i)) {
      results.push_back(moment); // not looked at
      continue;
    }
    moment = e.convert(moment, l.resultElement(i));
    results.push_back(e.unsqueeze(moment, axes.axes));
  }
  return l.replace(results);
}

static LogicalResult convertBatchNorm(Lowering &l) {
  Emitter &e = l.e;
  if (intAttr(l.op, "training_mode", 0) || l.op->getNumResults() != 1)
    return l.fail("it is a training step");
  Value x = l.in(0), variance = l.in(4);
  int64_t rank = rankOf(x);
  if (rank < 2)
    return l.fail("there is no channel");
  Axes axes(e, x, {});
  double eps = floatAttr(l.op, "epsilon", 1e-5);
  Affine affine;
  affine.mean = l.in(3);
  affine.inverse =
      e.parallel(variance, e.map(1, {0}), e.sizes(variance), axes.wide,
                 [&](Emitter &e, ValueRange args) -> Values {
                   Scalars s{e};
                   Value sum = s.add(s.convert(args[0], axes.wide),
                                     e.real(eps, axes.wide));
                   return {math::RsqrtOp::create(e.builder, e.loc, sum)};
                 });
  affine.scale = l.in(1);
  affine.bias = l.in(2);
  affine.moments = affine.parameters = e.map(rank, {1});
  return l.replace(affine.apply(axes, l.resultElement()));
}

static LogicalResult convertInstanceNorm(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  int64_t rank = rankOf(x);
  if (rank < 2)
    return l.fail("there is no channel");
  Axes axes(e, x, range(2, rank));
  Affine affine;
  affine.mean = axes.mean();
  affine.inverse =
      axes.inverseDeviation(affine.mean, floatAttr(l.op, "epsilon", 1e-5));
  affine.moments = axes.outer;
  affine.scale = l.in(1);
  affine.bias = l.in(2);
  affine.parameters = e.map(rank, {1});
  return l.replace(affine.apply(axes, l.resultElement()));
}

/// The channels in groups, each of which has its moments.
static LogicalResult convertGroupNorm(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  int64_t rank = rankOf(x), groups = intAttr(l.op, "num_groups", 1);
  if (rank < 2)
    return l.fail("there is no channel");
  MixedSizes sizes = e.sizes(x);
  OpFoldResult count = e.size(groups), width = e.div(sizes[1], count);
  MixedSizes split = sizes;
  split[1] = count;
  split.insert(split.begin() + 2, width);
  SmallVector<ReassociationIndices> grouping{{0}, {1, 2}};
  for (int64_t i = 2; i < rank; ++i)
    grouping.push_back({i + 1});
  auto splitRow = [&](Value row) {
    return e.expand(row, ArrayRef<ReassociationIndices>{{0, 1}},
                    {count, width});
  };
  Axes axes(e, e.expand(x, grouping, split), range(2, rank + 1));
  Affine affine;
  affine.mean = axes.mean();
  affine.inverse =
      axes.inverseDeviation(affine.mean, floatAttr(l.op, "epsilon", 1e-5));
  affine.moments = axes.outer;
  affine.scale = splitRow(l.in(1));
  affine.bias = splitRow(l.in(2));
  affine.parameters = e.map(rank + 1, {1, 2});
  Value result = affine.apply(axes, l.resultElement());
  return l.replace(e.collapse(result, grouping));
}

/// x / |x|, and 0 where all of x is.
static LogicalResult convertLpNorm(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  bool isEuclidean = intAttr(l.op, "p", 2) == 2;
  Axes axes(e, x, fromFront(intAttr(l.op, "axis", -1), rankOf(x)));
  Value norm = axes.sum({}, [&](Scalars s, Value x, Value) {
    return isEuclidean ? s.mul(x, x) : s.abs(x);
  });
  Affine affine;
  affine.inverse = axes.each(norm, [&](Scalars s, Value total) -> Value {
    Value one = s.e.real(1, axes.wide), zero = s.e.real(0, axes.wide);
    Value length =
        isEuclidean
            ? math::SqrtOp::create(s.e.builder, s.e.loc, total).getResult()
            : total;
    return s.select(s.equal(total, zero), zero, s.div(one, length));
  });
  affine.moments = axes.outer;
  return l.replace(affine.apply(axes, l.resultElement()));
}

/// exp(x − max) over its sum, or the logarithm of that.
template <bool logarithm> static LogicalResult convertSoftmax(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  int64_t rank = rankOf(x);
  if (rank == 0)
    return l.fail("there is no axis");
  Axes axes(e, x, fromFront(intAttr(l.op, "axis", -1), rank));
  Type wide = axes.wide, type = l.resultElement();
  Value lowest = Scalars{e}.lowest(wide);
  Value maximum =
      e.reduce(x, axes.whole, e.filled(axes.kept, lowest), axes.axes,
               [&](Emitter &e, ValueRange args) -> Values {
                 Scalars s{e};
                 return {s.max(s.convert(args[0], wide), args[1])};
               });
  Value powers =
      e.parallel({x, maximum}, {axes.whole, axes.outer}, axes.sizes, wide,
                 [&](Emitter &e, ValueRange args) -> Values {
                   Scalars s{e};
                   Value off = s.sub(s.convert(args[0], wide), args[1]);
                   if (logarithm)
                     return {off};
                   return {math::ExpOp::create(e.builder, e.loc, off)};
                 });
  Axes terms(e, powers, axes.axes);
  Value sum = terms.sum({}, [](Scalars s, Value x, Value) -> Value {
    return logarithm ? math::ExpOp::create(s.e.builder, s.e.loc, x).getResult()
                     : x;
  });
  if (logarithm)
    sum = terms.each(sum, [](Scalars s, Value v) -> Value {
      return math::LogOp::create(s.e.builder, s.e.loc, v);
    });
  return l.replace(
      e.parallel({powers, sum}, {axes.whole, axes.outer}, axes.sizes, type,
                 [&](Emitter &e, ValueRange args) -> Values {
                   Scalars s{e};
                   Value result = logarithm ? s.sub(args[0], args[1])
                                            : s.div(args[0], args[1]);
                   return {s.convert(result, type)};
                 }));
}

/// x / (bias + alpha · mean of x² over some channels around)^beta.
static LogicalResult convertLRN(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  int64_t rank = rankOf(x), width = intAttr(l.op, "size", 1);
  if (rank < 2)
    return l.fail("there is no channel");
  Axes axes(e, x, {});
  Type wide = axes.wide, type = l.resultElement();
  double alpha = floatAttr(l.op, "alpha", 1e-4) / width;
  double beta = floatAttr(l.op, "beta", 0.75),
         bias = floatAttr(l.op, "bias", 1);
  MixedSizes padded = axes.sizes, offsets(rank, e.size(0));
  padded[1] = e.add(padded[1], e.size(width - 1));
  offsets[1] = e.size((width - 1) / 2);
  Value zeros = e.filled(padded, e.real(0, wide));
  Value image = e.copyInto(e.convert(x, wide), zeros, offsets);
  // The last loop is over the channels around; an empty tensor has its extent.
  SmallVector<AffineExpr> exprs;
  for (int64_t i = 0; i < rank; ++i)
    exprs.push_back(e.builder.getAffineDimExpr(i));
  exprs[1] = exprs[1] + e.builder.getAffineDimExpr(rank);
  Value extent = e.empty({e.size(width)}, e.builder.getI1Type());
  Value sums = e.reduce({image, extent},
                        {AffineMap::get(rank + 1, 0, exprs, l.op->getContext()),
                         e.map(rank + 1, rank)},
                        e.filled(axes.sizes, wide, 0), rank,
                        [&](Emitter &e, ValueRange args) -> Values {
                          Scalars s{e};
                          return {s.add(s.mul(args[0], args[0]), args[2])};
                        });
  return l.replace(e.parallel(
      {x, sums}, {axes.whole, axes.whole}, axes.sizes, type,
      [&](Emitter &e, ValueRange args) -> Values {
        Scalars s{e};
        Value base =
            s.add(e.real(bias, wide), s.mul(e.real(alpha, wide), args[1]));
        Value power =
            math::PowFOp::create(e.builder, e.loc, base, e.real(beta, wide));
        return {s.convert(s.div(s.convert(args[0], wide), power), type)};
      }));
}

/// 1 at the first maximum, 0 elsewhere.
static LogicalResult convertHardmax(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  int64_t rank = rankOf(x);
  if (rank == 0)
    return l.fail("there is no axis");
  int64_t axis = fromFront(intAttr(l.op, "axis", -1), rank);
  Axes axes(e, x, axis);
  Type type = elementType(x), index = e.builder.getIndexType();
  Values first =
      e.reduce(x, axes.whole,
               Values{e.filled(axes.kept, Scalars{e}.lowest(type)),
                      e.filled(axes.kept, e.index(0))},
               axes.axes, [&](Emitter &e, ValueRange args) -> Values {
                 Scalars s{e};
                 Value better = s.less(args[1], args[0]);
                 Value here =
                     linalg::IndexOp::create(e.builder, e.loc, index, axis);
                 return {s.select(better, args[0], args[1]),
                         s.select(better, here, args[2])};
               });
  return l.replace(e.parallel(
      first[1], axes.outer, axes.sizes, type,
      [&](Emitter &e, ValueRange args) -> Values {
        Scalars s{e};
        Value here = linalg::IndexOp::create(e.builder, e.loc, index, axis);
        return {
            s.select(s.equal(here, args[0]), e.real(1, type), e.real(0, type))};
      }));
}

void fulgur::populateConvertNormalizationPatterns(
    RewritePatternSet &patterns, const ONNXTypeConverter &types) {
  addLowering<onnx::LayerNormalizationOp>(patterns, types,
                                          convertLayerNorm<true>);
  addLowering<onnx::RMSNormalizationOp>(patterns, types,
                                        convertLayerNorm<false>);
  addLowering<onnx::BatchNormalizationOp>(patterns, types, convertBatchNorm);
  addLowering<onnx::InstanceNormalizationOp>(patterns, types,
                                             convertInstanceNorm);
  addLowering<onnx::GroupNormalizationOp>(patterns, types, convertGroupNorm);
  addLowering<onnx::LpNormalizationOp>(patterns, types, convertLpNorm);
  addLowering<onnx::LRNOp>(patterns, types, convertLRN);
  addLowering<onnx::SoftmaxOp>(patterns, types, convertSoftmax<false>);
  addLowering<onnx::LogSoftmaxOp>(patterns, types, convertSoftmax<true>);
  addLowering<onnx::HardmaxOp>(patterns, types, convertHardmax);
  populateConvertQuantizationPatterns(patterns, types);
}
