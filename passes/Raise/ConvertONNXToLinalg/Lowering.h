//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the conversion of one operator works with, so that a conversion is a
// function from operands to results.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_CONVERTONNXTOLINALG_LOWERING_H
#define PASSES_RAISE_CONVERTONNXTOLINALG_LOWERING_H

#include "lib/Support/Emitter.h"
#include "passes/Raise/ConvertONNXToLinalg/Patterns.h"
#include "passes/Raise/Matchers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace fulgur {

/// One operator with its converted operands.
struct Lowering {
  mlir::Operation *op;
  mlir::ValueRange operands;
  const mlir::TypeConverter &types;
  mlir::ConversionPatternRewriter &rewriter;
  Emitter e;

  Lowering(mlir::Operation *op, mlir::ValueRange operands,
           const mlir::TypeConverter &types,
           mlir::ConversionPatternRewriter &rewriter)
      : op(op), operands(operands), types(types), rewriter(rewriter),
        e(rewriter, op->getLoc()) {}

  /// The converted input, or null when it is absent.
  mlir::Value in(unsigned index) const {
    return onnx::input(op, index) ? operands[index] : mlir::Value();
  }
  /// Whether the elements of an input are unsigned integers or booleans.
  bool isUnsigned(unsigned index) const {
    mlir::Type type = mlir::getElementTypeOrSelf(op->getOperand(index));
    return type.isUnsignedInteger() || type.isInteger(1);
  }
  /// The converted element type of a result.
  mlir::Type resultElement(unsigned index = 0) const {
    return mlir::getElementTypeOrSelf(
        types.convertType(op->getResult(index).getType()));
  }
  /// Replaces the operator by tensors of its types but for what is static; the
  /// value of a result that is absent is not looked at.
  mlir::LogicalResult replace(mlir::ValueRange results);
  mlir::LogicalResult fail(llvm::StringRef reason) {
    return rewriter.notifyMatchFailure(op, reason);
  }
};

using LowerFn = mlir::LogicalResult (*)(Lowering &lowering);

/// The pattern of one operator, from a function that builds its results.
template <typename Op> struct LowerOp final : mlir::OpConversionPattern<Op> {
  LowerOp(const ONNXTypeConverter &types, mlir::MLIRContext *context,
          LowerFn lower)
      : mlir::OpConversionPattern<Op>(types, context), lower(lower) {}

  mlir::LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  mlir::ConversionPatternRewriter &rewriter) const override {
    for (mlir::Value operand : adaptor.getOperands())
      if (mlir::isa<mlir::UnrankedTensorType>(operand.getType()))
        return rewriter.notifyMatchFailure(op, "an operand has no known rank");
    Lowering lowering(op, adaptor.getOperands(), *this->getTypeConverter(),
                      rewriter);
    return lower(lowering);
  }

  LowerFn lower;
};

/// Adds the pattern that converts `Op` with `lower`.
template <typename Op>
void addLowering(mlir::RewritePatternSet &patterns,
                 const ONNXTypeConverter &types, LowerFn lower) {
  patterns.add<LowerOp<Op>>(types, patterns.getContext(), lower);
}

} // namespace fulgur

#endif // PASSES_RAISE_CONVERTONNXTOLINALG_LOWERING_H
