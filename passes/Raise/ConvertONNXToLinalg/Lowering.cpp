//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the conversion of one operator works with.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace fulgur;

LogicalResult Lowering::replace(ValueRange results) {
  SmallVector<Value> values;
  for (auto [i, result] : llvm::enumerate(results))
    values.push_back(hasOutput(i) ? e.cast(result, outputType(i)) : Value());
  rewriter.replaceOp(op, values);
  return success();
}

LogicalResult Lowering::fail(const Twine &reason) {
  return op->emitError("operator '")
         << op->getName().stripDialect() << "' is not supported: " << reason;
}

RankedTensorType Lowering::outputType(unsigned index) const {
  return llvm::cast<RankedTensorType>(
      types.convertType(op->getResult(index).getType()));
}

bool Lowering::hasOutput(unsigned index) const {
  return index < op->getNumResults() &&
         !isa<NoneType>(op->getResult(index).getType());
}

std::optional<int64_t> Lowering::axisAttr(StringRef name, int64_t otherwise,
                                          int64_t rank) const {
  int64_t axis = onnx::fromFront(onnx::intAttr(op, name, otherwise), rank);
  if (axis < 0 || axis >= rank)
    return std::nullopt;
  return axis;
}

std::optional<SmallVector<int64_t>>
Lowering::constantInput(unsigned index) const {
  Value value = onnx::input(op, index);
  return value ? onnx::constantInts(value) : std::nullopt;
}

std::optional<SmallVector<int64_t>> Lowering::axesInput(unsigned index,
                                                        int64_t rank) const {
  std::optional<SmallVector<int64_t>> axes = constantInput(index);
  for (int64_t i = 0, count = axes ? axes->size() : 0; i < count; ++i) {
    int64_t &axis = (*axes)[i];
    axis = onnx::fromFront(axis, rank);
    if (axis < 0 || axis >= rank)
      return std::nullopt;
  }
  return axes;
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

std::optional<MixedSizes> Lowering::sizesInput(unsigned index) {
  if (std::optional<SmallVector<int64_t>> known = constantInput(index))
    return llvm::map_to_vector(*known, [&](int64_t v) { return e.size(v); });
  Value tensor = in(index);
  auto type = tensorType(tensor);
  if (!type.hasStaticShape() || type.getRank() > 1 ||
      !type.getElementType().isInteger())
    return std::nullopt;
  MixedSizes result;
  if (auto made = tensor.getDefiningOp<tensor::FromElementsOp>()) {
    for (Value element : made.getElements()) {
      APInt constant;
      auto fromIndex = element.getDefiningOp<arith::IndexCastOp>();
      if (matchPattern(element, m_ConstantInt(&constant)))
        result.push_back(e.size(constant.getSExtValue()));
      else if (fromIndex && fromIndex.getIn().getType().isIndex())
        result.push_back(fromIndex.getIn());
      else
        result.push_back(arith::IndexCastOp::create(e.builder, e.loc,
                                                    e.builder.getIndexType(),
                                                    element)
                             .getResult());
    }
    return result;
  }
  for (int64_t i = 0, count = type.getNumElements(); i < count; ++i) {
    SmallVector<Value> at;
    if (type.getRank() == 1)
      at.push_back(e.index(i));
    Value element = tensor::ExtractOp::create(e.builder, e.loc, tensor, at);
    result.push_back(arith::IndexCastOp::create(
                         e.builder, e.loc, e.builder.getIndexType(), element)
                         .getResult());
  }
  return result;
}

std::optional<OpFoldResult> Lowering::sizeInput(unsigned index) {
  std::optional<MixedSizes> sizes = sizesInput(index);
  if (!sizes || sizes->size() != 1)
    return std::nullopt;
  return sizes->front();
}

OpFoldResult Lowering::min(OpFoldResult a, OpFoldResult b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return e.size(std::min(*x, *y));
  return arith::MinSIOp::create(e.builder, e.loc, e.index(a), e.index(b))
      .getResult();
}

OpFoldResult Lowering::ceilDiv(OpFoldResult a, int64_t b) {
  if (b == 1)
    return a;
  if (std::optional<int64_t> known = getConstantIntValue(a))
    return e.size(llvm::divideCeilSigned(*known, b));
  return arith::CeilDivSIOp::create(e.builder, e.loc, e.index(a), e.index(b))
      .getResult();
}

OpFoldResult Lowering::max(OpFoldResult a, OpFoldResult b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return e.size(std::max(*x, *y));
  return arith::MaxSIOp::create(e.builder, e.loc, e.index(a), e.index(b))
      .getResult();
}

static Value compare(Emitter &e, arith::CmpIPredicate predicate, OpFoldResult a,
                     OpFoldResult b) {
  return e.builder.createOrFold<arith::CmpIOp>(e.loc, predicate, e.index(a),
                                               e.index(b));
}

Value Lowering::isEqual(OpFoldResult a, OpFoldResult b) {
  return compare(e, arith::CmpIPredicate::eq, a, b);
}

Value Lowering::isLess(OpFoldResult a, OpFoldResult b) {
  return compare(e, arith::CmpIPredicate::slt, a, b);
}

OpFoldResult Lowering::select(Value condition, OpFoldResult a, OpFoldResult b) {
  if (isEqualConstantIntOrValue(a, b))
    return a;
  return getAsOpFoldResult(e.builder.createOrFold<arith::SelectOp>(
      e.loc, condition, e.index(a), e.index(b)));
}

OpFoldResult Lowering::fromFront(OpFoldResult index, OpFoldResult extent) {
  if (std::optional<int64_t> known = getConstantIntValue(index))
    return *known < 0 ? e.add(extent, index) : index;
  return select(isLess(index, e.size(0)), e.add(index, extent), index);
}

OpFoldResult Lowering::product(ArrayRef<OpFoldResult> sizes) {
  OpFoldResult total = e.size(1);
  for (OpFoldResult extent : sizes)
    total = e.mul(total, extent);
  return total;
}

void Lowering::check(Value condition, const Twine &message) {
  if (matchPattern(condition, m_One()))
    return;
  cf::AssertOp::create(
      e.builder, e.loc, condition,
      e.builder.getStringAttr(op->getName().stripDialect() + ": " + message));
}

void Lowering::checkSame(unsigned index, int64_t dim, unsigned other,
                         int64_t otherDim) {
  Value a = op->getOperand(index), b = op->getOperand(other);
  if (types.isSame(op, a, dim, b, otherDim))
    return;
  check(isEqual(e.size(in(index), dim), e.size(in(other), otherDim)),
        "expected dimension " + Twine(dim) + " of input " + Twine(index) +
            " to have the size of dimension " + Twine(otherDim) + " of input " +
            Twine(other));
}

Value Lowering::fit(unsigned index, int64_t axis, const MixedSizes &sizes) {
  Value part = in(index);
  auto type = tensorType(part);
  SmallVector<int64_t> shape(type.getShape());
  for (int64_t dim = 0, rank = sizes.size(); dim < rank; ++dim) {
    std::optional<int64_t> known = getConstantIntValue(sizes[dim]);
    if (dim == axis || (known && shape[dim] == *known))
      continue;
    bool isSame = !known && types.isSame(op, op->getOperand(0), dim,
                                         op->getOperand(index), dim);
    if (!isSame)
      check(isEqual(e.size(part, dim), sizes[dim]),
            "expected dimension " + Twine(dim) + " of input " + Twine(index) +
                " to have the size of the others");
    shape[dim] = known.value_or(ShapedType::kDynamic);
  }
  return e.cast(part, type.clone(shape));
}

//===----------------------------------------------------------------------===//
// Broadcasting
//===----------------------------------------------------------------------===//

Lowering::Broadcast Lowering::broadcast(ArrayRef<unsigned> indices) {
  Broadcast result;
  int64_t loops = 0;
  for (unsigned index : indices)
    loops = std::max(loops, rank(index));
  SmallVector<SmallVector<int64_t>> reads(indices.size());
  SmallVector<SmallVector<int64_t>> dynamic(indices.size());
  for (int64_t dim = 0; dim < loops; ++dim) {
    // Of extents that are always the same, one stands for all. A static one
    // other than 1 is the result's.
    struct Extent {
      Value original;
      int64_t axis;
      OpFoldResult size;
    };
    SmallVector<Extent> distinct;
    SmallVector<std::optional<size_t>> classes(indices.size());
    for (auto [i, index] : llvm::enumerate(indices)) {
      int64_t axis = dim - (loops - rank(index));
      auto type = tensorType(operands[index]);
      if (axis < 0 || type.getDimSize(axis) == 1)
        continue;
      Value original = op->getOperand(index);
      auto *same = llvm::find_if(distinct, [&](const Extent &known) {
        return types.isSame(op, original, axis, known.original, known.axis);
      });
      classes[i] = same - distinct.begin();
      if (same == distinct.end())
        distinct.push_back({original, axis, e.size(operands[index], axis)});
    }
    OpFoldResult extent = e.size(1);
    const Extent *fixed = llvm::find_if(distinct, [](const Extent &known) {
      return isa<Attribute>(known.size);
    });
    bool isFixed = fixed != distinct.end();
    if (isFixed)
      extent = fixed->size;
    else
      for (auto [i, known] : llvm::enumerate(distinct))
        extent = i == 0
                     ? known.size
                     : select(isEqual(extent, e.size(1)), known.size, extent);
    for (auto [i, known] : llvm::enumerate(distinct))
      if (distinct.size() > 1 && !isa<Attribute>(known.size)) {
        Value fits = arith::OrIOp::create(e.builder, e.loc,
                                          isEqual(known.size, e.size(1)),
                                          isEqual(known.size, extent));
        check(fits, "shapes can not be broadcast");
      }
    for (auto [i, index] : llvm::enumerate(indices)) {
      int64_t axis = dim - (loops - rank(index));
      if (axis < 0)
        continue;
      reads[i].push_back(classes[i] ? dim : -1);
      if (classes[i] && distinct.size() > 1 &&
          !isa<Attribute>(distinct[*classes[i]].size))
        dynamic[i].push_back(dim);
    }
    result.sizes.push_back(extent);
  }
  for (auto [i, index] : llvm::enumerate(indices))
    result.operands.push_back({index, e.map(loops, reads[i]), dynamic[i]});
  return result;
}

Value Lowering::elementwise(ArrayRef<unsigned> indices, Type type,
                            Emitter::Body body) {
  Broadcast shape = broadcast(indices);
  int64_t loops = shape.sizes.size();
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  // The extents of the operands that are read by hand.
  SmallVector<SmallVector<Value>> fits(indices.size());
  for (auto [i, operand] : llvm::enumerate(shape.operands)) {
    Value tensor = operands[operand.index];
    if (operand.dynamic.empty()) {
      inputs.push_back(tensor);
      maps.push_back(operand.map);
      continue;
    }
    for (int64_t dim : operand.dynamic)
      fits[i].push_back(
          isEqual(e.size(tensor, dim - (loops - rank(operand.index))),
                  shape.sizes[dim]));
  }
  return e.parallel(
      inputs, maps, shape.sizes, type,
      [&](Emitter &e, ValueRange direct) -> SmallVector<Value> {
        SmallVector<Value> elements;
        size_t next = 0;
        for (auto [i, operand] : llvm::enumerate(shape.operands)) {
          if (operand.dynamic.empty()) {
            elements.push_back(direct[next++]);
            continue;
          }
          SmallVector<Value> at;
          for (AffineExpr expr : operand.map.getResults()) {
            auto loop = dyn_cast<AffineDimExpr>(expr);
            if (!loop) {
              at.push_back(e.index(0));
              continue;
            }
            Value position =
                linalg::IndexOp::create(e.builder, e.loc, loop.getPosition());
            auto *found = llvm::find(operand.dynamic, loop.getPosition());
            if (found != operand.dynamic.end())
              position = arith::SelectOp::create(
                  e.builder, e.loc, fits[i][found - operand.dynamic.begin()],
                  position, e.index(0));
            at.push_back(position);
          }
          elements.push_back(tensor::ExtractOp::create(
              e.builder, e.loc, operands[operand.index], at));
        }
        return body(e, elements);
      });
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

/// Any two shapes with the same number of elements are one flat one in between.
Value Lowering::reshape(Value tensor, ArrayRef<OpFoldResult> sizes) {
  auto type = tensorType(tensor);
  auto all = [](int64_t rank) {
    return ReassociationIndices(llvm::to_vector(llvm::seq<int64_t>(0, rank)));
  };
  int64_t to = sizes.size();
  Value flat = tensor;
  if (type.getRank() == 0)
    flat = e.expand(tensor, {}, e.size(1));
  else if (type.getRank() > 1)
    flat = e.collapse(tensor, all(type.getRank()));
  if (to == 1)
    return flat;
  if (to == 0)
    return e.collapse(
        e.cast(flat, RankedTensorType::get({1}, elementType(flat))), {});
  return e.expand(flat, all(to), sizes);
}

Value Lowering::onlyElement(Value tensor) {
  SmallVector<Value> at(tensorType(tensor).getRank(), e.index(0));
  return tensor::ExtractOp::create(e.builder, e.loc, tensor, at);
}
