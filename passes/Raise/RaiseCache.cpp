//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// An input of the model that new rows are appended to is a cache.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Raise/FoldONNX/Patterns.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_RAISECACHEPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct RaiseCache final : OpRewritePattern<onnx::ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::ConcatOp op,
                                PatternRewriter &rewriter) const final {
    if (op->getNumOperands() != 2)
      return rewriter.notifyMatchFailure(op, "not two parts");
    Value past = op->getOperand(0), update = op->getOperand(1);
    // Dimensions of 1 that the graph leaves out stay in the cache.
    SmallVector<int64_t> left;
    if (auto squeeze = producer<onnx::SqueezeOp>(past)) {
      std::optional<SmallVector<int64_t>> axes =
          getAxes(squeeze, rankOf(squeeze->getOperand(0)));
      if (!axes)
        return rewriter.notifyMatchFailure(op, "it leaves out unknown axes");
      left = *axes;
      llvm::sort(left);
      past = squeeze->getOperand(0);
    }
    if (!isa<BlockArgument>(past) ||
        !isa<FloatType>(getElementTypeOrSelf(past.getType())))
      return rewriter.notifyMatchFailure(op, "nothing is appended to an input");
    int64_t axis = onnx::fromFront(onnx::intAttr(op, "axis", 0),
                                   rankOf(op->getOperand(0)));
    for (int64_t i : left)
      axis += i <= axis;
    remark::passed(
        op.getLoc(),
        remark::RemarkOpts::name("fulgur-raise-cache").category("raise"))
        << "rows are appended to a cache";
    Location loc = op.getLoc();
    update = createUnsqueeze(rewriter, loc, update, left);
    SmallVector<int64_t> shape(tensorType(op->getResult(0)).getShape());
    for (int64_t i : left)
      shape.insert(shape.begin() + i, 1);
    Value cache = CacheUpdateOp::create(
        rewriter, loc, tensorType(past).clone(shape), past, update, axis);
    rewriter.replaceOp(op, createSqueeze(rewriter, loc, cache, left));
    return success();
  }
};

struct RaiseCachePass final : fulgur::impl::RaiseCachePassBase<RaiseCachePass> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<RaiseCache>(&getContext());
    populateFoldMovementPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
