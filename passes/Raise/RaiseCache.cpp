//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// An input of the model that new rows are appended to is a cache.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
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
    if (op->getNumOperands() != 2 || !isa<BlockArgument>(op->getOperand(0)) ||
        !isa<FloatType>(
            cast<TensorType>(op->getOperand(0).getType()).getElementType()))
      return rewriter.notifyMatchFailure(op, "nothing is appended to an input");
    int64_t rank = rankOf(op->getOperand(0));
    int64_t axis = onnx::fromFront(onnx::intAttr(op, "axis", 0), rank);
    remark::passed(
        op.getLoc(),
        remark::RemarkOpts::name("fulgur-raise-cache").category("raise"))
        << "rows are appended to a cache";
    rewriter.replaceOpWithNewOp<CacheUpdateOp>(
        op, op->getResult(0).getType(), op->getOperand(0), op->getOperand(1),
        rewriter.getI64IntegerAttr(axis));
    return success();
  }
};

struct RaiseCachePass final : fulgur::impl::RaiseCachePassBase<RaiseCachePass> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<RaiseCache>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
