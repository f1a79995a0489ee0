//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Each pattern is exact: no result changes by a bit.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/FoldONNX/Patterns.h"
#include "passes/Raise/Matchers.h"

#include "dialects/ONNX/IR/ONNXDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantOf;
using fulgur::onnx::fromFront;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;
using fulgur::onnx::intsAttr;

/// Constants beyond this are not copied around in the IR.
constexpr int64_t maxFoldedElements = 4096;

static RankedTensorType staticType(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.hasStaticShape() &&
                 type.getNumElements() <= maxFoldedElements
             ? type
             : nullptr;
}

namespace {
/// A constant in another shape.
template <typename Op> struct FoldReshape final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    DenseElementsAttr value = constantOf(input(op, 0));
    RankedTensorType type = staticType(op->getResult(0));
    if (!value || !type || type.getNumElements() != value.getNumElements())
      return rewriter.notifyMatchFailure(op, "not a small constant");
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(op, value.reshape(type));
    return success();
  }
};

/// Conversions of constants between integers and floats.
struct FoldCast final : OpRewritePattern<onnx::CastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::CastOp op,
                                PatternRewriter &rewriter) const final {
    DenseElementsAttr value = constantOf(input(op, 0));
    RankedTensorType type = staticType(op->getResult(0));
    if (!value || !type)
      return rewriter.notifyMatchFailure(op, "not a small constant");
    Type from = value.getElementType(), to = type.getElementType();
    bool isSigned = !from.isUnsignedInteger() && !from.isInteger(1);
    SmallVector<Attribute> elements;
    elements.reserve(value.getNumElements());
    if (isa<FloatType>(to) && isa<IntegerType>(from)) {
      for (const APInt &element : value.getValues<APInt>()) {
        APFloat result(cast<FloatType>(to).getFloatSemantics());
        result.convertFromAPInt(element, isSigned,
                                APFloat::rmNearestTiesToEven);
        elements.push_back(rewriter.getFloatAttr(to, result));
      }
    } else if (isa<FloatType>(to) && isa<FloatType>(from)) {
      for (APFloat element : value.getValues<APFloat>()) {
        bool losesInfo;
        element.convert(cast<FloatType>(to).getFloatSemantics(),
                        APFloat::rmNearestTiesToEven, &losesInfo);
        elements.push_back(rewriter.getFloatAttr(to, element));
      }
    } else if (isa<IntegerType>(to) && isa<IntegerType>(from)) {
      unsigned width = to.getIntOrFloatBitWidth();
      for (const APInt &element : value.getValues<APInt>())
        elements.push_back(
            IntegerAttr::get(to, to.isInteger(1) ? APInt(1, !element.isZero())
                                 : isSigned      ? element.sextOrTrunc(width)
                                                 : element.zextOrTrunc(width)));
    } else {
      return rewriter.notifyMatchFailure(op, "a cast from float to integer");
    }
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(
        op, DenseElementsAttr::get(type, elements));
    return success();
  }
};

/// A transposed constant.
struct FoldTranspose final : OpRewritePattern<onnx::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::TransposeOp op,
                                PatternRewriter &rewriter) const final {
    DenseElementsAttr value = constantOf(input(op, 0));
    RankedTensorType type = staticType(op->getResult(0));
    std::optional<ArrayRef<int64_t>> perm = intsAttr(op, "perm");
    if (!value || !type || !perm)
      return rewriter.notifyMatchFailure(op, "not a small constant");
    ArrayRef<int64_t> from = value.getType().getShape();
    int64_t rank = from.size();
    SmallVector<int64_t> strides(rank, 1);
    for (int64_t i = rank - 2; i >= 0; --i)
      strides[i] = strides[i + 1] * from[i + 1];
    auto all = llvm::to_vector(value.getValues<Attribute>());
    SmallVector<Attribute> elements;
    for (int64_t i = 0, e = type.getNumElements(); i < e; ++i) {
      int64_t index = 0, rest = i;
      for (int64_t d = rank - 1; d >= 0; --d) {
        index += rest % type.getDimSize(d) * strides[(*perm)[d]];
        rest /= type.getDimSize(d);
      }
      elements.push_back(all[index]);
    }
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(
        op, DenseElementsAttr::get(type, elements));
    return success();
  }
};

/// One value everywhere.
struct FoldConstantOfShape final : OpRewritePattern<onnx::ConstantOfShapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::ConstantOfShapeOp op,
                                PatternRewriter &rewriter) const final {
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    if (!type || !type.hasStaticShape())
      return rewriter.notifyMatchFailure(op, "the shape is not static");
    Attribute value = rewriter.getZeroAttr(type.getElementType());
    if (auto attr = op->getAttrOfType<DenseElementsAttr>("value"))
      value = attr.getSplatValue<Attribute>();
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(
        op, DenseElementsAttr::get(type, value));
    return success();
  }
};

/// Operators that yield their first input: by name, or by a type that shows
/// that nothing changes.
struct RemoveNoOp final : RewritePattern {
  RemoveNoOp(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  static bool isNoOp(Operation *op, Value from, Type to) {
    if (isa<onnx::IdentityOp>(op))
      return true;
    if (isa<onnx::DropoutOp>(op))
      return op->getResults().drop_front().use_empty() && dropsNothing(op);
    if (from.getType() != to)
      return false;
    auto type = dyn_cast<RankedTensorType>(to);
    if (isa<onnx::CastOp, onnx::CastLikeOp>(op))
      return true;
    if (isa<onnx::ReshapeOp, onnx::ExpandOp, onnx::TileOp, onnx::SliceOp,
            onnx::SqueezeOp, onnx::UnsqueezeOp>(op))
      return type && type.getNumDynamicDims() == 0 && !isReversing(op);
    if (isa<onnx::ConcatOp, onnx::SplitOp>(op))
      return op->getNumOperands() == 1 && op->getNumResults() == 1;
    if (isa<onnx::TransposeOp>(op)) {
      std::optional<ArrayRef<int64_t>> perm = intsAttr(op, "perm");
      return perm && llvm::all_of(llvm::enumerate(*perm), [](auto entry) {
               return static_cast<int64_t>(entry.index()) == entry.value();
             });
    }
    return false;
  }

  static bool isReversing(Operation *op) {
    if (!isa<onnx::SliceOp>(op) || !input(op, 4))
      return false;
    std::optional<SmallVector<int64_t>> steps =
        onnx::constantInts(input(op, 4));
    return !steps ||
           llvm::any_of(*steps, [](int64_t step) { return step < 0; });
  }

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const final {
    if (op->getName().getDialectNamespace() != "onnx" ||
        op->getNumOperands() == 0 || op->getNumResults() == 0)
      return failure();
    Value from = op->getOperand(0);
    if (!isNoOp(op, from, op->getResult(0).getType()))
      return rewriter.notifyMatchFailure(op, "it does something");
    for (Value unused : op->getResults().drop_front())
      if (!unused.use_empty())
        return rewriter.notifyMatchFailure(op, "another result is read");
    rewriter.replaceAllUsesWith(op->getResult(0), from);
    rewriter.eraseOp(op);
    return success();
  }
};

/// `And` with true, `Or` with false.
template <typename Op, bool neutral>
struct RemoveNeutral final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    for (unsigned i : {0, 1}) {
      DenseElementsAttr value = constantOf(input(op, i));
      Value other = input(op, 1 - i);
      if (!value || !value.isSplat() ||
          value.getSplatValue<bool>() != neutral ||
          other.getType() != op->getResult(0).getType())
        continue;
      auto type = dyn_cast<RankedTensorType>(other.getType());
      if (!type || value.getType().getRank() > type.getRank())
        continue;
      rewriter.replaceOp(op, other);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no neutral operand");
  }
};

/// `TopK` yields i64, exporters cast to i32 and back: indices always fit.
struct MergeIndexCasts final : OpRewritePattern<onnx::CastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::CastOp op,
                                PatternRewriter &rewriter) const final {
    auto inner = input(op, 0).getDefiningOp<onnx::CastOp>();
    if (!inner || input(inner, 0).getType() != op->getResult(0).getType())
      return rewriter.notifyMatchFailure(op, "not a cast back");
    auto topK = input(inner, 0).getDefiningOp<onnx::TopKOp>();
    if (!topK || input(inner, 0) != topK->getResult(1) ||
        !getElementTypeOrSelf(inner->getResult(0)).isInteger(32))
      return rewriter.notifyMatchFailure(op, "numbers may not fit");
    rewriter.replaceOp(op, input(inner, 0));
    return success();
  }
};
} // namespace

void fulgur::populateFoldConstantPatterns(RewritePatternSet &patterns) {
  patterns
      .add<FoldReshape<onnx::ReshapeOp>, FoldReshape<onnx::SqueezeOp>,
           FoldReshape<onnx::UnsqueezeOp>, FoldCast, FoldTranspose,
           FoldConstantOfShape, RemoveNoOp, RemoveNeutral<onnx::AndOp, true>,
           RemoveNeutral<onnx::OrOp, false>, MergeIndexCasts>(
          patterns.getContext());
}
