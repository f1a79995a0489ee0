//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Moves static sizes through the operations of the dialect: from a tensor.cast
// that forgets sizes into the operation behind it, and from one that knows more
// into the operation before it.
//
// The operations are not told apart. A changed copy of the operation, outside
// of the module, says by its shape function what its results are, and by its
// verifier whether it is one: contradicting casts are undefined behaviour of
// the program, but must not make its code invalid.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace fulgur;

/// The value of a size that constants and static types determine.
static std::optional<int64_t> evaluate(OpFoldResult size) {
  if (std::optional<int64_t> constant = getConstantIntValue(size))
    return constant;
  Operation *op = cast<Value>(size).getDefiningOp();
  if (!op || op->getNumResults() != 1)
    return std::nullopt;
  SmallVector<Attribute> operands;
  Builder builder(op->getContext());
  for (Value operand : op->getOperands()) {
    std::optional<int64_t> known;
    if (operand.getType().isIndex())
      known = evaluate(operand);
    operands.push_back(known ? builder.getIndexAttr(*known) : IntegerAttr());
  }
  SmallVector<OpFoldResult> folded;
  if (failed(op->fold(operands, folded)) || folded.size() != 1)
    return std::nullopt;
  return getConstantIntValue(folded[0]);
}

/// Gives the results of `op` the sizes that its operands determine.
static LogicalResult refineResults(Operation *op) {
  // The code of the sizes is only looked at.
  Block scratch;
  OpBuilder builder(op->getContext());
  builder.setInsertionPointToEnd(&scratch);
  ReifiedRankedShapedTypeDims shapes;
  if (failed(cast<ReifyRankedShapedTypeOpInterface>(op).reifyResultShapes(
          builder, shapes)))
    return failure();
  for (auto [result, sizes] : llvm::zip_equal(op->getResults(), shapes)) {
    auto type = cast<RankedTensorType>(result.getType());
    SmallVector<int64_t> shape(type.getShape());
    for (auto [extent, size] : llvm::zip_equal(shape, sizes))
      if (ShapedType::isDynamic(extent))
        extent = evaluate(size).value_or(ShapedType::kDynamic);
    result.setType(type.clone(shape));
  }
  return success();
}

static bool isValid(Operation *op) {
  ScopedDiagnosticHandler silence(op->getContext(),
                                  [](Diagnostic &) { return success(); });
  return succeeded(op->getName().verifyInvariants(op));
}

/// Puts a copy of `op` that `change` changed in its place, if it is valid.
static LogicalResult
replaceWithChanged(Operation *op, PatternRewriter &rewriter,
                   function_ref<void(Operation *copy)> change) {
  Operation *copy = op->cloneWithoutRegions();
  change(copy);
  if (failed(refineResults(copy)) || !isValid(copy)) {
    copy->destroy();
    return rewriter.notifyMatchFailure(op, "the static sizes contradict");
  }
  rewriter.insert(copy);
  SmallVector<Value> results;
  for (auto [old, result] : llvm::zip_equal(op->getResults(), //
                                            copy->getResults())) {
    Value same = result;
    if (old.getType() != result.getType())
      same = tensor::CastOp::create(rewriter, op->getLoc(), old.getType(), //
                                    result);
    results.push_back(same);
  }
  rewriter.replaceOp(op, results);
  return success();
}

static bool isFulgur(Operation *op) {
  return isa<FulgurDialect>(op->getDialect());
}

namespace {
/// op(cast(static to dynamic)) is op(static).
struct TakeStaticOperands final
    : OpInterfaceRewritePattern<ReifyRankedShapedTypeOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(ReifyRankedShapedTypeOpInterface op,
                                PatternRewriter &rewriter) const final {
    if (!isFulgur(op))
      return failure();
    SmallVector<Value> operands(op->getOperands());
    bool changes = false;
    for (Value &operand : operands) {
      auto cast = operand.getDefiningOp<tensor::CastOp>();
      if (!cast || !tensor::canFoldIntoConsumerOp(cast))
        continue;
      operand = cast.getSource();
      changes = true;
    }
    if (!changes)
      return failure();
    return replaceWithChanged(
        op, rewriter, [&](Operation *copy) { copy->setOperands(operands); });
  }
};

/// cast(op to dynamic) to static is op to static. Only where the operation runs
/// the cast runs too: in its own block.
struct TakeStaticResult final : OpRewritePattern<tensor::CastOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::CastOp cast,
                                PatternRewriter &rewriter) const final {
    auto result = dyn_cast<OpResult>(cast.getSource());
    if (!result || !isFulgur(result.getOwner()) ||
        !isa<ReifyRankedShapedTypeOpInterface>(result.getOwner()) ||
        result.getOwner()->getBlock() != cast->getBlock() ||
        result.getType() == cast.getType() ||
        !tensor::preservesStaticInformation(result.getType(), cast.getType()))
      return failure();
    rewriter.setInsertionPoint(result.getOwner());
    return replaceWithChanged(
        result.getOwner(), rewriter, [&](Operation *copy) {
          copy->getResult(result.getResultNumber()).setType(cast.getType());
        });
  }
};
} // namespace

void FulgurDialect::getCanonicalizationPatterns(
    RewritePatternSet &patterns) const {
  patterns.add<TakeStaticOperands, TakeStaticResult>(patterns.getContext());
}

LogicalResult CacheUpdateOp::canonicalize(CacheUpdateOp op,
                                          PatternRewriter &rewriter) {
  auto isEmpty = [&](Value part) {
    return cast<RankedTensorType>(part.getType()).getDimSize(op.getAxis()) == 0;
  };
  Value other = isEmpty(op.getPast()) ? op.getUpdate() : op.getPast();
  if (!isEmpty(op.getPast()) && !isEmpty(op.getUpdate()))
    return rewriter.notifyMatchFailure(op, "no part is known to be empty");
  if (other.getType() == op.getType())
    rewriter.replaceOp(op, other);
  else
    rewriter.replaceOpWithNewOp<tensor::CastOp>(op, op.getType(), other);
  return success();
}
