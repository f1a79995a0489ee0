//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The pairs of a row and one of its experts are sorted by expert, a histogram
// tells where the rows of each expert are, and a product for each expert
// multiplies those; the inverse of the sorting permutation leads back.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/RaiseExperts/Experts.h"

#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantScalar;
using fulgur::onnx::fromFront;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;
using fulgur::onnx::stringAttr;

namespace {
class GroupedMatcher {
public:
  GroupedMatcher(Experts &experts, const ShapeAnalysis &shapes)
      : experts(experts), shapes(shapes) {}

  /// `index` puts sorted rows back; finds the sort.
  bool matchInverse(Value index);
  bool isOrder(Value index) { return skipReshapes(index) == order(); }
  /// Reads the concatenated products of all experts that make `value`.
  StringRef matchProjection(Value value, Projection &projection, Value &rows);
  StringRef matchInput(Value rows);

private:
  Value order() { return sort->getResult(1); }
  bool matchSort(Value order);
  /// Whether `value` is element `index` of a vector; finds the vector.
  bool isElement(Value value, int64_t index, Value &vector);
  bool isCumulativeCount(Value offsets, int64_t numExperts);
  /// What `value` is where the sorted expert is `expert`.
  std::optional<double> evaluate(Value value, double expert);
  /// Whether `value` is zero or false where the order is not negative.
  bool isZero(Value value);

  Experts &experts;
  const ShapeAnalysis &shapes;
  onnx::TopKOp sort;
};
} // namespace

bool GroupedMatcher::matchSort(Value order) {
  sort = producer<onnx::TopKOp>(order);
  if (!sort || sort->getResult(1) != order || rankOf(order) != 1 ||
      intAttr(sort, "largest", 1) != 0 || intAttr(sort, "sorted", 1) == 0)
    return false;
  Value keys = sort->getOperand(0);
  experts.experts = asMatrix(keys, experts.k);
  // All of them: only then it is a permutation.
  return experts.experts && rankOf(keys) == 1 &&
         shapes.isSame(order, 0, keys, 0);
}

bool GroupedMatcher::matchInverse(Value index) {
  index = skipReshapes(index);
  Operation *op = index ? index.getDefiningOp() : nullptr;
  if (isa_and_nonnull<onnx::ScatterNDOp, onnx::ScatterElementsOp>(op)) {
    auto range = producer<onnx::RangeOp>(input(op, 2));
    return range && isConstant(range->getOperand(0), 0) &&
           isConstant(range->getOperand(2), 1) && rankOf(index) == 1 &&
           stringAttr(op, "reduction", "none") == "none" &&
           matchSort(skipReshapes(input(op, 1))) &&
           shapes.isSame(index, 0, order(), 0);
  }
  // A permutation, sorted, is its inverse.
  auto again = dyn_cast_or_null<onnx::TopKOp>(op);
  return again && again->getResult(1) == index && rankOf(index) == 1 &&
         intAttr(again, "largest", 1) == 0 &&
         intAttr(again, "sorted", 1) != 0 &&
         matchSort(skipReshapes(again->getOperand(0))) &&
         shapes.isSame(index, 0, order(), 0);
}

bool GroupedMatcher::isElement(Value value, int64_t index, Value &vector) {
  Value element = skipReshapes(value), from;
  if (std::optional<Part> part = matchPart(element)) {
    if (part->axis != 0 || part->start != index || part->size != 1)
      return false;
    from = part->source;
  } else {
    auto gather = producer<onnx::GatherOp>(element);
    std::optional<double> at =
        gather ? constantScalar(gather->getOperand(1)) : std::nullopt;
    if (at != static_cast<double>(index) || intAttr(gather, "axis", 0) != 0)
      return false;
    from = gather->getOperand(0);
  }
  if (vector && vector != from)
    return false;
  vector = from;
  return true;
}

std::optional<double> GroupedMatcher::evaluate(Value value, double expert) {
  value = skipReshapes(value);
  if (value == sort->getResult(0) || value == skipReshapes(sort->getOperand(0)))
    return expert;
  Operation *op = value ? value.getDefiningOp() : nullptr;
  if (!isa_and_nonnull<onnx::CastOp, onnx::DivOp, onnx::MulOp, onnx::FloorOp,
                       onnx::ClipOp>(op))
    return std::nullopt;
  std::optional<double> x = evaluate(op->getOperand(0), expert);
  Type type = getElementTypeOrSelf(value);
  if (!x)
    return std::nullopt;
  if (isa<onnx::FloorOp>(op))
    return std::floor(*x);
  if (isa<onnx::CastOp>(op))
    return type.isInteger() ? std::trunc(*x) : static_cast<float>(*x);
  if (isa<onnx::ClipOp>(op)) {
    for (unsigned i : {1, 2}) {
      std::optional<double> bound =
          input(op, i) ? constantScalar(input(op, i)) : x;
      if (!bound)
        return std::nullopt;
      x = i == 1 ? std::max(*x, *bound) : std::min(*x, *bound);
    }
    return x;
  }
  std::optional<double> y = constantScalar(op->getOperand(1));
  if (!y || *y == 0 || !type.isF32())
    return std::nullopt;
  float a = *x, b = *y;
  return isa<onnx::DivOp>(op) ? a / b : a * b;
}

bool GroupedMatcher::isCumulativeCount(Value offsets, int64_t numExperts) {
  auto skipCasts = [](Value value) {
    while (auto cast = producer<onnx::CastOp>(value)) {
      if (getElementTypeOrSelf(cast->getOperand(0)).isInteger(1) ||
          getElementTypeOrSelf(value).isInteger(1))
        break;
      value = cast->getOperand(0);
    }
    return value;
  };
  auto sum = producer<onnx::CumSumOp>(skipCasts(offsets));
  if (!sum || intAttr(sum, "exclusive", 0) != 0 ||
      intAttr(sum, "reverse", 0) != 0 || rankOf(offsets) != 1)
    return false;
  auto counts =
      producer<onnx::ScatterElementsOp>(skipCasts(sum->getOperand(0)));
  RankedTensorType type = tensorType(offsets);
  if (!counts || type.getDimSize(0) != numExperts ||
      stringAttr(counts, "reduction", "none") != "add" ||
      !isFilledWith(input(counts, 0), 0) || !isFilledWith(input(counts, 2), 1))
    return false;
  for (int64_t expert = 0; expert < numExperts; ++expert)
    if (evaluate(input(counts, 1), expert) != static_cast<double>(expert))
      return false;
  return true;
}

StringRef GroupedMatcher::matchProjection(Value value, Projection &projection,
                                          Value &rows) {
  auto concat = producer<onnx::ConcatOp>(skipReshapes(value));
  if (!concat || rankOf(concat->getResult(0)) != 2 ||
      fromFront(intAttr(concat, "axis", 0), 2) != 0)
    return "a projection is not one product for each expert";
  Value end, offsets;
  for (auto [expert, part] : llvm::enumerate(concat->getOperands())) {
    auto matmul = producer<onnx::MatMulOp>(part);
    if (!matmul)
      return "a projection is not one product for each expert";
    // The rows of this expert are those between two offsets.
    Value from, index, first, last;
    if (auto slice = producer<onnx::SliceOp>(matmul->getOperand(0))) {
      from = slice->getOperand(0);
      first = input(slice, 1), last = input(slice, 2);
      if (!input(slice, 3) || !isConstant(input(slice, 3), 0) ||
          (input(slice, 4) && !isConstant(input(slice, 4), 1)))
        return "the rows of an expert are not a range";
    } else {
      auto range = matchRowGather(matmul->getOperand(0), from, index)
                       ? producer<onnx::RangeOp>(skipReshapes(index))
                       : onnx::RangeOp();
      if (!range || !isConstant(range->getOperand(2), 1))
        return "the rows of an expert are not a range";
      first = range->getOperand(0), last = range->getOperand(1);
    }
    first = skipReshapes(first), last = skipReshapes(last);
    bool isNext = expert == 0 ? isConstant(first, 0) : first == end;
    if (!isNext || !isElement(last, expert, offsets))
      return "the rows of an expert do not follow those of the one before";
    end = last;
    if (rows && rows != from)
      return "the experts multiply rows of different tensors";
    rows = from;
    if (!isElement(matmul->getOperand(1), expert, projection.weights))
      return "the weights of an expert are not its part of one tensor";
  }
  RankedTensorType weights = tensorType(projection.weights);
  int64_t numExperts = concat->getNumOperands();
  if (!weights || !weights.hasStaticShape() || weights.getRank() != 3 ||
      weights.getDimSize(0) != numExperts)
    return "the weights of the experts are not one tensor";
  if (!isCumulativeCount(offsets, numExperts))
    return "the offsets of the experts are not the sums of how often each is "
           "chosen";
  return "";
}

bool GroupedMatcher::isZero(Value value) {
  Operation *op = value ? value.getDefiningOp() : nullptr;
  if (isa_and_nonnull<onnx::LessOp>(op))
    return op->getOperand(0) == order() && isConstant(op->getOperand(1), 0);
  if (isa_and_nonnull<onnx::EqualOp>(op))
    return isZero(op->getOperand(0)) && isFilledWith(op->getOperand(1), 1);
  if (isa_and_nonnull<onnx::CastOp>(op))
    return isZero(op->getOperand(0));
  return isa_and_nonnull<onnx::AndOp>(op) &&
         (isZero(op->getOperand(0)) || isZero(op->getOperand(1)));
}

/// Row order / k, once for each pair.
StringRef GroupedMatcher::matchInput(Value rows) {
  Value data, index;
  if (!matchRowGather(rows, data, index) || rankOf(data) != 2)
    return "the rows are not gathered in the order of the experts";
  Value row = skipReshapes(index);
  // Exporters round towards negative infinity, in case.
  if (auto sub = producer<onnx::SubOp>(row))
    row = isZero(sub->getOperand(1)) ? sub->getOperand(0) : row;
  auto div = producer<onnx::DivOp>(row);
  if (!div || !isConstant(div->getOperand(1), experts.k) ||
      !isOrder(div->getOperand(0)))
    return "the rows are not gathered in the order of the experts";
  experts.input = data;
  return "";
}

Verdict fulgur::matchGroupedExperts(Value value, Experts &experts,
                                    const ShapeAnalysis &shapes) {
  Value data, index;
  GroupedMatcher matcher(experts, shapes);
  if (!matchRowGather(value, data, index) || !matcher.matchInverse(index))
    return std::nullopt;
  Value product = data;
  if (auto mul = producer<onnx::MulOp>(skipReshapes(data))) {
    // The weights are in the order of the experts too.
    for (unsigned i : {0, 1}) {
      Value weights, order;
      RankedTensorType column = tensorType(mul->getOperand(i));
      if (!matchRowGather(mul->getOperand(i), weights, order) ||
          !matcher.isOrder(order) || !column || column.getRank() != 2 ||
          column.getDimSize(1) != 1)
        continue;
      experts.weights = asMatrix(weights, experts.k);
      product = mul->getOperand(1 - i);
    }
    if (!experts.weights)
      return "the products are not weighted by those of their experts";
  }
  Value hidden, rows;
  auto matchProjection = [&](Value from, Projection &projection, Value &to) {
    return matcher.matchProjection(from, projection, to);
  };
  StringRef why = matchProjection(product, experts.down, hidden);
  if (why.empty())
    why = matchGated(hidden, experts, rows, matchProjection);
  return why.empty() ? matcher.matchInput(rows) : why;
}
