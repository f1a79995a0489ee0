//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Windows over images: pools, and what resizes.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Interpolation.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"
#include "passes/Raise/ConvertONNXToLinalg/Windows.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::intAttr;
using fulgur::onnx::intsAttr;

using Values = SmallVector<Value>;

namespace {
/// Loops over a result [N, C, out] and over the window at each of its elements.
struct Pool {
  Emitter &e;
  Windows windows;
  MixedSizes sizes;

  static FailureOr<Pool> read(Lowering &l) {
    Value x = l.in(0);
    std::optional<ArrayRef<int64_t>> shape = intsAttr(l.op, "kernel_shape");
    MixedSizes image = l.e.sizes(x), kernel;
    if (rankOf(x) < 3 || !shape)
      return failure();
    for (int64_t size : *shape)
      kernel.push_back(l.e.size(size));
    FailureOr<Windows> windows =
        Windows::read(l, ArrayRef(image).drop_front(2), kernel);
    if (failed(windows))
      return failure();
    MixedSizes sizes{image[0], image[1]};
    llvm::append_range(sizes, windows->out);
    return Pool{l.e, *windows, sizes};
  }

  int64_t spatial() const { return windows.rank(); }
  /// Reduces the windows over `padded`, whose leading dimensions are the first
  /// `leading` of the result, into `inits`.
  Values reduce(Value padded, int64_t leading, ValueRange inits,
                Emitter::Body body) const {
    int64_t first = leading + spatial(), loops = first + spatial();
    SmallVector<int64_t> fixed, window;
    for (int64_t i = 0; i < leading; ++i)
      fixed.push_back(i);
    for (int64_t i = 0; i < spatial(); ++i)
      window.push_back(first + i);
    // No element of this is read: it tells the extents of the window.
    Value extents = e.empty(windows.kernel, e.builder.getI1Type());
    return e.reduce(
        {padded, extents},
        {windows.map(e, loops, fixed, leading, first), e.map(loops, window)},
        inits, window, body);
  }
};
} // namespace

/// The element's place in the unpadded image, counted over all of the tensor.
static Value placeOf(Emitter &e, const Pool &pool, const MixedSizes &image,
                     bool columnMajor) {
  auto loop = [&](int64_t dim) -> Value {
    return linalg::IndexOp::create(e.builder, e.loc, dim);
  };
  int64_t spatial = pool.spatial();
  Scalars s{e};
  Value place = s.add(s.mul(loop(0), e.index(image[1])), loop(1));
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, spatial));
  OpFoldResult area = e.size(1);
  for (int64_t i = 0; i < spatial; ++i)
    area = e.mul(area, image[2 + i]);
  place = s.mul(place, e.index(area));
  if (columnMajor)
    std::reverse(order.begin(), order.end());
  Value inner;
  for (int64_t i : order) {
    Value at =
        s.add(s.mul(loop(2 + i), e.index(pool.windows.strides[i])),
              s.mul(loop(2 + spatial + i), e.index(pool.windows.dilations[i])));
    at = s.sub(at, e.index(pool.windows.before[i]));
    inner = inner ? s.add(s.mul(inner, e.index(image[2 + i])), at) : at;
  }
  return s.add(place, inner);
}

static LogicalResult convertMaxPool(Lowering &l) {
  FailureOr<Pool> pool = Pool::read(l);
  if (failed(pool))
    return l.fail("the attributes do not fit the image");
  Emitter &e = l.e;
  Value x = l.in(0);
  Type type = elementType(x), index = e.builder.getI64Type();
  bool isUnsigned = l.isUnsigned(0);
  Value lowest = Scalars{e, isUnsigned}.lowest(type);
  Value padded = pool->windows.pad(e, x, lowest);
  bool wantsPlace =
      l.op->getNumResults() > 1 && !isa<NoneType>(l.op->getResult(1).getType());
  MixedSizes image = e.sizes(x);
  bool columnMajor = intAttr(l.op, "storage_order", 0);
  Values inits{e.filled(pool->sizes, lowest)};
  if (wantsPlace)
    inits.push_back(e.filled(pool->sizes, e.number(0, index)));
  return l.replace(pool->reduce(
      padded, 2, inits, [&](Emitter &e, ValueRange args) -> Values {
        Scalars s{e, isUnsigned};
        if (!wantsPlace)
          return {s.max(args[0], args[2])};
        Value better = s.less(args[2], args[0]);
        Value here = arith::IndexCastOp::create(
            e.builder, e.loc, index, placeOf(e, *pool, image, columnMajor));
        return {s.select(better, args[0], args[2]),
                s.select(better, here, args[3])};
      }));
}

/// How many elements of the image, or of it and its padding, each window has.
static Value countElements(Lowering &l, const Pool &pool, Type wide) {
  Emitter &e = l.e;
  Windows within = pool.windows;
  MixedSizes seen = within.image;
  if (intAttr(l.op, "count_include_pad", 0)) {
    // What ceil_mode adds behind the padding does not count.
    int64_t surplus = intAttr(l.op, "ceil_mode", 0);
    for (int64_t i = 0; i < within.rank(); ++i) {
      OpFoldResult beyond = e.size(surplus ? within.strides[i] - 1 : 0);
      OpFoldResult after = e.sub(within.after[i], beyond);
      seen[i] = e.add(e.add(seen[i], within.before[i]), after);
      within.before[i] = e.size(0);
      within.after[i] = beyond;
    }
  }
  Value ones = e.filled(seen, e.real(1, wide));
  Pool counting{e, within, pool.windows.out};
  Value init = e.filled(pool.windows.out, e.real(0, wide));
  return counting.reduce(within.pad(e, ones, e.real(0, wide)), 0, init,
                         [](Emitter &e, ValueRange args) -> Values {
                           return {Scalars{e}.add(args[0], args[2])};
                         })[0];
}

static LogicalResult convertAveragePool(Lowering &l) {
  FailureOr<Pool> pool = Pool::read(l);
  if (failed(pool))
    return l.fail("the attributes do not fit the image");
  Emitter &e = l.e;
  Value x = l.in(0);
  Type type = elementType(x), wide = accumulatorType(type);
  Value padded = pool->windows.pad(e, x, e.real(0, type));
  Value sum = pool->reduce(padded, 2, e.filled(pool->sizes, e.real(0, wide)),
                           [&](Emitter &e, ValueRange args) -> Values {
                             Scalars s{e};
                             return {s.add(s.convert(args[0], wide), args[2])};
                           })[0];
  Value counts = countElements(l, *pool, wide);
  int64_t rank = rankOf(x);
  SmallVector<int64_t> dims = llvm::to_vector(llvm::seq<int64_t>(2, rank));
  return l.replace(
      e.parallel({sum, counts},
                 {e.builder.getMultiDimIdentityMap(rank), e.map(rank, dims)},
                 pool->sizes, type, [&](Emitter &e, ValueRange args) -> Values {
                   Scalars s{e};
                   return {s.convert(s.div(args[0], args[1]), type)};
                 }));
}

/// The term of an element in a sum, and the result from the sum.
static Value norm(Emitter &e, Value value, double p) {
  Scalars s{e};
  value = s.abs(value);
  if (p == 1)
    return value;
  if (p == 2)
    return s.mul(value, value);
  return math::PowFOp::create(e.builder, e.loc, value,
                              e.real(p, value.getType()));
}
static Value root(Emitter &e, Value sum, double p) {
  if (p == 1)
    return sum;
  if (p == 2)
    return math::SqrtOp::create(e.builder, e.loc, sum);
  return math::PowFOp::create(e.builder, e.loc, sum,
                              e.real(1 / p, sum.getType()));
}

static LogicalResult finishNorm(Lowering &l, Value sum, double p) {
  Emitter &e = l.e;
  Type type = l.resultElement();
  return l.replace(e.parallel(
      sum, e.builder.getMultiDimIdentityMap(rankOf(sum)), e.sizes(sum), type,
      [&](Emitter &e, ValueRange args) -> Values {
        return {e.toFloat(root(e, args[0], p), type)};
      }));
}

static LogicalResult convertLpPool(Lowering &l) {
  FailureOr<Pool> pool = Pool::read(l);
  if (failed(pool))
    return l.fail("the attributes do not fit the image");
  Emitter &e = l.e;
  Type type = elementType(l.in(0)), wide = accumulatorType(type);
  double p = intAttr(l.op, "p", 2);
  Value padded = pool->windows.pad(e, l.in(0), e.real(0, type));
  Value sum = pool->reduce(padded, 2, e.filled(pool->sizes, e.real(0, wide)),
                           [&](Emitter &e, ValueRange args) -> Values {
                             Scalars s{e};
                             Value x = s.convert(args[0], wide);
                             return {s.add(norm(e, x, p), args[2])};
                           })[0];
  return finishNorm(l, sum, p);
}

namespace {
enum class Global { Max, Average, Lp };
} // namespace

/// One window that is the whole image.
template <Global kind> static LogicalResult convertGlobalPool(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  int64_t rank = rankOf(x);
  if (rank < 3)
    return l.fail("there is no spatial dimension");
  Type wide = accumulatorType(elementType(x));
  MixedSizes image = e.sizes(x);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, rank));
  double p = kind == Global::Lp ? intAttr(l.op, "p", 2) : 1;
  Value init = kind == Global::Max ? Scalars{e}.lowest(wide) : e.real(0, wide);
  Value total = e.reduce(
      x, e.builder.getMultiDimIdentityMap(rank),
      e.filled({image[0], image[1]}, init), axes,
      [&](Emitter &e, ValueRange args) -> Values {
        Scalars s{e};
        Value value = s.convert(args[0], wide);
        if (kind == Global::Max)
          return {s.max(value, args[1])};
        return {s.add(kind == Global::Lp ? norm(e, value, p) : value, args[1])};
      });
  total = e.unsqueeze(total, axes);
  if (kind != Global::Average)
    return finishNorm(l, total, p);
  OpFoldResult area = e.size(1);
  for (int64_t axis : axes)
    area = e.mul(area, image[axis]);
  Value count = e.indexToFloat(e.index(area), wide);
  Type type = l.resultElement();
  return l.replace(
      e.parallel(total, e.builder.getMultiDimIdentityMap(rank), e.sizes(total),
                 type, [&](Emitter &e, ValueRange args) -> Values {
                   return {e.toFloat(Scalars{e}.div(args[0], count), type)};
                 }));
}

/// The inverse of MaxPool: elements go where the maxima were, among zeros.
static LogicalResult convertMaxUnpool(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0), places = l.in(1);
  int64_t rank = rankOf(x), spatial = rank - 2;
  std::optional<ArrayRef<int64_t>> shape = intsAttr(l.op, "kernel_shape");
  std::optional<ArrayRef<int64_t>> strides = intsAttr(l.op, "strides");
  std::optional<ArrayRef<int64_t>> pads = intsAttr(l.op, "pads");
  if (!shape || spatial < 1)
    return l.fail("the attributes do not fit the image");
  MixedSizes from = e.sizes(x), to = from;
  OpFoldResult total = e.mul(from[0], from[1]);
  for (int64_t i = 0; i < spatial; ++i) {
    int64_t edge = (*shape)[i];
    if (pads)
      edge -= (*pads)[i] + (*pads)[spatial + i];
    OpFoldResult stride = e.size(strides ? (*strides)[i] : 1);
    OpFoldResult gap = e.mul(e.sub(from[2 + i], e.size(1)), stride);
    to[2 + i] = e.add(gap, e.size(edge));
    total = e.mul(total, to[2 + i]);
  }
  Type type = elementType(x);
  Value flat =
      e.nest(from, e.filled({total}, e.number(0, type)),
             [&](ArrayRef<Value> at, Value carried) -> Value {
               Value place = arith::IndexCastOp::create(
                   e.builder, e.loc, e.builder.getIndexType(),
                   tensor::ExtractOp::create(e.builder, e.loc, places, at));
               // Never beyond the result, whatever the operand says.
               Scalars s{e};
               Value last = e.index(e.sub(total, e.size(1)));
               place = s.max(e.index(0), s.min(place, last));
               Value element =
                   tensor::ExtractOp::create(e.builder, e.loc, x, at);
               return tensor::InsertOp::create(e.builder, e.loc, element,
                                               carried, place);
             });
  ReassociationIndices all = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  Value image = e.expand(flat, ArrayRef<ReassociationIndices>(all), to);
  if (!l.in(2))
    return l.replace(image);
  // A larger result has the image in its first corner.
  MixedSizes wanted;
  for (int64_t i = 0; i < rank; ++i)
    wanted.push_back(
        arith::IndexCastOp::create(
            e.builder, e.loc, e.builder.getIndexType(),
            tensor::ExtractOp::create(e.builder, e.loc, l.in(2), e.index(i)))
            .getResult());
  Value larger = e.filled(wanted, e.number(0, type));
  return l.replace(e.copyInto(image, larger, MixedSizes(rank, e.size(0))));
}

void fulgur::populateConvertWindowPatterns(RewritePatternSet &patterns,
                                           const ONNXTypeConverter &types) {
  populateConvertResizePatterns(patterns, types);
  populateConvertGridSamplePatterns(patterns, types);
  addLowering<onnx::MaxPoolOp>(patterns, types, convertMaxPool);
  addLowering<onnx::MaxUnpoolOp>(patterns, types, convertMaxUnpool);
  addLowering<onnx::AveragePoolOp>(patterns, types, convertAveragePool);
  addLowering<onnx::LpPoolOp>(patterns, types, convertLpPool);
  addLowering<onnx::GlobalMaxPoolOp>(patterns, types,
                                     convertGlobalPool<Global::Max>);
  addLowering<onnx::GlobalAveragePoolOp>(patterns, types,
                                         convertGlobalPool<Global::Average>);
  addLowering<onnx::GlobalLpPoolOp>(patterns, types,
                                    convertGlobalPool<Global::Lp>);
}
