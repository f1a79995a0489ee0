//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Root-mean-square and layer normalisation: the chain that exporters write, and
// the operators of newer opsets.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_RAISENORMPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantScalar;
using fulgur::onnx::floatAttr;
using fulgur::onnx::fromFront;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;

/// Whether `scale` is one number for each element of the last axis of `like`.
static bool isRowScale(Value scale, Value like) {
  RankedTensorType type = scale ? tensorType(scale) : nullptr;
  RankedTensorType row = tensorType(like);
  return type && row && type.getRank() == 1 && row.getRank() >= 1 &&
         type.getElementType() == row.getElementType() &&
         type.getDimSize(0) == row.getShape().back() && !type.isDynamicDim(0);
}

static auto remarkOptions() {
  return remark::RemarkOpts::name("fulgur-raise-norm").category("raise");
}

namespace {
/// scale · (x / sqrt(mean(x²) + eps)), with the division written in any way.
struct RaiseRMSNorm final : OpRewritePattern<onnx::MulOp> {
  using OpRewritePattern::OpRewritePattern;

  /// x and eps, where `value` is mean(x²) + eps.
  static Value matchMeanSquare(Value value, double &eps) {
    auto [constant, mean] =
        splitOperands(producer<onnx::AddOp>(value),
                      [](Value v) { return constantScalar(v).has_value(); });
    auto reduce = producer<onnx::ReduceMeanOp>(mean);
    if (!reduce || !reducesLastAxis(reduce, /*keep=*/true))
      return {};
    eps = *constantScalar(constant);
    Value square = reduce->getOperand(0);
    if (auto pow = producer<onnx::PowOp>(square))
      return isConstant(pow->getOperand(1), 2) ? pow->getOperand(0) : Value();
    if (auto mul = producer<onnx::MulOp>(square))
      return mul->getOperand(0) == mul->getOperand(1) ? mul->getOperand(0)
                                                      : Value();
    return {};
  }

  /// The mean square under a reciprocal square root.
  static Value matchReciprocalRoot(Value value) {
    Value root;
    if (auto reciprocal = producer<onnx::ReciprocalOp>(value))
      root = reciprocal->getOperand(0);
    else if (auto div = producer<onnx::DivOp>(value))
      root = isConstant(div->getOperand(0), 1) ? div->getOperand(1) : Value();
    else if (auto pow = producer<onnx::PowOp>(value))
      return isConstant(pow->getOperand(1), -0.5) ? pow->getOperand(0)
                                                  : Value();
    auto sqrt = producer<onnx::SqrtOp>(root);
    return sqrt ? sqrt->getOperand(0) : Value();
  }

  /// x of a normalised row; `eps` too.
  static Value matchNormalised(Value value, double &eps) {
    value = skipFloatCasts(value);
    if (auto div = producer<onnx::DivOp>(value)) {
      auto sqrt = producer<onnx::SqrtOp>(div->getOperand(1));
      Value x = sqrt ? matchMeanSquare(sqrt->getOperand(0), eps) : Value();
      return x && x == div->getOperand(0) ? x : Value();
    }
    auto [factor, x] = splitOperands(producer<onnx::MulOp>(value), [](Value v) {
      return static_cast<bool>(matchReciprocalRoot(v));
    });
    if (!factor)
      return {};
    Value source = matchMeanSquare(matchReciprocalRoot(factor), eps);
    return source && source == x ? x : Value();
  }

  LogicalResult matchAndRewrite(onnx::MulOp op,
                                PatternRewriter &rewriter) const final {
    double eps = 0;
    for (unsigned i : {0, 1}) {
      Value x = matchNormalised(input(op, i), eps);
      Value scale = input(op, 1 - i);
      if (!x)
        continue;
      Value source = skipFloatCasts(x);
      if (source.getType() != op->getResult(0).getType() ||
          !isRowScale(scale, source)) {
        remark::missed(op.getLoc(), remarkOptions())
            << "the scale of a normalisation is not one number for each "
               "element of a row";
        return rewriter.notifyMatchFailure(op, "no row scale");
      }
      remark::passed(op.getLoc(), remarkOptions())
          << "7 operators are one rms_norm";
      rewriter.replaceOpWithNewOp<RMSNormOp>(
          op, source, scale, rewriter.getF64FloatAttr(shortestDecimal(eps)));
      return success();
    }
    return rewriter.notifyMatchFailure(op, "not a scaled, normalised row");
  }
};

/// A row minus its mean, normalised, plus a bias: what RaiseRMSNorm makes of a
/// layer normalisation that is written out.
struct RaiseLayerNorm final : OpRewritePattern<onnx::AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::AddOp op,
                                PatternRewriter &rewriter) const final {
    auto [normal, bias] = splitOperands(
        op, [](Value v) { return static_cast<bool>(producer<RMSNormOp>(v)); });
    auto norm = producer<RMSNormOp>(normal);
    if (!norm || !isRowScale(bias, norm.getInput()) ||
        op->getResult(0).getType() != norm.getType())
      return rewriter.notifyMatchFailure(op, "no bias of a norm");
    auto centred = producer<onnx::SubOp>(norm.getInput());
    Value x = centred ? input(centred, 0) : Value();
    auto mean = centred ? producer<onnx::ReduceMeanOp>(input(centred, 1))
                        : onnx::ReduceMeanOp();
    if (!mean || input(mean, 0) != x || !reducesLastAxis(mean, /*keep=*/true))
      return rewriter.notifyMatchFailure(op, "not of a row minus its mean");
    remark::passed(op.getLoc(), remarkOptions())
        << "9 operators are one layer_norm";
    rewriter.replaceOpWithNewOp<LayerNormOp>(op, x, norm.getScale(), bias,
                                             norm.getEpsAttr());
    return success();
  }
};

/// The operators of the standard, when they normalise the last axis.
template <typename Op> struct RaiseNormOp final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    Value x = input(op, 0), scale = input(op, 1), bias = input(op, 2);
    int64_t rank = rankOf(x);
    if (rank < 1 || fromFront(intAttr(op, "axis", -1), rank) != rank - 1 ||
        !isRowScale(scale, x) || x.getType() != op->getResult(0).getType())
      return rewriter.notifyMatchFailure(op, "not of the last axis");
    for (Value other : op->getResults().drop_front())
      if (!other.use_empty())
        return rewriter.notifyMatchFailure(op, "the statistics are read");
    FloatAttr eps = rewriter.getF64FloatAttr(
        shortestDecimal(floatAttr(op, "epsilon", 1e-5f)));
    SmallVector<Value> results(op->getNumResults());
    if constexpr (std::is_same_v<Op, onnx::RMSNormalizationOp>) {
      results[0] = RMSNormOp::create(rewriter, op.getLoc(), x, scale, eps);
    } else {
      if (!bias || !isRowScale(bias, x))
        return rewriter.notifyMatchFailure(op, "no bias");
      results[0] =
          LayerNormOp::create(rewriter, op.getLoc(), x, scale, bias, eps);
    }
    rewriter.replaceAllUsesWith(op->getResult(0), results[0]);
    rewriter.eraseOp(op);
    return success();
  }
};

struct RaiseNormPass final : fulgur::impl::RaiseNormPassBase<RaiseNormPass> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<RaiseRMSNorm, RaiseLayerNorm,
                 RaiseNormOp<onnx::RMSNormalizationOp>,
                 RaiseNormOp<onnx::LayerNormalizationOp>>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
