//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A fusion outside of Fulgur's tree: a constant by which the head weights of a
// lightning indexer are multiplied becomes part of its scale, because
// max(0, c · x) = c · max(0, x) for c > 0. The product need not be computed.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Plugin.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/CostModel/Sizes.h"
#include "passes/Fuse/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace fulgur;

static constexpr StringLiteral passName = "fold-indexer-scale";

/// The constant c, if `product` is `weights` times c, element by element.
static std::optional<double> matchScaled(linalg::GenericOp product) {
  auto yield = cast<linalg::YieldOp>(product.getBody()->getTerminator());
  auto mul = yield.getOperand(0).getDefiningOp<arith::MulFOp>();
  SplatElementsAttr factor;
  if (!mul || product.getNumDpsInputs() != 2 ||
      mul.getLhs() != product.getBody()->getArgument(0) ||
      mul.getRhs() != product.getBody()->getArgument(1) ||
      !product.getIndexingMapsArray()[0].isIdentity() ||
      !matchPattern(product.getDpsInputOperand(1)->get(), m_Constant(&factor)))
    return std::nullopt;
  return factor.getSplatValue<APFloat>().convertToDouble();
}

/// IndexerOp is the indexer alone, or the one that is fused with a selection.
template <typename IndexerOp>
struct FoldScale final : OpRewritePattern<IndexerOp> {
  using OpRewritePattern<IndexerOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(IndexerOp op,
                                PatternRewriter &rewriter) const final {
    auto product = op.getWeights().template getDefiningOp<linalg::GenericOp>();
    std::optional<double> factor;
    if (!product || !(factor = matchScaled(product)))
      return rewriter.notifyMatchFailure(op, "the weights are not scaled");
    if (*factor <= 0) {
      remarkNotFused(op.getLoc(), passName,
                     "expected a positive factor, but got " +
                         std::to_string(*factor));
      return failure();
    }
    remarkFused(
        op.getLoc(), passName, "the factor is part of the scale",
        {2 * assumedBytes(op.getWeights()), assumedElements(op.getWeights())});
    rewriter.modifyOpInPlace(op, [&] {
      op.getWeightsMutable().assign(product.getDpsInputOperand(0)->get());
      op.setScaleAttr(
          rewriter.getF64FloatAttr(op.getScale().convertToDouble() * *factor));
    });
    return success();
  }
};

struct FoldIndexerScalePass final
    : PassWrapper<FoldIndexerScalePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FoldIndexerScalePass)
  StringRef getArgument() const final { return passName; }
  StringRef getDescription() const final {
    return "constant factors of indexer weights become part of the scale";
  }
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<FoldScale<LightningIndexerOp>, FoldScale<IndexSelectOp>>(
        &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

FULGUR_PLUGIN("fold-indexer-scale",
              [] { PassRegistration<FoldIndexerScalePass>(); })
