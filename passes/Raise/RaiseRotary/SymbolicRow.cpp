//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Evaluates operators on symbolic rows; here those that move elements. An
// operator that is neither a movement nor part of a rotation ends the walk: its
// result is a source.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/RaiseRotary/SymbolicRow.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/RaiseRotary/Tables.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantInts;
using fulgur::onnx::fromFront;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;
using fulgur::onnx::intsAttr;

/// No head is wider, and long rows would only cost time.
constexpr int64_t maxElements = 1024;
/// Far more operators than any way of writing a rotation takes.
constexpr int64_t maxDepth = 48;

std::optional<SmallVector<int64_t, 2>> fulgur::getRowShape(Value value,
                                                           int64_t dims) {
  RankedTensorType type = tensorType(value);
  if (!type || type.getRank() < dims)
    return std::nullopt;
  SmallVector<int64_t, 2> shape(type.getShape().take_back(dims));
  int64_t count = 1;
  for (int64_t extent : shape) {
    if (ShapedType::isDynamic(extent) || extent < 1 || extent > maxElements)
      return std::nullopt;
    count *= extent;
    if (count > maxElements)
      return std::nullopt;
  }
  return shape;
}

static int64_t product(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

/// Calls `visit` with each index into `shape`, in row-major order.
static void forEachIndex(ArrayRef<int64_t> shape,
                         function_ref<void(ArrayRef<int64_t>)> visit) {
  SmallVector<int64_t> index(shape.size(), 0);
  for (int64_t i = 0, e = product(shape); i < e; ++i) {
    visit(index);
    for (int64_t d = shape.size() - 1; d >= 0 && ++index[d] == shape[d]; --d)
      index[d] = 0;
  }
}

static int64_t linearize(ArrayRef<int64_t> index, ArrayRef<int64_t> shape) {
  int64_t linear = 0;
  for (auto [i, extent] : llvm::zip_equal(index, shape))
    linear = linear * extent + i;
  return linear;
}

Row Row::broadcast(ArrayRef<int64_t> to) const {
  Row row = *this;
  row.elements.clear();
  forEachIndex(to, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> from(index.take_back(shape.size()));
    for (auto [i, extent] : llvm::zip_equal(from, shape))
      i = extent == 1 ? 0 : i;
    row.elements.push_back(elements[linearize(from, shape)]);
  });
  row.shape.assign(to.begin(), to.end());
  return row;
}

static Row makeSource(Value value, ArrayRef<int64_t> shape) {
  Row row;
  row.source = value;
  row.sourceDims = shape.size();
  row.shape.assign(shape.begin(), shape.end());
  for (int64_t i = 0, e = rankOf(value) - row.sourceDims; i < e; ++i)
    row.outer.push_back(i);
  for (int64_t i = 0, e = product(shape); i < e; ++i)
    row.elements.emplace_back(1).front().column = i;
  return row;
}

std::optional<Row> RowEvaluator::evaluate(Value value, int64_t dims) {
  auto known = rows.find({value, dims});
  if (known != rows.end())
    return known->second;
  auto shape = getRowShape(value, dims);
  if (!shape)
    return std::nullopt;
  std::optional<Row> row;
  if (Operation *op = value.getDefiningOp(); op && depth < maxDepth) {
    ++depth;
    row = evaluateOp(op, value, dims);
    --depth;
  }
  if (!row)
    row = makeSource(value, *shape);
  return rows[{value, dims}] = row;
}

std::optional<Row> RowEvaluator::evaluateOp(Operation *op, Value value,
                                            int64_t dims) {
  if (isa<onnx::SliceOp, onnx::SplitOp>(op)) {
    std::optional<Part> part = matchPart(value);
    if (!part)
      return std::nullopt;
    SmallVector<int64_t> indices;
    for (int64_t i = 0; i < part->size; ++i)
      indices.push_back(part->start + i * part->step);
    return evaluateSelect(part->source, part->axis, indices, rankOf(value),
                          dims, /*keepAxis=*/true);
  }
  if (isa<onnx::GatherOp>(op)) {
    auto indices = constantInts(input(op, 1));
    int64_t rank = rankOf(input(op, 0)), indexRank = rankOf(input(op, 1));
    if (!indices || indexRank > 1 || rank < 1)
      return std::nullopt;
    return evaluateSelect(input(op, 0), fromFront(intAttr(op, "axis", 0), rank),
                          *indices, rankOf(value), dims, indexRank == 1);
  }
  if (isa<onnx::SqueezeOp, onnx::UnsqueezeOp>(op))
    return evaluateUnitDims(op, dims);
  if (isa<onnx::TransposeOp>(op))
    return evaluateTranspose(op, dims);
  if (isa<onnx::ReshapeOp>(op))
    return evaluateReshape(op, dims);
  if (isa<onnx::ExpandOp>(op))
    return evaluateExpand(op, dims);
  if (isa<onnx::ConcatOp>(op))
    return evaluateConcat(op, dims);
  if (isa<onnx::CastOp>(op))
    return evaluateCast(op, dims);
  if (isa<onnx::MulOp>(op))
    return evaluateProduct(input(op, 0), input(op, 1), value, dims);
  if (isa<onnx::AddOp, onnx::SubOp>(op))
    return evaluateSum(op, dims);
  if (isa<RotaryEmbeddingOp>(op))
    return evaluateRotation(op, dims);
  if (isa<onnx::MatMulOp>(op)) {
    // A column times a row is what a product broadcasts to.
    RankedTensorType lhs = tensorType(input(op, 0));
    if (!lhs || lhs.getRank() < 2 || lhs.getShape().back() != 1 ||
        rankOf(input(op, 1)) < 2)
      return std::nullopt;
    return evaluateProduct(input(op, 0), input(op, 1), value, dims);
  }
  if (isa<onnx::NegOp>(op))
    return evaluateNegation(op, dims);
  if (isa<onnx::CosOp, onnx::SinOp>(op))
    return evaluateAngular(op, dims);
  return std::nullopt;
}

/// `indices` along `axis` of `source`.
std::optional<Row> RowEvaluator::evaluateSelect(Value source, int64_t axis,
                                                ArrayRef<int64_t> indices,
                                                int64_t rank, int64_t dims,
                                                bool keepAxis) {
  int64_t outerCount = rank - dims;
  if (axis < outerCount)
    return std::nullopt;
  std::optional<Row> row = evaluate(source, keepAxis ? dims : dims + 1);
  if (!row)
    return std::nullopt;
  int64_t rowAxis = axis - outerCount, extent = row->shape[rowAxis];
  SmallVector<int64_t> shape(ArrayRef<int64_t>(row->shape));
  shape[rowAxis] = indices.size();
  std::vector<Element> elements;
  bool isInside = true;
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> from(index);
    from[rowAxis] = fromFront(indices[index[rowAxis]], extent);
    isInside &= from[rowAxis] >= 0 && from[rowAxis] < extent;
    if (isInside)
      elements.push_back(row->elements[linearize(from, row->shape)]);
  });
  if (!isInside)
    return std::nullopt;
  if (!keepAxis)
    shape.erase(shape.begin() + rowAxis);
  row->shape.assign(shape.begin(), shape.end());
  row->elements = std::move(elements);
  return row;
}

std::optional<Row> RowEvaluator::evaluateUnitDims(Operation *op, int64_t dims) {
  bool grows = isa<onnx::UnsqueezeOp>(op);
  int64_t from = rankOf(input(op, 0)), to = rankOf(op->getResult(0));
  std::optional<SmallVector<int64_t>> axes =
      getAxes(op, std::max(from, to)); // of the longer shape
  if (!axes || from < 0)
    return std::nullopt;
  int64_t outerCount = to - dims, operandOuter = from;
  if (grows) {
    operandOuter = outerCount;
    for (int64_t axis : *axes)
      operandOuter -= axis < outerCount;
  } else {
    // The row starts at the first of its dimensions that are kept.
    for (int64_t kept = 0; kept < dims;)
      kept += !llvm::is_contained(*axes, --operandOuter);
  }
  std::optional<Row> row = evaluate(input(op, 0), from - operandOuter);
  if (!row)
    return std::nullopt;
  SmallVector<int64_t, 4> outer;
  if (grows) {
    for (int64_t i = 0, next = 0; i < outerCount; ++i)
      outer.push_back(llvm::is_contained(*axes, i) ? -1 : row->outer[next++]);
  } else {
    for (int64_t i = 0; i < operandOuter; ++i)
      if (!llvm::is_contained(*axes, i))
        outer.push_back(row->outer[i]);
  }
  if (static_cast<int64_t>(outer.size()) != outerCount)
    return std::nullopt;
  row->outer = outer;
  row->shape = *getRowShape(op->getResult(0), dims);
  return row;
}

std::optional<Row> RowEvaluator::evaluateTranspose(Operation *op,
                                                   int64_t dims) {
  std::optional<ArrayRef<int64_t>> perm = intsAttr(op, "perm");
  int64_t rank = rankOf(input(op, 0)), outerCount = rank - dims;
  if (!perm || static_cast<int64_t>(perm->size()) != rank)
    return std::nullopt;
  // frequency[M, 1] × position[1, S], transposed, is their product too.
  if (auto matmul = producer<onnx::MatMulOp>(input(op, 0));
      matmul && dims == 1 && (*perm)[rank - 1] == rank - 2 &&
      (*perm)[rank - 2] == rank - 1 && llvm::is_sorted(perm->drop_back(2))) {
    Value column = input(matmul, 0), line = input(matmul, 1);
    std::optional<Row> numbers = evaluate(column, 2);
    std::optional<Row> positions = evaluate(line, 0);
    if (!numbers || numbers->shape[1] != 1 || !positions ||
        rankOf(line) != rank || tensorType(line).getDimSize(rank - 2) != 1)
      return std::nullopt;
    numbers->shape.pop_back();
    numbers->outer.insert(numbers->outer.begin(), rank - rankOf(column), -1);
    numbers->outer.push_back(-1);
    positions->outer.erase(positions->outer.begin() + rank - 2);
    return multiply(*positions, *numbers);
  }
  for (int64_t i = outerCount; i < rank; ++i)
    if ((*perm)[i] < outerCount)
      return std::nullopt;
  std::optional<Row> row = evaluate(input(op, 0), dims);
  if (!row)
    return std::nullopt;
  Row result = *row;
  for (int64_t i = 0; i < outerCount; ++i)
    result.outer[i] = row->outer[(*perm)[i]];
  for (int64_t i = 0; i < dims; ++i)
    result.shape[i] = row->shape[(*perm)[outerCount + i] - outerCount];
  result.elements.clear();
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> from(dims);
    for (int64_t i = 0; i < dims; ++i)
      from[(*perm)[outerCount + i] - outerCount] = index[i];
    result.elements.push_back(row->elements[linearize(from, row->shape)]);
  });
  return result;
}

/// A reshape that keeps the other dimensions, but for extents of 1.
std::optional<Row> RowEvaluator::evaluateReshape(Operation *op, int64_t dims) {
  Value from = input(op, 0), to = op->getResult(0);
  RankedTensorType fromType = tensorType(from), toType = tensorType(to);
  auto shape = getRowShape(to, dims);
  if (!fromType || !shape)
    return std::nullopt;
  auto isSame = [&](int64_t i, int64_t j) {
    int64_t a = fromType.getDimSize(i), b = toType.getDimSize(j);
    return ShapedType::isDynamic(a) && ShapedType::isDynamic(b)
               ? shapes.isSame(from, i, to, j)
               : a == b;
  };
  int64_t outerCount = toType.getRank() - dims;
  for (int64_t rowDims = 0; rowDims <= fromType.getRank(); ++rowDims) {
    auto fromShape = getRowShape(from, rowDims);
    if (!fromShape)
      return std::nullopt;
    if (product(*fromShape) != product(*shape))
      continue;
    SmallVector<int64_t, 4> origins;
    int64_t i = 0, j = 0, end = fromType.getRank() - rowDims;
    while (i < end || j < outerCount) {
      if (i < end && j < outerCount && isSame(i, j)) {
        origins.push_back(i);
        ++i, ++j;
      } else if (j < outerCount && toType.getDimSize(j) == 1) {
        origins.push_back(-1);
        ++j;
      } else if (i < end && fromType.getDimSize(i) == 1) {
        ++i;
      } else {
        break;
      }
    }
    if (i < end || j < outerCount)
      continue;
    std::optional<Row> row = evaluate(from, rowDims);
    if (!row)
      return std::nullopt;
    SmallVector<int64_t, 4> outer;
    for (int64_t origin : origins)
      outer.push_back(origin < 0 ? -1 : row->outer[origin]);
    row->outer = outer;
    row->shape = *shape;
    return row;
  }
  return std::nullopt;
}

/// Only tables may be expanded: an expanded `x` is another tensor.
std::optional<Row> RowEvaluator::evaluateExpand(Operation *op, int64_t dims) {
  std::optional<Row> row =
      evaluateOperand(input(op, 0), op->getResult(0), dims);
  if (!row || !(row->isAngular() || isTable(row->source)))
    return std::nullopt;
  RankedTensorType from = tensorType(input(op, 0));
  RankedTensorType to = tensorType(op->getResult(0));
  int64_t missing = to.getRank() - from.getRank();
  for (int64_t i = 0, e = row->outer.size(); i < e; ++i)
    if (i >= missing && from.getDimSize(i - missing) == 1 &&
        to.getDimSize(i) != 1)
      row->outer[i] = -1;
  return row;
}

std::optional<Row> RowEvaluator::evaluateConcat(Operation *op, int64_t dims) {
  int64_t rank = rankOf(op->getResult(0));
  int64_t rowAxis = fromFront(intAttr(op, "axis", 0), rank) - (rank - dims);
  if (rowAxis < 0)
    return std::nullopt;
  std::vector<Row> parts;
  for (Value operand : op->getOperands()) {
    std::optional<Row> part = evaluate(operand, dims);
    if (!part)
      return std::nullopt;
    if (!parts.empty() &&
        (part->source != parts[0].source || part->outer != parts[0].outer ||
         part->sourceDims != parts[0].sourceDims))
      return std::nullopt;
    parts.push_back(std::move(*part));
  }
  Row result = parts[0];
  result.shape = *getRowShape(op->getResult(0), dims);
  result.elements.clear();
  for (const Row &part : parts) {
    if (!part.isProduct)
      continue;
    if (result.productType && result.productType != part.productType)
      return std::nullopt;
    result.isProduct = true;
    result.productType = part.productType;
  }
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> at(index);
    auto part = parts.begin();
    for (; at[rowAxis] >= part->shape[rowAxis]; ++part)
      at[rowAxis] -= part->shape[rowAxis];
    result.elements.push_back(part->elements[linearize(at, part->shape)]);
  });
  return result;
}
