//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// For each pair of a row and one of its experts the weights of that expert are
// gathered, and a batched product multiplies each with its row. Correct, and
// as much copying as the model has weights.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/RaiseExperts/Experts.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::intsAttr;

/// Looks through a transpose of the last two of three or four dimensions.
static Value skipMatrixTranspose(Value value, bool &transposed) {
  auto transpose = producer<onnx::TransposeOp>(skipFloatCasts(value));
  std::optional<ArrayRef<int64_t>> perm =
      transpose ? intsAttr(transpose, "perm") : std::nullopt;
  if (!perm || perm->size() < 2)
    return value;
  int64_t rank = perm->size();
  for (int64_t i = 0; i + 2 < rank; ++i)
    if ((*perm)[i] != i)
      return value;
  if ((*perm)[rank - 1] != rank - 2)
    return value;
  transposed = !transposed;
  return transpose->getOperand(0);
}

namespace {
class BatchedMatcher {
public:
  explicit BatchedMatcher(Experts &experts) : experts(experts) {}

  /// Reads the product of gathered weights and single rows that makes `value`.
  StringRef matchProjection(Value value, Projection &projection, Value &rows);
  StringRef matchInput(Value rows);

private:
  Experts &experts;
  /// Whether all weights are gathered as [N, k, …].
  bool isByRow = true;
};
} // namespace

StringRef BatchedMatcher::matchProjection(Value value, Projection &projection,
                                          Value &rows) {
  auto matmul = producer<onnx::MatMulOp>(skipReshapes(value));
  if (!matmul)
    return "a projection is not a product with gathered weights";
  for (unsigned i : {0, 1}) {
    // Weights come first when they multiply a column, second after a row.
    bool transposed = i == 0;
    Value weights = skipMatrixTranspose(matmul->getOperand(i), transposed);
    Value vector = matmul->getOperand(1 - i), data, index;
    if (!matchRowGather(weights, data, index) || rankOf(data) != 3 ||
        !tensorType(data).hasStaticShape())
      continue;
    // A reshape of gathered weights would mix rows and columns.
    RankedTensorType gathered = tensorType(weights), type = tensorType(vector);
    if (!gathered || !type || gathered.getRank() != type.getRank() ||
        gathered.getShape().take_back(2) !=
            tensorType(data).getShape().take_back(2))
      return "the gathered weights are not used as they are";
    if (type.getDimSize(type.getRank() - (i == 0 ? 1 : 2)) != 1)
      return "the weights of an expert multiply more than one row";
    Value which = asMatrix(index, experts.k);
    if (!which || (experts.experts && which != experts.experts))
      return "the weights are not gathered by the experts of each row";
    experts.experts = which;
    isByRow &= gathered.getRank() == 4 && gathered.getDimSize(1) == experts.k;
    projection = {data, transposed};
    rows = vector;
    return "";
  }
  return "a projection is not a product with gathered weights";
}

/// Every row, once for each of its experts.
StringRef BatchedMatcher::matchInput(Value rows) {
  Value source = skipReshapes(rows);
  Operation *copy = source ? source.getDefiningOp() : nullptr;
  if (isa_and_nonnull<onnx::ExpandOp, onnx::TileOp>(copy)) {
    RankedTensorType from = tensorType(copy->getOperand(0)),
                     to = tensorType(source);
    if (!from || !to || from.getRank() != 3 || to.getRank() != 3 ||
        from.getDimSize(1) != 1 || to.getDimSize(1) != experts.k ||
        from.getDimSize(2) != to.getDimSize(2) || from.isDynamicDim(2))
      return "the rows are not repeated for each of their experts";
    experts.input = copy->getOperand(0);
    return "";
  }
  // A product with [N, k, …] weights repeats [N, 1, …] rows by itself.
  RankedTensorType type = tensorType(rows);
  if (experts.k != 1 &&
      (type.getRank() != 4 || type.getDimSize(1) != 1 || !isByRow))
    return "the rows are not repeated for each of their experts";
  experts.input = rows;
  return "";
}

Verdict fulgur::matchBatchedExperts(Value product, Experts &experts) {
  BatchedMatcher matcher(experts);
  Value hidden, rows;
  if (!matcher.matchProjection(product, experts.down, hidden).empty())
    return std::nullopt;
  StringRef why =
      matchGated(hidden, experts, rows,
                 [&](Value value, Projection &projection, Value &from) {
                   return matcher.matchProjection(value, projection, from);
                 });
  return why.empty() ? matcher.matchInput(rows) : why;
}
