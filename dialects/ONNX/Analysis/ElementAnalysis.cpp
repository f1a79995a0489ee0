//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Elements through data movement, and integer elements. Booleans are in
// ConditionAnalysis.cpp.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Analysis/ElementAnalysis.h"

#include "dialects/ONNX/Analysis/ConstantTable.h"
#include "dialects/ONNX/IR/ONNXDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantInts;
using fulgur::onnx::fromFront;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;
using fulgur::onnx::intsAttr;

AffineExpr ElementAnalysis::coordinate(StringRef name, AffineExpr extent) {
  if (Sizes::asConstant(extent) == 1)
    return sizes.constant(0);
  // No dimension of a model is called so: names are identifiers.
  AffineExpr expr = sizes.dim(("#" + name).str());
  auto known = llvm::find_if(
      ranges, [&](const auto &range) { return range.first == expr; });
  if (known == ranges.end())
    ranges.push_back({expr, extent});
  else
    known->second = extent;
  return expr;
}

bool ElementAnalysis::isNeverNegative(AffineExpr expr) {
  // The least value: every coordinate at the end that makes it smallest.
  for (auto [coordinate, extent] : ranges) {
    AffineExpr next = expr.replace(coordinate, coordinate + sizes.constant(1));
    std::optional<int64_t> slope = Sizes::asConstant(sizes.sub(next, expr));
    if (!slope)
      return false;
    AffineExpr end =
        *slope < 0 ? sizes.sub(extent, sizes.constant(1)) : sizes.constant(0);
    expr = sizes.add(expr.replace(coordinate, end), sizes.constant(0));
  }
  return sizes.isNeverNegative(expr);
}

std::optional<ElementAnalysis::Point>
ElementAnalysis::align(Value operand, Coords to, Coords at) const {
  ArrayRef<AffineExpr> from = shapes.getShape(operand);
  if (from.size() > to.size())
    return std::nullopt;
  Point point(at.take_back(from.size()));
  for (auto [coordinate, extent, target] :
       llvm::zip_equal(point, from, to.take_back(from.size()))) {
    if (Sizes::asConstant(extent) == 1)
      coordinate = getAffineConstantExpr(0, extent.getContext());
    else if (extent != target)
      return std::nullopt;
  }
  return point;
}

/// `Concat` and `Split`: the part that the coordinate is surely in.
std::optional<ElementAnalysis::Place>
ElementAnalysis::stepThroughParts(Operation *op, Coords at) {
  Point point(at);
  int64_t axis = fromFront(intAttr(op, "axis", 0), at.size());
  if (isa<onnx::ConcatOp>(op)) {
    for (Value part : op->getOperands()) {
      AffineExpr extent = shapes.getShape(part)[axis];
      AffineExpr beyond = sizes.sub(point[axis], extent);
      if (isNeverNegative(sizes.sub(sizes.constant(-1), beyond)))
        return Place{part, point};
      if (!isNeverNegative(beyond))
        return std::nullopt;
      point[axis] = beyond;
    }
  }
  return std::nullopt;
}

/// The place in a tensor of shape `from` that has the same number, in row-major
/// order, as `at` has in shape `to`.
std::optional<ElementAnalysis::Point>
ElementAnalysis::reshaped(Coords to, Coords at, Coords from) {
  auto isUnit = [](AffineExpr extent) {
    return Sizes::asConstant(extent) == 1;
  };
  // The extents other than 1 stay what they are: so do their coordinates.
  Point kept, point;
  SmallVector<AffineExpr> wide, narrow;
  for (auto [extent, coordinate] : llvm::zip_equal(to, at))
    if (!isUnit(extent)) {
      wide.push_back(extent);
      kept.push_back(coordinate);
    }
  llvm::copy_if(from, std::back_inserter(narrow),
                [&](AffineExpr extent) { return !isUnit(extent); });
  if (wide != narrow) {
    AffineExpr number = sizes.constant(0);
    for (auto [extent, coordinate] : llvm::zip_equal(wide, kept))
      number = sizes.add(sizes.mul(number, extent), coordinate);
    kept.clear();
    // Each coordinate is one that leaves less than a stride.
    for (size_t i = 0; i < narrow.size(); ++i) {
      AffineExpr stride = sizes.constant(1);
      for (AffineExpr extent : ArrayRef(narrow).drop_front(i + 1))
        stride = sizes.mul(stride, extent);
      auto leaves = [&](AffineExpr coordinate) {
        AffineExpr rest = sizes.sub(number, sizes.mul(coordinate, stride));
        AffineExpr spare =
            sizes.sub(sizes.sub(stride, sizes.constant(1)), rest);
        return isNeverNegative(rest) && isNeverNegative(spare);
      };
      SmallVector<AffineExpr> candidates{sizes.constant(0)};
      llvm::append_range(candidates, llvm::make_first_range(ranges));
      auto found = i + 1 == narrow.size() ? candidates.end()
                                          : llvm::find_if(candidates, leaves);
      if (i + 1 == narrow.size())
        kept.push_back(number);
      else if (found == candidates.end())
        return std::nullopt;
      else
        kept.push_back(*found);
      number = sizes.sub(number, sizes.mul(kept.back(), stride));
    }
  }
  auto next = kept.begin();
  for (AffineExpr extent : from)
    point.push_back(isUnit(extent) ? sizes.constant(0) : *next++);
  return point;
}

/// `Gather` and `GatherND`: what the indices at the coordinates point at.
std::optional<ElementAnalysis::Place>
ElementAnalysis::stepThroughGather(Operation *op, Coords at) {
  Value data = input(op, 0), indices = input(op, 1);
  ArrayRef<AffineExpr> shape = shapes.getShape(data);
  int64_t indexRank = shapes.getShape(indices).size();
  auto index = [&](Coords where, AffineExpr extent) -> AffineExpr {
    AffineExpr expr = getInteger(indices, where);
    if (std::optional<int64_t> number = Sizes::asConstant(expr);
        number && *number < 0)
      return sizes.add(expr, extent);
    // One that may be negative would count from the end.
    return expr && isNeverNegative(expr) ? expr : AffineExpr();
  };
  Point point;
  if (isa<onnx::GatherOp>(op)) {
    int64_t axis = fromFront(intAttr(op, "axis", 0), shape.size());
    AffineExpr expr = index(at.slice(axis, indexRank), shape[axis]);
    if (!expr)
      return std::nullopt;
    llvm::append_range(point, at.take_front(axis));
    point.push_back(expr);
    llvm::append_range(point, at.drop_front(axis + indexRank));
    return Place{data, point};
  }
  std::optional<int64_t> depth =
      Sizes::asConstant(shapes.getShape(indices).back());
  if (!depth || intAttr(op, "batch_dims", 0) != 0)
    return std::nullopt;
  for (int64_t i = 0; i < *depth; ++i) {
    Point where(at.take_front(indexRank - 1));
    where.push_back(sizes.constant(i));
    AffineExpr expr = index(where, shape[i]);
    if (!expr)
      return std::nullopt;
    point.push_back(expr);
  }
  llvm::append_range(point, at.drop_front(indexRank - 1));
  return Place{data, point};
}

/// Where element `at` of `value` comes from, if it is only moved.
std::optional<ElementAnalysis::Place> ElementAnalysis::stepBack(Value value,
                                                                Coords at) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getName().getDialectNamespace() != "onnx" ||
      op->getNumOperands() == 0)
    return std::nullopt;
  Value from = op->getOperand(0);
  if (isa<onnx::IdentityOp>(op))
    return Place{from, Point(at)};
  if (isa<onnx::ConcatOp>(op))
    return stepThroughParts(op, at);
  if (isa<onnx::GatherOp, onnx::GatherNDOp>(op))
    return stepThroughGather(op, at);
  ArrayRef<AffineExpr> shape = shapes.getShape(from);
  if (isa<onnx::ExpandOp>(op)) {
    std::optional<Point> point = align(from, shapes.getShape(value), at);
    return point ? std::optional(Place{from, *point}) : std::nullopt;
  }
  if (isa<onnx::TransposeOp>(op)) {
    std::optional<ArrayRef<int64_t>> perm = intsAttr(op, "perm");
    Point point(at.size());
    for (size_t i = 0; i < at.size(); ++i)
      point[perm ? (*perm)[i] : at.size() - 1 - i] = at[i];
    return Place{from, point};
  }
  if (isa<onnx::ReshapeOp, onnx::FlattenOp, onnx::SqueezeOp, onnx::UnsqueezeOp>(
          op)) {
    std::optional<Point> point = reshaped(shapes.getShape(value), at, shape);
    return point ? std::optional(Place{from, *point}) : std::nullopt;
  }
  if (isa<onnx::SliceOp>(op)) {
    std::optional<ArrayRef<AffineExpr>> starts, steps;
    if (input(op, 1))
      starts = shapes.getContents(input(op, 1));
    if (input(op, 4))
      steps = shapes.getContents(input(op, 4));
    std::optional<SmallVector<int64_t>> axes;
    if (input(op, 3))
      axes = constantInts(input(op, 3));
    if (!starts || !axes || (input(op, 4) && !steps))
      return std::nullopt;
    Point point(at);
    for (auto [i, axis] : llvm::enumerate(*axes)) {
      axis = fromFront(axis, at.size());
      AffineExpr start = (*starts)[i];
      AffineExpr step = steps ? (*steps)[i] : sizes.constant(1);
      if (std::optional<int64_t> number = Sizes::asConstant(start);
          number && *number < 0)
        start = sizes.add(start, shape[axis]);
      // A start before the first element is moved there.
      if (!isNeverNegative(start) || Sizes::asConstant(step).value_or(0) < 1)
        return std::nullopt;
      point[axis] = sizes.add(start, sizes.mul(step, point[axis]));
    }
    return Place{from, point};
  }
  return std::nullopt;
}

ElementAnalysis::Place ElementAnalysis::origin(Value value, Coords at) {
  Place place{value, Point(at)};
  while (std::optional<Place> before = stepBack(place.first, place.second))
    place = std::move(*before);
  for (auto [coordinate, extent] :
       llvm::zip_equal(place.second, shapes.getShape(place.first)))
    if (Sizes::asConstant(extent) == 1)
      coordinate = sizes.constant(0);
  return place;
}

/// One row in front of others: where it is what the others would have there,
/// one expression serves for all. This is how exporters write "the position
/// before".
AffineExpr ElementAnalysis::prependedRow(Operation *concat, Coords at) {
  int64_t axis = fromFront(intAttr(concat, "axis", 0), at.size());
  bool isRange = llvm::is_contained(llvm::make_first_range(ranges), at[axis]);
  if (concat->getNumOperands() != 2 || !isRange ||
      Sizes::asConstant(shapes.getShape(concat->getOperand(0))[axis]) != 1)
    return {};
  Point first(at), rest(at);
  first[axis] = sizes.constant(0);
  rest[axis] = sizes.sub(at[axis], sizes.constant(1));
  AffineExpr row = getInteger(concat->getOperand(0), first);
  AffineExpr other = getInteger(concat->getOperand(1), rest);
  if (!row || !other)
    return {};
  AffineExpr there = other.replace(at[axis], sizes.constant(0));
  return sizes.sub(there, row) == sizes.constant(0) ? other : AffineExpr();
}

AffineExpr ElementAnalysis::integerOperand(Operation *op, unsigned index,
                                           Coords at) {
  Value operand = input(op, index);
  std::optional<Point> point =
      align(operand, shapes.getShape(op->getResult(0)), at);
  return point ? getInteger(operand, *point) : AffineExpr();
}

/// A constant that grows evenly along its axes, as positions do.
AffineExpr ElementAnalysis::integerTable(Value value, Coords at) {
  std::optional<ConstantTable> table =
      ConstantTable::get(value, ShapeAnalysis::maxContents);
  if (!table || table->size() == 0)
    return {};
  ArrayRef<int64_t> shape = table->getShape();
  SmallVector<int64_t> slopes(shape.size(), 0);
  int64_t stride = 1;
  for (int64_t i = shape.size() - 1; i >= 0; --i) {
    if (shape[i] > 1)
      slopes[i] = (*table)[stride] - (*table)[0];
    stride *= shape[i];
  }
  for (int64_t i = 0; i < table->size(); ++i) {
    int64_t expected = (*table)[0], rest = i;
    for (int64_t axis = shape.size() - 1; axis >= 0; --axis) {
      expected += rest % shape[axis] * slopes[axis];
      rest /= shape[axis];
    }
    if ((*table)[i] != expected)
      return {};
  }
  AffineExpr sum = sizes.constant((*table)[0]);
  for (auto [slope, coordinate] : llvm::zip_equal(slopes, at))
    sum = sizes.add(sum, sizes.mul(sizes.constant(slope), coordinate));
  return sum;
}

AffineExpr ElementAnalysis::getInteger(Value value, Coords at) {
  Place place = origin(value, at);
  value = place.first;
  at = place.second;
  Operation *op = value.getDefiningOp();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!op || !type || !type.getElementType().isSignlessInteger())
    return {};
  if (std::optional<ArrayRef<AffineExpr>> contents = shapes.getContents(value);
      contents && contents->size() == 1)
    return contents->front();
  if (isa<arith::ConstantOp>(op))
    return integerTable(value, at);
  if (op->getName().getDialectNamespace() != "onnx" ||
      op->getNumOperands() == 0)
    return {};
  auto operand = [&](unsigned index) { return integerOperand(op, index, at); };

  if (isa<onnx::CastOp>(op)) {
    Type from = cast<TensorType>(op->getOperand(0).getType()).getElementType();
    if (from.isInteger(1)) {
      Conjunction condition = getCondition(op->getOperand(0), at);
      if (condition.isNever || condition.isAlways())
        return sizes.constant(condition.isAlways());
      return {};
    }
    // Positions and sizes fit in 32 bits.
    return from.isInteger() && type.getElementTypeBitWidth() >= 32
               ? getInteger(op->getOperand(0), at)
               : AffineExpr();
  }
  if (isa<onnx::ConcatOp>(op))
    return prependedRow(op, at);
  if (isa<onnx::RangeOp>(op)) {
    auto start = shapes.getContents(op->getOperand(0));
    auto delta = shapes.getContents(op->getOperand(2));
    if (!start || !delta)
      return {};
    return sizes.add(start->front(), sizes.mul(delta->front(), at[0]));
  }
  if (isa<onnx::ConstantOfShapeOp>(op)) {
    auto fill = op->getAttrOfType<DenseElementsAttr>("value");
    return fill && fill.getElementType().isInteger()
               ? sizes.constant(fill.getSplatValue<APInt>().getSExtValue())
               : AffineExpr();
  }
  if (isa<onnx::CumSumOp>(op)) {
    auto axis = shapes.getContents(op->getOperand(1));
    AffineExpr summand = getInteger(op->getOperand(0), at);
    std::optional<int64_t> along =
        axis ? Sizes::asConstant(axis->front()) : std::nullopt;
    std::optional<int64_t> number = Sizes::asConstant(summand);
    if (!along || !number || (*number != 0 && intAttr(op, "reverse", 0)))
      return {};
    AffineExpr count = at[fromFront(*along, at.size())];
    if (!intAttr(op, "exclusive", 0))
      count = sizes.add(count, sizes.constant(1));
    return sizes.mul(summand, count);
  }
  if (isa<onnx::NegOp>(op)) {
    AffineExpr a = getInteger(op->getOperand(0), at);
    return a ? sizes.sub(sizes.constant(0), a) : AffineExpr();
  }
  if (op->getNumOperands() != 2)
    return {};
  AffineExpr a = operand(0), b = operand(1);
  if (!a || !b)
    return {};
  if (isa<onnx::AddOp>(op))
    return sizes.add(a, b);
  if (isa<onnx::SubOp>(op))
    return sizes.sub(a, b);
  if (isa<onnx::MulOp>(op))
    return sizes.mul(a, b);
  if (isa<onnx::MaxOp>(op) && isNeverNegative(sizes.sub(a, b)))
    return a;
  if (isa<onnx::MaxOp>(op) && isNeverNegative(sizes.sub(b, a)))
    return b;
  return {};
}
