//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Decomposes the mask of a selection: all tokens are hidden, then those with an
// index are shown. A negative index writes what is there already.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/Support/Emitter.h"
#include "passes/Fuse/Decompose/Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;

static LogicalResult decomposeSelectionMask(SelectionMaskOp op,
                                            PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value indices = op.getIndices();
  OpFoldResult batch = e.size(indices, 0), rows = e.size(indices, 1),
               count = e.size(indices, 2);
  OpFoldResult tokens =
      op.getType().isDynamicDim(2)
          ? OpFoldResult(op.getTokens())
          : OpFoldResult(rewriter.getIndexAttr(op.getType().getDimSize(2)));
  // Without tokens there is no place for an index of -1 to write to.
  Value turns = arith::MinSIOp::create(rewriter, e.loc, e.index(count),
                                       e.index(e.mul(count, tokens)));
  Value mask =
      e.filled({batch, rows, tokens}, e.number(0, rewriter.getI1Type()));
  mask = e.nest(
      {batch, rows, OpFoldResult(turns)}, mask,
      [&](ArrayRef<Value> at, Value carried) {
        Value index = tensor::ExtractOp::create(rewriter, e.loc, indices, at);
        Value zero = arith::ConstantOp::create(rewriter, e.loc,
                                               rewriter.getI32IntegerAttr(0));
        Value selects = arith::CmpIOp::create(
            rewriter, e.loc, arith::CmpIPredicate::sge, index, zero);
        Value token = arith::IndexCastOp::create(
            rewriter, e.loc, rewriter.getIndexType(),
            arith::MaxSIOp::create(rewriter, e.loc, index, zero));
        SmallVector<Value> place{at[0], at[1], token};
        Value old = tensor::ExtractOp::create(rewriter, e.loc, carried, place);
        Value shown = arith::OrIOp::create(rewriter, e.loc, old, selects);
        return tensor::InsertOp::create(rewriter, e.loc, shown, carried, place)
            .getResult();
      });
  rewriter.replaceOp(op, e.cast(mask, op.getType()));
  return success();
}

void fulgur::populateDecomposeSelectionMaskPatterns(
    RewritePatternSet &patterns) {
  patterns.add(decomposeSelectionMask);
}
