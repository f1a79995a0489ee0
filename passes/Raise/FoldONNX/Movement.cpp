//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Exporters leave long chains of data movement around every interesting
// operator. Each pattern is exact and brings a chain nearer to one form.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/FoldONNX/Patterns.h"

#include "dialects/ONNX/IR/ONNXDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantInts;
using fulgur::onnx::constantScalar;
using fulgur::onnx::fromFront;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;
using fulgur::onnx::intsAttr;

static Value createAxes(ArrayRef<int64_t> values, OpBuilder &b, Location loc) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())},
                                    b.getI64Type());
  return arith::ConstantOp::create(b, loc,
                                   DenseElementsAttr::get(type, values));
}

/// Whether all that `op` reads and makes has a rank.
static bool isRanked(Operation *op) {
  auto hasRank = [](Type type) { return isa<RankedTensorType>(type); };
  return llvm::all_of(op->getOperandTypes(), hasRank) &&
         llvm::all_of(op->getResultTypes(), hasRank);
}

namespace {
/// Two transposes are one.
struct MergeTransposes final : OpRewritePattern<onnx::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::TransposeOp op,
                                PatternRewriter &rewriter) const final {
    auto inner = input(op, 0).getDefiningOp<onnx::TransposeOp>();
    std::optional<ArrayRef<int64_t>> second = intsAttr(op, "perm");
    if (!inner || !second)
      return rewriter.notifyMatchFailure(op, "not two transposes");
    std::optional<ArrayRef<int64_t>> first = intsAttr(inner, "perm");
    if (!first || first->size() != second->size())
      return rewriter.notifyMatchFailure(op, "no permutation is given");
    SmallVector<int64_t> both;
    for (int64_t axis : *second)
      both.push_back((*first)[axis]);
    rewriter.startOpModification(op);
    op->setOperand(0, input(inner, 0));
    op->setAttr("perm", rewriter.getDenseI64ArrayAttr(both));
    rewriter.finalizeOpModification(op);
    return success();
  }
};

/// A reshape of a reshape only needs the last shape, when that is complete.
struct MergeReshapes final : OpRewritePattern<onnx::ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::ReshapeOp op,
                                PatternRewriter &rewriter) const final {
    auto inner = input(op, 0).getDefiningOp<onnx::ReshapeOp>();
    std::optional<SmallVector<int64_t>> target = constantInts(input(op, 1));
    bool copies = !intAttr(op, "allowzero", 0) &&
                  (!target || llvm::is_contained(*target, 0));
    if (!inner || copies)
      return rewriter.notifyMatchFailure(op, "not two reshapes");
    rewriter.modifyOpInPlace(op, [&] { op->setOperand(0, input(inner, 0)); });
    return success();
  }
};

/// A chain of `Squeeze` and `Unsqueeze` is one of the two, or nothing.
struct MergeUnitDims final : RewritePattern {
  MergeUnitDims(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  /// Where each dimension of the result comes from; -1 for an inserted one.
  static std::optional<SmallVector<int64_t>> getSources(Operation *op) {
    if (!isa_and_nonnull<onnx::SqueezeOp, onnx::UnsqueezeOp>(op) ||
        !input(op, 1))
      return std::nullopt;
    std::optional<SmallVector<int64_t>> axes = constantInts(input(op, 1));
    auto from = dyn_cast<RankedTensorType>(op->getOperand(0).getType());
    if (!axes || !from)
      return std::nullopt;
    bool grows = isa<onnx::UnsqueezeOp>(op);
    int64_t total = from.getRank() + (grows ? axes->size() : 0);
    for (int64_t &axis : *axes)
      axis = fromFront(axis, total);
    SmallVector<int64_t> sources;
    for (int64_t i = 0, next = 0; i < total; ++i) {
      bool isNamed = llvm::is_contained(*axes, i);
      if (grows)
        sources.push_back(isNamed ? -1 : next++);
      else if (!isNamed)
        sources.push_back(i);
    }
    return sources;
  }

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const final {
    std::optional<SmallVector<int64_t>> outer = getSources(op);
    if (!outer)
      return failure();
    Operation *producer = op->getOperand(0).getDefiningOp();
    std::optional<SmallVector<int64_t>> inner = getSources(producer);
    if (!inner)
      return rewriter.notifyMatchFailure(op, "not a chain");
    Value source = producer->getOperand(0);
    int64_t rank = cast<RankedTensorType>(source.getType()).getRank();
    llvm::SmallBitVector kept(rank);
    SmallVector<int64_t> added, removed;
    for (auto [i, from] : llvm::enumerate(*outer)) {
      int64_t origin = from < 0 ? -1 : (*inner)[from];
      if (origin < 0)
        added.push_back(i);
      else
        kept.set(origin);
    }
    for (int64_t i = 0; i < rank; ++i)
      if (!kept.test(i))
        removed.push_back(i);
    Type type = op->getResult(0).getType();
    if (added == removed && (added.empty() || type == source.getType()))
      rewriter.replaceOp(op, source);
    else if (removed.empty())
      rewriter.replaceOpWithNewOp<onnx::UnsqueezeOp>(
          op, TypeRange{type},
          ValueRange{source, createAxes(added, rewriter, op->getLoc())});
    else if (added.empty())
      rewriter.replaceOpWithNewOp<onnx::SqueezeOp>(
          op, TypeRange{type},
          ValueRange{source, createAxes(removed, rewriter, op->getLoc())});
    else
      return rewriter.notifyMatchFailure(op, "it removes some and adds others");
    return success();
  }
};

/// A transpose that only moves extents of 1 is `Squeeze` and `Unsqueeze`.
struct TransposeOfUnitDims final : OpRewritePattern<onnx::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::TransposeOp op,
                                PatternRewriter &rewriter) const final {
    auto type = dyn_cast<RankedTensorType>(op->getOperand(0).getType());
    std::optional<ArrayRef<int64_t>> perm = intsAttr(op, "perm");
    if (!type || !perm)
      return rewriter.notifyMatchFailure(op, "no permutation is given");
    SmallVector<int64_t> removed, added, order, shape;
    for (int64_t i = 0; i < type.getRank(); ++i) {
      if (type.getDimSize(i) == 1)
        removed.push_back(i);
      else
        shape.push_back(type.getDimSize(i));
      if (type.getDimSize((*perm)[i]) == 1)
        added.push_back(i);
      else
        order.push_back((*perm)[i]);
    }
    if (removed.empty() || !llvm::is_sorted(order))
      return rewriter.notifyMatchFailure(op, "other extents move");
    Value squeezed = onnx::SqueezeOp::create(
                         rewriter, op->getLoc(), TypeRange{type.clone(shape)},
                         ValueRange{op->getOperand(0),
                                    createAxes(removed, rewriter, op.getLoc())})
                         ->getResult(0);
    rewriter.replaceOpWithNewOp<onnx::UnsqueezeOp>(
        op, TypeRange{op->getResult(0).getType()},
        ValueRange{squeezed, createAxes(added, rewriter, op.getLoc())});
    return success();
  }
};

/// A transpose between the removal of a first extent of 1 and the insertion of
/// one is of all dimensions: that is what a batch of 1 leaves of batches and
/// heads that were one dimension. Other extents of 1 move by themselves.
struct TransposeOfOneBatch final : OpRewritePattern<onnx::UnsqueezeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::UnsqueezeOp op,
                                PatternRewriter &rewriter) const final {
    auto transpose = op->getOperand(0).getDefiningOp<onnx::TransposeOp>();
    auto squeeze =
        transpose ? transpose->getOperand(0).getDefiningOp<onnx::SqueezeOp>()
                  : onnx::SqueezeOp();
    if (!squeeze || !isFirst(op) || !isFirst(squeeze))
      return rewriter.notifyMatchFailure(op, "no batch of 1 is left out");
    std::optional<ArrayRef<int64_t>> perm = intsAttr(transpose, "perm");
    if (!perm)
      return rewriter.notifyMatchFailure(op, "no permutation is given");
    SmallVector<int64_t> order{0};
    for (int64_t from : *perm)
      order.push_back(from + 1);
    Type type = op->getResult(0).getType();
    rewriter.replaceOpWithNewOp<onnx::TransposeOp>(
        op, TypeRange{type}, ValueRange{squeeze->getOperand(0)},
        rewriter.getNamedAttr("perm", rewriter.getDenseI64ArrayAttr(order)));
    return success();
  }

  static bool isFirst(Operation *op) {
    std::optional<SmallVector<int64_t>> axes =
        input(op, 1) ? constantInts(input(op, 1)) : std::nullopt;
    return axes && *axes == SmallVector<int64_t>{0};
  }
};

/// A transposed concatenation is one of transposed parts, and a transposed
/// split a split of what is transposed: transposes meet and cancel upstream.
struct HoistTranspose final : OpRewritePattern<onnx::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::TransposeOp op,
                                PatternRewriter &rewriter) const final {
    std::optional<ArrayRef<int64_t>> perm = intsAttr(op, "perm");
    Operation *producer = op->getOperand(0).getDefiningOp();
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    if (!perm || !type ||
        !isa_and_nonnull<onnx::ConcatOp, onnx::SplitOp>(producer) ||
        !isRanked(producer))
      return rewriter.notifyMatchFailure(op, "not of parts");
    // A concatenation that is read otherwise too would be made twice: a cache
    // with its new rows, for example.
    if (isa<onnx::ConcatOp>(producer) &&
        (!op->getOperand(0).hasOneUse() ||
         llvm::any_of(producer->getOperands(), llvm::IsaPred<BlockArgument>)))
      return rewriter.notifyMatchFailure(op, "the concatenation is kept");
    int64_t rank = type.getRank();
    int64_t axis = fromFront(intAttr(producer, "axis", 0), rank);
    int64_t newAxis = llvm::find(*perm, axis) - perm->begin();
    auto transpose = [&](Value value) -> Value {
      auto from = cast<RankedTensorType>(value.getType());
      SmallVector<int64_t> shape;
      for (int64_t i : *perm)
        shape.push_back(from.getDimSize(i));
      NamedAttribute attr("perm", op->getAttr("perm"));
      return onnx::TransposeOp::create(rewriter, op.getLoc(),
                                       TypeRange{from.clone(shape)},
                                       ValueRange{value}, attr)
          ->getResult(0);
    };
    NamedAttribute axisAttr("axis", rewriter.getI64IntegerAttr(newAxis));
    if (isa<onnx::ConcatOp>(producer)) {
      SmallVector<Value> parts =
          llvm::map_to_vector(producer->getOperands(), transpose);
      rewriter.replaceOpWithNewOp<onnx::ConcatOp>(op, TypeRange{type}, parts,
                                                  axisAttr);
      return success();
    }
    SmallVector<Value> operands(producer->getOperands());
    operands[0] = transpose(operands[0]);
    SmallVector<Type> types;
    for (Value result : producer->getResults()) {
      auto from = cast<RankedTensorType>(result.getType());
      SmallVector<int64_t> shape;
      for (int64_t i : *perm)
        shape.push_back(from.getDimSize(i));
      types.push_back(from.clone(shape));
    }
    auto split = onnx::SplitOp::create(rewriter, producer->getLoc(), types,
                                       operands, axisAttr);
    unsigned index = cast<OpResult>(op->getOperand(0)).getResultNumber();
    rewriter.replaceOp(op, split->getResult(index));
    return success();
  }
};

/// A slice, or one element, of a concatenation inside one of its parts.
template <typename Op> struct PartOfConcat final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    auto concat = input(op, 0).template getDefiningOp<onnx::ConcatOp>();
    if (!concat || !isRanked(concat) || !isRanked(op))
      return rewriter.notifyMatchFailure(op, "not of a concatenation");
    int64_t rank =
        cast<RankedTensorType>(concat->getResult(0).getType()).getRank();
    int64_t axis = fromFront(intAttr(concat, "axis", 0), rank);
    constexpr bool isSlice = std::is_same_v<Op, onnx::SliceOp>;
    int64_t start = 0, end = 0;
    if (isSlice) {
      auto starts = constantInts(input(op, 1)),
           ends = constantInts(input(op, 2));
      auto axes = input(op, 3) ? constantInts(input(op, 3)) : std::nullopt;
      bool isPlain = !input(op, 4) || constantScalar(input(op, 4)) == 1.0;
      if (!starts || !ends || !axes || starts->size() != 1 || !isPlain ||
          fromFront(axes->front(), rank) != axis || starts->front() < 0 ||
          ends->front() < 0)
        return rewriter.notifyMatchFailure(op, "not a plain slice of the axis");
      start = starts->front(), end = ends->front();
    } else {
      std::optional<double> index = constantScalar(input(op, 1));
      auto indexType = cast<RankedTensorType>(input(op, 1).getType());
      if (!index || *index < 0 || indexType.getRank() != 0 ||
          fromFront(intAttr(op, "axis", 0), rank) != axis)
        return rewriter.notifyMatchFailure(op, "not one element of the axis");
      start = *index, end = start + 1;
    }
    int64_t offset = 0;
    for (Value part : concat->getOperands()) {
      int64_t extent = cast<RankedTensorType>(part.getType()).getDimSize(axis);
      if (ShapedType::isDynamic(extent))
        break;
      if (offset == start && offset + extent == end) {
        if (isSlice)
          rewriter.replaceOp(op, part);
        else
          rewriter.replaceOpWithNewOp<onnx::SqueezeOp>(
              op, TypeRange{op->getResult(0).getType()},
              ValueRange{part, createAxes({axis}, rewriter, op->getLoc())});
        return success();
      }
      offset += extent;
    }
    return rewriter.notifyMatchFailure(op, "not one whole part");
  }
};

/// x · 1 is x, bit by bit.
struct RemoveMulByOne final : OpRewritePattern<onnx::MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::MulOp op,
                                PatternRewriter &rewriter) const final {
    for (unsigned i : {0, 1})
      if (constantScalar(input(op, i)) == 1.0 &&
          input(op, 1 - i).getType() == op->getResult(0).getType() &&
          cast<RankedTensorType>(input(op, i).getType()).getNumElements() ==
              1) {
        rewriter.replaceOp(op, input(op, 1 - i));
        return success();
      }
    return rewriter.notifyMatchFailure(op, "no factor is 1");
  }
};
} // namespace

void fulgur::populateFoldMovementPatterns(RewritePatternSet &patterns) {
  patterns
      .add<MergeTransposes, MergeReshapes, MergeUnitDims, TransposeOfUnitDims,
           TransposeOfOneBatch, HoistTranspose, PartOfConcat<onnx::SliceOp>,
           PartOfConcat<onnx::GatherOp>, RemoveMulByOne>(patterns.getContext());
}
