//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Boolean elements, and masks that are added to scores.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Analysis/ConstantTable.h"
#include "dialects/ONNX/Analysis/ElementAnalysis.h"
#include "dialects/ONNX/IR/ONNXDialect.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantScalar;
using fulgur::onnx::fromFront;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;
using fulgur::onnx::stringAttr;

/// Tables beyond this are not looked through: the mask of 8192 tokens is not.
constexpr int64_t maxTable = int64_t(1) << 26;

/// Whether nothing is left of a score after `number` is added: −inf, or as low
/// as the element type goes.
static bool hides(double number, Type element) {
  auto real = dyn_cast<FloatType>(element);
  if (!real)
    return false;
  double lowest = APFloat::getLargest(real.getFloatSemantics(), /*neg=*/true)
                      .convertToDouble();
  return number <= std::max(lowest, -1e30);
}

Conjunction ElementAnalysis::notNegative(AffineExpr expr) {
  if (isNeverNegative(expr))
    return whether(true);
  if (isNeverNegative(sizes.sub(sizes.constant(-1), expr)))
    return whether(false);
  return {false,
          {Condition{Condition::Kind::NotNegative, false, expr, {}, {}}}};
}

Conjunction ElementAnalysis::holds(Value value, Coords at) {
  Condition condition{Condition::Kind::Holds, false, {}, value, {}};
  condition.at.assign(at.begin(), at.end());
  return {false, {condition}};
}

Conjunction ElementAnalysis::both(Conjunction a, const Conjunction &b) {
  a.isNever |= b.isNever;
  a.isFinite |= b.isFinite;
  for (const Condition &condition : b.all)
    if (!llvm::is_contained(a.all, condition))
      a.all.push_back(condition);
  if (a.isNever)
    a.all.clear();
  return a;
}

std::optional<Conjunction>
ElementAnalysis::negate(const Conjunction &conjunction) {
  if (conjunction.isNever || conjunction.isAlways())
    return whether(conjunction.isNever);
  if (conjunction.all.size() != 1)
    return std::nullopt;
  Condition condition = conjunction.all.front();
  if (condition.kind == Condition::Kind::NotNegative)
    return notNegative(sizes.sub(sizes.constant(-1), condition.expr));
  condition.isNegated = !condition.isNegated;
  return Conjunction{false, {condition}};
}

std::optional<Conjunction>
ElementAnalysis::conditionOperand(Operation *op, unsigned index, Coords at) {
  std::optional<Point> point =
      align(input(op, index), shapes.getShape(op->getResult(0)), at);
  if (!point)
    return std::nullopt;
  return getCondition(input(op, index), *point);
}

std::optional<Conjunction>
ElementAnalysis::visibleOperand(Operation *op, unsigned index, Coords at) {
  std::optional<Point> point =
      align(input(op, index), shapes.getShape(op->getResult(0)), at);
  return point ? getVisible(input(op, index), *point) : std::nullopt;
}

/// A constant that is true (or adds nothing) up to one diagonal of its last two
/// axes and false (or hides) beyond it.
std::optional<Conjunction> ElementAnalysis::diagonalTable(Value value,
                                                          Coords at) {
  auto [known, isNew] = diagonals.try_emplace(value);
  if (isNew)
    known->second = [&]() -> std::optional<int64_t> {
      std::optional<ConstantTable> table = ConstantTable::get(value, maxTable);
      if (!table || table->getShape().size() < 2 || table->size() == 0)
        return std::nullopt;
      Type element = getElementTypeOrSelf(value);
      int64_t rows = table->getShape().drop_back().back();
      int64_t columns = table->getShape().back();
      std::optional<int64_t> diagonal;
      for (int64_t i = 0; i < table->size(); i += columns) {
        int64_t row = i / columns % rows, seen = 0;
        for (int64_t column = 0; column < columns; ++column) {
          double number = (*table)[i + column];
          bool isSeen = element.isInteger(1) ? number != 0 : number == 0;
          if (!isSeen && !element.isInteger(1) && !hides(number, element))
            return std::nullopt;
          if (isSeen && seen != column)
            return std::nullopt;
          seen += isSeen;
        }
        // A full or an empty row bounds the diagonal, any other one fixes it.
        int64_t here = seen - 1 - row;
        if (seen > 0 && seen < columns) {
          if (diagonal && *diagonal != here)
            return std::nullopt;
          diagonal = here;
        }
      }
      if (!diagonal)
        diagonal =
            (*table)[0] == (element.isInteger(1) ? 1 : 0) ? columns - 1 : -rows;
      for (int64_t i = 0; i < table->size(); ++i) {
        double number = (*table)[i];
        bool isSeen = element.isInteger(1) ? number != 0 : number == 0;
        if (isSeen != (i % columns - i / columns % rows <= *diagonal))
          return std::nullopt;
      }
      return diagonal;
    }();
  if (!known->second)
    return std::nullopt;
  AffineExpr distance = sizes.sub(at.back(), at.drop_back().back());
  return notNegative(sizes.sub(sizes.constant(*known->second), distance));
}

/// A comparison of two integers that are known, or of which the order is.
std::optional<Conjunction> ElementAnalysis::compare(Operation *op, Coords at) {
  if (!getElementTypeOrSelf(op->getOperand(0)).isSignlessInteger())
    return std::nullopt;
  AffineExpr a = integerOperand(op, 0, at), b = integerOperand(op, 1, at);
  if (!a || !b)
    return std::nullopt;
  AffineExpr one = sizes.constant(1);
  if (isa<onnx::LessOrEqualOp>(op))
    return notNegative(sizes.sub(b, a));
  if (isa<onnx::LessOp>(op))
    return notNegative(sizes.sub(sizes.sub(b, a), one));
  if (isa<onnx::GreaterOrEqualOp>(op))
    return notNegative(sizes.sub(a, b));
  if (isa<onnx::GreaterOp>(op))
    return notNegative(sizes.sub(sizes.sub(a, b), one));
  AffineExpr difference = sizes.sub(a, b);
  if (Sizes::asConstant(difference) == 0)
    return whether(true);
  if (isNeverNegative(sizes.sub(difference, one)) ||
      isNeverNegative(sizes.sub(sizes.sub(b, a), one)))
    return whether(false);
  return std::nullopt;
}

/// One value scattered over another along the last axis: true, or visible,
/// where an index points to, or where none does.
std::optional<Conjunction> ElementAnalysis::scattered(Operation *op,
                                                      Coords at) {
  int64_t rank = at.size();
  if (stringAttr(op, "reduction", "none") != "none" ||
      fromFront(intAttr(op, "axis", 0), rank) != rank - 1)
    return std::nullopt;
  Value data = input(op, 0), indices = input(op, 1), updates = input(op, 2);
  // Whole rows: the coordinates before the last are those of the indices.
  ArrayRef<AffineExpr> from = shapes.getShape(indices);
  if (from.drop_back() != shapes.getShape(data).drop_back())
    return std::nullopt;
  std::optional<Conjunction> before = getVisible(data, at);
  Point anywhere(at);
  anywhere.back() = coordinate("update", from.back());
  std::optional<Conjunction> after = getVisible(updates, anywhere);
  auto isOne = [](const std::optional<Conjunction> &one) {
    return one && (one->isNever || one->isAlways());
  };
  if (!isOne(before) || !isOne(after))
    return std::nullopt;
  if (before->isNever == after->isNever)
    return before;
  while (auto cast = indices.getDefiningOp<onnx::CastOp>()) {
    if (!getElementTypeOrSelf(cast->getOperand(0)).isInteger() ||
        getElementTypeOrSelf(indices).getIntOrFloatBitWidth() < 32)
      break;
    indices = cast->getOperand(0);
  }
  Condition condition{
      Condition::Kind::Selected, after->isNever, {}, indices, {}};
  condition.at.assign(at.begin(), at.end());
  return Conjunction{false, {condition}, before->isFinite || after->isFinite};
}

/// A triangle of a constant: what is outside of it is 0, or false.
std::optional<Conjunction> ElementAnalysis::triangle(Operation *op, Coords at) {
  std::optional<Conjunction> inside = getVisible(input(op, 0), at);
  int64_t diagonal = 0;
  if (Value value = input(op, 1)) {
    auto contents = shapes.getContents(value);
    std::optional<int64_t> number =
        contents ? Sizes::asConstant(contents->front()) : std::nullopt;
    if (!number)
      return std::nullopt;
    diagonal = *number;
  }
  bool isBoolean = getElementTypeOrSelf(op->getResult(0)).isInteger(1);
  // Zero is false, and adds nothing.
  if (!inside || (isBoolean ? !inside->isAlways() : !inside->isNever))
    return std::nullopt;
  AffineExpr beyond = sizes.sub(sizes.sub(at.back(), at.drop_back().back()),
                                sizes.constant(diagonal));
  Conjunction kept = intAttr(op, "upper", 1)
                         ? notNegative(beyond)
                         : notNegative(sizes.sub(sizes.constant(0), beyond));
  if (isBoolean)
    return kept;
  std::optional<Conjunction> visible = negate(kept);
  if (visible)
    visible->isFinite = inside->isFinite;
  return visible;
}

/// `Where`, when one of the branches is always false (or hides).
std::optional<Conjunction> ElementAnalysis::chosen(Operation *op, Coords at) {
  std::optional<Conjunction> condition = conditionOperand(op, 0, at);
  if (!condition)
    return std::nullopt;
  if (condition->isNever || condition->isAlways())
    return visibleOperand(op, condition->isNever ? 2 : 1, at);
  std::optional<Conjunction> then = visibleOperand(op, 1, at);
  std::optional<Conjunction> otherwise = visibleOperand(op, 2, at);
  if (!then || !otherwise)
    return std::nullopt;
  if (otherwise->isNever) {
    then->isFinite |= otherwise->isFinite;
    return both(*condition, *then);
  }
  if (!then->isNever)
    return std::nullopt;
  std::optional<Point> point =
      align(input(op, 0), shapes.getShape(op->getResult(0)), at);
  std::optional<Conjunction> opposite = getOpposite(input(op, 0), *point);
  otherwise->isFinite |= then->isFinite;
  return opposite ? std::optional(both(*opposite, *otherwise)) : std::nullopt;
}

std::optional<Conjunction> ElementAnalysis::indicator(Value value, Coords at) {
  Place place = origin(value, at);
  Operation *op = place.first.getDefiningOp();
  if (isa_and_nonnull<onnx::CastOp>(op) &&
      getElementTypeOrSelf(op->getOperand(0)).isInteger(1))
    return getCondition(op->getOperand(0), place.second);
  if (isa_and_nonnull<onnx::SubOp>(op) &&
      constantScalar(op->getOperand(0)) == 1.0) {
    std::optional<Point> point =
        align(op->getOperand(1), shapes.getShape(place.first), place.second);
    std::optional<Conjunction> other =
        point ? indicator(op->getOperand(1), *point) : std::nullopt;
    return other ? negate(*other) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<Conjunction> ElementAnalysis::getOpposite(Value value,
                                                        Coords at) {
  Place place = origin(value, at);
  Operation *op = place.first.getDefiningOp();
  if (isa_and_nonnull<onnx::NotOp>(op))
    return getCondition(op->getOperand(0), place.second);
  if (isa_and_nonnull<onnx::OrOp>(op)) {
    // Neither of the two.
    std::optional<Conjunction> sides[2];
    for (unsigned i : {0, 1})
      if (std::optional<Point> point = align(
              op->getOperand(i), shapes.getShape(place.first), place.second))
        sides[i] = getOpposite(op->getOperand(i), *point);
    if (sides[0] && sides[1])
      return both(*sides[0], *sides[1]);
  }
  return negate(getCondition(value, at));
}

Conjunction ElementAnalysis::getCondition(Value value, Coords at) {
  Place place = origin(value, at);
  value = place.first;
  at = place.second;
  Conjunction unknown = holds(value, at);
  Operation *op = value.getDefiningOp();
  if (std::optional<double> scalar = constantScalar(value))
    return whether(*scalar != 0);
  if (!op)
    return unknown;
  if (std::optional<Conjunction> table = diagonalTable(value, at))
    return *table;
  std::optional<Conjunction> known;
  if (isa<onnx::AndOp>(op)) {
    std::optional<Conjunction> a = conditionOperand(op, 0, at);
    std::optional<Conjunction> b = conditionOperand(op, 1, at);
    if (a && b)
      known = both(*a, *b);
  } else if (isa<onnx::OrOp>(op)) {
    std::optional<Conjunction> a = conditionOperand(op, 0, at);
    std::optional<Conjunction> b = conditionOperand(op, 1, at);
    if (a && b && (a->isNever || b->isAlways()))
      known = b;
    else if (a && b && (b->isNever || a->isAlways()))
      known = a;
  } else if (isa<onnx::NotOp>(op)) {
    known = getOpposite(op->getOperand(0), at);
  } else if (isa<onnx::EqualOp, onnx::LessOp, onnx::LessOrEqualOp,
                 onnx::GreaterOp, onnx::GreaterOrEqualOp>(op)) {
    known = compare(op, at);
  } else if (isa<onnx::WhereOp>(op)) {
    known = chosen(op, at);
  } else if (isa<onnx::ScatterElementsOp>(op)) {
    known = scattered(op, at);
  } else if (isa<onnx::TriluOp>(op)) {
    known = triangle(op, at);
  } else if (auto fill = dyn_cast<onnx::ConstantOfShapeOp>(op)) {
    auto number = fill->getAttrOfType<DenseElementsAttr>("value");
    if (number && number.getElementType().isInteger(1))
      known = whether(number.getSplatValue<bool>());
  } else if (isa<onnx::CastOp>(op)) {
    Place from = origin(op->getOperand(0), at);
    std::optional<double> number = constantScalar(from.first);
    AffineExpr integer = getInteger(from.first, from.second);
    if (number)
      known = whether(*number != 0);
    else if (std::optional<int64_t> constant = Sizes::asConstant(integer))
      known = whether(*constant != 0);
    else
      known = indicator(from.first, from.second);
  }
  return known.value_or(unknown);
}

std::optional<Conjunction> ElementAnalysis::getVisible(Value value, Coords at) {
  Type element = getElementTypeOrSelf(value);
  if (element.isInteger(1))
    return getCondition(value, at);
  Place place = origin(value, at);
  value = place.first;
  at = place.second;
  Operation *op = value.getDefiningOp();
  if (!op || !isa<FloatType>(element))
    return std::nullopt;
  auto number = [&](double constant) -> std::optional<Conjunction> {
    if (constant != 0 && !hides(constant, element))
      return std::nullopt;
    Conjunction visible = whether(constant == 0);
    visible.isFinite = visible.isNever && std::isfinite(constant);
    return visible;
  };
  if (std::optional<double> scalar = constantScalar(value))
    return number(*scalar);
  if (std::optional<Conjunction> table = diagonalTable(value, at)) {
    // Not looked up: the finite lowest is what exporters write.
    table->isFinite = true;
    return table;
  }
  if (auto fill = dyn_cast<onnx::ConstantOfShapeOp>(op)) {
    auto attr = fill->getAttrOfType<DenseElementsAttr>("value");
    return attr ? number(attr.getSplatValue<APFloat>().convertToDouble())
                : whether(true);
  }
  if (isa<onnx::CastOp>(op) &&
      isa<FloatType>(getElementTypeOrSelf(op->getOperand(0))))
    return getVisible(op->getOperand(0), at);
  if (isa<onnx::WhereOp>(op))
    return chosen(op, at);
  if (isa<onnx::ScatterElementsOp>(op))
    return scattered(op, at);
  if (isa<onnx::TriluOp>(op))
    return triangle(op, at);
  if (isa<onnx::AddOp>(op)) {
    std::optional<Conjunction> a = visibleOperand(op, 0, at);
    std::optional<Conjunction> b = visibleOperand(op, 1, at);
    return a && b ? std::optional(both(*a, *b)) : std::nullopt;
  }
  if (isa<onnx::MulOp>(op)) {
    // A number that is 0 or 1, times one that hides; −inf · 0 is no number.
    for (unsigned i : {0, 1}) {
      std::optional<double> factor = constantScalar(op->getOperand(i));
      if (!factor || !std::isfinite(*factor) || !hides(*factor, element))
        continue;
      std::optional<Point> point =
          align(op->getOperand(1 - i), shapes.getShape(value), at);
      std::optional<Conjunction> hidden =
          point ? indicator(op->getOperand(1 - i), *point) : std::nullopt;
      std::optional<Conjunction> visible =
          hidden ? negate(*hidden) : std::nullopt;
      if (visible)
        visible->isFinite = true;
      return visible;
    }
  }
  return std::nullopt;
}
