//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Follows extents back through what the shapes were made of, to the inputs of
// the model, whose dimensions have names. Equal sizes then look equal, and
// buffers can be planned before the step runs.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Transforms/Transforms.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_NAMEEXTENTSPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

/// An extent of an input that has a name.
static LogicalResult nameExtent(tensor::DimOp op, PatternRewriter &rewriter) {
  auto argument = dyn_cast<BlockArgument>(op.getSource());
  std::optional<int64_t> axis = op.getConstantIndex();
  auto function =
      argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp())
               : func::FuncOp();
  if (!function || !argument.getOwner()->isEntryBlock() || !axis)
    return rewriter.notifyMatchFailure(op, "not an extent of an input");
  auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                    "fulgur.dims");
  if (!names || *axis < 0 || *axis >= static_cast<int64_t>(names.size()))
    return rewriter.notifyMatchFailure(op, "the input has no names");
  auto name = dyn_cast<StringAttr>(names[*axis]);
  if (!name || name.empty())
    return rewriter.notifyMatchFailure(op, "the dimension has no name");
  // One operation a name, so that equal extents are one value.
  for (Operation &first : *argument.getOwner()) {
    auto dim = dyn_cast<DimOp>(first);
    if (!dim)
      break;
    if (dim.getNameAttr() == name) {
      rewriter.replaceOp(op, dim);
      return success();
    }
  }
  rewriter.setInsertionPointToStart(argument.getOwner());
  auto dim = DimOp::create(rewriter, op.getLoc(), name.getValue());
  if (auto bounds = function->getAttrOfType<DictionaryAttr>("fulgur.bounds"))
    if (auto range = bounds.getAs<DenseI64ArrayAttr>(name)) {
      dim.setMin(range[0]);
      dim.setMaxAttr(rewriter.getI64IntegerAttr(range[1]));
    }
  rewriter.replaceOp(op, dim);
  return success();
}

/// An extent of a result that is written in place of an operand. Few steps lead
/// from there to a size, while the extents of a `linalg` operation cost maps of
/// all its operands, and lead through those to the start of the model.
static LogicalResult nameExtentOfDestination(tensor::DimOp op,
                                             PatternRewriter &rewriter) {
  auto result = dyn_cast<OpResult>(op.getSource());
  auto written = result
                     ? dyn_cast<DestinationStyleOpInterface>(result.getOwner())
                     : DestinationStyleOpInterface();
  if (!written)
    return rewriter.notifyMatchFailure(op,
                                       "not written in place of an operand");
  Value init = written.getTiedOpOperand(result)->get();
  rewriter.modifyOpInPlace(op, [&] { op.getSourceMutable().assign(init); });
  return success();
}

/// An extent of what a condition chooses, if both branches agree on it.
static LogicalResult nameExtentOfBranches(tensor::DimOp op,
                                          PatternRewriter &rewriter) {
  auto either = op.getSource().getDefiningOp<scf::IfOp>();
  std::optional<int64_t> axis = op.getConstantIndex();
  if (!either || !axis)
    return rewriter.notifyMatchFailure(op, "no condition chooses it");
  auto isBefore = [&](Value value, std::optional<int64_t>,
                      ValueBoundsConstraintSet &) {
    return value.getDefiningOp() != either &&
           !either->isProperAncestor(value.getParentBlock()->getParentOp()) &&
           value.getParentBlock()->getParentOp() != either;
  };
  FailureOr<OpFoldResult> extent = affine::reifyShapedValueDimBound(
      rewriter, op.getLoc(), presburger::BoundType::EQ, op.getSource(), *axis,
      isBefore);
  if (failed(extent))
    return rewriter.notifyMatchFailure(op, "the branches differ");
  rewriter.replaceOp(
      op, getValueOrCreateConstantIndexOp(rewriter, op.getLoc(), *extent));
  return success();
}

void fulgur::populateNameExtentsPatterns(RewritePatternSet &patterns) {
  memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
  memref::populateResolveShapedTypeResultDimsPatterns(patterns);
  tensor::DimOp::getCanonicalizationPatterns(patterns, patterns.getContext());
  patterns.add(nameExtent);
  patterns.add(nameExtentOfBranches);
  patterns.add(nameExtentOfDestination, /*benefit=*/2);
}

namespace {
struct NameExtentsPass final
    : fulgur::impl::NameExtentsPassBase<NameExtentsPass> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    populateNameExtentsPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
