//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The gated activation: silu(gate) · up.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/Passes.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_RAISESWIGLUPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

/// The gate of silu(gate) = gate · sigmoid(gate).
static Value matchSilu(Value value) {
  if (auto swish = producer<onnx::SwishOp>(value))
    return onnx::floatAttr(swish, "alpha", 1.0) == 1.0 ? swish->getOperand(0)
                                                       : Value();
  auto [sigmoid, gate] =
      splitOperands(producer<onnx::MulOp>(value), [](Value v) {
        return static_cast<bool>(producer<onnx::SigmoidOp>(v));
      });
  if (!sigmoid || sigmoid.getDefiningOp()->getOperand(0) != gate)
    return {};
  return gate;
}

namespace {
struct RaiseSwiGLU final : OpRewritePattern<onnx::MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::MulOp op,
                                PatternRewriter &rewriter) const final {
    auto [silu, up] = splitOperands(
        op, [](Value v) { return static_cast<bool>(matchSilu(v)); });
    if (!silu || up.getType() != silu.getType() ||
        up.getType() != op->getResult(0).getType())
      return rewriter.notifyMatchFailure(op, "not silu(gate) · up");
    remark::passed(
        op.getLoc(),
        remark::RemarkOpts::name("fulgur-raise-swiglu").category("raise"))
        << "3 operators are one swiglu";
    rewriter.replaceOpWithNewOp<SwiGLUOp>(op, matchSilu(silu), up);
    return success();
  }
};

struct RaiseSwiGLUPass final
    : fulgur::impl::RaiseSwiGLUPassBase<RaiseSwiGLUPass> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<RaiseSwiGLU>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
