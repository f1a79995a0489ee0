//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Decomposes the mixture of experts, operation by operation.
//
// The router is a few passes over [N, E] and selections of tokens whose tokens
// are groups and experts. The rows are sorted by counting, and each expert's
// product works on slices of rows, weights and result, none of which is copied.
//
//===----------------------------------------------------------------------===//
#include "passes/Fuse/Decompose/Experts.h"
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Fuse/Decompose/Patterns.h"
#include "passes/Fuse/Decompose/Softmax.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

Value fulgur::loadIndex(Emitter &e, Value tensor, ValueRange at) {
  Value element = tensor::ExtractOp::create(e.builder, e.loc, tensor, at);
  return arith::IndexCastOp::create(e.builder, e.loc, e.builder.getIndexType(),
                                    element);
}

static Value storeIndex(Emitter &e, Value index, Value tensor, Value at) {
  Value element = arith::IndexCastOp::create(e.builder, e.loc,
                                             e.builder.getI32Type(), index);
  return tensor::InsertOp::create(e.builder, e.loc, element, tensor, at);
}

//===----------------------------------------------------------------------===//
// Routing
//===----------------------------------------------------------------------===//

/// The affinity of every token to every expert, [N, E].
static Value affinityOf(Emitter &e, RouteOp op, Type wide) {
  Value logits = op.getLogits();
  AffineMap identity = e.map(2, {0, 1});
  if (op.getScore() == RouterScore::Softmax) {
    Softmax soft = softmax(e, e.convert(logits, wide));
    return e.parallel({soft.weights, soft.sums}, {identity, e.map(2, {0})},
                      e.sizes(logits), wide,
                      [&](Emitter &e, ValueRange x) -> Values {
                        return {normalize(e, x[0], x[1])};
                      });
  }
  return e.parallel(logits, identity, e.sizes(logits), wide,
                    [&](Emitter &e, ValueRange x) -> Values {
                      OpBuilder &b = e.builder;
                      Value minus = arith::NegFOp::create(
                          b, e.loc, e.toFloat(x[0], wide));
                      Value decay = math::ExpOp::create(b, e.loc, minus);
                      Value one = e.real(1, wide);
                      Value sum = arith::AddFOp::create(b, e.loc, one, decay);
                      return {arith::DivFOp::create(b, e.loc, one, sum)};
                    });
}

/// What each group of `choice` [N, G, E/G] is worth, [N, G].
static Value groupScores(Emitter &e, Value choice, GroupScore score) {
  MixedSizes sizes = e.sizes(choice);
  ArrayRef<OpFoldResult> groups = ArrayRef<OpFoldResult>(sizes).drop_back();
  Type wide = elementType(choice);
  double lowest = -std::numeric_limits<double>::infinity();
  // NaN must not win; maxnum passes over it.
  auto greater = [&](Emitter &e, Value a, Value b) -> Value {
    return arith::MaxNumFOp::create(e.builder, e.loc, a, b);
  };
  Value best =
      e.reduce(choice, e.map(3, {0, 1, 2}), e.filled(groups, wide, lowest), 2,
               [&](Emitter &e, ValueRange x) -> Values {
                 return {greater(e, x[0], x[1])};
               });
  if (score == GroupScore::Max)
    return best;
  // The second is the greatest of all but one that is the best.
  Value where = e.reduce(
      {choice, best}, {e.map(3, {0, 1, 2}), e.map(3, {0, 1})},
      linalg::FillOp::create(e.builder, e.loc, e.index(0),
                             e.empty(groups, e.builder.getIndexType()))
          .getResult(0),
      2, [&](Emitter &e, ValueRange x) -> Values {
        Value is = arith::CmpFOp::create(e.builder, e.loc,
                                         arith::CmpFPredicate::OEQ, x[0], x[1]);
        Value place = linalg::IndexOp::create(e.builder, e.loc, 2);
        return {arith::SelectOp::create(e.builder, e.loc, is, place, x[2])};
      });
  Value second =
      e.reduce({choice, where}, {e.map(3, {0, 1, 2}), e.map(3, {0, 1})},
               e.filled(groups, wide, lowest), 2,
               [&](Emitter &e, ValueRange x) -> Values {
                 Value place = linalg::IndexOp::create(e.builder, e.loc, 2);
                 Value is = arith::CmpIOp::create(
                     e.builder, e.loc, arith::CmpIPredicate::eq, place, x[1]);
                 Value other = arith::SelectOp::create(
                     e.builder, e.loc, is, e.real(lowest, wide), x[0]);
                 return {greater(e, other, x[2])};
               });
  AffineMap identity = e.map(2, {0, 1});
  return e.parallel({best, second}, {identity, identity}, groups, wide,
                    [&](Emitter &e, ValueRange x) -> Values {
                      return {
                          arith::AddFOp::create(e.builder, e.loc, x[0], x[1])};
                    });
}

/// The k best columns of `scores` [N, E] where `mask` [N, E] is, if there is
/// one: [N, k].
static Value selectColumns(Emitter &e, Value scores, Value mask, int64_t k) {
  SmallVector<ReassociationIndices> groups{{0, 1}, {2}};
  auto batch = [&](Value tensor) {
    MixedSizes sizes = e.sizes(tensor);
    return e.expand(tensor, groups, {e.size(1), sizes[0], sizes[1]});
  };
  Value batched = batch(scores);
  int64_t rows = cast<RankedTensorType>(batched.getType()).getDimSize(1);
  auto type = RankedTensorType::get({1, rows, k}, e.builder.getI32Type());
  Value selected = SelectTokensOp::create(e.builder, e.loc, type, batched,
                                          mask ? batch(mask) : Value(), k,
                                          /*causal=*/false);
  return e.collapse(selected, groups);
}

/// True for the experts of the best groups, [N, E].
static Value bestGroups(Emitter &e, RouteOp op, Value choice) {
  OpFoldResult rows = e.size(choice, 0), groups = e.size(op.getGroups());
  OpFoldResult size = e.div(e.size(choice, 1), groups);
  SmallVector<ReassociationIndices> split{{0}, {1, 2}};
  Value grouped = e.expand(choice, split, {rows, groups, size});
  Value scores = groupScores(e, grouped, op.getGroupScore());
  Value best = selectColumns(e, scores, {}, op.getTopGroups());
  Type bit = e.builder.getI1Type();
  Value no =
      arith::ConstantOp::create(e.builder, e.loc, e.builder.getBoolAttr(false));
  Value none =
      linalg::FillOp::create(e.builder, e.loc, no, e.empty({rows, groups}, bit))
          .getResult(0);
  Value kept = e.reduce(
      best, e.map(3, {0, 2}), none, 2, [&](Emitter &e, ValueRange x) -> Values {
        Value group = linalg::IndexOp::create(e.builder, e.loc, 1);
        Value own = arith::IndexCastOp::create(e.builder, e.loc,
                                               e.builder.getI32Type(), group);
        Value is = arith::CmpIOp::create(e.builder, e.loc,
                                         arith::CmpIPredicate::eq, x[0], own);
        return {arith::OrIOp::create(e.builder, e.loc, is, x[1])};
      });
  Value mask =
      e.parallel(kept, e.map(3, {0, 1}), {rows, groups, size}, bit,
                 [&](Emitter &, ValueRange x) -> Values { return {x[0]}; });
  return e.collapse(mask, split);
}

static LogicalResult decomposeRoute(RouteOp op, PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Type type = elementType(op.getLogits()), wide = accumulatorType(type);
  MixedSizes sizes = e.sizes(op.getLogits());
  int64_t k = op.getK();
  MixedSizes chosen{sizes[0], e.size(k)};
  AffineMap identity = e.map(2, {0, 1});
  Value affinity = affinityOf(e, op, wide), choice = affinity;
  if (op.getBias())
    choice = e.parallel({affinity, op.getBias()}, {identity, e.map(2, {1})},
                        sizes, wide, [&](Emitter &e, ValueRange x) -> Values {
                          return {arith::AddFOp::create(e.builder, e.loc, x[0],
                                                        e.toFloat(x[1], wide))};
                        });
  Value mask;
  if (op.getTopGroups() < op.getGroups())
    mask = bestGroups(e, op, choice);
  Value experts = selectColumns(e, choice, mask, k);
  Value weights = e.parallel(
      experts, identity, chosen, wide, [&](Emitter &e, ValueRange x) -> Values {
        Value row = linalg::IndexOp::create(e.builder, e.loc, 0);
        Value expert = arith::IndexCastOp::create(
            e.builder, e.loc, e.builder.getIndexType(), x[0]);
        return {tensor::ExtractOp::create(e.builder, e.loc, affinity,
                                          ValueRange{row, expert})};
      });
  // With nothing to divide by, the sum is 1.
  Value sums = e.filled({sizes[0]}, wide, op.getNormalize() ? 1e-20 : 1);
  if (op.getNormalize())
    sums = e.reduce(
        weights, identity, sums, 1, [&](Emitter &e, ValueRange x) -> Values {
          return {arith::AddFOp::create(e.builder, e.loc, x[0], x[1])};
        });
  double scale = op.getScale().convertToDouble();
  Value result = e.parallel(
      {weights, sums}, {identity, e.map(2, {0})}, chosen, type,
      [&](Emitter &e, ValueRange x) -> Values {
        Value unit = arith::DivFOp::create(e.builder, e.loc, x[0], x[1]);
        Value scaled =
            arith::MulFOp::create(e.builder, e.loc, unit, e.real(scale, wide));
        return {e.toFloat(scaled, type)};
      });
  rewriter.replaceOp(op, {e.cast(experts, op.getExperts().getType()),
                          e.cast(result, op.getWeights().getType())});
  return success();
}

//===----------------------------------------------------------------------===//
// There, through, and back
//===----------------------------------------------------------------------===//

SortedPairs fulgur::sortByExpert(Emitter &e, Value experts,
                                 OpFoldResult expertCount) {
  MixedSizes pairs = e.sizes(experts);
  OpFoldResult count = e.mul(pairs[0], pairs[1]);
  OpFoldResult slots = e.add(expertCount, e.size(1));
  experts = e.collapse(experts, {{0, 1}});
  Type i32 = e.builder.getI32Type();
  auto next = [&](Value index) -> Value {
    return arith::AddIOp::create(e.builder, e.loc, index, e.index(1));
  };

  // offsets[e+1]: the rows of e, then those of all experts up to e.
  Value zero = arith::ConstantOp::create(e.builder, e.loc,
                                         e.builder.getI32IntegerAttr(0));
  Value offsets =
      linalg::FillOp::create(e.builder, e.loc, zero, e.empty({slots}, i32))
          .getResult(0);
  offsets = e.loop(count, offsets, [&](Value i, Value carried) {
    Value slot = next(loadIndex(e, experts, i));
    return storeIndex(e, next(loadIndex(e, carried, slot)), carried, slot);
  });
  offsets = e.loop(expertCount, offsets, [&](Value i, Value carried) {
    Value before = loadIndex(e, carried, i), slot = next(i);
    Value own = loadIndex(e, carried, slot);
    Value sum = arith::AddIOp::create(e.builder, e.loc, before, own);
    return storeIndex(e, sum, carried, slot);
  });

  // ends[e]: where the next row of e goes.
  Value ends = e.copy(offsets, e.empty({slots}, i32));
  Values sorted = e.loop(count, ValueRange{ends, e.empty({count}, i32)},
                         [&](Value i, ValueRange carried) -> Values {
                           Value expert = loadIndex(e, experts, i);
                           Value row = loadIndex(e, carried[0], expert);
                           return {storeIndex(e, next(row), carried[0], expert),
                                   storeIndex(e, i, carried[1], row)};
                         });
  return {sorted[1], offsets};
}

static LogicalResult decomposeDispatch(DispatchOp op,
                                       PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value input = op.getInput();
  MixedSizes pairs = e.sizes(op.getExperts());
  OpFoldResult count = e.mul(pairs[0], pairs[1]);
  auto [sources, offsets] =
      sortByExpert(e, op.getExperts(), e.size(op.getNumExperts()));
  Value places = e.index(pairs[1]);
  Value rows = e.parallel(
      sources, e.map(2, {0}), {count, e.size(input, 1)}, elementType(input),
      [&](Emitter &e, ValueRange x) -> Values {
        Value source = arith::IndexCastOp::create(
            e.builder, e.loc, e.builder.getIndexType(), x[0]);
        Value token = arith::DivUIOp::create(e.builder, e.loc, source, places);
        Value column = linalg::IndexOp::create(e.builder, e.loc, 1);
        return {tensor::ExtractOp::create(e.builder, e.loc, input,
                                          ValueRange{token, column})};
      });
  rewriter.replaceOp(op, {e.cast(rows, op.getRows().getType()),
                          e.cast(sources, op.getSources().getType()),
                          e.cast(offsets, op.getOffsets().getType())});
  return success();
}

static LogicalResult decomposeGroupedMatmul(GroupedMatmulOp op,
                                            PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value rows = op.getRows(), weights = op.getWeights();
  bool transposed = op.getTransposed();
  Type type = elementType(rows), wide = accumulatorType(type);
  MixedSizes weight = e.sizes(weights);
  OpFoldResult inner = e.size(rows, 1), width = weight[transposed ? 1 : 2];
  OpFoldResult zero = e.size(0), one = e.size(1);
  Value result = e.empty({e.size(rows, 0), width}, wide);
  result = e.loop(weight[0], result, [&](Value expert, Value carried) {
    Value begin = loadIndex(e, op.getOffsets(), expert);
    Value after = arith::AddIOp::create(rewriter, e.loc, expert, e.index(1));
    Value end = loadIndex(e, op.getOffsets(), after);
    Value count = arith::SubIOp::create(rewriter, e.loc, end, begin);
    Value used = arith::CmpIOp::create(
        rewriter, e.loc, arith::CmpIPredicate::ne, count, e.index(0));
    auto multiply = [&](OpBuilder &nested, Location loc) {
      Emitter e(nested, loc);
      Value left = e.slice(rows, {begin, zero}, {count, inner});
      Value right = e.slice(weights, {expert, zero, zero},
                            {one, weight[1], weight[2]}, {}, {0});
      MixedSizes offsets{begin, zero}, sizes{count, width};
      Value into = e.fill(e.slice(carried, offsets, sizes), 0);
      Value product = transposed ? e.matmulTransposed(left, right, into)
                                 : e.matmul(left, right, into);
      scf::YieldOp::create(nested, loc,
                           e.insert(product, carried, offsets, sizes));
    };
    auto skip = [&](OpBuilder &nested, Location loc) {
      scf::YieldOp::create(nested, loc, carried);
    };
    return scf::IfOp::create(rewriter, e.loc, used, multiply, skip)
        .getResult(0);
  });
  rewriter.replaceOp(op, e.cast(e.convert(result, type), op.getType()));
  return success();
}

static LogicalResult decomposeCombine(CombineOp op, PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value rows = op.getRows(), weights = op.getWeights();
  Type type = elementType(rows), wide = accumulatorType(type);
  MixedSizes pairs = e.sizes(weights);
  OpFoldResult count = e.mul(pairs[0], pairs[1]);
  OpFoldResult width = e.size(rows, 1);
  // The row of each pair: the inverse of `sources`.
  Value places = e.empty({count}, rewriter.getI32Type());
  places = e.loop(count, places, [&](Value row, Value carried) {
    return storeIndex(e, row, carried, loadIndex(e, op.getSources(), row));
  });
  places = e.expand(places, {{0, 1}}, pairs);
  AffineMap pair = e.map(3, {0, 1});
  // Loops: token, place, column.
  auto add = [&](Emitter &e, ValueRange x) -> Values {
    Value row = arith::IndexCastOp::create(e.builder, e.loc,
                                           e.builder.getIndexType(), x[0]);
    Value column = linalg::IndexOp::create(e.builder, e.loc, 2);
    Value element = tensor::ExtractOp::create(e.builder, e.loc, rows,
                                              ValueRange{row, column});
    Value part = arith::MulFOp::create(e.builder, e.loc, e.toFloat(x[1], wide),
                                       e.toFloat(element, wide));
    return {arith::AddFOp::create(e.builder, e.loc, x[2], part)};
  };
  Value result = e.reduce({places, weights}, {pair, pair},
                          e.filled({pairs[0], width}, wide, 0), 1, add);
  rewriter.replaceOp(op, e.cast(e.convert(result, type), op.getType()));
  return success();
}

void fulgur::populateDecomposeExpertPatterns(RewritePatternSet &patterns) {
  patterns.add(decomposeRoute);
  patterns.add(decomposeDispatch);
  patterns.add(decomposeGroupedMatmul);
  patterns.add(decomposeCombine);
}
