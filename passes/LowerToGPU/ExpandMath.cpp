//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes mathematical functions in kernels as arithmetic: a kernel can call
// nothing that is not in it.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/ExpandMath/Float64.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_EXPANDMATHPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

/// The functions of f32 that models call often, for which upstream has a
/// polynomial that is exact to a few units in the last place.
static bool isOften(StringRef name) {
  return name == math::ExpOp::getOperationName() ||
         name == math::LogOp::getOperationName() ||
         name == math::Log1pOp::getOperationName() ||
         name == math::TanhOp::getOperationName() ||
         name == math::ErfOp::getOperationName() ||
         name == math::ErfcOp::getOperationName();
}

/// Whether LLVM knows instructions for `op`.
static bool isInstruction(Operation *op) {
  // ex2.approx, for those who ask for it.
  if (auto power = dyn_cast<math::Exp2Op>(op))
    return power.getType().isF32() &&
           arith::bitEnumContainsAll(power.getFastmath(),
                                     arith::FastMathFlags::afn);
  return isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp,
             math::CountLeadingZerosOp, math::CountTrailingZerosOp,
             math::CtPopOp, math::FloorOp, math::FmaOp, math::IsFiniteOp,
             math::IsInfOp, math::IsNaNOp, math::IsNormalOp, math::RoundOp,
             math::RoundEvenOp, math::RsqrtOp, math::SqrtOp, math::TruncOp>(op);
}

namespace {
/// Computes a function in double precision, whatever the type.
template <typename OpTy> struct ThroughFloat64 final : OpRewritePattern<OpTy> {
  using Function = Value (*)(Float64Writer &, ValueRange);

  ThroughFloat64(MLIRContext *context, Function function)
      : OpRewritePattern<OpTy>(context), function(function) {}

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const final {
    auto type = dyn_cast<FloatType>(op.getType());
    if (!type || type.getWidth() > 64)
      return rewriter.notifyMatchFailure(op, "expected a scalar");
    if (isInstruction(op))
      return rewriter.notifyMatchFailure(op, "it is an instruction");
    Location loc = op.getLoc();
    Type wide = rewriter.getF64Type();
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(
          type == wide ? operand
                       : arith::ExtFOp::create(rewriter, loc, wide, operand)
                             .getResult());
    Float64Writer writer(rewriter, loc);
    Value result = function(writer, operands);
    if (type != wide)
      result = arith::TruncFOp::create(rewriter, loc, type, result);
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  Function function;
};

struct ExpandMathPass final : fulgur::impl::ExpandMathPassBase<ExpandMathPass> {
  void runOnOperation() final;
};
} // namespace

template <typename OpTy, Value (Float64Writer::*function)(Value)>
static void addUnary(RewritePatternSet &patterns) {
  patterns.add<ThroughFloat64<OpTy>>(
      patterns.getContext(), [](Float64Writer &writer, ValueRange operands) {
        return (writer.*function)(operands[0]);
      });
}

static void populateFloat64Patterns(RewritePatternSet &patterns) {
  addUnary<math::AcosOp, &Float64Writer::acos>(patterns);
  addUnary<math::AcoshOp, &Float64Writer::acosh>(patterns);
  addUnary<math::AsinOp, &Float64Writer::asin>(patterns);
  addUnary<math::AsinhOp, &Float64Writer::asinh>(patterns);
  addUnary<math::AtanOp, &Float64Writer::atan>(patterns);
  addUnary<math::AtanhOp, &Float64Writer::atanh>(patterns);
  addUnary<math::CbrtOp, &Float64Writer::cbrt>(patterns);
  addUnary<math::CosOp, &Float64Writer::cos>(patterns);
  addUnary<math::CoshOp, &Float64Writer::cosh>(patterns);
  addUnary<math::ErfOp, &Float64Writer::erf>(patterns);
  addUnary<math::ErfcOp, &Float64Writer::erfc>(patterns);
  addUnary<math::ExpOp, &Float64Writer::exp>(patterns);
  addUnary<math::Exp2Op, &Float64Writer::exp2>(patterns);
  addUnary<math::ExpM1Op, &Float64Writer::expm1>(patterns);
  addUnary<math::LogOp, &Float64Writer::log>(patterns);
  addUnary<math::Log10Op, &Float64Writer::log10>(patterns);
  addUnary<math::Log1pOp, &Float64Writer::log1p>(patterns);
  addUnary<math::Log2Op, &Float64Writer::log2>(patterns);
  addUnary<math::SinOp, &Float64Writer::sin>(patterns);
  addUnary<math::SinhOp, &Float64Writer::sinh>(patterns);
  addUnary<math::TanOp, &Float64Writer::tan>(patterns);
  addUnary<math::TanhOp, &Float64Writer::tanh>(patterns);
  patterns.add<ThroughFloat64<math::PowFOp>>(
      patterns.getContext(), [](Float64Writer &writer, ValueRange operands) {
        return writer.pow(operands[0], operands[1]);
      });
}

void ExpandMathPass::runOnOperation() {
  RewritePatternSet patterns(&getContext());
  populateMathF32ExpansionPatterns(patterns, isOften, /*benefit=*/2);
  populateMathPolynomialApproximationPatterns(patterns, isOften, /*benefit=*/2);
  populateFloat64Patterns(patterns);
  FrozenRewritePatternSet frozen(std::move(patterns));
  for (auto kernels : getOperation().getOps<gpu::GPUModuleOp>()) {
    if (failed(applyPatternsGreedily(kernels, frozen)))
      return signalPassFailure();
    kernels.walk([&](Operation *op) {
      if (!isa_and_nonnull<math::MathDialect>(op->getDialect()) ||
          isInstruction(op))
        return;
      op->emitOpError("expected a function that kernels can compute, but got "
                      "operands of type ")
          << op->getOperandTypes();
      signalPassFailure();
    });
  }
}
