//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Evaluates operators on symbolic rows; here those that compute.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/RaiseRotary/SymbolicRow.h"
#include "passes/Raise/RaiseRotary/Tables.h"

#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantScalar;
using fulgur::onnx::input;

bool Row::isAngular() const {
  return llvm::any_of(elements, [](const Element &element) {
    return llvm::any_of(element, [](const Term &term) {
      return term.function != Angular::None;
    });
  });
}

static bool isInteger(Value value) {
  return isa<IntegerType>(getElementTypeOrSelf(value));
}

std::optional<Row> RowEvaluator::evaluateNegation(Operation *op, int64_t dims) {
  std::optional<Row> row = evaluate(input(op, 0), dims);
  if (row)
    for (Element &element : row->elements)
      for (Term &term : element)
        term.coefficient = -term.coefficient;
  return row;
}

/// The cosines or sines of positions times frequencies.
std::optional<Row> RowEvaluator::evaluateAngular(Operation *op, int64_t dims) {
  std::optional<Row> row = evaluate(input(op, 0), dims);
  if (!row || !isInteger(row->source) || row->isAngular())
    return std::nullopt;
  // One position for a row, not one for each element.
  for (int64_t extent :
       tensorType(row->source).getShape().take_back(row->sourceDims))
    if (extent != 1)
      return std::nullopt;
  for (Element &element : row->elements) {
    if (element.size() != 1)
      return std::nullopt;
    Term &term = element[0];
    term.function = isa<onnx::CosOp>(op) ? Angular::Cos : Angular::Sin;
    term.frequency = std::exchange(term.coefficient, 1);
  }
  return row;
}

/// Positions become floats, and tables change their precision. What is rotated
/// may be widened before and narrowed back after.
std::optional<Row> RowEvaluator::evaluateCast(Operation *op, int64_t dims) {
  auto to = dyn_cast<FloatType>(getElementTypeOrSelf(op->getResult(0)));
  std::optional<Row> row =
      to ? evaluate(input(op, 0), dims) : std::optional<Row>();
  if (!row)
    return std::nullopt;
  if (isInteger(input(op, 0)))
    return row->elements.size() == 1 ? row : std::nullopt;
  if (!row->isProduct && (row->isAngular() || isTable(row->source)))
    return row;
  auto own = dyn_cast<FloatType>(getElementTypeOrSelf(row->source));
  bool isExact = own && (row->isProduct ? own == to
                                        : own.getWidth() < to.getWidth() &&
                                              to.getWidth() >= 32);
  return isExact ? row : std::nullopt;
}

/// The operand of an operator that broadcasts, as a row of the result.
std::optional<Row> RowEvaluator::evaluateOperand(Value operand, Value result,
                                                 int64_t dims) {
  int64_t rank = rankOf(operand);
  auto shape = getRowShape(result, dims);
  if (rank < 0 || !shape)
    return std::nullopt;
  std::optional<Row> row = evaluate(operand, std::min(rank, dims));
  if (!row)
    return std::nullopt;
  int64_t missing = rankOf(result) - dims - row->outer.size();
  row->outer.insert(row->outer.begin(), missing, -1);
  return row->broadcast(*shape);
}

/// Whether the product of two numbers is exact in every precision.
static bool isExact(double a, double b) {
  auto isPowerOfTwo = [](double x) {
    int exponent;
    return x == 0 || std::abs(std::frexp(x, &exponent)) == 0.5;
  };
  return isPowerOfTwo(a) || isPowerOfTwo(b);
}

/// `row` times `table`: numbers scale positions and tables; a table times
/// anything else is a rotation.
std::optional<Row> RowEvaluator::multiply(const Row &row, const Row &table) {
  if (row.isProduct || table.isProduct)
    return std::nullopt;
  Row product = row.broadcast(table.shape);
  if (row.isAngular() || isInteger(row.source)) {
    std::optional<SmallVector<double>> numbers = getNumbers(table);
    if (!numbers)
      return std::nullopt;
    for (auto [element, number] : llvm::zip_equal(product.elements, *numbers))
      for (Term &term : element) {
        if (!std::isfinite(number) ||
            (!row.isAngular() && !isExact(term.coefficient, number)))
          return std::nullopt;
        term.coefficient *= number;
      }
    for (Element &element : product.elements)
      llvm::erase_if(element, [&](const Term &term) {
        return row.isAngular() && term.coefficient == 0;
      });
    return product;
  }
  if (isInteger(table.source) && !table.isAngular())
    return std::nullopt;
  SmallVector<int64_t, 4> alignment(rankOf(table.source) - table.sourceDims,
                                    -1);
  for (auto [x, t] : llvm::zip_equal(row.outer, table.outer)) {
    bool isUnit = t < 0 || tensorType(table.source).getDimSize(t) == 1;
    if (x < 0 && !isUnit)
      return std::nullopt;
    if (t >= 0)
      alignment[t] = x;
  }
  product.isProduct = true;
  for (auto [element, other] :
       llvm::zip_equal(product.elements, table.elements)) {
    if (other.size() > 1 || element.size() > 1)
      return std::nullopt;
    if (other.empty()) {
      element.clear();
      continue;
    }
    for (Term &term : element) {
      term.coefficient *= other[0].coefficient;
      term.factor = std::make_shared<Factor>(
          Factor{table.source, other[0].function, other[0].frequency,
                 other[0].column, alignment});
    }
  }
  return product;
}

std::optional<Row> RowEvaluator::evaluateProduct(Value lhs, Value rhs,
                                                 Value result, int64_t dims) {
  std::optional<Row> a = evaluateOperand(lhs, result, dims),
                     b = evaluateOperand(rhs, result, dims);
  if (!a || !b)
    return std::nullopt;
  auto rotate = [&](const Row &row, const Row &table) {
    std::optional<Row> rotated = multiply(row, table);
    if (rotated)
      rotated->productType = getElementTypeOrSelf(result);
    return rotated;
  };
  auto isNumber = [](const Row &row) { return getNumbers(row).has_value(); };
  auto extentsOf = [&](const Row &row) {
    return llvm::count_if(row.outer, [&](int64_t dim) {
      return dim >= 0 && tensorType(row.source).getDimSize(dim) != 1;
    });
  };
  auto isTableRow = [&](const Row &row) {
    return row.isAngular() || isTable(row.source);
  };
  // A number beside a table or a position scales it.
  if (isNumber(*a) && (b->isAngular() || isInteger(b->source)))
    return multiply(*b, *a);
  if (isNumber(*b) && (a->isAngular() || isInteger(a->source)))
    return multiply(*a, *b);
  // One number for all is no table.
  if (constantScalar(lhs) || constantScalar(rhs))
    return std::nullopt;
  if (isTableRow(*a) != isTableRow(*b))
    return isTableRow(*a) ? rotate(*b, *a) : rotate(*a, *b);
  // Of two tensors that nothing is known of, the table is the one that
  // broadcasts over heads or the batch.
  if (isTableRow(*a) || extentsOf(*a) == extentsOf(*b))
    return std::nullopt;
  return extentsOf(*a) < extentsOf(*b) ? rotate(*b, *a) : rotate(*a, *b);
}

std::optional<Row> RowEvaluator::evaluateSum(Operation *op, int64_t dims) {
  Value result = op->getResult(0);
  std::optional<Row> a = evaluateOperand(input(op, 0), result, dims),
                     b = evaluateOperand(input(op, 1), result, dims);
  if (!a || !b || a->source != b->source || a->outer != b->outer ||
      a->sourceDims != b->sourceDims || a->isProduct != b->isProduct ||
      a->productType != b->productType ||
      (!a->isProduct && !a->isAngular() && !b->isAngular()))
    return std::nullopt;
  for (auto [element, other] : llvm::zip_equal(a->elements, b->elements))
    for (Term term : other) {
      if (isa<onnx::SubOp>(op))
        term.coefficient = -term.coefficient;
      element.push_back(term);
    }
  return a;
}

/// A rotation that is an operation already.
std::optional<Row> RowEvaluator::evaluateRotation(Operation *op, int64_t dims) {
  auto rotary = cast<RotaryEmbeddingOp>(op);
  RankedTensorType cosType = tensorType(rotary.getCos());
  std::optional<Row> row =
      dims == 1 ? evaluate(rotary.getInput(), 1) : std::nullopt;
  if (!row || row->isProduct || cosType.isDynamicDim(2))
    return std::nullopt;
  int64_t half = cosType.getDimSize(2), width = row->shape[0];
  bool isLeading = rotary.getPlacement() == RotaryPlacement::Leading;
  int64_t start = isLeading ? 0 : width - 2 * half;
  SmallVector<int64_t, 4> alignment{row->outer[0], row->outer[1]};
  if (cosType.getDimSize(0) == 1)
    alignment[0] = -1;
  row->isProduct = true;
  row->productType = cosType.getElementType();
  std::vector<Element> from = row->elements;
  for (int64_t i = 0; i < half; ++i) {
    RotaryPair pair = getRotaryPair(rotary.getLayout(), i, half);
    auto term = [&](int64_t at, Value table, double sign) {
      Element element = from[start + at];
      for (Term &t : element) {
        t.coefficient *= sign;
        t.factor = std::make_shared<Factor>(
            Factor{table, Angular::None, 0, i, alignment});
      }
      return element;
    };
    auto sum = [](Element a, const Element &b) {
      a.append(b);
      return a;
    };
    Value cos = rotary.getCos(), sin = rotary.getSin();
    row->elements[start + pair.writeA] =
        sum(term(pair.readA, cos, 1), term(pair.readB, sin, -1));
    row->elements[start + pair.writeB] =
        sum(term(pair.readB, cos, 1), term(pair.readA, sin, 1));
  }
  return row;
}

DenseElementsAttr RowEvaluator::getContents(Value value) {
  return readTable(value, tables);
}

bool RowEvaluator::isSameColumn(const Factor &a, const Factor &b) {
  if (a.function != b.function || a.alignment != b.alignment)
    return false;
  if (a.function != Angular::None)
    return a.source == b.source && a.frequency == b.frequency;
  if (a.source != b.source || a.column == b.column)
    return a.source == b.source;
  DenseElementsAttr table = getContents(a.source);
  return table && areColumnsEqual(table, a.column, b.column);
}
