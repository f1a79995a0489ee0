//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Operations of `fulgur` have operands whose sizes agree. What was recognised
// in a graph has them as far as names of dimensions tell; this pass lets the
// step check the rest.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/ONNX/Analysis/ShapeAnalysis.h"
#include "lib/Support/Emitter.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace fulgur {
#define GEN_PASS_DEF_CHECKSIZESPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

/// Ends the step, in front of `op`, unless `condition` holds.
static void check(OpBuilder &builder, Operation *op, Value condition,
                  const Twine &message) {
  cf::AssertOp::create(
      builder, op->getLoc(), condition,
      (Twine(op->getName().stripDialect()) + ": " + message).str());
}

/// The same if a pair of sizes differs.
static void checkSizes(Operation *op, const EqualSizes &sizes, int64_t dim,
                       int64_t ofDim) {
  OpBuilder builder(op);
  Location loc = op->getLoc();
  Value isSame = arith::CmpIOp::create(
      builder, loc, arith::CmpIPredicate::eq,
      tensor::DimOp::create(builder, loc, sizes.tensor.value, dim),
      tensor::DimOp::create(builder, loc, sizes.of.value, ofDim));
  check(builder, op, isSame,
        "expected dimension " + Twine(dim) + " of '" + sizes.tensor.name +
            "' to be dimension " + Twine(ofDim) + " of '" + sizes.of.name +
            "'");
}

/// The scores or keys that `indices` were selected by, and the dimension of
/// them that has one element a token; null if they come from elsewhere.
static std::pair<Value, int64_t> getSelected(Value indices) {
  if (auto select = indices.getDefiningOp<SelectTokensOp>())
    return {select.getScores(), 2};
  if (auto select = indices.getDefiningOp<IndexSelectOp>())
    return {select.getKey(), 1};
  return {Value(), 0};
}

/// An index of a token that the cache does not have would leave its memory.
static void checkIndices(SparseLatentAttentionOp op,
                         const ShapeAnalysis &shapes) {
  auto [selected, dim] = getSelected(op.getIndices());
  if (selected && shapes.isSame(selected, dim, op.getLatent(), 1))
    return;
  OpBuilder builder(op);
  Emitter e(builder, op.getLoc());
  Value tokens = e.index(e.size(op.getLatent(), 1));
  Value all = e.reduce(
      op.getIndices(), builder.getMultiDimIdentityMap(3),
      e.filled({}, e.number(1, builder.getI1Type())), {0, 1, 2},
      [&](Emitter &e, ValueRange args) -> SmallVector<Value> {
        Value index = arith::IndexCastOp::create(
            e.builder, e.loc, e.builder.getIndexType(), args[0]);
        Value isInRange = arith::CmpIOp::create(
            e.builder, e.loc, arith::CmpIPredicate::slt, index, tokens);
        return {arith::AndIOp::create(e.builder, e.loc, args[1], isInRange)};
      });
  check(builder, op,
        tensor::ExtractOp::create(builder, op.getLoc(), all, ValueRange()),
        "an index is out of range");
}

namespace {
struct CheckSizesPass final : fulgur::impl::CheckSizesPassBase<CheckSizesPass> {
  void runOnOperation() final {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        run(function);
  }

  static void run(func::FuncOp function) {
    ShapeAnalysis shapes(function);
    function.walk([&](EqualSizesOpInterface op) {
      SmallVector<EqualSizes> all;
      op.getEqualSizes(all);
      for (const EqualSizes &sizes : all) {
        const auto &[tensor, dim, of, ofDim, isBroadcast] = sizes;
        int64_t a = dim < 0 ? dim + tensor.rank() : dim;
        int64_t b = ofDim < 0 ? ofDim + of.rank() : ofDim;
        bool isOne = isBroadcast && tensor.size(dim) == 1;
        if (!isOne && !shapes.isSame(tensor.value, a, of.value, b))
          checkSizes(op, sizes, a, b);
      }
    });
    function.walk(
        [&](SparseLatentAttentionOp op) { checkIndices(op, shapes); });
  }
};
} // namespace
