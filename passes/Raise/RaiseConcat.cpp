//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Exporters lower "make a tensor, write slices of it" to scatters over ranges
// of indices. A chain of scatters whose ranges cover an axis is a
// concatenation.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/FoldONNX/Patterns.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_RAISECONCATPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantInts;
using fulgur::onnx::input;
using fulgur::onnx::stringAttr;

namespace {
struct Written {
  int64_t start;
  int64_t size;
  Value value;
};

struct RaiseConcat final : OpRewritePattern<onnx::ScatterNDOp> {
  using OpRewritePattern::OpRewritePattern;

  /// The rows that `scatter` writes, if they are a range of whole rows.
  static std::optional<Written> match(onnx::ScatterNDOp scatter) {
    if (stringAttr(scatter, "reduction", "none") != "none")
      return std::nullopt;
    std::optional<SmallVector<int64_t>> rows = constantInts(input(scatter, 1));
    RankedTensorType index = tensorType(input(scatter, 1));
    if (!rows || !index || index.getRank() != 2 || index.getDimSize(1) != 1 ||
        rows->empty() || rows->front() < 0)
      return std::nullopt;
    for (auto [i, row] : llvm::enumerate(*rows))
      if (row != rows->front() + static_cast<int64_t>(i))
        return std::nullopt;
    return Written{rows->front(), static_cast<int64_t>(rows->size()),
                   input(scatter, 2)};
  }

  LogicalResult matchAndRewrite(onnx::ScatterNDOp op,
                                PatternRewriter &rewriter) const final {
    RankedTensorType type = tensorType(op->getResult(0));
    if (!type || type.getRank() < 1 || type.isDynamicDim(0))
      return rewriter.notifyMatchFailure(op, "the first extent is not static");
    // The last scatter comes first; what it writes hides earlier writes.
    SmallVector<Written> parts;
    for (auto scatter = op; scatter;
         scatter = producer<onnx::ScatterNDOp>(input(scatter, 0))) {
      std::optional<Written> part = match(scatter);
      if (!part)
        break;
      bool isHidden = llvm::any_of(parts, [&](const Written &later) {
        return part->start < later.start + later.size &&
               later.start < part->start + part->size;
      });
      if (isHidden)
        return rewriter.notifyMatchFailure(op, "the ranges overlap");
      parts.push_back(*part);
    }
    llvm::sort(parts, [](const Written &a, const Written &b) {
      return a.start < b.start;
    });
    int64_t end = 0;
    SmallVector<Value> values;
    for (const Written &part : parts) {
      if (part.start != end)
        return rewriter.notifyMatchFailure(op, "the ranges leave a gap");
      end += part.size;
      values.push_back(part.value);
    }
    if (end != type.getDimSize(0))
      return rewriter.notifyMatchFailure(op,
                                         "the ranges do not cover the axis");
    remark::passed(
        op.getLoc(),
        remark::RemarkOpts::name("fulgur-raise-concat").category("raise"))
        << std::to_string(values.size()) +
               " scatters over ranges are a concatenation";
    rewriter.replaceOpWithNewOp<onnx::ConcatOp>(
        op, TypeRange{type}, values,
        rewriter.getNamedAttr("axis", rewriter.getI64IntegerAttr(0)));
    return success();
  }
};

struct RaiseConcatPass final
    : fulgur::impl::RaiseConcatPassBase<RaiseConcatPass> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<RaiseConcat>(&getContext());
    // A concatenation of one part is no operator, and transposes cancel.
    populateFoldConstantPatterns(patterns);
    populateFoldMovementPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
