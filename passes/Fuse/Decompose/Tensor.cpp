//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Decomposes normalisation, projection, the gated activation and the growing
// of a cache.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/Support/Emitter.h"
#include "passes/Fuse/Decompose/Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

static Value mulf(Emitter &e, Value a, Value b) {
  return arith::MulFOp::create(e.builder, e.loc, a, b);
}
static Value addf(Emitter &e, Value a, Value b) {
  return arith::AddFOp::create(e.builder, e.loc, a, b);
}
static Value subf(Emitter &e, Value a, Value b) {
  return arith::SubFOp::create(e.builder, e.loc, a, b);
}
static Value divf(Emitter &e, Value a, Value b) {
  return arith::DivFOp::create(e.builder, e.loc, a, b);
}

namespace {
/// The loops of a row-wise operation: one over each dimension, the last one
/// along the row.
struct Rows {
  MixedSizes all, outer;
  AffineMap whole, row, column;
  Type sum;
  OpFoldResult width;

  Rows(Emitter &e, Value input) {
    all = e.sizes(input);
    outer.assign(all.begin(), all.end() - 1);
    width = all.back();
    int64_t rank = all.size();
    whole = e.builder.getMultiDimIdentityMap(rank);
    row = whole.dropResult(rank - 1);
    column = e.map(rank, {rank - 1});
    sum = accumulatorType(elementType(input));
  }
};
} // namespace

/// 1 / sqrt(total / width + eps), once a row.
static Value inverseDeviation(Emitter &e, const Rows &rows, Value total,
                              double eps) {
  Value width = e.indexToFloat(e.index(rows.width), rows.sum);
  AffineMap identity = e.builder.getMultiDimIdentityMap(rows.outer.size());
  return e.parallel(total, identity, rows.outer, rows.sum,
                    [&](Emitter &e, ValueRange x) -> Values {
                      Value mean = divf(e, x[0], width);
                      Value sum = addf(e, mean, e.real(eps, rows.sum));
                      return {math::RsqrtOp::create(e.builder, e.loc, sum)};
                    });
}

/// Divides the rows of `input` by their root mean square, of which `total` is
/// the sum of squares, and scales them.
static Value normalise(Emitter &e, const Rows &rows, Value input, Value total,
                       Value scale, double eps) {
  Value inverse = inverseDeviation(e, rows, total, eps);
  Type type = elementType(input);
  return e.parallel(
      {input, inverse, scale}, {rows.whole, rows.row, rows.column}, rows.all,
      type, [&](Emitter &e, ValueRange x) -> Values {
        Value unit = mulf(e, e.toFloat(x[0], rows.sum), x[1]);
        return {e.toFloat(mulf(e, unit, e.toFloat(x[2], rows.sum)), type)};
      });
}

static LogicalResult decomposeRMSNorm(RMSNormOp op, PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value input = op.getInput();
  Rows rows(e, input);
  Value total =
      e.reduce(input, rows.whole, e.filled(rows.outer, rows.sum, 0),
               rows.all.size() - 1, [&](Emitter &e, ValueRange x) -> Values {
                 Value wide = e.toFloat(x[0], rows.sum);
                 return {addf(e, x[1], mulf(e, wide, wide))};
               });
  Value result = normalise(e, rows, input, total, op.getScale(),
                           op.getEps().convertToDouble());
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

/// One loop adds, and sums the squares of what it has just added.
static LogicalResult decomposeAddRMSNorm(AddRMSNormOp op,
                                         PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Rows rows(e, op.getInput());
  Type type = elementType(op.getInput());
  SmallVector<Value> inits{e.empty(rows.all, type),
                           e.filled(rows.outer, rows.sum, 0)};
  SmallVector<utils::IteratorType> iterators(rows.all.size(),
                                             utils::IteratorType::parallel);
  iterators.back() = utils::IteratorType::reduction;
  auto adds = linalg::GenericOp::create(
      rewriter, op.getLoc(), TypeRange(inits),
      ValueRange{op.getInput(), op.getResidual()}, inits,
      ArrayRef{rows.whole, rows.whole, rows.whole, rows.row}, iterators,
      [&](OpBuilder &b, Location loc, ValueRange x) {
        Emitter e(b, loc);
        Value sum = addf(e, x[0], x[1]), wide = e.toFloat(sum, rows.sum);
        linalg::YieldOp::create(
            b, loc, ValueRange{sum, addf(e, x[3], mulf(e, wide, wide))});
      });
  Value sum = adds.getResult(0);
  Value result = normalise(e, rows, sum, adds.getResult(1), op.getScale(),
                           op.getEps().convertToDouble());
  Type wanted = op.getResult().getType();
  rewriter.replaceOp(op, {e.cast(sum, wanted), e.cast(result, wanted)});
  return success();
}

static LogicalResult decomposeLayerNorm(LayerNormOp op,
                                        PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value input = op.getInput();
  Rows rows(e, input);
  int64_t last = rows.all.size() - 1;
  Value zero = e.filled(rows.outer, rows.sum, 0);
  Value total = e.reduce(input, rows.whole, zero, last,
                         [&](Emitter &e, ValueRange x) -> Values {
                           return {addf(e, x[1], e.toFloat(x[0], rows.sum))};
                         });
  Value width = e.indexToFloat(e.index(rows.width), rows.sum);
  Value mean =
      e.parallel(total, e.builder.getMultiDimIdentityMap(last), rows.outer,
                 rows.sum, [&](Emitter &e, ValueRange x) -> Values {
                   return {divf(e, x[0], width)};
                 });
  Value squares = e.reduce({input, mean}, {rows.whole, rows.row},
                           e.filled(rows.outer, rows.sum, 0), last,
                           [&](Emitter &e, ValueRange x) -> Values {
                             Value wide = e.toFloat(x[0], rows.sum);
                             Value off = subf(e, wide, x[1]);
                             return {addf(e, x[2], mulf(e, off, off))};
                           });
  Value inverse =
      inverseDeviation(e, rows, squares, op.getEps().convertToDouble());
  Type type = elementType(input);
  Value result = e.parallel(
      {input, mean, inverse, op.getScale(), op.getBias()},
      {rows.whole, rows.row, rows.row, rows.column, rows.column}, rows.all,
      type, [&](Emitter &e, ValueRange x) -> Values {
        Value off = subf(e, e.toFloat(x[0], rows.sum), x[1]);
        Value scaled = mulf(e, mulf(e, off, x[2]), e.toFloat(x[3], rows.sum));
        return {e.toFloat(addf(e, scaled, e.toFloat(x[4], rows.sum)), type)};
      });
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

static LogicalResult decomposeSwiGLU(SwiGLUOp op, PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  MixedSizes sizes = e.sizes(op.getGate());
  AffineMap identity = rewriter.getMultiDimIdentityMap(sizes.size());
  Type type = elementType(op.getGate()), wide = accumulatorType(type);
  Value result =
      e.parallel({op.getGate(), op.getUp()}, {identity, identity}, sizes, type,
                 [&](Emitter &e, ValueRange x) -> Values {
                   Value gate = e.toFloat(x[0], wide),
                         up = e.toFloat(x[1], wide);
                   Value minus = arith::NegFOp::create(e.builder, e.loc, gate);
                   Value decay = math::ExpOp::create(e.builder, e.loc, minus);
                   Value silu = divf(e, gate, addf(e, e.real(1, wide), decay));
                   return {e.toFloat(mulf(e, silu, up), type)};
                 });
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

/// Whether `value` is computed by the step, and has no reader but `op`.
static bool isOnlyReadBy(Value value, Operation *op) {
  auto isOther = [&](OpOperand &use) {
    return use.getOwner() != op && !isa<tensor::DimOp>(use.getOwner());
  };
  return value.getDefiningOp() && llvm::none_of(value.getUses(), isOther);
}

/// All leading dimensions become the rows of one matrix, and the residual is
/// what the product adds to.
static LogicalResult decomposeLinear(LinearOp op, PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value input = op.getInput(), residual = op.getResidual();
  // The residual stream is the shortest way to the inputs of the model.
  MixedSizes sizes = e.sizes(residual ? residual : input);
  int64_t rank = sizes.size();
  SmallVector<ReassociationIndices> groups;
  if (rank == 1) {
    groups = {{0, 1}};
    input = e.expand(input, groups, {e.size(1), e.size(input, 0)});
  } else if (rank > 2) {
    ReassociationIndices leading;
    for (int64_t i = 0; i < rank - 1; ++i)
      leading.push_back(i);
    groups = {leading, {rank - 1}};
    input = e.collapse(input, groups);
  }
  bool transposed = op.getTransposed();
  sizes.back() = e.size(op.getWeight(), transposed ? 0 : 1);
  Type type = elementType(input);
  Type sum = accumulatorType(type);
  Value init;
  if (!residual) {
    init = e.filled({e.size(input, 0), sizes.back()}, sum, 0);
  } else {
    // What others read too, or a caller owns, can not be added to where it is.
    // The copy is made in the shape whose sizes are known.
    init = e.convert(residual, sum);
    if (init == residual && !isOnlyReadBy(residual, op))
      init = e.copy(residual, e.empty(sizes, sum));
    if (rank == 1)
      init = e.expand(init, groups, {e.size(1), sizes.back()});
    else if (rank > 2)
      init = e.collapse(init, groups);
  }
  Value product = transposed ? e.matmulTransposed(input, op.getWeight(), init)
                             : e.matmul(input, op.getWeight(), init);
  Value result = e.convert(product, type);
  if (rank == 1)
    result = e.collapse(result, groups);
  else if (rank > 2)
    result = e.expand(result, groups, sizes);
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

static LogicalResult decomposeCacheUpdate(CacheUpdateOp op,
                                          PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  int64_t axis = op.getAxis();
  MixedSizes sizes = e.sizes(op.getPast()), offsets(sizes.size(), e.size(0));
  OpFoldResult past = sizes[axis];
  sizes[axis] = e.add(past, e.size(op.getUpdate(), axis));
  Value result = e.empty(sizes, elementType(op.getPast()));
  result = e.copyInto(op.getPast(), result, offsets);
  offsets[axis] = past;
  result = e.copyInto(op.getUpdate(), result, offsets);
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

void fulgur::populateDecomposeTensorPatterns(RewritePatternSet &patterns) {
  patterns.add(decomposeRMSNorm);
  patterns.add(decomposeAddRMSNorm);
  patterns.add(decomposeLayerNorm);
  patterns.add(decomposeSwiGLU);
  patterns.add(decomposeLinear);
  patterns.add(decomposeCacheUpdate);
}
