//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Turns the conditions under which an element of a mask lets a score through
// into causality, a window, and the rest.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/Masks.h"

#include "passes/Raise/Matchers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace fulgur;

bool fulgur::isHiding(Value value) {
  std::optional<double> number = onnx::constantScalar(value);
  if (!number)
    return false;
  bool isHalf = getElementTypeOrSelf(value).isF16();
  return *number <= (isHalf ? -65504.0 : -1e30);
}

bool MaskMeaning::operator==(const MaskMeaning &other) const {
  auto contains = [](const MaskMeaning &all, const MaskMeaning &some) {
    return llvm::all_of(some.rest, [&](const Condition &condition) {
      return llvm::is_contained(all.rest, condition);
    });
  };
  return causal == other.causal && window == other.window &&
         contains(*this, other) && contains(other, *this);
}

SmallVector<AffineExpr> MaskReader::coordinates(ArrayRef<AffineExpr> scores) {
  static constexpr StringLiteral names[] = {"batch", "head", "query", "token"};
  SmallVector<AffineExpr> at;
  for (auto [i, extent] : llvm::enumerate(scores)) {
    bool hasHeads = scores.size() == 4;
    at.push_back(
        elements.coordinate(names[hasHeads || i == 0 ? i : i + 1], extent));
  }
  return at;
}

std::optional<MaskMeaning>
MaskReader::read(Value mask, ArrayRef<AffineExpr> scores, bool isNegated) {
  SmallVector<AffineExpr> at = coordinates(scores);
  auto point = elements.align(mask, scores, at);
  if (!point)
    return std::nullopt;
  std::optional<Conjunction> visible = isNegated
                                           ? elements.getOpposite(mask, *point)
                                           : elements.getVisible(mask, *point);
  if (!visible || visible->isNever)
    return std::nullopt;
  Sizes &sizes = elements.getSizes();
  AffineExpr query = at[at.size() - 2], token = at.back();
  // The last token that a query sees when it sees none after itself.
  AffineExpr last =
      sizes.add(sizes.sub(scores.back(), scores[scores.size() - 2]), query);
  AffineExpr distance = sizes.sub(last, token);
  MaskMeaning result;
  result.isFinite = visible->isFinite;
  for (Condition &condition : visible->all) {
    bool isInequality = condition.kind == Condition::Kind::NotNegative;
    std::optional<int64_t> width =
        isInequality ? Sizes::asConstant(sizes.add(condition.expr, distance))
                     : std::nullopt;
    if (isInequality && condition.expr == distance)
      result.causal = true;
    else if (width && *width >= 0 && !result.window)
      result.window = *width + 1;
    else
      result.rest.push_back(std::move(condition));
  }
  return result;
}

bool MaskReader::fits(Value value, ArrayRef<AffineExpr> scores) const {
  ArrayRef<AffineExpr> shape = elements.getShapes().getShape(value);
  if (shape.size() > scores.size())
    return false;
  for (auto [extent, whole] :
       llvm::zip_equal(shape, scores.take_back(shape.size())))
    if (extent != whole && Sizes::asConstant(extent) != 1)
      return false;
  return true;
}

Value MaskReader::buildOne(const Condition &condition, ArrayRef<AffineExpr> at,
                           OpBuilder &b, Location loc) {
  if (condition.kind != Condition::Kind::Holds)
    return {};
  SmallVector<int64_t> dropped, added;
  size_t next = 0;
  for (auto [axis, coordinate] : llvm::enumerate(condition.at)) {
    if (Sizes::asConstant(coordinate)) {
      if (tensorType(condition.value).getDimSize(axis) != 1)
        return {};
      dropped.push_back(axis);
      continue;
    }
    while (next < at.size() && at[next] != coordinate)
      added.push_back(next++);
    if (next == at.size())
      return {};
    ++next;
  }
  while (next < at.size())
    added.push_back(next++);
  Value value = createSqueeze(b, loc, condition.value, dropped);
  value = createUnsqueeze(b, loc, value, added);
  if (condition.isNegated)
    value = onnx::NotOp::create(b, loc, TypeRange{value.getType()},
                                ValueRange{value})
                ->getResult(0);
  return value;
}

/// An operator that broadcasts its operands of one rank.
template <typename Op>
static Value createBroadcast(OpBuilder &b, Location loc, Type element,
                             ValueRange operands) {
  SmallVector<int64_t> shape(tensorType(operands[0]).getShape());
  for (Value operand : operands.drop_front())
    for (auto [size, other] :
         llvm::zip_equal(shape, tensorType(operand).getShape()))
      size = size == 1 ? other : size;
  return Op::create(b, loc, TypeRange{RankedTensorType::get(shape, element)},
                    operands)
      ->getResult(0);
}

Value MaskReader::build(ArrayRef<Condition> conditions,
                        ArrayRef<AffineExpr> scores, OpBuilder &b,
                        Location loc) {
  SmallVector<AffineExpr> at = coordinates(scores);
  SmallVector<Value> all;
  for (const Condition &condition : conditions) {
    all.push_back(buildOne(condition, at, b, loc));
    if (!all.back())
      return {};
  }
  return combineMasks(all, b, loc);
}

Value fulgur::combineMasks(ArrayRef<Value> masks, OpBuilder &b, Location loc) {
  Value seen, added;
  for (Value mask : masks) {
    Type element = tensorType(mask).getElementType();
    if (element.isInteger(1))
      seen = seen ? createBroadcast<onnx::AndOp>(b, loc, element, {seen, mask})
                  : mask;
    else
      added = added
                  ? createBroadcast<onnx::AddOp>(b, loc, element, {added, mask})
                  : mask;
  }
  if (!seen || !added)
    return seen ? seen : added;
  auto element = cast<FloatType>(tensorType(added).getElementType());
  auto one = RankedTensorType::get({1, 1, 1, 1}, element);
  Value hidden = arith::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(one, APFloat::getInf(element.getFloatSemantics(),
                                                  /*Negative=*/true)));
  return createBroadcast<onnx::WhereOp>(b, loc, element, {seen, added, hidden});
}
