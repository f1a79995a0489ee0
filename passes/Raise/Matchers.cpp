//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Questions about `onnx` values.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/Matchers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantInts;
using fulgur::onnx::constantOf;
using fulgur::onnx::constantScalar;
using fulgur::onnx::fromFront;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;

Value fulgur::skipFloatCasts(Value value) {
  while (auto cast = producer<onnx::CastOp>(value)) {
    if (!isa<FloatType>(getElementTypeOrSelf(cast->getOperand(0))) ||
        !isa<FloatType>(getElementTypeOrSelf(value)))
      break;
    value = cast->getOperand(0);
  }
  return value;
}

bool fulgur::isConstant(Value value, double number) {
  std::optional<double> constant = value ? constantScalar(value) : std::nullopt;
  if (!constant)
    return false;
  return std::abs(*constant - number) <= 1e-7 * std::abs(number);
}

bool fulgur::dropsNothing(Operation *dropout) {
  return !input(dropout, 2) || isConstant(input(dropout, 2), 0) ||
         isConstant(input(dropout, 1), 0);
}

double fulgur::shortestDecimal(double value) {
  if (static_cast<float>(value) != value)
    return value;
  for (int digits = 0; digits < 9; ++digits) {
    double decimal = std::strtod(
        llvm::formatv("{0}", llvm::format("%.*e", digits, value)).str().c_str(),
        nullptr);
    if (static_cast<float>(decimal) == value)
      return decimal;
  }
  return value;
}

bool fulgur::isFilledWith(Value value, double number) {
  while (Operation *op = value ? value.getDefiningOp() : nullptr) {
    if (DenseElementsAttr constant = constantOf(value)) {
      if (!constant.isSplat())
        return false;
      Attribute element = constant.getSplatValue<Attribute>();
      if (auto real = dyn_cast<FloatAttr>(element))
        return real.getValueAsDouble() == number;
      auto integer = dyn_cast<IntegerAttr>(element);
      return integer && !integer.getValue().isZero() == (number != 0) &&
             (number == 0 || integer.getType().isInteger(1) ||
              integer.getInt() == number);
    }
    if (isa<onnx::ConstantOfShapeOp>(op)) {
      auto fill = op->getAttrOfType<DenseElementsAttr>("value");
      if (!fill || !isa<FloatType>(fill.getElementType()))
        return fill ? fill.getElementType().isInteger(1) &&
                          fill.getSplatValue<bool>() == (number != 0)
                    : number == 0;
      return fill.getSplatValue<APFloat>().convertToDouble() == number;
    }
    if (!isa<onnx::ExpandOp, onnx::ReshapeOp, onnx::SqueezeOp,
             onnx::UnsqueezeOp, onnx::TileOp, onnx::CastOp>(op))
      return false;
    value = op->getOperand(0);
  }
  return false;
}

std::pair<Value, Value>
fulgur::splitOperands(Operation *op, function_ref<bool(Value)> wanted) {
  if (!op || op->getNumOperands() != 2)
    return {};
  for (unsigned i : {0, 1})
    if (wanted(op->getOperand(i)))
      return {op->getOperand(i), op->getOperand(1 - i)};
  return {};
}

Value fulgur::peelScale(Value value, double &factor) {
  if (auto mul = producer<onnx::MulOp>(value)) {
    auto [constant, other] = splitOperands(
        mul, [](Value v) { return constantScalar(v).has_value(); });
    if (!constant || other.getType() != value.getType())
      return {};
    factor *= *constantScalar(constant);
    return other;
  }
  if (auto div = producer<onnx::DivOp>(value)) {
    std::optional<double> divisor = constantScalar(div->getOperand(1));
    if (!divisor || *divisor == 0 ||
        div->getOperand(0).getType() != value.getType())
      return {};
    factor /= *divisor;
    return div->getOperand(0);
  }
  return {};
}

std::optional<Part> fulgur::matchPart(Value value) {
  Operation *op = value.getDefiningOp();
  RankedTensorType type = tensorType(value);
  if (!type)
    return std::nullopt;
  if (auto slice = dyn_cast_or_null<onnx::SliceOp>(op)) {
    auto starts = constantInts(input(op, 1)), ends = constantInts(input(op, 2));
    std::optional<SmallVector<int64_t>> axes, steps;
    if (input(op, 3))
      axes = constantInts(input(op, 3));
    if (input(op, 4))
      steps = constantInts(input(op, 4));
    else if (axes)
      steps = SmallVector<int64_t>(axes->size(), 1);
    if (!starts || !ends || !axes || !steps || starts->size() != 1)
      return std::nullopt;
    RankedTensorType from = tensorType(op->getOperand(0));
    int64_t axis = fromFront(axes->front(), type.getRank());
    if (!from || from.isDynamicDim(axis) || type.isDynamicDim(axis) ||
        steps->front() < 1)
      return std::nullopt;
    int64_t extent = from.getDimSize(axis);
    int64_t start =
        std::clamp<int64_t>(fromFront(starts->front(), extent), 0, extent);
    return Part{op->getOperand(0), axis, start, type.getDimSize(axis),
                steps->front()};
  }
  if (auto split = dyn_cast_or_null<onnx::SplitOp>(op)) {
    int64_t axis = fromFront(intAttr(op, "axis", 0), type.getRank());
    int64_t start = 0;
    for (Value result : op->getResults()) {
      RankedTensorType part = tensorType(result);
      if (!part || part.isDynamicDim(axis))
        return std::nullopt;
      if (result == value)
        return Part{op->getOperand(0), axis, start, part.getDimSize(axis), 1};
      start += part.getDimSize(axis);
    }
  }
  return std::nullopt;
}

std::optional<SmallVector<int64_t>> fulgur::getAxes(Operation *op,
                                                    int64_t rank) {
  Value axes = input(op, 1);
  std::optional<SmallVector<int64_t>> values;
  if (axes)
    values = constantInts(axes);
  if (!values)
    return std::nullopt;
  for (int64_t &axis : *values)
    axis = fromFront(axis, rank);
  return values;
}

bool fulgur::reducesLastAxis(Operation *op, bool keep) {
  int64_t rank = rankOf(op->getOperand(0));
  std::optional<SmallVector<int64_t>> axes = getAxes(op, rank);
  return axes && axes->size() == 1 && axes->front() == rank - 1 &&
         (intAttr(op, "keepdims", 1) != 0) == keep;
}

Value fulgur::createTranspose(OpBuilder &b, Location loc, Value value,
                              ArrayRef<int64_t> perm) {
  RankedTensorType type = tensorType(value);
  SmallVector<int64_t> shape;
  for (int64_t axis : perm)
    shape.push_back(type.getDimSize(axis));
  return onnx::TransposeOp::create(
             b, loc, TypeRange{type.clone(shape)}, ValueRange{value},
             b.getNamedAttr("perm", b.getDenseI64ArrayAttr(perm)))
      ->getResult(0);
}

Value fulgur::createInts(OpBuilder &b, Location loc, ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())},
                                    b.getI64Type());
  return arith::ConstantOp::create(b, loc,
                                   DenseElementsAttr::get(type, values));
}

Value fulgur::createSqueeze(OpBuilder &b, Location loc, Value value,
                            ArrayRef<int64_t> axes) {
  if (axes.empty())
    return value;
  RankedTensorType type = tensorType(value);
  SmallVector<int64_t> shape;
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (!llvm::is_contained(axes, i))
      shape.push_back(type.getDimSize(i));
  return onnx::SqueezeOp::create(b, loc, TypeRange{type.clone(shape)},
                                 ValueRange{value, createInts(b, loc, axes)})
      ->getResult(0);
}

Value fulgur::createUnsqueeze(OpBuilder &b, Location loc, Value value,
                              ArrayRef<int64_t> axes) {
  if (axes.empty())
    return value;
  RankedTensorType type = tensorType(value);
  SmallVector<int64_t> shape(type.getShape());
  for (int64_t axis : axes)
    shape.insert(shape.begin() + axis, 1);
  return onnx::UnsqueezeOp::create(b, loc, TypeRange{type.clone(shape)},
                                   ValueRange{value, createInts(b, loc, axes)})
      ->getResult(0);
}

Value fulgur::createReshape(OpBuilder &b, Location loc, Value value,
                            ArrayRef<int64_t> shape) {
  // 0 keeps an extent.
  SmallVector<int64_t> target = llvm::map_to_vector(shape, [](int64_t extent) {
    return ShapedType::isDynamic(extent) ? 0 : extent;
  });
  return onnx::ReshapeOp::create(b, loc,
                                 TypeRange{tensorType(value).clone(shape)},
                                 ValueRange{value, createInts(b, loc, target)})
      ->getResult(0);
}

Value fulgur::createSlice(OpBuilder &b, Location loc, Value value,
                          int64_t start, int64_t size) {
  RankedTensorType type = tensorType(value);
  int64_t axis = type.getRank() - 1;
  if (start == 0 && size == type.getDimSize(axis))
    return value;
  SmallVector<int64_t> shape(type.getShape());
  shape[axis] = size;
  return onnx::SliceOp::create(b, loc, TypeRange{type.clone(shape)},
                               ValueRange{value, createInts(b, loc, {start}),
                                          createInts(b, loc, {start + size}),
                                          createInts(b, loc, {axis}),
                                          createInts(b, loc, {1})})
      ->getResult(0);
}

Value fulgur::createCast(OpBuilder &b, Location loc, Value value,
                         Type element) {
  if (getElementTypeOrSelf(value) == element)
    return value;
  return onnx::CastOp::create(b, loc,
                              TypeRange{tensorType(value).clone(element)},
                              ValueRange{value})
      ->getResult(0);
}

Value fulgur::arrange(OpBuilder &b, Location loc, Value value,
                      ArrayRef<int64_t> dims) {
  SmallVector<int64_t> dropped, perm, added;
  for (int64_t i = 0, e = rankOf(value); i < e; ++i)
    if (!llvm::is_contained(dims, i))
      dropped.push_back(i);
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (dim < 0)
      added.push_back(i);
    else
      perm.push_back(dim - llvm::count_if(dropped, [dim = dim](int64_t d) {
                       return d < dim;
                     }));
  }
  value = createSqueeze(b, loc, value, dropped);
  if (!llvm::is_sorted(perm))
    value = createTranspose(b, loc, value, perm);
  return createUnsqueeze(b, loc, value, added);
}
