//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes views of buffers as arithmetic on offsets and strides. Upstream's
// patterns do this for all but an expansion of one dimension into several
// dynamic ones, of which `memref.expand_shape` knows the sizes by now.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToCPU/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_EXPANDVIEWSPASS
#include "passes/LowerToCPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct ExpandShape final : OpRewritePattern<memref::ExpandShapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(memref::ExpandShapeOp op,
                                PatternRewriter &rewriter) const final {
    Location loc = op.getLoc();
    MemRefType type = op.getResultType();
    auto [strides, offset] = type.getStridesAndOffset();
    auto metadata =
        memref::ExtractStridedMetadataOp::create(rewriter, loc, op.getSrc());
    SmallVector<OpFoldResult> sizes = op.getMixedOutputShape();
    SmallVector<OpFoldResult> newStrides(type.getRank());
    // Without groups the source is one element.
    for (auto &stride : newStrides)
      stride = rewriter.getIndexAttr(1);
    for (auto [axis, group] : llvm::enumerate(op.getReassociationIndices())) {
      Value running = metadata.getStrides()[axis];
      for (int64_t i : llvm::reverse(group)) {
        newStrides[i] = ShapedType::isDynamic(strides[i])
                            ? OpFoldResult(running)
                            : rewriter.getIndexAttr(strides[i]);
        if (i == group.front())
          continue;
        Value size = getValueOrCreateConstantIndexOp(rewriter, loc, sizes[i]);
        running = rewriter.createOrFold<arith::MulIOp>(loc, running, size);
      }
    }
    OpFoldResult newOffset = ShapedType::isDynamic(offset)
                                 ? OpFoldResult(metadata.getOffset())
                                 : rewriter.getIndexAttr(offset);
    rewriter.replaceOpWithNewOp<memref::ReinterpretCastOp>(
        op, type, metadata.getBaseBuffer(), newOffset, sizes, newStrides);
    return success();
  }
};

struct ExpandViewsPass final
    : fulgur::impl::ExpandViewsPassBase<ExpandViewsPass> {
  void runOnOperation() final {
    // First and alone: upstream also looks through an expansion from the views
    // of it, with the same limit.
    RewritePatternSet expansion(&getContext());
    expansion.add<ExpandShape>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(expansion))))
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    memref::populateExpandStridedMetadataPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
