//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reductions over axes. The axes may be known at run time only, when their
// number is not: then every element of the operand finds its place in the
// result by arithmetic on indices.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantInts;
using fulgur::onnx::fromFront;
using fulgur::onnx::intAttr;

using Values = SmallVector<Value>;

namespace {
enum class Kind {
  Sum,
  Mean,
  Max,
  Min,
  Prod,
  L1,
  L2,
  LogSum,
  LogSumExp,
  SumSquare
};

/// What a reduction does to its elements.
struct Reducer {
  Kind kind;
  bool isUnsigned;
  /// The type that the reduction is carried out in.
  Type type;

  Reducer(Kind kind, bool isUnsigned, Type element)
      : kind(kind), isUnsigned(isUnsigned),
        type(isa<FloatType>(element) ? accumulatorType(element) : element) {}

  Value init(Emitter &e) const {
    Scalars s{e, isUnsigned};
    return kind == Kind::Max    ? s.lowest(type)
           : kind == Kind::Min  ? s.highest(type)
           : kind == Kind::Prod ? e.number(1, type)
                                : e.number(0, type);
  }

  /// The value so far, with one more element.
  Value combine(Emitter &e, Value element, Value soFar) const {
    Scalars s{e, isUnsigned};
    Value x = s.convert(element, type);
    switch (kind) {
    case Kind::Max:
      return s.max(x, soFar);
    case Kind::Min:
      return s.min(x, soFar);
    case Kind::Prod:
      return s.mul(x, soFar);
    case Kind::L1:
      return s.add(s.abs(x), soFar);
    case Kind::L2:
    case Kind::SumSquare:
      return s.add(s.mul(x, x), soFar);
    default:
      return s.add(x, soFar);
    }
  }

  bool needsFinish(Type to) const {
    return type != to || kind == Kind::Mean || kind == Kind::L2 ||
           kind == Kind::LogSum;
  }

  /// The result from the whole set, which has `count` elements.
  Value finish(Emitter &e, Value total, Value count, Type to) const {
    Scalars s{e, isUnsigned};
    // Roots and logarithms of integers are taken of floats.
    Type real = isa<FloatType>(type) ? type : Type(e.builder.getF64Type());
    if (kind == Kind::L2)
      total = math::SqrtOp::create(e.builder, e.loc, s.convert(total, real));
    if (kind == Kind::LogSum)
      total = math::LogOp::create(e.builder, e.loc, s.convert(total, real));
    if (kind == Kind::Mean)
      total = s.div(
          total, isa<FloatType>(type)
                     ? e.indexToFloat(count, type)
                     : arith::IndexCastOp::create(e.builder, e.loc, type, count)
                           .getResult());
    return s.convert(total, to);
  }
};
} // namespace

/// The axes that are reduced if they are known, in order.
static std::optional<SmallVector<int64_t>> knownAxes(Lowering &l,
                                                     int64_t rank) {
  SmallVector<int64_t> axes;
  if (Value given = onnx::input(l.op, 1)) {
    RankedTensorType type = tensorType(given);
    if (type && type.hasStaticShape() && type.getNumElements() == 0) {
      // As if not given.
    } else if (auto constant = constantInts(given)) {
      for (int64_t axis : *constant)
        axes.push_back(fromFront(axis, rank));
      llvm::sort(axes);
      return axes;
    } else {
      return std::nullopt;
    }
  }
  if (!intAttr(l.op, "noop_with_empty_axes", 0))
    axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  return axes;
}

/// Reduces `axes` of `x`; the result has the other dimensions.
static Value reduceAxes(Emitter &e, Value x, ArrayRef<int64_t> axes,
                        const Reducer &reducer, Type to) {
  MixedSizes kept;
  OpFoldResult count = e.size(1);
  MixedSizes sizes = e.sizes(x);
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    if (llvm::is_contained(axes, static_cast<int64_t>(dim)))
      count = e.mul(count, size);
    else
      kept.push_back(size);
  }
  AffineMap identity = e.builder.getMultiDimIdentityMap(sizes.size());
  Value total = e.reduce(x, identity, e.filled(kept, reducer.init(e)), axes,
                         [&](Emitter &e, ValueRange args) -> Values {
                           return {reducer.combine(e, args[0], args[1])};
                         });
  if (!reducer.needsFinish(to))
    return total;
  Value number = e.index(count);
  return e.parallel(total, e.builder.getMultiDimIdentityMap(kept.size()), kept,
                    to, [&](Emitter &e, ValueRange args) -> Values {
                      return {reducer.finish(e, args[0], number, to)};
                    });
}

/// exp(element − maximum); infinite maxima count as 0, lest ∞ − ∞ be NaN.
static Value expBelow(Emitter &e, Value element, Value maximum) {
  Scalars s{e};
  Type type = maximum.getType();
  Value isFinite = s.less(s.abs(maximum), s.highest(type));
  maximum = s.select(isFinite, maximum, e.real(0, type));
  Value off = s.sub(s.convert(element, type), maximum);
  return math::ExpOp::create(e.builder, e.loc, off);
}

/// log Σ exp(x) from Σ exp(x − maximum).
static Value finishLogSumExp(Emitter &e, Value sum, Value maximum, Type to) {
  AffineMap identity = e.builder.getMultiDimIdentityMap(rankOf(sum));
  return e.parallel(
      {sum, maximum}, {identity, identity}, e.sizes(sum), to,
      [&](Emitter &e, ValueRange args) -> Values {
        Scalars s{e};
        Value log = math::LogOp::create(e.builder, e.loc, args[0]);
        Value isFinite = s.less(s.abs(args[1]), s.highest(args[1].getType()));
        Value total = s.select(isFinite, s.add(log, args[1]), log);
        return {s.convert(total, to)};
      });
}

/// log Σ exp(x), with the maximum taken out first so that nothing overflows.
static Value reduceLogSumExp(Emitter &e, Value x, ArrayRef<int64_t> axes,
                             Type type, Type to) {
  Value maximum = reduceAxes(e, x, axes, Reducer(Kind::Max, false, type), type);
  int64_t rank = rankOf(x);
  SmallVector<int64_t> kept;
  for (int64_t i = 0; i < rank; ++i)
    if (!llvm::is_contained(axes, i))
      kept.push_back(i);
  Value sum = e.reduce(
      {x, maximum}, {e.builder.getMultiDimIdentityMap(rank), e.map(rank, kept)},
      e.filled(e.sizes(maximum), type, 0), axes,
      [&](Emitter &e, ValueRange args) -> Values {
        Value power = expBelow(e, args[0], args[1]);
        return {arith::AddFOp::create(e.builder, e.loc, power, args[2])};
      });
  return finishLogSumExp(e, sum, maximum, to);
}

namespace {
/// Where the elements of an operand go when its axes are known at run time.
struct RuntimeAxes {
  Emitter &e;
  MixedSizes sizes;
  /// For each dimension: whether it is reduced, and how many before it are not.
  Values reduced, position;
  int64_t resultRank;
  bool keep;

  RuntimeAxes(Emitter &e, Value x, Value axes, bool keep)
      : e(e), sizes(e.sizes(x)), keep(keep) {
    int64_t rank = sizes.size(), count = tensorType(axes).getNumElements();
    resultRank = keep ? rank : rank - count;
    Value before = e.index(0);
    for (int64_t dim = 0; dim < rank; ++dim) {
      Value any;
      for (int64_t i = 0; i < count; ++i) {
        Value axis = tensor::ExtractOp::create(
            e.builder, e.loc, axes,
            rankOf(axes) ? ValueRange(e.index(i)) : ValueRange());
        for (int64_t name : {dim, dim - rank}) {
          Value same =
              arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::eq,
                                    axis, e.number(name, axis.getType()));
          any = any ? arith::OrIOp::create(e.builder, e.loc, any, same)
                          .getResult()
                    : same;
        }
      }
      reduced.push_back(any);
      position.push_back(before);
      before =
          arith::AddIOp::create(e.builder, e.loc, before,
                                Scalars{e}.select(any, e.index(0), e.index(1)));
    }
  }

  /// The indices, or sizes, of the result; `gone` is that of a reduced one.
  Values place(ValueRange of, Value gone) const {
    Scalars s{e};
    Values result;
    for (int64_t to = 0; to < resultRank; ++to) {
      if (keep) {
        result.push_back(s.select(reduced[to], gone, of[to]));
        continue;
      }
      Value found = gone;
      for (auto [dim, value] : llvm::enumerate(of)) {
        Value here =
            arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::eq,
                                  position[dim], e.index(to));
        // Of those at this position, the last one is the one that stays.
        Value stays = s.select(reduced[dim], found, value);
        found = s.select(here, stays, found);
      }
      result.push_back(found);
    }
    return result;
  }
};
} // namespace

/// `maximum`, if not null, makes it Σ exp(x − maximum).
static Value reduceRuntimeAxes(Emitter &e, Value x, Value axes, bool keep,
                               const Reducer &reducer, Type to,
                               Value maximum = {}) {
  RuntimeAxes map(e, x, axes, keep);
  Values extents;
  for (OpFoldResult size : map.sizes)
    extents.push_back(e.index(size));
  MixedSizes sizes = getAsOpFoldResult(map.place(extents, e.index(1)));
  Value count = e.index(1);
  for (auto [reduced, extent] : llvm::zip_equal(map.reduced, extents))
    count =
        arith::MulIOp::create(e.builder, e.loc, count,
                              Scalars{e}.select(reduced, extent, e.index(1)));
  Value total = e.nest(
      map.sizes, e.filled(sizes, reducer.init(e)),
      [&](ArrayRef<Value> indices, Value carried) -> Value {
        Values at = map.place(indices, e.index(0));
        Value element = tensor::ExtractOp::create(e.builder, e.loc, x, indices);
        if (maximum)
          element = expBelow(
              e, element,
              tensor::ExtractOp::create(e.builder, e.loc, maximum, at));
        Value soFar = tensor::ExtractOp::create(e.builder, e.loc, carried, at);
        return tensor::InsertOp::create(
            e.builder, e.loc, reducer.combine(e, element, soFar), carried, at);
      });
  AffineMap identity = e.builder.getMultiDimIdentityMap(map.resultRank);
  return e.parallel(total, identity, sizes, to,
                    [&](Emitter &e, ValueRange args) -> Values {
                      return {reducer.finish(e, args[0], count, to)};
                    });
}

template <Kind kind> static LogicalResult convertReduce(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  Type to = l.resultElement();
  Reducer reducer(kind, l.isUnsigned(0), elementType(x));
  if (kind == Kind::LogSumExp && !isa<FloatType>(reducer.type))
    return l.fail("expected floats");
  bool keep = intAttr(l.op, "keepdims", 1);
  std::optional<SmallVector<int64_t>> axes = knownAxes(l, rankOf(x));
  if (!axes) {
    RankedTensorType type = tensorType(l.in(1));
    if (!type.hasStaticShape() || type.getRank() > 1)
      return l.fail("the number of axes is not known");
    if (type.getNumElements() > rankOf(x))
      return l.fail("there are more axes than dimensions");
    if (kind != Kind::LogSumExp)
      return l.replace(reduceRuntimeAxes(e, x, l.in(1), keep, reducer, to));
    Value maximum = reduceRuntimeAxes(e, x, l.in(1), keep,
                                      Reducer(Kind::Max, false, reducer.type),
                                      reducer.type);
    Value sum =
        reduceRuntimeAxes(e, x, l.in(1), keep, reducer, reducer.type, maximum);
    return l.replace(finishLogSumExp(e, sum, maximum, to));
  }
  Value result = kind == Kind::LogSumExp
                     ? reduceLogSumExp(e, x, *axes, reducer.type, to)
                     : reduceAxes(e, x, *axes, reducer, to);
  return l.replace(keep ? e.unsqueeze(result, *axes) : result);
}

/// The place of the first or last extreme of each row. Of floats, NaN is more
/// extreme than all numbers.
template <bool greatest> static LogicalResult convertArg(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  int64_t rank = rankOf(x);
  int64_t axis = fromFront(intAttr(l.op, "axis", 0), rank);
  bool last = intAttr(l.op, "select_last_index", 0);
  Type type = elementType(x), index = l.resultElement();
  MixedSizes kept = e.sizes(x);
  kept.erase(kept.begin() + axis);
  Scalars s{e, l.isUnsigned(0)};
  Value worst = greatest ? s.lowest(type) : s.highest(type);
  Values results = e.reduce(
      x, e.builder.getMultiDimIdentityMap(rank),
      Values{e.filled(kept, worst), e.filled(kept, e.number(0, index))}, axis,
      [&](Emitter &e, ValueRange args) -> Values {
        Scalars s{e, l.isUnsigned(0)};
        Value element = args[0], best = args[1];
        Value better = greatest ? s.less(best, element) : s.less(element, best);
        auto also = [&](Value condition) {
          better = arith::OrIOp::create(e.builder, e.loc, better, condition);
        };
        if (last)
          also(s.equal(element, best));
        if (isa<FloatType>(type)) {
          Value first = s.isNaN(element);
          if (!last)
            first =
                s.select(s.isNaN(best), e.number(0, first.getType()), first);
          also(first);
        }
        Value here = arith::IndexCastOp::create(
            e.builder, e.loc, index,
            linalg::IndexOp::create(e.builder, e.loc, axis));
        return {s.select(better, element, best),
                s.select(better, here, args[2])};
      });
  bool keep = intAttr(l.op, "keepdims", 1);
  return l.replace(keep ? e.unsqueeze(results[1], axis) : results[1]);
}

/// Sums or products of all elements before one along an axis. Elements are
/// visited in order, so that the one before is always there already.
template <bool product> static LogicalResult convertScan(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  int64_t rank = rankOf(x);
  bool exclusive = intAttr(l.op, "exclusive", 0);
  bool reverse = intAttr(l.op, "reverse", 0);
  Type type = elementType(x);
  std::optional<SmallVector<int64_t>> known = constantInts(l.op->getOperand(1));
  RuntimeAxes axes(e, x, l.in(1), /*keep=*/true);
  if (known)
    for (int64_t dim = 0; dim < rank; ++dim)
      axes.reduced[dim] = e.number(fromFront(known->front(), rank) == dim,
                                   e.builder.getI1Type());
  Scalars s{e};
  Value result = e.nest(
      axes.sizes, e.empty(axes.sizes, type),
      [&](ArrayRef<Value> indices, Value carried) -> Value {
        Values here(indices), before;
        Value isFirst = e.number(0, e.builder.getI1Type());
        for (int64_t dim = 0; dim < rank; ++dim) {
          if (reverse)
            here[dim] = e.index(e.sub(
                e.sub(axes.sizes[dim], OpFoldResult(indices[dim])), e.size(1)));
          Value start =
              arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::eq,
                                    indices[dim], e.index(0));
          isFirst = s.select(axes.reduced[dim], start, isFirst);
          Value previous =
              reverse ? e.index(e.add(OpFoldResult(here[dim]), e.size(1)))
                      : e.index(e.sub(OpFoldResult(here[dim]), e.size(1)));
          // Nothing is before the first: read itself, and do not use it.
          previous = s.select(start, here[dim], previous);
          before.push_back(s.select(axes.reduced[dim], previous, here[dim]));
        }
        Value soFar =
            tensor::ExtractOp::create(e.builder, e.loc, carried, before);
        soFar = s.select(isFirst, e.number(product, type), soFar);
        Value element = tensor::ExtractOp::create(e.builder, e.loc, x,
                                                  exclusive ? before : here);
        if (exclusive)
          element = s.select(isFirst, e.number(product, type), element);
        Value next = product ? s.mul(soFar, element) : s.add(soFar, element);
        return tensor::InsertOp::create(e.builder, e.loc, next, carried, here);
      });
  return l.replace(result);
}

void fulgur::populateConvertReductionPatterns(RewritePatternSet &patterns,
                                              const ONNXTypeConverter &types) {
  addLowering<onnx::ReduceSumOp>(patterns, types, convertReduce<Kind::Sum>);
  addLowering<onnx::ReduceMeanOp>(patterns, types, convertReduce<Kind::Mean>);
  addLowering<onnx::ReduceMaxOp>(patterns, types, convertReduce<Kind::Max>);
  addLowering<onnx::ReduceMinOp>(patterns, types, convertReduce<Kind::Min>);
  addLowering<onnx::ReduceProdOp>(patterns, types, convertReduce<Kind::Prod>);
  addLowering<onnx::ReduceL1Op>(patterns, types, convertReduce<Kind::L1>);
  addLowering<onnx::ReduceL2Op>(patterns, types, convertReduce<Kind::L2>);
  addLowering<onnx::ReduceLogSumOp>(patterns, types,
                                    convertReduce<Kind::LogSum>);
  addLowering<onnx::ReduceLogSumExpOp>(patterns, types,
                                       convertReduce<Kind::LogSumExp>);
  addLowering<onnx::ReduceSumSquareOp>(patterns, types,
                                       convertReduce<Kind::SumSquare>);
  addLowering<onnx::ArgMaxOp>(patterns, types, convertArg<true>);
  addLowering<onnx::ArgMinOp>(patterns, types, convertArg<false>);
  addLowering<onnx::CumSumOp>(patterns, types, convertScan<false>);
  addLowering<onnx::CumProdOp>(patterns, types, convertScan<true>);
}
