//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The formulas of the operations' costs.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/OpCosts.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fulgur;

/// An exponential or another function, by the length of its polynomial.
static constexpr double functionFlops = 10;
/// Operations of the softmax of one score: scale, greatest, difference, sum and
/// weight, and the exponential.
static constexpr double softmaxFlops = 5 + functionFlops;
/// One comparison a score and step of the histogram (lib/Support/TopK.h).
static constexpr double selectFlops = 4;
/// Operations of a gated activation, an exponential among them.
static constexpr double swigluFlops = 4 + functionFlops;
/// Bytes of a sum, in which scores are kept.
static constexpr double sumBytes = 4;

/// The arithmetic of sums whose terms are of `type`.
static NumberType sumType(NumberType type) {
  return type == NumberType::F64 ? NumberType::F64 : NumberType::F32;
}

/// Scores between `rows` and `tokens`: written by the product, read and written
/// by the softmax, read by the product with the values.
static Cost softmaxCost(double rows, double tokens, NumberType type) {
  Cost cost;
  cost.flopsOf(sumType(type)) = softmaxFlops * rows * tokens;
  cost.bytes = 4 * sumBytes * rows * tokens;
  cost.launches = 3;
  return cost;
}

Cost fulgur::getLatentAttentionCost(const LatentSizes &x, LatentForm form) {
  double width = x.plain + x.valueWidth;
  double perQuery = x.batch * x.queries * x.heads;
  double perToken = x.batch * x.tokens;
  Cost cost = softmaxCost(perQuery, x.tokens, x.type);
  double elements = x.rank * x.heads * width + // up
                    perQuery * (x.plain + x.rotated + x.valueWidth) +
                    perToken * (x.rank + x.rotated);
  if (form == LatentForm::Absorbed) {
    cost.flopsOf(x.type) += 2 * perQuery * x.rank * width +
                            2 * perQuery * x.tokens * (2 * x.rank + x.rotated);
    // The latents again, and the absorbed queries and mixed latents.
    elements += perToken * x.rank + 4 * perQuery * x.rank;
    cost.launches += 5;
  } else {
    cost.flopsOf(x.type) += 2 * perToken * x.rank * x.heads * width +
                            2 * perQuery * x.tokens * (width + x.rotated);
    // Keys and values, head by head.
    elements += 4 * perToken * x.heads * width;
    cost.launches += 6;
  }
  cost.bytes += x.bytes * elements;
  return cost;
}

Cost fulgur::getSparseLatentAttentionCost(const LatentSizes &x,
                                          double selected) {
  double width = x.plain + x.valueWidth;
  double queries = x.batch * x.queries, perQuery = queries * x.heads;
  Cost cost = softmaxCost(perQuery, selected, x.type);
  cost.flopsOf(x.type) += 2 * perQuery * x.rank * width +
                          2 * perQuery * selected * (2 * x.rank + x.rotated);
  cost.bytes += x.bytes * (x.rank * x.heads * width +
                           perQuery * (x.plain + x.rotated + x.valueWidth) +
                           4 * perQuery * x.rank +
                           4 * queries * selected * (x.rank + x.rotated)) +
                4 * queries * selected; // indices
  cost.launches += 5;
  return cost;
}

Cost fulgur::getSelectionMaskCost(double batch, double queries, double tokens,
                                  double selected) {
  Cost cost;
  cost.bytes = batch * queries * (2 * tokens + 4 * selected);
  cost.launches = 2;
  return cost;
}

ExpertsSizes ExpertsSizes::of(ExpertsOp op, Extents &extents) {
  ExpertsSizes sizes;
  Value down = op.getDown();
  sizes.tokens = extents.size(op.getExperts(), 0);
  sizes.places = extents.size(op.getExperts(), 1);
  sizes.experts = extents.size(down, 0);
  sizes.width = extents.size(op.getInput(), 1);
  sizes.inner = extents.size(down, op.getDownTransposed() ? 2 : 1);
  sizes.outer = extents.size(down, op.getDownTransposed() ? 1 : 2);
  Type element = op.getType().getElementType();
  sizes.type = getNumberType(element);
  sizes.bytes = elementBytes(element);
  return sizes;
}

Cost fulgur::getExpertsCost(const ExpertsSizes &x, ExpertsForm form,
                            double used) {
  double pairs = x.pairs(), expert = x.inner * (2 * x.width + x.outer);
  double reads = form == ExpertsForm::PerToken ? pairs : used;
  Cost cost;
  cost.flopsOf(x.type) = 2 * pairs * expert;
  cost.flopsOf(sumType(x.type)) += (swigluFlops + 1) * pairs * x.inner;
  cost.bytes = x.bytes * (reads * expert + x.tokens * (x.width + x.outer)) +
               12 * pairs; // experts, weights, order
  cost.launches = 2 * reads;
  if (form == ExpertsForm::PerToken)
    return cost;
  cost.flopsOf(sumType(x.type)) += pairs * x.outer;
  cost.bytes += pairs * (x.bytes * x.width + 2 * sumBytes * x.outer);
  cost.launches += 3;
  return cost;
}

namespace {
/// Counts what one operation does.
class Counter {
public:
  Counter(Operation *op, Extents &extents) : op(op), extents(extents) {}

  Cost count();

private:
  double size(Value tensor, int64_t dim) { return extents.size(tensor, dim); }
  double elements(Value tensor) { return extents.elements(tensor); }
  static NumberType typeOf(Value tensor) {
    return getNumberType(getElementTypeOrSelf(tensor.getType()));
  }

  /// Every operand once and every result once, in one loop.
  Cost traffic();
  /// Traffic, and so many operations of the kind of `tensor`.
  Cost compute(double flops, Value tensor);
  /// A loop over elements, with so many operations each.
  Cost elementwise(double flops, Value tensor) {
    Cost cost = traffic();
    cost.flopsOf(sumType(typeOf(tensor))) = flops * elements(tensor);
    return cost;
  }
  Cost grouped(GroupedMatmulOp matmul);
  Cost attention(AttentionOp attention);
  Cost absorbed(AbsorbedAttentionOp attention);
  Cost index(Value query, Value key);
  Cost linalg(linalg::LinalgOp op);

  Operation *op;
  Extents &extents;
};
} // namespace

Cost Counter::traffic() {
  Cost cost;
  for (Value value : llvm::concat<Value>(llvm::to_vector(op->getOperands()),
                                         llvm::to_vector(op->getResults())))
    if (isa<ShapedType>(value.getType()))
      cost.bytes += extents.bytes(value);
  cost.launches = 1;
  return cost;
}

Cost Counter::compute(double flops, Value tensor) {
  Cost cost = traffic();
  cost.flopsOf(typeOf(tensor)) = flops;
  return cost;
}

/// The weights of an expert without rows are not read.
Cost Counter::grouped(GroupedMatmulOp matmul) {
  Value rows = matmul.getRows(), weights = matmul.getWeights();
  double count = size(weights, 0), used = std::min(count, size(rows, 0));
  Cost cost = compute(2 * elements(rows) * size(matmul.getResult(), 1), rows);
  cost.bytes -= extents.bytes(weights) * (1 - used / std::max(1.0, count));
  // One product after the other.
  cost.launches = used;
  return cost;
}

Cost Counter::attention(AttentionOp attention) {
  Value query = attention.getQuery(), key = attention.getKey();
  double rows = size(query, 0) * size(query, 1) * size(query, 2);
  double width = size(query, 3) + size(attention.getValue(), 3);
  Cost cost = softmaxCost(rows, size(key, 1), typeOf(query));
  cost += compute(2 * rows * size(key, 1) * width, query);
  return cost;
}

/// As the absorbed and the sparse form of latent attention, between their
/// projections.
Cost Counter::absorbed(AbsorbedAttentionOp attention) {
  Value query = attention.getQuery(), latent = attention.getLatent(),
        indices = attention.getIndices();
  double queries = size(query, 0) * size(query, 1);
  double perQuery = queries * size(query, 2), rank = size(query, 3);
  double rotated = size(attention.getRopeQuery(), 3);
  double seen = indices ? size(indices, 2) : size(latent, 1);
  Cost cost = softmaxCost(perQuery, seen, typeOf(query));
  cost.flopsOf(typeOf(query)) += 2 * perQuery * seen * (2 * rank + rotated);
  double rows = indices ? 4 * queries * seen * (rank + rotated)
                        : size(query, 0) * seen * (2 * rank + rotated);
  cost.bytes += elementBytes(getElementTypeOrSelf(query)) *
                (perQuery * (2 * rank + rotated) + rows);
  if (indices)
    cost.bytes += extents.bytes(indices);
  cost.launches += 3;
  return cost;
}

/// The scores of all heads, one query at a time, and their sum.
Cost Counter::index(Value query, Value key) {
  double flops = 2 * elements(query) * size(key, 1);
  Cost cost = compute(flops, query);
  double scores =
      size(query, 0) * size(query, 1) * size(query, 2) * size(key, 1);
  cost.flopsOf(sumType(typeOf(query))) += 4 * scores;
  return cost;
}

/// Operations on floats in the body, once for each point of the loops. An
/// output that the body does not read is only written.
Cost Counter::linalg(linalg::LinalgOp op) {
  Cost cost;
  cost.launches = 1;
  for (OpOperand &operand : op->getOpOperands())
    if (isa<ShapedType>(operand.get().getType()) &&
        op.payloadUsesValueFromOperand(&operand))
      cost.bytes += extents.bytes(operand.get());
  for (Value result : op->getResults())
    cost.bytes += extents.bytes(result);
  double points = 1;
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    Value operand;
    unsigned dim;
    if (succeeded(op.mapIterationSpaceDimToOperandDim(loop, operand, dim)))
      points *= size(operand, dim);
  }
  for (Operation &inner : op.getBlock()->without_terminator()) {
    if (inner.getNumResults() != 1 ||
        !isa<FloatType>(inner.getResult(0).getType()))
      continue;
    NumberType type = getNumberType(inner.getResult(0).getType());
    if (isa<math::FmaOp>(inner))
      cost.flopsOf(type) += 2 * points;
    else if (isa<math::MathDialect>(inner.getDialect()))
      cost.flopsOf(type) += functionFlops * points;
    else if (isa<arith::ArithDialect>(inner.getDialect()) &&
             !inner.hasTrait<OpTrait::ConstantLike>() &&
             !isa<CastOpInterface>(inner))
      cost.flopsOf(type) += points;
  }
  return cost;
}

Cost Counter::count() {
  return llvm::TypeSwitch<Operation *, Cost>(op)
      // Names of what is in memory, and views of it.
      .Case<DimOp, GetWeightOp, SelectWeightOp, WeightOp, tensor::DimOp,
            tensor::EmptyOp, tensor::CastOp, tensor::CollapseShapeOp,
            tensor::ExpandShapeOp, tensor::ExtractSliceOp>(
          [](auto) { return Cost(); })
      .Case([&](linalg::LinalgOp op) { return linalg(op); })
      .Case([&](LinearOp linear) {
        return compute(2 * elements(linear.getInput()) *
                           size(linear.getResult(),
                                linear.getResult().getType().getRank() - 1),
                       linear.getInput());
      })
      .Case([&](PackedMatmulOp matmul) {
        return compute(2 * elements(matmul.getLhs()) *
                           size(matmul.getInit(), 1),
                       matmul.getLhs());
      })
      .Case([&](GroupedMatmulOp matmul) { return grouped(matmul); })
      .Case([&](ExpertsOp experts) {
        ExpertsSizes sizes = ExpertsSizes::of(experts, extents);
        return getExpertsCost(sizes,
                              experts.getForm().value_or(ExpertsForm::Grouped),
                              std::min(sizes.experts, sizes.pairs()));
      })
      .Case([&](ScaledMatmulOp matmul) {
        Value left = matmul.getOperand(0), result = matmul.getResult();
        return compute(2 * elements(left) * size(result, 1), left);
      })
      .Case([&](AttentionOp op) { return attention(op); })
      .Case([&](LatentAttentionOp attention) {
        Cost cost = getLatentAttentionCost(
            LatentSizes::of(attention, extents),
            attention.getForm().value_or(LatentForm::Expanded));
        if (attention.getMask())
          cost.bytes += extents.bytes(attention.getMask());
        return cost;
      })
      .Case([&](SparseLatentAttentionOp attention) {
        return getSparseLatentAttentionCost(LatentSizes::of(attention, extents),
                                            size(attention.getIndices(), 2));
      })
      .Case([&](AbsorbedAttentionOp attention) { return absorbed(attention); })
      .Case([&](LightningIndexerOp indexer) {
        return index(indexer.getQuery(), indexer.getKey());
      })
      .Case([&](IndexSelectOp select) {
        Value query = select.getQuery(), key = select.getKey();
        Cost cost = index(query, key);
        cost.flopsOf(sumType(typeOf(query))) +=
            selectFlops * size(query, 0) * size(query, 1) * size(key, 1);
        return cost;
      })
      .Case([&](SelectionMaskOp mask) {
        Value result = mask.getResult();
        return getSelectionMaskCost(size(result, 0), size(result, 1),
                                    size(result, 2),
                                    size(mask.getIndices(), 2));
      })
      .Case([&](SelectTokensOp select) {
        return elementwise(selectFlops, select.getScores());
      })
      .Case([&](RouteOp route) { return elementwise(15, route.getLogits()); })
      .Case([&](RMSNormOp norm) { return elementwise(4, norm.getInput()); })
      .Case([&](AddRMSNormOp norm) { return elementwise(5, norm.getInput()); })
      .Case([&](LayerNormOp norm) { return elementwise(7, norm.getInput()); })
      .Case([&](SwiGLUOp swiglu) {
        return elementwise(swigluFlops, swiglu.getGate());
      })
      .Case(
          [&](RotaryTableOp table) { return elementwise(22, table.getCos()); })
      .Case([&](RotaryEmbeddingOp rotate) {
        return elementwise(3, rotate.getInput());
      })
      .Case([&](QuantizeOp quantize) {
        return elementwise(4, quantize.getInput());
      })
      .Case([&](DequantizeOp dequantize) {
        return elementwise(1, dequantize.getResult());
      })
      .Case(
          [&](CombineOp combine) { return elementwise(2, combine.getRows()); })
      .Default([&](Operation *) { return traffic(); });
}

Cost fulgur::getCost(Operation *op, Extents &extents) {
  return Counter(op, extents).count();
}
