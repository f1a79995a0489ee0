//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rows times one matrix: what projections are in every exporter's writing.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_RAISELINEARPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::floatAttr;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;
using fulgur::onnx::intsAttr;

/// input · weight, where a transpose of the weight joins the operation; null
/// unless `weight` is a matrix of floats of the type of `input`, and surely has
/// a row for each of its columns.
static Value createLinear(PatternRewriter &rewriter, Location loc, Value input,
                          Value weight, bool isTransposed, Type type) {
  Type element = getElementTypeOrSelf(type);
  if (rankOf(weight) != 2 || rankOf(input) < 1 || !isa<FloatType>(element) ||
      getElementTypeOrSelf(input) != element ||
      getElementTypeOrSelf(weight) != element)
    return {};
  if (auto transpose = producer<onnx::TransposeOp>(weight))
    if (intsAttr(transpose, "perm") == ArrayRef<int64_t>({1, 0})) {
      weight = transpose->getOperand(0);
      isTransposed = !isTransposed;
    }
  int64_t inner = tensorType(weight).getDimSize(isTransposed ? 1 : 0);
  if (ShapedType::isDynamic(inner) ||
      tensorType(input).getShape().back() != inner)
    return {};
  remark::passed(
      loc, remark::RemarkOpts::name("fulgur-raise-linear").category("raise"))
      << "rows times one matrix";
  return LinearOp::create(rewriter, loc, type, input, weight, isTransposed);
}

namespace {
struct RaiseMatMul final : OpRewritePattern<onnx::MatMulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::MatMulOp op,
                                PatternRewriter &rewriter) const final {
    Value linear =
        createLinear(rewriter, op->getLoc(), input(op, 0), input(op, 1),
                     /*isTransposed=*/false, op->getResult(0).getType());
    if (!linear)
      return rewriter.notifyMatchFailure(op, "not rows times one matrix");
    rewriter.replaceOp(op, linear);
    return success();
  }
};

/// A bias stays an addition.
struct RaiseGemm final : OpRewritePattern<onnx::GemmOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::GemmOp op,
                                PatternRewriter &rewriter) const final {
    Value bias = input(op, 2);
    if (intAttr(op, "transA", 0) || floatAttr(op, "alpha", 1) != 1 ||
        (bias && floatAttr(op, "beta", 1) != 1))
      return rewriter.notifyMatchFailure(op, "more than a product and a bias");
    Type type = op->getResult(0).getType();
    Value linear =
        createLinear(rewriter, op->getLoc(), input(op, 0), input(op, 1),
                     intAttr(op, "transB", 0) != 0, type);
    if (!linear)
      return rewriter.notifyMatchFailure(op, "not a matrix of floats");
    if (bias)
      linear = onnx::AddOp::create(rewriter, op->getLoc(), TypeRange{type},
                                   ValueRange{linear, bias})
                   ->getResult(0);
    rewriter.replaceOp(op, linear);
    return success();
  }
};

struct RaiseLinearPass final
    : fulgur::impl::RaiseLinearPassBase<RaiseLinearPass> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<RaiseMatMul, RaiseGemm>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
