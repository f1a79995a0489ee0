//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Elements move to places that shapes and small integer tensors tell. What only
// renames places is a view.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::intAttr;
using fulgur::onnx::intsAttr;

using Values = SmallVector<Value>;

/// The sizes in the result's type where they are static, else the given ones.
static void refine(Lowering &l, MixedSizes &sizes) {
  RankedTensorType type = l.outputType();
  for (auto [dim, size] : llvm::enumerate(sizes))
    if (!type.isDynamicDim(dim))
      size = l.e.size(type.getDimSize(dim));
}

/// A reshape that is proved to keep all dimensions but one, which it splits, or
/// but neighbours, which it merges: their order and sizes need no arithmetic.
static Value reshapeOneGroup(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0), input = l.op->getOperand(0), result = l.op->getResult(0);
  RankedTensorType type = l.outputType();
  int64_t from = rankOf(x), to = type.getRank(), most = std::min(from, to);
  int64_t front = 0, back = 0;
  while (front < most && l.types.isSame(l.op, input, front, result, front))
    ++front;
  while (back < most - front &&
         l.types.isSame(l.op, input, from - 1 - back, result, to - 1 - back))
    ++back;
  int64_t merged = from - front - back, split = to - front - back;
  bool splits = merged == 1 && split > 1, merges = split == 1 && merged > 1;
  if (!splits && !merges)
    return {};
  SmallVector<ReassociationIndices> groups;
  for (int64_t dim = 0; dim < std::max(from, to);) {
    int64_t count = dim == front ? std::max(merged, split) : 1;
    groups.push_back(llvm::to_vector(llvm::seq(dim, dim + count)));
    dim += count;
  }
  if (merges)
    return e.collapse(x, groups);
  MixedSizes sizes = e.sizes(x);
  OpFoldResult whole = sizes[front];
  sizes.erase(sizes.begin() + front);
  int64_t known = 1;
  std::optional<int64_t> open;
  for (int64_t dim = front; dim < front + split; ++dim) {
    int64_t extent = type.getDimSize(dim);
    if (extent == 0 || (ShapedType::isDynamic(extent) && open))
      return {};
    if (ShapedType::isDynamic(extent))
      open = dim;
    else
      known *= extent;
    sizes.insert(sizes.begin() + dim, e.size(extent));
  }
  if (open)
    sizes[*open] = e.div(whole, e.size(known));
  return e.expand(x, groups, sizes);
}

static LogicalResult convertReshape(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  if (Value reshaped = reshapeOneGroup(l))
    return l.replace(reshaped);
  std::optional<MixedSizes> shape = l.sizesInput(1);
  if (!shape) {
    // The type of the result knows how many sizes there are.
    shape.emplace();
    for (int64_t i = 0, rank = l.outputType().getRank(); i < rank; ++i) {
      Value size =
          tensor::ExtractOp::create(e.builder, e.loc, l.in(1), e.index(i));
      shape->push_back(arith::IndexCastOp::create(
                           e.builder, e.loc, e.builder.getIndexType(), size)
                           .getResult());
    }
  }
  MixedSizes from = e.sizes(x), to = *shape;
  bool zeroIsZero = intAttr(l.op, "allowzero", 0);
  OpFoldResult total = l.product(from), known = e.size(1), one = e.size(1);
  for (auto [dim, size] : llvm::enumerate(to)) {
    if (!zeroIsZero && dim < from.size())
      size = isConstantIntValue(size, 0) ? from[dim]
             : getConstantIntValue(size)
                 ? size
                 : l.select(l.isEqual(size, e.size(0)), from[dim], size);
    // -1 counts as 1 here: its size is what the others leave.
    OpFoldResult factor =
        getConstantIntValue(size)
            ? (isConstantIntValue(size, -1) ? one : size)
            : l.select(l.isEqual(size, e.size(-1)), one, size);
    known = e.mul(known, factor);
  }
  // Nothing is left over of an empty tensor.
  OpFoldResult divisor = getConstantIntValue(known)
                             ? (isConstantIntValue(known, 0) ? one : known)
                             : l.max(known, one);
  for (OpFoldResult &size : to) {
    if (isConstantIntValue(size, -1))
      size = e.div(total, divisor);
    else if (!getConstantIntValue(size))
      size = l.select(l.isEqual(size, e.size(-1)), e.div(total, divisor), size);
  }
  OpFoldResult count = l.product(to);
  if (!l.types.hasSameCount(l.op, l.op->getOperand(0), l.op->getResult(0)))
    l.check(l.isEqual(total, count),
            "the shape has not as many elements as the data");
  refine(l, to);
  return l.replace(l.reshape(x, to));
}

static LogicalResult convertFlatten(Lowering &l) {
  Emitter &e = l.e;
  MixedSizes sizes = e.sizes(l.in(0));
  int64_t rank = sizes.size();
  int64_t axis = onnx::fromFront(intAttr(l.op, "axis", 1), rank);
  ArrayRef<OpFoldResult> all = sizes;
  return l.replace(l.reshape(l.in(0), {l.product(all.take_front(axis)),
                                       l.product(all.drop_front(axis))}));
}

/// Where the axes are known at run time only, a static type tells the result.
static LogicalResult reshapeToType(Lowering &l) {
  RankedTensorType type = l.outputType();
  if (!type.hasStaticShape())
    return l.fail("the axes are not known");
  MixedSizes sizes;
  for (int64_t size : type.getShape())
    sizes.push_back(l.e.size(size));
  return l.replace(l.reshape(l.in(0), sizes));
}

static LogicalResult convertUnsqueeze(Lowering &l) {
  auto axes = l.axesInput(1, l.outputType().getRank());
  if (!axes)
    return reshapeToType(l);
  llvm::sort(*axes);
  return l.replace(l.e.unsqueeze(l.in(0), *axes));
}

static LogicalResult convertSqueeze(Lowering &l) {
  Value x = l.in(0);
  std::optional<SmallVector<int64_t>> axes = l.axesInput(1, rankOf(x));
  if (!l.in(1)) {
    axes.emplace();
    for (auto [dim, size] : llvm::enumerate(tensorType(x).getShape()))
      if (size == 1)
        axes->push_back(dim);
  }
  if (!axes)
    return reshapeToType(l);
  llvm::sort(*axes);
  for (int64_t axis : llvm::reverse(*axes))
    x = l.e.squeeze(x, axis);
  return l.replace(x);
}

static LogicalResult convertTranspose(Lowering &l) {
  Value x = l.in(0);
  SmallVector<int64_t> order =
      llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, rankOf(x))));
  if (auto given = intsAttr(l.op, "perm"); given && !given->empty())
    order.assign(given->begin(), given->end());
  return l.replace(l.e.permute(x, order, elementType(x)));
}

static LogicalResult convertConcat(Lowering &l) {
  Emitter &e = l.e;
  MixedSizes sizes = e.sizes(l.in(0)), offsets(sizes.size(), e.size(0));
  int64_t axis = onnx::fromFront(intAttr(l.op, "axis", 0), sizes.size());
  OpFoldResult total = e.size(0);
  for (Value part : l.operands)
    total = e.add(total, e.size(part, axis));
  sizes[axis] = total;
  refine(l, sizes);
  Value result = e.empty(sizes, l.resultElement());
  for (unsigned i = 0, count = l.operands.size(); i < count; ++i) {
    Value part = l.fit(i, axis, sizes);
    MixedSizes extents = sizes;
    extents[axis] = e.size(part, axis);
    result = e.insert(part, result, offsets, extents);
    offsets[axis] = e.add(offsets[axis], extents[axis]);
  }
  return l.replace(result);
}

static LogicalResult convertSplit(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  MixedSizes sizes = e.sizes(x), offsets(sizes.size(), e.size(0));
  int64_t axis = onnx::fromFront(intAttr(l.op, "axis", 0), sizes.size());
  int64_t count = l.op->getNumResults();
  std::optional<MixedSizes> given;
  if (l.in(1) && !(given = l.sizesInput(1)))
    return l.fail("the number of parts is not known");
  if (given && static_cast<int64_t>(given->size()) != count)
    return l.fail("expected one size for each part");
  OpFoldResult total = sizes[axis];
  OpFoldResult even = l.ceilDiv(total, count);
  Values results;
  for (int64_t i = 0; i < count; ++i) {
    // The last of even parts has what is left.
    sizes[axis] =
        given ? (*given)[i]
              : l.max(l.min(even, e.sub(total, offsets[axis])), e.size(0));
    results.push_back(e.slice(x, offsets, sizes));
    offsets[axis] = e.add(offsets[axis], sizes[axis]);
  }
  return l.replace(results);
}

/// Element i of the result is element base + i · stride, in each dimension.
static LogicalResult readStrided(Lowering &l, const MixedSizes &to,
                                 const Values &bases, const Values &strides) {
  Value x = l.in(0);
  auto body = [&](Emitter &e, ValueRange) -> Values {
    Scalars s{e};
    Values at;
    for (auto [dim, base] : llvm::enumerate(bases)) {
      Value loop = linalg::IndexOp::create(e.builder, e.loc, dim);
      at.push_back(s.add(base, s.mul(loop, strides[dim])));
    }
    return {tensor::ExtractOp::create(e.builder, e.loc, x, at)};
  };
  return l.replace(l.e.parallel(ValueRange(), {}, to, elementType(x), body));
}

/// A slice whose axes or steps are known at run time only: for each dimension,
/// the element of the inputs that is about it, if one is.
static LogicalResult convertRuntimeSlice(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  int64_t rank = rankOf(x);
  auto starts = l.sizesInput(1), ends = l.sizesInput(2);
  auto axes = l.in(3) ? l.sizesInput(3) : std::nullopt;
  auto steps = l.in(4) ? l.sizesInput(4) : std::nullopt;
  size_t count = starts->size();
  if ((l.in(3) && (!axes || axes->size() != count)) ||
      (l.in(4) && (!steps || steps->size() != count)))
    return l.fail("the number of axes is not known");
  MixedSizes from = e.sizes(x), to;
  OpFoldResult zero = e.size(0), one = e.size(1);
  Values bases, strides;
  Scalars s{e};
  for (int64_t dim = 0; dim < rank; ++dim) {
    OpFoldResult size = from[dim], start = zero, end = size, step = one;
    for (size_t i = 0; i < count; ++i) {
      OpFoldResult axis = axes ? (*axes)[i] : e.size(i);
      Value here = l.isEqual(l.fromFront(axis, e.size(rank)), e.size(dim));
      start = l.select(here, (*starts)[i], start);
      end = l.select(here, (*ends)[i], end);
      step = l.select(here, steps ? (*steps)[i] : one, step);
    }
    Value back = l.isLess(step, zero);
    OpFoldResult last = e.sub(size, one);
    OpFoldResult high = l.select(back, last, size);
    OpFoldResult low = l.select(back, e.size(-1), zero);
    start = l.max(zero, l.min(l.fromFront(start, size), high));
    end = l.max(low, l.min(l.fromFront(end, size), high));
    OpFoldResult span = l.select(back, e.sub(start, end), e.sub(end, start));
    OpFoldResult pace = l.select(back, e.sub(zero, step), step);
    Value rounded = s.add(e.index(span), e.index(e.sub(pace, one)));
    to.push_back(l.max(zero, s.div(rounded, e.index(pace))));
    bases.push_back(e.index(start));
    strides.push_back(e.index(step));
  }
  refine(l, to);
  return readStrided(l, to, bases, strides);
}

/// Starts and ends count from the back when negative, and are clamped.
static LogicalResult convertSlice(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  int64_t rank = rankOf(x);
  auto starts = l.sizesInput(1), ends = l.sizesInput(2);
  if (!starts || !ends || starts->size() != ends->size())
    return l.fail("the number of axes is not known");
  SmallVector<int64_t> axes =
      llvm::to_vector(llvm::seq<int64_t>(0, starts->size()));
  SmallVector<int64_t> steps(axes.size(), 1);
  if (l.in(3)) {
    auto known = l.axesInput(3, rank);
    if (!known || known->size() != axes.size())
      return convertRuntimeSlice(l);
    axes = *known;
  }
  if (l.in(4)) {
    auto known = l.constantInput(4);
    if (!known || known->size() != axes.size() || llvm::is_contained(*known, 0))
      return convertRuntimeSlice(l);
    steps = *known;
  }
  MixedSizes from = e.sizes(x), to = from, offsets(rank, e.size(0));
  SmallVector<int64_t> strides(rank, 1);
  OpFoldResult zero = e.size(0), one = e.size(1);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    OpFoldResult size = from[axis];
    bool forward = steps[i] > 0;
    OpFoldResult low = forward ? zero : e.size(-1);
    OpFoldResult high = forward ? size : e.sub(size, one);
    auto clamp = [&](OpFoldResult index, OpFoldResult least) {
      return l.max(least, l.min(l.fromFront(index, size), high));
    };
    OpFoldResult start = clamp((*starts)[i], zero);
    OpFoldResult end = clamp((*ends)[i], low);
    OpFoldResult span = forward ? e.sub(end, start) : e.sub(start, end);
    to[axis] = l.max(zero, l.ceilDiv(span, std::abs(steps[i])));
    offsets[axis] = start;
    strides[axis] = steps[i];
  }
  refine(l, to);
  MixedSizes paces;
  Values bases, numbers;
  for (int64_t stride : strides)
    paces.push_back(e.size(stride));
  if (llvm::all_of(strides, [](int64_t step) { return step > 0; }))
    return l.replace(e.slice(x, offsets, to, paces));
  // No view runs backward.
  for (auto [offset, pace] : llvm::zip_equal(offsets, paces)) {
    bases.push_back(e.index(offset));
    numbers.push_back(e.index(pace));
  }
  return readStrided(l, to, bases, numbers);
}

/// Broadcasts to a shape, which may have 1 where the operand has more.
static LogicalResult convertExpand(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  std::optional<MixedSizes> shape = l.sizesInput(1);
  if (!shape)
    return l.fail("the rank of the result is not known");
  MixedSizes from = e.sizes(x);
  int64_t rank = std::max(from.size(), shape->size());
  int64_t lead = rank - from.size(), skip = rank - shape->size();
  MixedSizes to;
  for (int64_t dim = 0; dim < rank; ++dim) {
    OpFoldResult own = dim < lead ? e.size(1) : from[dim - lead];
    OpFoldResult wanted = dim < skip ? e.size(1) : (*shape)[dim - skip];
    auto known = getConstantIntValue(own), given = getConstantIntValue(wanted);
    to.push_back(known == 1            ? wanted
                 : known || given == 1 ? own
                 : own == wanted
                     ? own
                     : l.select(l.isEqual(own, e.size(1)), wanted, own));
  }
  refine(l, to);
  // An operand's dynamic size may turn out to be 1.
  SmallVector<int64_t> dims;
  Values fits(rank);
  for (int64_t dim = lead; dim < rank; ++dim) {
    OpFoldResult own = from[dim - lead];
    bool isOne = isConstantIntValue(own, 1) && !isConstantIntValue(to[dim], 1);
    dims.push_back(isOne ? -1 : dim);
    if (!isOne && !getConstantIntValue(own) && own != to[dim])
      fits[dim] = l.isEqual(own, to[dim]);
  }
  bool direct = llvm::none_of(fits, [](Value fit) { return bool(fit); });
  if (direct)
    return l.replace(e.parallel(
        x, e.map(rank, dims), to, elementType(x),
        [](Emitter &, ValueRange args) -> Values { return {args[0]}; }));
  return l.replace(e.parallel(
      ValueRange(), {}, to, elementType(x),
      [&](Emitter &e, ValueRange) -> Values {
        Values at;
        for (int64_t dim : dims) {
          if (dim < 0) {
            at.push_back(e.index(0));
            continue;
          }
          Value loop = linalg::IndexOp::create(e.builder, e.loc, dim);
          at.push_back(fits[dim]
                           ? Scalars{e}.select(fits[dim], loop, e.index(0))
                           : loop);
        }
        return {tensor::ExtractOp::create(e.builder, e.loc, x, at)};
      }));
}

/// The sizes as a tensor of integers.
static LogicalResult convertShape(Lowering &l) {
  Emitter &e = l.e;
  MixedSizes sizes = e.sizes(l.in(0));
  int64_t rank = sizes.size();
  auto bound = [&](StringRef name, int64_t otherwise) {
    int64_t at = onnx::fromFront(intAttr(l.op, name, otherwise), rank);
    return std::clamp<int64_t>(at, 0, rank);
  };
  int64_t start = bound("start", 0), end = bound("end", rank);
  Type type = l.resultElement();
  Values elements;
  for (int64_t i = start; i < end; ++i)
    elements.push_back(
        arith::IndexCastOp::create(e.builder, e.loc, type, e.index(sizes[i])));
  auto result = RankedTensorType::get(elements.size(), type);
  return l.replace(
      tensor::FromElementsOp::create(e.builder, e.loc, result, elements)
          .getResult());
}

static LogicalResult convertSize(Lowering &l) {
  Emitter &e = l.e;
  Type type = l.resultElement();
  Value total = e.index(l.product(e.sizes(l.in(0))));
  total = arith::IndexCastOp::create(e.builder, e.loc, type, total);
  return l.replace(tensor::FromElementsOp::create(
                       e.builder, e.loc, RankedTensorType::get({}, type), total)
                       .getResult());
}

static LogicalResult convertTile(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  std::optional<MixedSizes> repeats = l.sizesInput(1);
  MixedSizes from = e.sizes(x), to;
  if (!repeats || repeats->size() != from.size())
    return l.fail("the repeats are not known");
  for (auto [size, count] : llvm::zip_equal(from, *repeats))
    to.push_back(e.mul(size, count));
  refine(l, to);
  Values extents;
  for (OpFoldResult size : from)
    extents.push_back(e.index(size));
  return l.replace(e.parallel(
      ValueRange(), {}, to, elementType(x),
      [&](Emitter &e, ValueRange) -> Values {
        Values at;
        for (auto [dim, extent] : llvm::enumerate(extents)) {
          Value loop = linalg::IndexOp::create(e.builder, e.loc, dim);
          at.push_back(arith::RemUIOp::create(e.builder, e.loc, loop, extent));
        }
        return {tensor::ExtractOp::create(e.builder, e.loc, x, at)};
      }));
}

/// The triangle on one side of a diagonal; zeros on the other.
static LogicalResult convertTrilu(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0), k = l.in(1);
  int64_t rank = rankOf(x);
  bool upper = intAttr(l.op, "upper", 1);
  Type type = elementType(x), i64 = e.builder.getI64Type();
  Value diagonal = k ? l.onlyElement(k) : e.number(0, i64);
  return l.replace(e.parallel(
      x, e.builder.getMultiDimIdentityMap(rank), e.sizes(x), type,
      [&](Emitter &e, ValueRange args) -> Values {
        Scalars s{e};
        auto loop = [&](int64_t dim) -> Value {
          return arith::IndexCastOp::create(
              e.builder, e.loc, i64,
              linalg::IndexOp::create(e.builder, e.loc, dim));
        };
        Value off = s.sub(loop(rank - 1), loop(rank - 2));
        Value hidden = upper ? s.less(off, diagonal) : s.less(diagonal, off);
        return {s.select(hidden, e.number(0, type), args[0])};
      }));
}

void fulgur::populateConvertMovementPatterns(RewritePatternSet &patterns,
                                             const ONNXTypeConverter &types) {
  addLowering<onnx::ReshapeOp>(patterns, types, convertReshape);
  addLowering<onnx::FlattenOp>(patterns, types, convertFlatten);
  addLowering<onnx::UnsqueezeOp>(patterns, types, convertUnsqueeze);
  addLowering<onnx::SqueezeOp>(patterns, types, convertSqueeze);
  addLowering<onnx::TransposeOp>(patterns, types, convertTranspose);
  addLowering<onnx::ConcatOp>(patterns, types, convertConcat);
  addLowering<onnx::SplitOp>(patterns, types, convertSplit);
  addLowering<onnx::SliceOp>(patterns, types, convertSlice);
  addLowering<onnx::ExpandOp>(patterns, types, convertExpand);
  addLowering<onnx::ShapeOp>(patterns, types, convertShape);
  addLowering<onnx::SizeOp>(patterns, types, convertSize);
  addLowering<onnx::TileOp>(patterns, types, convertTile);
  addLowering<onnx::TriluOp>(patterns, types, convertTrilu);
}
