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
  const ONNXTypeConverter &types;
  mlir::ConversionPatternRewriter &rewriter;
  Emitter e;

  Lowering(mlir::Operation *op, mlir::ValueRange operands,
           const ONNXTypeConverter &types,
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
  /// Reports to the user why the operator can not be converted: there is no
  /// other pattern to try.
  mlir::LogicalResult fail(const llvm::Twine &reason);

  int64_t rank(unsigned index) const { return rankOf(operands[index]); }
  /// What an input or a result has for elements, with the sign.
  mlir::Type inputElement(unsigned index) const {
    return mlir::getElementTypeOrSelf(op->getOperand(index));
  }
  mlir::Type outputElement(unsigned index = 0) const {
    return mlir::getElementTypeOrSelf(op->getResult(index));
  }
  /// The converted type of a result, and whether there is one.
  mlir::RankedTensorType outputType(unsigned index = 0) const;
  bool hasOutput(unsigned index) const;

  /// The axis in attribute `name`, from the front; nothing when out of range.
  std::optional<int64_t> axisAttr(llvm::StringRef name, int64_t otherwise,
                                  int64_t rank) const;
  /// Integers of an input that are known at compile time; as axes, from the
  /// front and in range.
  std::optional<llvm::SmallVector<int64_t>> constantInput(unsigned index) const;
  std::optional<llvm::SmallVector<int64_t>> axesInput(unsigned index,
                                                      int64_t rank) const;
  /// The elements of an input, an integer tensor of static size with at most
  /// one dimension, as sizes: constants and what shapes were computed from stay
  /// visible.
  std::optional<MixedSizes> sizesInput(unsigned index);
  /// The same, of one element.
  std::optional<mlir::OpFoldResult> sizeInput(unsigned index);

  // Sizes as signed numbers. Constants fold.
  mlir::OpFoldResult min(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult max(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult ceilDiv(mlir::OpFoldResult a, int64_t b);
  mlir::Value isEqual(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::Value isLess(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult select(mlir::Value condition, mlir::OpFoldResult a,
                            mlir::OpFoldResult b);
  /// `index` counted from the front, where it is negative.
  mlir::OpFoldResult fromFront(mlir::OpFoldResult index,
                               mlir::OpFoldResult extent);
  mlir::OpFoldResult product(llvm::ArrayRef<mlir::OpFoldResult> sizes);
  /// Ends the step with `message` when the model runs, unless `condition`
  /// holds.
  void check(mlir::Value condition, const llvm::Twine &message);
  /// The same unless a dimension of one input has the size of one of another;
  /// nothing if that is certain. Conversions read operands by the sizes of one
  /// of them, so that this is what keeps them in bounds.
  void checkSame(unsigned index, int64_t dim, unsigned other, int64_t otherDim);

  /// Input `index`, which has the `sizes` of the first one, or else the step
  /// ends; but for those along `axis`.
  mlir::Value fit(unsigned index, int64_t axis, const MixedSizes &sizes);

  /// The shape of inputs broadcast against one another, and how each is read:
  /// by the identity where extents are proved to be the same, and with the
  /// constant 0 along dimensions of size 1.
  struct Broadcast {
    MixedSizes sizes;
    struct Operand {
      unsigned index;
      mlir::AffineMap map;
      /// The dimensions of the result along which the operand may turn out to
      /// have size 1 when the model runs.
      llvm::SmallVector<int64_t> dynamic;
    };
    llvm::SmallVector<Operand> operands;
  };
  Broadcast broadcast(llvm::ArrayRef<unsigned> indices);
  /// One element of `type` from one element of each input in `indices`,
  /// broadcast against one another.
  mlir::Value elementwise(llvm::ArrayRef<unsigned> indices, mlir::Type type,
                          Emitter::Body body);
  /// The elements of `tensor`, in row-major order, in a shape of as many.
  mlir::Value reshape(mlir::Value tensor,
                      llvm::ArrayRef<mlir::OpFoldResult> sizes);
  /// The element of a tensor of one element.
  mlir::Value onlyElement(mlir::Value tensor);
};

using LowerFn = std::function<mlir::LogicalResult(Lowering &lowering)>;

/// The pattern of one operator, from a function that builds its results.
template <typename Op> struct LowerOp final : mlir::OpConversionPattern<Op> {
  LowerOp(const ONNXTypeConverter &types, mlir::MLIRContext *context,
          LowerFn lower)
      : mlir::OpConversionPattern<Op>(types, context), lower(lower) {}

  mlir::LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  mlir::ConversionPatternRewriter &rewriter) const override {
    Lowering lowering(op, adaptor.getOperands(),
                      *this->template getTypeConverter<ONNXTypeConverter>(),
                      rewriter);
    auto isUnranked = [](mlir::Type type) {
      return mlir::isa<mlir::UnrankedTensorType>(type);
    };
    if (llvm::any_of(op->getOperandTypes(), isUnranked) ||
        llvm::any_of(op->getResultTypes(), isUnranked))
      return lowering.fail("an operand or a result has no known rank");
    return lower(lowering);
  }

  LowerFn lower;
};

/// Adds the patterns that convert `Ops` with `lower`.
template <typename... Ops>
void addLowering(mlir::RewritePatternSet &patterns,
                 const ONNXTypeConverter &types, LowerFn lower) {
  (patterns.add<LowerOp<Ops>>(types, patterns.getContext(), lower), ...);
}

} // namespace fulgur

#endif // PASSES_RAISE_CONVERTONNXTOLINALG_LOWERING_H
