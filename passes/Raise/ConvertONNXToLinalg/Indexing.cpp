//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Elements move to places that a tensor tells. An index that is out of range,
// or indices with more rows than the data, end the step before anything moves.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::fromFront;
using fulgur::onnx::intAttr;
using fulgur::onnx::stringAttr;

using Values = SmallVector<Value>;

/// The index that `number`, an integer, means along `extent`.
static Value toIndex(Emitter &e, Value number, Value extent) {
  Scalars s{e};
  Value zero = e.index(0);
  Value index = arith::IndexCastOp::create(e.builder, e.loc,
                                           e.builder.getIndexType(), number);
  index = s.select(s.less(index, zero), s.add(index, extent), index);
  return s.max(zero, s.min(index, s.sub(extent, e.index(1))));
}

static Values extentsOf(Emitter &e, Value tensor) {
  Values extents;
  for (OpFoldResult size : e.sizes(tensor))
    extents.push_back(e.index(size));
  return extents;
}

static Values loopIndices(Emitter &e, int64_t count) {
  Values result;
  for (int64_t dim = 0; dim < count; ++dim)
    result.push_back(linalg::IndexOp::create(e.builder, e.loc, dim));
  return result;
}

/// Whether the indices are what a search along as many elements as `axis` has
/// gives, maybe in another shape.
static bool isFromSearch(Lowering &l, int64_t axis) {
  Value source = l.op->getOperand(1);
  Operation *by = source.getDefiningOp();
  while (isa_and_nonnull<onnx::CastOp, onnx::ExpandOp, onnx::FlattenOp,
                         onnx::ReshapeOp, onnx::SqueezeOp, onnx::TransposeOp,
                         onnx::UnsqueezeOp>(by)) {
    source = by->getOperand(0);
    by = source.getDefiningOp();
  }
  bool isTopK = isa_and_nonnull<onnx::TopKOp>(by) && source == by->getResult(1);
  if (!isTopK && !isa_and_nonnull<onnx::ArgMaxOp, onnx::ArgMinOp>(by))
    return false;
  Value searched = by->getOperand(0);
  auto type = dyn_cast<RankedTensorType>(searched.getType());
  if (!type)
    return false;
  int64_t along =
      fromFront(intAttr(by, "axis", isTopK ? -1 : 0), type.getRank());
  int64_t extent = tensorType(l.in(0)).getDimSize(axis);
  if (!ShapedType::isDynamic(extent))
    return type.getDimSize(along) == extent;
  return l.types.isSame(l.op, l.op->getOperand(0), axis, searched, along);
}

/// Reports indices that are out of the range of the operand's dimensions
/// `axes`: of the only one, or of the one at their place in the last dimension
/// of the indices.
static void checkRange(Lowering &l, ArrayRef<int64_t> axes) {
  Emitter &e = l.e;
  Value x = l.in(0), places = l.in(1);
  if (axes.empty() || (axes.size() == 1 && isFromSearch(l, axes[0])))
    return;
  ArrayRef<int64_t> shape = tensorType(x).getShape();
  if (std::optional<SmallVector<int64_t>> known = l.constantInput(1)) {
    auto isInRange = [&](auto indexed) {
      int64_t extent = shape[axes[indexed.index() % axes.size()]];
      // A dynamic extent is not known to be more than 0.
      return !ShapedType::isDynamic(extent) && indexed.value() >= -extent &&
             indexed.value() < extent;
    };
    if (llvm::all_of(llvm::enumerate(*known), isInRange))
      return;
  }
  Values extents;
  for (int64_t axis : axes)
    extents.push_back(e.index(e.size(x, axis)));
  int64_t depth = rankOf(places);
  Type i1 = e.builder.getI1Type();
  Value all = e.reduce(
      places, e.builder.getMultiDimIdentityMap(depth),
      e.filled({}, e.number(1, i1)),
      llvm::to_vector(llvm::seq<int64_t>(0, depth)),
      [&](Emitter &e, ValueRange args) -> Values {
        Scalars s{e};
        Value extent = extents.front();
        for (size_t i = 1; i < extents.size(); ++i) {
          Value place = linalg::IndexOp::create(e.builder, e.loc, depth - 1);
          extent = s.select(s.equal(place, e.index(i)), extents[i], extent);
        }
        Value index = arith::IndexCastOp::create(
            e.builder, e.loc, e.builder.getIndexType(), args[0]);
        // Both bounds in one comparison: -extent is 0 and up when shifted.
        Value shifted = s.add(index, extent);
        Value isInRange =
            arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::ult,
                                  shifted, s.add(extent, extent));
        return {arith::AndIOp::create(e.builder, e.loc, args[1], isInRange)};
      });
  l.check(l.onlyElement(all), "an index is out of range");
}

/// Ends the step when the indices have more along `dim` than the operand.
static void checkAtMost(Lowering &l, int64_t dim) {
  Emitter &e = l.e;
  if (l.types.isSame(l.op, l.op->getOperand(0), dim, l.op->getOperand(1), dim))
    return;
  l.check(arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::ule,
                                e.index(e.size(l.in(1), dim)),
                                e.index(e.size(l.in(0), dim))),
          "expected dimension " + Twine(dim) +
              " of the indices to be no larger than that of the data");
}

static SmallVector<int64_t> axesFrom(int64_t first, int64_t count) {
  return llvm::to_vector(llvm::seq<int64_t>(first, first + count));
}

/// The indices of the result with, in place of those along the axis, the one
/// that the tensor of indices has there.
static LogicalResult convertGather(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0), places = l.in(1);
  int64_t rank = rankOf(x), depth = rankOf(places);
  int64_t axis = fromFront(intAttr(l.op, "axis", 0), rank);
  MixedSizes to = e.sizes(x), between = e.sizes(places);
  to.erase(to.begin() + axis);
  to.insert(to.begin() + axis, between.begin(), between.end());
  int64_t loops = to.size();
  checkRange(l, axis);
  Value extent = e.index(e.size(x, axis));
  SmallVector<int64_t> dims = axesFrom(axis, depth);
  return l.replace(
      e.parallel(places, e.map(loops, dims), to, elementType(x),
                 [&](Emitter &e, ValueRange args) -> Values {
                   Values all = loopIndices(e, loops), at;
                   at.append(all.begin(), all.begin() + axis);
                   at.push_back(toIndex(e, args[0], extent));
                   at.append(all.begin() + axis + depth, all.end());
                   return {tensor::ExtractOp::create(e.builder, e.loc, x, at)};
                 }));
}

static LogicalResult convertGatherElements(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0), places = l.in(1);
  int64_t rank = rankOf(x);
  int64_t axis = fromFront(intAttr(l.op, "axis", 0), rank);
  checkRange(l, axis);
  for (int64_t dim = 0; dim < rank; ++dim)
    if (dim != axis)
      checkAtMost(l, dim);
  Value extent = e.index(e.size(x, axis));
  return l.replace(e.parallel(
      places, e.builder.getMultiDimIdentityMap(rank), e.sizes(places),
      elementType(x), [&](Emitter &e, ValueRange args) -> Values {
        Values at = loopIndices(e, rank);
        at[axis] = toIndex(e, args[0], extent);
        return {tensor::ExtractOp::create(e.builder, e.loc, x, at)};
      }));
}

/// The last dimension of the indices has one for each of some leading
/// dimensions of the operand, behind the batch.
static LogicalResult convertGatherND(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0), places = l.in(1);
  int64_t depth = rankOf(places);
  int64_t batch = intAttr(l.op, "batch_dims", 0);
  int64_t count = tensorType(places).getShape().back();
  if (ShapedType::isDynamic(count))
    return l.fail("the number of indices is not known");
  MixedSizes to = e.sizes(places), from = e.sizes(x);
  to.pop_back();
  to.append(from.begin() + batch + count, from.end());
  int64_t loops = to.size();
  checkRange(l, axesFrom(batch, count));
  for (int64_t dim = 0; dim < batch; ++dim)
    l.checkSame(1, dim, 0, dim);
  Values extents = extentsOf(e, x);
  return l.replace(
      e.parallel(ValueRange(), {}, to, elementType(x),
                 [&](Emitter &e, ValueRange) -> Values {
                   Values all = loopIndices(e, loops), at;
                   at.append(all.begin(), all.begin() + batch);
                   Values where(all.begin(), all.begin() + depth - 1);
                   for (int64_t i = 0; i < count; ++i) {
                     where.push_back(e.index(i));
                     Value number = tensor::ExtractOp::create(e.builder, e.loc,
                                                              places, where);
                     where.pop_back();
                     at.push_back(toIndex(e, number, extents[batch + i]));
                   }
                   at.append(all.begin() + depth - 1, all.end());
                   return {tensor::ExtractOp::create(e.builder, e.loc, x, at)};
                 }));
}

/// What an update does to the element that is there.
static Value combine(Lowering &l, Scalars s, Value before, Value update) {
  StringRef how = stringAttr(l.op, "reduction", "none");
  return how == "add"   ? s.add(before, update)
         : how == "mul" ? s.mul(before, update)
         : how == "max" ? s.max(before, update)
         : how == "min" ? s.min(before, update)
                        : update;
}

/// The updates one after the other, `at` the place of each: later ones win.
static LogicalResult
scatter(Lowering &l, ArrayRef<OpFoldResult> counts,
        function_ref<Values(ArrayRef<Value> update)> getPlace) {
  Emitter &e = l.e;
  Value x = l.in(0), updates = l.in(2);
  Scalars s{e, l.isUnsigned(0)};
  Value result = e.copy(x, e.empty(e.sizes(x), elementType(x)));
  return l.replace(e.nest(
      counts, result, [&](ArrayRef<Value> indices, Value carried) -> Value {
        Values at = getPlace(indices);
        Value update =
            tensor::ExtractOp::create(e.builder, e.loc, updates, indices);
        Value before = tensor::ExtractOp::create(e.builder, e.loc, carried, at);
        return tensor::InsertOp::create(
            e.builder, e.loc, combine(l, s, before, update), carried, at);
      }));
}

static LogicalResult convertScatterElements(Lowering &l) {
  Emitter &e = l.e;
  int64_t axis = fromFront(intAttr(l.op, "axis", 0), rankOf(l.in(0)));
  checkRange(l, axis);
  for (int64_t dim = 0, rank = rankOf(l.in(0)); dim < rank; ++dim) {
    if (dim != axis)
      checkAtMost(l, dim);
    l.checkSame(1, dim, 2, dim);
  }
  Value extent = e.index(e.size(l.in(0), axis));
  return scatter(l, e.sizes(l.in(1)), [&](ArrayRef<Value> update) {
    Value number = tensor::ExtractOp::create(e.builder, e.loc, l.in(1), update);
    Values at(update);
    at[axis] = toIndex(e, number, extent);
    return at;
  });
}

static LogicalResult convertScatterND(Lowering &l) {
  Emitter &e = l.e;
  Value places = l.in(1);
  int64_t depth = rankOf(places) - 1;
  int64_t count = tensorType(places).getShape().back();
  if (ShapedType::isDynamic(count))
    return l.fail("the number of indices is not known");
  checkRange(l, axesFrom(0, count));
  // The updates are as many as the indices, and each is a part of the operand.
  for (int64_t dim = 0, rank = rankOf(l.in(2)); dim < rank; ++dim)
    if (dim < depth)
      l.checkSame(2, dim, 1, dim);
    else
      l.checkSame(2, dim, 0, dim - depth + count);
  Values extents = extentsOf(e, l.in(0));
  return scatter(l, e.sizes(l.in(2)), [&](ArrayRef<Value> update) {
    Values where(update.take_front(depth)), at;
    for (int64_t i = 0; i < count; ++i) {
      where.push_back(e.index(i));
      Value number = tensor::ExtractOp::create(e.builder, e.loc, places, where);
      where.pop_back();
      at.push_back(toIndex(e, number, extents[i]));
    }
    llvm::append_range(at, update.drop_front(depth));
    return at;
  });
}

/// Element i along the axis is `on` where the index is i, and `off` elsewhere:
/// everywhere where it is out of range.
static LogicalResult convertOneHot(Lowering &l) {
  Emitter &e = l.e;
  Value places = l.in(0), values = l.in(2);
  Scalars s{e};
  Type i64 = e.builder.getI64Type(), index = e.builder.getIndexType();
  MixedSizes to = e.sizes(places);
  int64_t loops = to.size() + 1;
  auto axis = l.axisAttr("axis", -1, loops);
  if (!axis)
    return l.fail("the axis is out of range");
  Value depth = s.convert(l.onlyElement(l.in(1)), i64);
  int64_t known = l.outputType().getDimSize(*axis);
  OpFoldResult extent =
      ShapedType::isDynamic(known)
          ? arith::IndexCastOp::create(e.builder, e.loc, index, depth)
                .getResult()
          : e.size(known);
  SmallVector<int64_t> dims = axesFrom(0, loops);
  dims.erase(dims.begin() + *axis);
  to.insert(to.begin() + *axis, extent);
  Value off = tensor::ExtractOp::create(e.builder, e.loc, values, e.index(0));
  Value on = tensor::ExtractOp::create(e.builder, e.loc, values, e.index(1));
  return l.replace(
      e.parallel(places, e.map(loops, dims), to, elementType(values),
                 [&](Emitter &e, ValueRange args) -> Values {
                   Value number = s.convert(args[0], i64);
                   number = s.select(s.less(number, e.number(0, i64)),
                                     s.add(number, depth), number);
                   Value place = arith::IndexCastOp::create(
                       e.builder, e.loc, i64,
                       linalg::IndexOp::create(e.builder, e.loc, *axis));
                   return {s.select(s.equal(number, place), on, off)};
                 }));
}

/// The first elements of each sequence, as many as its length, come in reverse.
static LogicalResult convertReverseSequence(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0), lengths = l.in(1);
  int64_t rank = rankOf(x);
  auto time = l.axisAttr("time_axis", 0, rank);
  auto batch = l.axisAttr("batch_axis", 1, rank);
  if (!time || !batch)
    return l.fail("an axis is out of range");
  Value extent = e.index(e.size(x, *time));
  return l.replace(e.parallel(
      lengths, e.map(rank, {*batch}), e.sizes(x), elementType(x),
      [&](Emitter &e, ValueRange args) -> Values {
        Scalars s{e};
        Value length = arith::IndexCastOp::create(
            e.builder, e.loc, e.builder.getIndexType(), args[0]);
        length = s.max(s.min(length, extent), e.index(0));
        Values at = loopIndices(e, rank);
        Value step = at[*time];
        at[*time] = s.select(s.less(step, length),
                             s.sub(s.sub(length, e.index(1)), step), step);
        return {tensor::ExtractOp::create(e.builder, e.loc, x, at)};
      }));
}

void fulgur::populateConvertIndexingPatterns(RewritePatternSet &patterns,
                                             const ONNXTypeConverter &types) {
  addLowering<onnx::GatherOp>(patterns, types, convertGather);
  addLowering<onnx::GatherElementsOp>(patterns, types, convertGatherElements);
  addLowering<onnx::GatherNDOp>(patterns, types, convertGatherND);
  addLowering<onnx::ScatterElementsOp>(patterns, types, convertScatterElements);
  addLowering<onnx::ScatterNDOp>(patterns, types, convertScatterND);
  addLowering<onnx::OneHotOp>(patterns, types, convertOneHot);
  addLowering<onnx::ReverseSequenceOp>(patterns, types, convertReverseSequence);
}
