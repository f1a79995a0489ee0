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
  std::optional<Conjunction> visible = elements.getVisible(mask, *point);
  if (visible && isNegated)
    visible = elements.negate(*visible);
  if (!visible || visible->isNever)
    return std::nullopt;
  Sizes &sizes = elements.getSizes();
  AffineExpr query = at[at.size() - 2], token = at.back();
  // The last token that a query sees when it sees none after itself.
  AffineExpr last =
      sizes.add(sizes.sub(scores.back(), scores[scores.size() - 2]), query);
  AffineExpr distance = sizes.sub(last, token);
  MaskMeaning result;
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

Value MaskReader::build(ArrayRef<Condition> conditions,
                        ArrayRef<AffineExpr> scores, OpBuilder &b,
                        Location loc) {
  SmallVector<AffineExpr> at = coordinates(scores);
  Value all;
  for (const Condition &condition : conditions) {
    Value one = buildOne(condition, at, b, loc);
    if (!one)
      return {};
    if (!all) {
      all = one;
      continue;
    }
    SmallVector<int64_t> shape;
    for (auto [x, y] : llvm::zip_equal(tensorType(all).getShape(),
                                       tensorType(one).getShape()))
      shape.push_back(x == 1 ? y : x);
    all = onnx::AndOp::create(b, loc, TypeRange{tensorType(all).clone(shape)},
                              ValueRange{all, one})
              ->getResult(0);
  }
  return all;
}
