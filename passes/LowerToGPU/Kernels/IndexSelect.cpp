//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Scores and selection, for so many queries at a time that the memory of their
// scores does not grow with the queries. Scores are stored in the element type,
// as fulgur.lightning_indexer leaves them: the same tokens are selected. Those
// beyond the last token that one of the queries sees are not computed.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/Machine.h"
#include "passes/LowerToGPU/Kernels/Kernels.h"
#include "passes/LowerToGPU/Kernels/LightningIndexer.h"
#include "passes/LowerToGPU/Kernels/SelectTokens.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

/// Queries that are selected for at a time: as many as have scores of this part
/// of the memory, or one for each processor.
static constexpr double scoresOfMemory = 1.0 / 1024;

void fulgur::checkIndexSelectKernel(Operation *op, KernelMiss miss) {
  auto select = cast<IndexSelectOp>(op);
  bool isSelectable = true;
  checkSelection(select.getK(), [&](const Twine &text) {
    isSelectable = false;
    miss(text);
  });
  if (isSelectable)
    checkIndexerScores(select.getQuery(), miss);
}

/// Scores [B, queries, T].
Values fulgur::makeIndexSelectScratch(Operation *op, Emitter &e) {
  auto select = cast<IndexSelectOp>(op);
  OpFoldResult batch = e.size(select.getQuery(), 0);
  OpFoldResult rows = e.size(select.getQuery(), 1);
  OpFoldResult tokens = e.size(select.getKey(), 1);
  FailureOr<Machine> found = getMachine(op);
  Machine machine = succeeded(found) ? *found : Machine();
  double bytes = machine.memory.empty()
                     ? 0
                     : machine.getMainMemory().capacity * scoresOfMemory;
  OpFoldResult one = e.size(1), some = e.max(batch, one);
  Type type = elementType(select.getWeights());
  OpFoldResult fitting =
      e.div(e.size(int64_t(bytes) * 8 / type.getIntOrFloatBitWidth()),
            e.mul(some, e.max(tokens, one)));
  OpFoldResult queries =
      e.max(e.max(fitting, e.div(e.size(machine.cores), some)), one);
  return {e.empty({batch, e.min(queries, rows), tokens}, type)};
}

void fulgur::launchIndexSelectKernel(CallKernelOp call,
                                     KernelBuilder &builder) {
  Location loc = call.getLoc();
  OpBuilder host(call);
  ValueRange inputs = call.getInputs();
  bool isCausal = call.getConfig().contains("causal");
  Value result = call.getInits()[0], scores = call.getInits()[1];
  auto sizeOf = [&](Value buffer, int64_t axis) -> Value {
    return memref::DimOp::create(host, loc, buffer, axis);
  };
  auto add = [&](Value a, Value b) -> Value {
    return arith::AddIOp::create(host, loc, a, b);
  };
  auto subtract = [&](Value a, Value b) -> Value {
    return arith::SubIOp::create(host, loc, a, b);
  };
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(host, loc, value);
  };
  Value rows = sizeOf(inputs[0], 1), tokens = sizeOf(inputs[1], 1);
  // No queries are no reason for steps of none.
  Value step =
      arith::MaxUIOp::create(host, loc, sizeOf(scores, 1), constant(1));
  // The part of `buffer` for the queries [first, first + count), and of the
  // last dimension all or as much as `columns` says.
  auto slice = [&](Value buffer, Value first, Value count, Value columns) {
    SmallVector<OpFoldResult> offsets(3, host.getIndexAttr(0)), sizes,
        strides(3, host.getIndexAttr(1));
    for (int64_t axis = 0; axis < 3; ++axis)
      sizes.push_back(memref::getMixedSize(host, loc, buffer, axis));
    offsets[1] = first ? OpFoldResult(first) : host.getIndexAttr(0);
    sizes[1] = count;
    if (columns)
      sizes[2] = columns;
    return memref::SubViewOp::create(host, loc, buffer, offsets, sizes, strides)
        .getResult();
  };
  auto loop = scf::ForOp::create(host, loc, constant(0), rows, step);
  host.setInsertionPointToStart(loop.getBody());
  IndexerScores s;
  s.query = inputs[0], s.key = inputs[1], s.weights = inputs[2];
  s.scale = call.getConfig().getAs<FloatAttr>("scale").getValueAsDouble();
  s.scores = scores;
  s.first = loop.getInductionVar();
  s.rows = arith::MinUIOp::create(host, loc, step, subtract(rows, s.first));
  s.tokens = s.ahead = tokens;
  if (isCausal) {
    // Query q sees the tokens t <= T - S + q. That is what it sees among those
    // that the last of these queries sees, too.
    s.ahead = add(subtract(tokens, rows), s.first);
    s.tokens =
        arith::MaxSIOp::create(host, loc, add(s.ahead, s.rows), constant(0));
  }
  launchIndexerScores(host, loc, builder, s);
  Value mask;
  if (inputs.size() == 4) {
    mask = inputs[3];
    if (cast<MemRefType>(mask.getType()).getDimSize(1) != 1)
      mask = slice(mask, s.first, s.rows, Value());
  }
  launchSelection(host, loc, builder, slice(scores, Value(), s.rows, s.tokens),
                  mask, slice(result, s.first, s.rows, Value()),
                  call.getConfig().getAs<IntegerAttr>("k").getInt(), isCausal);
}
