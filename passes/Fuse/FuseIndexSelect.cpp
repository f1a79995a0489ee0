//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A selection that alone reads the scores of an indexer needs them only one
// query at a time.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/CostModel/Sizes.h"
#include "passes/Fuse/Passes.h"
#include "passes/Fuse/Remarks.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_FUSEINDEXSELECTPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static constexpr StringLiteral passName = "fulgur-fuse-index-select";

namespace {
struct FuseIndexSelect final : OpRewritePattern<SelectTokensOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SelectTokensOp op,
                                PatternRewriter &rewriter) const final {
    auto indexer = op.getScores().getDefiningOp<LightningIndexerOp>();
    if (!indexer)
      return rewriter.notifyMatchFailure(op, "the scores are no indexer's");
    if (!indexer->hasOneUse())
      return rewriter.notifyMatchFailure(op, "others read the scores");
    auto fused = rewriter.replaceOpWithNewOp<IndexSelectOp>(
        op, op.getType(), indexer.getQuery(), indexer.getKey(),
        indexer.getWeights(), op.getMask(), indexer.getScaleAttr(),
        op.getKAttr(), op.getCausalAttr());
    remarkFused(fused.getLoc(), passName, "the scores are not stored",
                scoresSaving(indexer));
    rewriter.eraseOp(indexer);
    return success();
  }

  /// The scores, written once and read once.
  static Saving scoresSaving(LightningIndexerOp indexer) {
    return {2 * assumedBytes(indexer.getResult()), 0};
  }
};

struct FuseIndexSelectPass final
    : fulgur::impl::FuseIndexSelectPassBase<FuseIndexSelectPass> {
  using Base::Base;

  void runOnOperation() final {
    getOperation().walk([](SelectTokensOp op) {
      auto indexer = op.getScores().getDefiningOp<LightningIndexerOp>();
      if (indexer && !indexer->hasOneUse())
        remarkNotFused(op.getLoc(), passName,
                       "expected the selection alone to read the scores, but "
                       "they have " +
                           Twine(range_size(indexer->getUses())) + " uses");
    });
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseIndexSelect>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
