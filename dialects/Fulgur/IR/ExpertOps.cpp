//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verifiers and shapes of the mixture of experts.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/Fulgur/IR/Verify.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;

static LogicalResult verifyRange(Operation *op, StringRef name, int64_t value,
                                 int64_t last) {
  if (value >= 1 && value <= last)
    return success();
  return op->emitOpError("expected '")
         << name << "' to be in [1, " << last << "], but got " << value;
}

LogicalResult RouteOp::verify() {
  Named logits{"logits", getLogits()}, bias{"bias", getBias()},
      experts{"experts", getExperts()}, weights{"weights", getWeights()};
  // route (C1)
  if (failed(verifyRank(*this, logits, 2)) ||
      (bias.value && failed(verifyRank(*this, bias, 1))) ||
      failed(verifyRank(*this, experts, 2)) ||
      failed(verifyRank(*this, weights, 2)))
    return failure();
  // route (C2)
  int64_t count = logits.size(1);
  if (ShapedType::isDynamic(count))
    return emitOpError("expected the number of experts to be static");
  if (bias.value && failed(verifySize(*this, bias, 0, count)))
    return failure();
  // route (C3)
  int64_t groups = getGroups(), topGroups = getTopGroups();
  if (groups < 1 || count % groups != 0)
    return emitOpError("expected 'groups' to divide the number of experts (")
           << count << "), but got " << groups;
  if (failed(verifyRange(*this, "top_groups", topGroups, groups)))
    return failure();
  // route (C4)
  int64_t groupSize = count / groups;
  if (groups > 1 && getGroupScore() == GroupScore::Top2 && groupSize < 2)
    return emitOpError("expected groups of at least two experts for 'top2', "
                       "but got ")
           << groupSize;
  // route (C5)
  if (failed(verifyRange(*this, "k", getK(), groupSize * topGroups)))
    return failure();
  // route (C6)
  int64_t k = getK();
  for (Named result : {experts, weights})
    if (failed(verifySize(*this, result, 0, logits, 0)) ||
        failed(verifySize(*this, result, 1, k)))
      return failure();
  // route (C7)
  if (bias.value && failed(verifySameElement(*this, bias, logits)))
    return failure();
  if (failed(verifySameElement(*this, weights, logits)))
    return failure();
  // route (C8)
  return verifyFinite(*this, "scale", getScale());
}

LogicalResult RouteOp::reifyResultShapes(OpBuilder &builder,
                                         ReifiedRankedShapedTypeDims &shapes) {
  for (Value result : getResults())
    reifySizes(builder, result,
               {{getLogits(), 0}, {Value(), static_cast<int64_t>(getK())}},
               shapes);
  return success();
}

/// Checks that `tensor` has one row for each element of `pairs` [N, k].
static LogicalResult verifyRows(Operation *op, Named tensor, Named pairs) {
  if (!pairs.type().hasStaticShape())
    return success();
  return verifySize(op, tensor, 0, pairs.type().getNumElements());
}

LogicalResult DispatchOp::verify() {
  Named input{"input", getInput()}, experts{"experts", getExperts()},
      rows{"rows", getRows()}, sources{"sources", getSources()},
      offsets{"offsets", getOffsets()};
  // dispatch (C1)
  if (failed(verifyRank(*this, input, 2)) ||
      failed(verifyRank(*this, experts, 2)) ||
      failed(verifyRank(*this, rows, 2)) ||
      failed(verifyRank(*this, sources, 1)) ||
      failed(verifyRank(*this, offsets, 1)))
    return failure();
  // dispatch (C2)
  if (failed(verifyEqualSizes(*this)) ||
      failed(verifySize(*this, rows, 1, input, 1)) ||
      failed(verifySize(*this, sources, 0, rows, 0)) ||
      failed(verifyRows(*this, rows, experts)) ||
      failed(verifyRows(*this, sources, experts)))
    return failure();
  // dispatch (C3)
  if (failed(verifyPositive(*this, "num_experts", getNumExperts())))
    return failure();
  // dispatch (C4)
  if (failed(verifySize(*this, offsets, 0, getNumExperts() + 1)))
    return failure();
  // dispatch (C5)
  return verifySameElement(*this, rows, input);
}

void DispatchOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  sizes.push_back({{"experts", getExperts()}, 0, {"input", getInput()}, 0});
}

LogicalResult
DispatchOp::reifyResultShapes(OpBuilder &builder,
                              ReifiedRankedShapedTypeDims &shapes) {
  reifySizes(builder, getRows(), {{getExperts(), 0}, {getInput(), 1}}, shapes);
  reifySizes(builder, getSources(), {{getExperts(), 0}}, shapes);
  reifySizes(builder, getOffsets(),
             {{Value(), static_cast<int64_t>(getNumExperts() + 1)}}, shapes);
  // What stands for the rows so far is N. They are N·k.
  for (int64_t result : {0, 1}) {
    auto tokens = dyn_cast<Value>(shapes[result][0]);
    if (!tokens)
      continue;
    Value places = tensor::DimOp::create(builder, getLoc(), getExperts(), 1);
    shapes[result][0] =
        arith::MulIOp::create(builder, getLoc(), tokens, places).getResult();
  }
  return success();
}

LogicalResult GroupedMatmulOp::verify() {
  Named rows{"rows", getRows()}, weights{"weights", getWeights()},
      offsets{"offsets", getOffsets()}, result{"result", getResult()};
  // grouped_matmul (C1)
  if (failed(verifyRank(*this, rows, 2)) ||
      failed(verifyRank(*this, weights, 3)) ||
      failed(verifyRank(*this, offsets, 1)) ||
      failed(verifyRank(*this, result, 2)))
    return failure();
  // grouped_matmul (C2)
  int64_t outer = getTransposed() ? 1 : 2;
  if (failed(verifyEqualSizes(*this)) ||
      failed(verifySize(*this, result, 0, rows, 0)) ||
      failed(verifySize(*this, result, 1, weights, outer)))
    return failure();
  if (!ShapedType::isDynamic(weights.size(0)) &&
      failed(verifySize(*this, offsets, 0, weights.size(0) + 1)))
    return failure();
  // grouped_matmul (C3)
  if (failed(verifySameElement(*this, weights, rows)))
    return failure();
  return verifySameElement(*this, result, rows);
}

void GroupedMatmulOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  sizes.push_back({{"weights", getWeights()},
                   getTransposed() ? 2 : 1,
                   {"rows", getRows()},
                   1});
}

LogicalResult
GroupedMatmulOp::reifyResultShapes(OpBuilder &builder,
                                   ReifiedRankedShapedTypeDims &shapes) {
  reifySizes(builder, getResult(),
             {{getRows(), 0}, {getWeights(), getTransposed() ? 1 : 2}}, shapes);
  return success();
}

LogicalResult CombineOp::verify() {
  Named rows{"rows", getRows()}, sources{"sources", getSources()},
      weights{"weights", getWeights()}, result{"result", getResult()};
  // combine (C1)
  if (failed(verifyRank(*this, rows, 2)) ||
      failed(verifyRank(*this, sources, 1)) ||
      failed(verifyRank(*this, weights, 2)) ||
      failed(verifyRank(*this, result, 2)))
    return failure();
  // combine (C2)
  if (failed(verifyEqualSizes(*this)) ||
      failed(verifyRows(*this, rows, weights)) ||
      failed(verifyRows(*this, sources, weights)) ||
      failed(verifySize(*this, result, 0, weights, 0)) ||
      failed(verifySize(*this, result, 1, rows, 1)))
    return failure();
  // combine (C3)
  return verifySameElement(*this, result, rows);
}

void CombineOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  sizes.push_back({{"sources", getSources()}, 0, {"rows", getRows()}, 0});
}

LogicalResult
CombineOp::reifyResultShapes(OpBuilder &builder,
                             ReifiedRankedShapedTypeDims &shapes) {
  reifySizes(builder, getResult(), {{getWeights(), 0}, {getRows(), 1}}, shapes);
  return success();
}

LogicalResult ExpertsOp::verify() {
  // experts (C1)
  if (getGateUp().empty() || getGateUp().size() > 2)
    return emitOpError("expected 'gate_up' to be one stack or two, but got ")
           << getGateUp().size();
  Named input{"input", getInput()}, experts{"experts", getExperts()},
      weights{"weights", getWeights()}, down{"down", getDown()},
      result{"result", getResult()};
  // experts (C2)
  for (Named rows : {input, experts, weights, result})
    if (failed(verifyRank(*this, rows, 2)))
      return failure();
  for (Value stack : getGateUp())
    if (failed(verifyRank(*this, {"gate_up", stack}, 3)))
      return failure();
  if (failed(verifyRank(*this, down, 3)))
    return failure();
  // experts (C3)
  if (failed(verifyEqualSizes(*this)) ||
      failed(verifySize(*this, result, 0, input, 0)) ||
      failed(verifySize(*this, result, 1, down, getDownTransposed() ? 1 : 2)))
    return failure();
  int64_t columns =
      Named{"gate_up", getGateUp().front()}.size(getTransposed() ? 1 : 2);
  if (!hasTwoStacks() && !ShapedType::isDynamic(columns)) {
    // experts (C4)
    if (columns % 2 != 0)
      return emitOpError("expected 'gate_up' to have an even number of "
                         "columns, but got ")
             << columns;
    if (failed(
            verifySize(*this, down, getDownTransposed() ? 2 : 1, columns / 2)))
      return failure();
  }
  // experts (C5)
  if (hasTwoStacks() && getUpFirst())
    return emitOpError("expected one stack of gate and up for 'up_first', but "
                       "got 2");
  // experts (C6)
  for (Value stack : getGateUp())
    if (failed(verifySameElement(*this, {"gate_up", stack}, input)))
      return failure();
  if (failed(verifySameElement(*this, down, input)))
    return failure();
  return verifySameElement(*this, result, input);
}

void ExpertsOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  Named input{"input", getInput()}, experts{"experts", getExperts()},
      weights{"weights", getWeights()}, down{"down", getDown()},
      first{"gate_up", getGateUp().front()};
  int64_t inner = getTransposed() ? 2 : 1;
  sizes.push_back({experts, 0, input, 0});
  sizes.push_back({weights, 0, input, 0});
  sizes.push_back({weights, 1, experts, 1});
  sizes.push_back({first, inner, input, 1});
  sizes.push_back({down, 0, first, 0});
  if (!hasTwoStacks())
    return;
  Named gate{"gate", first.value}, up{"up", getGateUp().back()};
  for (int64_t dim : {0, 1, 2})
    sizes.push_back({up, dim, gate, dim});
  sizes.push_back({down, getDownTransposed() ? 2 : 1, first, 3 - inner});
}

LogicalResult
ExpertsOp::reifyResultShapes(OpBuilder &builder,
                             ReifiedRankedShapedTypeDims &shapes) {
  reifySizes(builder, getResult(),
             {{getInput(), 0}, {getDown(), getDownTransposed() ? 1 : 2}},
             shapes);
  return success();
}
