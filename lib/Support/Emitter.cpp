//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes the plain tensor code that operations decompose into.
//
//===----------------------------------------------------------------------===//
#include "lib/Support/Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace fulgur;

static RankedTensorType typeOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType());
}

Type fulgur::elementType(Value tensor) {
  return typeOf(tensor).getElementType();
}

Type fulgur::accumulatorType(Type element) {
  return element.isF64() ? element : Float32Type::get(element.getContext());
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

OpFoldResult Emitter::size(Value tensor, int64_t dim) {
  // Look through what was emitted before, to where the size was given.
  if (auto result = dyn_cast<OpResult>(tensor)) {
    if (auto op = result.getDefiningOp<DestinationStyleOpInterface>())
      return size(op.getTiedOpOperand(result)->get(), dim);
    if (auto op = result.getDefiningOp<tensor::EmptyOp>())
      return op.getMixedSizes()[dim];
    if (auto op = result.getDefiningOp<tensor::ExpandShapeOp>())
      return op.getMixedOutputShape()[dim];
    if (auto op = result.getDefiningOp<tensor::ExtractSliceOp>())
      if (op.getDroppedDims().none())
        return op.getMixedSizes()[dim];
  }
  return tensor::getMixedSize(builder, loc, tensor, dim);
}

MixedSizes Emitter::sizes(Value tensor) {
  MixedSizes result;
  for (int64_t i = 0, e = typeOf(tensor).getRank(); i < e; ++i)
    result.push_back(size(tensor, i));
  return result;
}

OpFoldResult Emitter::size(int64_t constant) {
  return builder.getIndexAttr(constant);
}

OpFoldResult Emitter::add(OpFoldResult a, OpFoldResult b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return size(*x + *y);
  if (x == 0)
    return b;
  if (y == 0)
    return a;
  return arith::AddIOp::create(builder, loc, index(a), index(b)).getResult();
}

OpFoldResult Emitter::sub(OpFoldResult a, OpFoldResult b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return size(*x - *y);
  if (y == 0)
    return a;
  return arith::SubIOp::create(builder, loc, index(a), index(b)).getResult();
}

OpFoldResult Emitter::mul(OpFoldResult a, OpFoldResult b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return size(*x * *y);
  if (x == 1)
    return b;
  if (y == 1)
    return a;
  return arith::MulIOp::create(builder, loc, index(a), index(b)).getResult();
}

OpFoldResult Emitter::div(OpFoldResult a, OpFoldResult b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y && *y != 0)
    return size(*x / *y);
  if (y == 1)
    return a;
  return arith::DivUIOp::create(builder, loc, index(a), index(b)).getResult();
}

OpFoldResult Emitter::rem(OpFoldResult a, OpFoldResult b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y && *y != 0)
    return size(*x % *y);
  if (y == 1)
    return size(0);
  return arith::RemUIOp::create(builder, loc, index(a), index(b)).getResult();
}

OpFoldResult Emitter::min(OpFoldResult a, OpFoldResult b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return size(std::min(*x, *y));
  return arith::MinSIOp::create(builder, loc, index(a), index(b)).getResult();
}

OpFoldResult Emitter::max(OpFoldResult a, OpFoldResult b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return size(std::max(*x, *y));
  return arith::MaxSIOp::create(builder, loc, index(a), index(b)).getResult();
}

Value Emitter::index(OpFoldResult size) {
  return getValueOrCreateConstantIndexOp(builder, loc, size);
}

Value Emitter::index(int64_t constant) {
  return arith::ConstantIndexOp::create(builder, loc, constant);
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

Value Emitter::real(double value, Type type) {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getFloatAttr(type, value));
}

Value Emitter::number(double value, Type type) {
  if (isa<FloatType>(type))
    return real(value, type);
  return arith::ConstantOp::create(
      builder, loc, builder.getIntegerAttr(type, static_cast<int64_t>(value)));
}

Value Emitter::toFloat(Value scalar, Type type) {
  unsigned from = scalar.getType().getIntOrFloatBitWidth();
  unsigned to = type.getIntOrFloatBitWidth();
  if (scalar.getType() == type)
    return scalar;
  if (from < to)
    return arith::ExtFOp::create(builder, loc, type, scalar);
  if (from > to)
    return arith::TruncFOp::create(builder, loc, type, scalar);
  return toFloat(toFloat(scalar, builder.getF32Type()), type);
}

Value Emitter::indexToFloat(Value index, Type type) {
  Value integer =
      arith::IndexCastOp::create(builder, loc, builder.getI64Type(), index);
  return arith::SIToFPOp::create(builder, loc, type, integer);
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

Value Emitter::empty(ArrayRef<OpFoldResult> sizes, Type type) {
  OpBuilder::InsertionGuard guard(builder);
  bool known = outermost && llvm::none_of(sizes, [&](OpFoldResult size) {
                 auto value = dyn_cast<Value>(size);
                 return value && outermost->isAncestor(
                                     value.getParentRegion()->getParentOp());
               });
  if (known)
    builder.setInsertionPoint(outermost);
  return tensor::EmptyOp::create(builder, loc, sizes, type);
}

Value Emitter::fill(Value tensor, double value) {
  Value scalar = real(value, elementType(tensor));
  return linalg::FillOp::create(builder, loc, scalar, tensor).getResult(0);
}

Value Emitter::filled(ArrayRef<OpFoldResult> sizes, Type type, double value) {
  return fill(empty(sizes, type), value);
}

Value Emitter::filled(ArrayRef<OpFoldResult> sizes, Value scalar) {
  return linalg::FillOp::create(builder, loc, scalar,
                                empty(sizes, scalar.getType()))
      .getResult(0);
}

Value Emitter::cast(Value tensor, Type type) {
  if (tensor.getType() == type)
    return tensor;
  return tensor::CastOp::create(builder, loc, type, tensor);
}

Value Emitter::collapse(Value tensor, ArrayRef<ReassociationIndices> groups) {
  return tensor::CollapseShapeOp::create(builder, loc, tensor, groups);
}

Value Emitter::expand(Value tensor, ArrayRef<ReassociationIndices> groups,
                      ArrayRef<OpFoldResult> sizes) {
  SmallVector<Value> dynamic;
  SmallVector<int64_t> shape;
  dispatchIndexOpFoldResults(sizes, dynamic, shape);
  auto type = RankedTensorType::get(shape, elementType(tensor));
  // The verifier wants a group of static sizes to come from a static size.
  auto from = tensor::CollapseShapeOp::inferCollapsedType(
      type, SmallVector<ReassociationIndices>(groups));
  return tensor::ExpandShapeOp::create(builder, loc, type, cast(tensor, from),
                                       groups, sizes);
}

Value Emitter::unsqueeze(Value tensor, ArrayRef<int64_t> axes) {
  MixedSizes from = sizes(tensor), to;
  SmallVector<ReassociationIndices> groups(from.size());
  int64_t rank = from.size() + axes.size(), next = 0;
  for (int64_t axis = 0; axis < rank; ++axis) {
    bool isNew = llvm::is_contained(axes, axis);
    // New ones go with the dimension before them, or the first.
    int64_t group = std::max<int64_t>(isNew ? next - 1 : next, 0);
    to.push_back(isNew ? size(1) : from[next++]);
    if (!groups.empty())
      groups[group].push_back(axis);
  }
  return axes.empty() ? tensor : expand(tensor, groups, to);
}

Value Emitter::squeeze(Value tensor, int64_t axis) {
  SmallVector<ReassociationIndices> groups;
  int64_t rank = typeOf(tensor).getRank();
  for (int64_t i = 0; i < rank; ++i) {
    // The dropped one goes with the one before it, or the one after.
    bool joins = axis > 0 ? i == axis : i == 1;
    if (!joins)
      groups.emplace_back();
    groups.back().push_back(i);
  }
  if (rank == 1)
    groups.clear();
  // A size that is 1 only at run time would multiply that of its neighbour.
  SmallVector<int64_t> shape(typeOf(tensor).getShape());
  shape[axis] = 1;
  tensor = cast(tensor, typeOf(tensor).clone(shape));
  return collapse(tensor, groups);
}

/// Whether one of `sizes` is known to be 0.
static bool hasNone(ArrayRef<OpFoldResult> sizes) {
  return llvm::any_of(
      sizes, [](OpFoldResult size) { return getConstantIntValue(size) == 0; });
}

Value Emitter::slice(Value tensor, ArrayRef<OpFoldResult> offsets,
                     ArrayRef<OpFoldResult> sizes,
                     ArrayRef<OpFoldResult> strides,
                     ArrayRef<int64_t> dropped) {
  // Nothing may start behind the last element, where an empty slice can be.
  if (hasNone(sizes)) {
    MixedSizes kept;
    for (auto [dim, extent] : llvm::enumerate(sizes))
      if (!llvm::is_contained(dropped, static_cast<int64_t>(dim)))
        kept.push_back(extent);
    return empty(kept, typeOf(tensor).getElementType());
  }
  MixedSizes ones(offsets.size(), size(1));
  if (strides.empty())
    strides = ones;
  auto type = tensor::ExtractSliceOp::inferResultType(typeOf(tensor), sizes);
  SmallVector<int64_t> shape;
  MixedSizes kept;
  for (auto [dim, extent] : llvm::enumerate(type.getShape()))
    if (!llvm::is_contained(dropped, static_cast<int64_t>(dim))) {
      shape.push_back(extent);
      kept.push_back(sizes[dim]);
    }
  type = RankedTensorType::get(shape, type.getElementType());
  // What is empty may lie at the very end, where the verifier wants an element.
  if (llvm::is_contained(shape, 0) ||
      llvm::is_contained(typeOf(tensor).getShape(), 0))
    return tensor::EmptyOp::create(builder, loc, kept, type.getElementType());
  return tensor::ExtractSliceOp::create(builder, loc, type, tensor, offsets,
                                        sizes, strides);
}

Value Emitter::insert(Value tensor, Value into, ArrayRef<OpFoldResult> offsets,
                      ArrayRef<OpFoldResult> sizes,
                      ArrayRef<OpFoldResult> strides) {
  if (hasNone(sizes))
    return into;
  MixedSizes ones(offsets.size(), size(1));
  if (llvm::is_contained(typeOf(tensor).getShape(), 0))
    return into;
  return tensor::InsertSliceOp::create(builder, loc, tensor, into, offsets,
                                       sizes, strides.empty() ? ones : strides);
}

Value Emitter::copy(Value tensor, Value into) {
  return linalg::CopyOp::create(builder, loc, tensor, into).getResult(0);
}

Value Emitter::copyInto(Value tensor, Value into,
                        ArrayRef<OpFoldResult> offsets) {
  MixedSizes extents = sizes(tensor);
  Value part = slice(into, offsets, extents);
  return insert(copy(tensor, part), into, offsets, extents);
}

Value Emitter::permute(Value tensor, ArrayRef<int64_t> order, Type type) {
  bool identity = llvm::all_of(llvm::enumerate(order), [](auto it) {
    return static_cast<int64_t>(it.index()) == it.value();
  });
  if (identity)
    return convert(tensor, type);
  MixedSizes from = sizes(tensor), to;
  for (int64_t dim : order)
    to.push_back(from[dim]);
  if (elementType(tensor) == type)
    return linalg::TransposeOp::create(builder, loc, tensor, empty(to, type),
                                       order)
        .getResult()[0];
  SmallVector<int64_t> inverse(order.size());
  for (auto [i, dim] : llvm::enumerate(order))
    inverse[dim] = i;
  return parallel(tensor, map(order.size(), inverse), to, type,
                  [&](Emitter &e, ValueRange x) -> SmallVector<Value> {
                    return {e.toFloat(x[0], type)};
                  });
}

Value Emitter::convert(Value tensor, Type type) {
  if (elementType(tensor) == type)
    return tensor;
  int64_t rank = typeOf(tensor).getRank();
  return parallel(tensor, builder.getMultiDimIdentityMap(rank), sizes(tensor),
                  type, [&](Emitter &e, ValueRange x) -> SmallVector<Value> {
                    return {e.toFloat(x[0], type)};
                  });
}

//===----------------------------------------------------------------------===//
// Structured operations
//===----------------------------------------------------------------------===//

AffineMap Emitter::map(int64_t loops, ArrayRef<int64_t> results) {
  SmallVector<AffineExpr> exprs;
  for (int64_t dim : results)
    exprs.push_back(dim < 0 ? builder.getAffineConstantExpr(0)
                            : builder.getAffineDimExpr(dim));
  return AffineMap::get(loops, 0, exprs, builder.getContext());
}

AffineMap Emitter::broadcast(Value tensor, ArrayRef<int64_t> results,
                             int64_t loops) {
  SmallVector<int64_t> dims(results);
  for (auto [i, dim] : llvm::enumerate(dims))
    if (typeOf(tensor).getDimSize(i) == 1)
      dim = -1;
  return map(loops, dims);
}

static SmallVector<Value> generic(Emitter &emitter, ValueRange inputs,
                                  ValueRange outputs, ArrayRef<AffineMap> maps,
                                  ArrayRef<utils::IteratorType> iterators,
                                  bool passOutputs, Emitter::Body body) {
  auto op = linalg::GenericOp::create(
      emitter.builder, emitter.loc, TypeRange(outputs), inputs, outputs, maps,
      iterators, [&](OpBuilder &nested, Location loc, ValueRange args) {
        Emitter inner(nested, loc);
        ValueRange used = passOutputs ? args : args.take_front(inputs.size());
        linalg::YieldOp::create(nested, loc, body(inner, used));
      });
  return SmallVector<Value>(op.getResults());
}

SmallVector<Value> Emitter::parallel(ValueRange inputs,
                                     ArrayRef<AffineMap> maps,
                                     ValueRange outputs, Body body) {
  int64_t rank = typeOf(outputs[0]).getRank();
  SmallVector<AffineMap> all(maps);
  all.append(outputs.size(), builder.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  return generic(*this, inputs, outputs, all, iterators, false, body);
}

Value Emitter::parallel(ValueRange inputs, ArrayRef<AffineMap> maps,
                        ArrayRef<OpFoldResult> sizes, Type type, Body body) {
  return parallel(inputs, maps, empty(sizes, type), body)[0];
}

SmallVector<Value> Emitter::reduce(ValueRange inputs, ArrayRef<AffineMap> maps,
                                   ValueRange inits, ArrayRef<int64_t> dims,
                                   Body body) {
  int64_t loops = typeOf(inits[0]).getRank() + dims.size();
  SmallVector<utils::IteratorType> iterators(loops,
                                             utils::IteratorType::parallel);
  SmallVector<int64_t> kept;
  for (int64_t i = 0; i < loops; ++i) {
    if (llvm::is_contained(dims, i))
      iterators[i] = utils::IteratorType::reduction;
    else
      kept.push_back(i);
  }
  SmallVector<AffineMap> all(maps);
  all.append(inits.size(), map(loops, kept));
  return generic(*this, inputs, inits, all, iterators, true, body);
}

Value Emitter::reduce(ValueRange inputs, ArrayRef<AffineMap> maps, Value init,
                      ArrayRef<int64_t> dims, Body body) {
  return reduce(inputs, maps, ValueRange(init), dims, body)[0];
}

Value Emitter::matmul(Value lhs, Value rhs, Value init) {
  if (typeOf(init).getRank() == 3)
    return linalg::BatchMatmulOp::create(builder, loc,
                                         TypeRange{init.getType()},
                                         ValueRange{lhs, rhs}, ValueRange{init})
        .getResult(0);
  return linalg::MatmulOp::create(builder, loc, TypeRange{init.getType()},
                                  ValueRange{lhs, rhs}, ValueRange{init})
      .getResult(0);
}

Value Emitter::matmulTransposed(Value lhs, Value rhs, Value init) {
  return linalg::MatmulTransposeBOp::create(
             builder, loc, TypeRange{init.getType()}, ValueRange{lhs, rhs},
             ValueRange{init})
      .getResult(0);
}
