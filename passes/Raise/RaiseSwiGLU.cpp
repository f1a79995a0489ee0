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

using Factors = SmallVector<Value, 3>;

/// gate and up, if they are swish(gate) and up, or gate, sigmoid(gate) and up.
static std::pair<Value, Value> matchFactors(const Factors &factors) {
  for (Value factor : factors) {
    Factors rest(factors);
    llvm::erase(rest, factor);
    if (auto swish = producer<onnx::SwishOp>(factor);
        swish && rest.size() == 1 &&
        onnx::floatAttr(swish, "alpha", 1.0) == 1.0)
      return {swish->getOperand(0), rest[0]};
    auto sigmoid = producer<onnx::SigmoidOp>(factor);
    if (!sigmoid || rest.size() != 2)
      continue;
    for (unsigned i : {0, 1})
      if (rest[i] == sigmoid->getOperand(0))
        return {rest[i], rest[1 - i]};
  }
  return {};
}

/// The three factors are multiplied in any order.
static std::pair<Value, Value> matchSwiGLU(onnx::MulOp op) {
  SmallVector<Factors> products{Factors(op->getOperands())};
  for (unsigned i : {0, 1})
    if (auto inner = producer<onnx::MulOp>(op->getOperand(i)))
      products.push_back(
          {inner->getOperand(0), inner->getOperand(1), op->getOperand(1 - i)});
  for (const Factors &factors : products)
    if (auto [gate, up] = matchFactors(factors); gate)
      return {gate, up};
  return {};
}

namespace {
struct RaiseSwiGLU final : OpRewritePattern<onnx::MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::MulOp op,
                                PatternRewriter &rewriter) const final {
    auto [gate, up] = matchSwiGLU(op);
    if (!gate || up.getType() != gate.getType() ||
        up.getType() != op->getResult(0).getType() || rankOf(gate) < 0)
      return rewriter.notifyMatchFailure(op, "not silu(gate) · up");
    remark::passed(
        op.getLoc(),
        remark::RemarkOpts::name("fulgur-raise-swiglu").category("raise"))
        << "3 operators are one swiglu";
    rewriter.replaceOpWithNewOp<SwiGLUOp>(op, gate, up);
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
