//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Decomposes the lightning indexer and the selection of tokens. A hidden token
// gets key 0, which is no token, is never better than one, and fills what is
// left of a row.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/Support/Emitter.h"
#include "lib/Support/TopK.h"
#include "passes/Fuse/Decompose/Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

/// Queries that are scored together: every key that is read is used by all of
/// them.
static constexpr int64_t groupRows = 8;
/// Scores of one head that are in memory at once. A tile has fewer tokens if
/// it has more queries.
static constexpr int64_t tileScores = 1920;
/// Rows that are worth a block of their own.
static constexpr int64_t indexerGrain = 4, selectionGrain = 8;

namespace {
/// A few queries of one sequence: rows [row, row + count) of `batch`, which are
/// rows `at` and later of all.
struct Group {
  Value batch, row, at;
  OpFoldResult count;
};

/// Writes the scores of the lightning indexer, group by group and tile by tile,
/// for the operations that store them and those that do not. Equal code makes
/// scores that are equal to the last bit.
class Scorer {
public:
  Scorer(Emitter &e, Value query, Value key, Value weights, double scale);

  using GroupBody =
      function_ref<Value(Emitter &e, const Group &group, Value carried)>;
  /// Hands out the rows of `init`, [B·S, …], in groups.
  Value forGroups(Emitter &e, Value init, GroupBody body) const;

  using TileBody =
      function_ref<Values(Emitter &e, Value first, OpFoldResult size,
                          Value products, ValueRange carried)>;
  /// Hands out the products of the group's heads and the tokens up to `end` in
  /// tiles: [size, count · Hi].
  Values forTiles(Emitter &e, const Group &group, OpFoldResult end,
                  ValueRange inits, TileBody body) const;

  /// The scores [size] of query `i` of the group, in the type of sums.
  Value score(Emitter &e, const Group &group, Value i, OpFoldResult size,
              Value products) const;

  /// Of queries and keys, of scores as they are stored, and of sums.
  Type type, scoreType, wide;
  OpFoldResult batch, rows, heads, width, tokens;
  /// The queries of a group and the tokens of a tile, at most.
  OpFoldResult group, tile;

private:
  Value query, key, weights;
  double scale;
};
} // namespace

Scorer::Scorer(Emitter &e, Value query, Value key, Value weights, double scale)
    : type(elementType(query)), scoreType(elementType(weights)),
      wide(accumulatorType(type)), query(query), key(key), weights(weights),
      scale(scale) {
  MixedSizes q = e.sizes(query);
  batch = q[0], rows = q[1], heads = q[2], width = q[3];
  tokens = e.size(key, 1);
  group = e.max(e.min(rows, e.size(groupRows)), e.size(1));
  tile = e.div(e.size(tileScores), group);
}

Value Scorer::forGroups(Emitter &e, Value init, GroupBody body) const {
  OpFoldResult some = e.max(rows, e.size(1));
  return e.shareRows(
      indexerGrain, init, [&](Value begin, Value end, Value part) {
        OpFoldResult first = e.div(OpFoldResult(begin), some);
        OpFoldResult behind =
            e.div(e.sub(e.add(OpFoldResult(end), some), e.size(1)), some);
        return e.loop(
            first, behind, e.size(1), part, [&](Value batch, Value outer) {
              // Rows of all that come before this sequence.
              OpFoldResult before = e.mul(OpFoldResult(batch), rows);
              OpFoldResult from =
                  e.max(e.sub(OpFoldResult(begin), before), e.size(0));
              OpFoldResult to = e.min(e.sub(OpFoldResult(end), before), rows);
              return e.loop(
                  from, to, group, outer, [&](Value row, Value carried) {
                    OpFoldResult at = e.add(before, OpFoldResult(row));
                    Group queries{batch, row,
                                  e.index(e.sub(at, OpFoldResult(begin))),
                                  e.min(group, e.sub(to, OpFoldResult(row)))};
                    return body(e, queries, carried);
                  });
            });
      });
}

Values Scorer::forTiles(Emitter &e, const Group &g, OpFoldResult end,
                        ValueRange inits, TileBody body) const {
  OpFoldResult zero = e.size(0), one = e.size(1);
  OpFoldResult columns = e.mul(group, heads), used = e.mul(g.count, heads);
  // The queries stand on the right, [Di, count · Hi], and the keys on the left
  // as they lie in memory.
  Value queries =
      e.slice(e.empty({width, columns}, type), {zero, zero}, {width, used});
  queries = e.expand(queries, {{0}, {1, 2}}, {width, g.count, heads});
  Value own = e.slice(query, {g.batch, g.row, zero, zero},
                      {one, g.count, heads, width}, {}, {0});
  queries =
      e.parallel(own, e.map(3, {1, 2, 0}), Values{queries},
                 [&](Emitter &, ValueRange x) -> Values { return {x[0]}; })[0];
  queries = e.collapse(queries, {{0}, {1, 2}});
  return e.loop(zero, end, tile, inits, [&](Value first, ValueRange carried) {
    OpFoldResult size = e.min(tile, e.sub(end, OpFoldResult(first)));
    Value keys =
        e.slice(key, {g.batch, first, zero}, {one, size, width}, {}, {0});
    Value products =
        e.slice(e.empty({tile, columns}, wide), {zero, zero}, {size, used});
    products = e.matmul(keys, queries, e.fill(products, 0));
    return body(e, first, size, products, carried);
  });
}

Value Scorer::score(Emitter &e, const Group &g, Value i, OpFoldResult size,
                    Value products) const {
  OpFoldResult zero = e.size(0), one = e.size(1);
  OpFoldResult row = e.add(OpFoldResult(g.row), OpFoldResult(i));
  Value own =
      e.slice(products, {zero, e.mul(OpFoldResult(i), heads)}, {size, heads});
  Value weight =
      e.slice(weights, {g.batch, row, zero}, {one, one, heads}, {}, {0, 1});
  Value sums = e.slice(e.empty({tile}, wide), {zero}, {size});
  return e.reduce({own, weight}, {e.map(2, {0, 1}), e.map(2, {1})},
                  e.fill(sums, 0), 1, [&](Emitter &e, ValueRange x) -> Values {
                    OpBuilder &b = e.builder;
                    Value score = arith::MulFOp::create(b, e.loc, x[0],
                                                        e.real(scale, wide));
                    Value positive = arith::MaximumFOp::create(b, e.loc, score,
                                                               e.real(0, wide));
                    Value part = arith::MulFOp::create(b, e.loc, positive,
                                                       e.toFloat(x[1], wide));
                    return {arith::AddFOp::create(b, e.loc, x[2], part)};
                  });
}

static LogicalResult decomposeLightningIndexer(LightningIndexerOp op,
                                               PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Scorer scorer(e, op.getQuery(), op.getKey(), op.getWeights(),
                op.getScale().convertToDouble());
  OpFoldResult one = e.size(1);
  Value scores = e.empty({e.mul(scorer.batch, scorer.rows), scorer.tokens},
                         scorer.scoreType);
  auto writeGroup = [&](Emitter &e, const Group &group, Value part) -> Value {
    return scorer.forTiles(
        e, group, scorer.tokens, part,
        [&](Emitter &e, Value first, OpFoldResult size, Value products,
            ValueRange carried) -> Values {
          return {e.loop(group.count, carried[0], [&](Value i, Value rows) {
            Value total = scorer.score(e, group, i, size, products);
            OpFoldResult row = e.add(OpFoldResult(group.at), OpFoldResult(i));
            MixedSizes offsets{row, first}, sizes{one, size};
            Value into = e.slice(rows, offsets, sizes, {}, {0});
            Value result =
                e.parallel(total, e.map(1, {0}), Values{into},
                           [&](Emitter &e, ValueRange x) -> Values {
                             return {e.toFloat(x[0], scorer.scoreType)};
                           })[0];
            return e.insert(result, rows, offsets, sizes);
          })};
        })[0];
  };
  scores = scorer.forGroups(e, scores, writeGroup);
  scores = e.expand(scores, {{0, 1}, {2}},
                    {scorer.batch, scorer.rows, scorer.tokens});
  rewriter.replaceOp(op, e.cast(scores, op.getType()));
  return success();
}

/// The key of token (batch, row, token) with this score, 0 if the mask, which
/// may be null, hides it.
static Value keyOf(Emitter &e, Value score, Value maskTensor, Value batch,
                   Value row, Value token) {
  if (!maskTensor)
    return encodeToken(e, score, /*mask=*/{}, token);
  SmallVector<Value> at{batch, row, token};
  auto maskType = cast<RankedTensorType>(maskTensor.getType());
  for (auto [dim, index] : llvm::enumerate(at))
    if (maskType.getDimSize(dim) == 1)
      index = e.index(0);
  Value mask = tensor::ExtractOp::create(e.builder, e.loc, maskTensor, at);
  return encodeToken(e, score, mask, token);
}

/// The token behind the last that query `row` sees: of T, or of T−S+s+1.
static OpFoldResult endOf(Emitter &e, bool causal, OpFoldResult rows,
                          OpFoldResult tokens, OpFoldResult row) {
  if (!causal)
    return tokens;
  return e.add(e.add(e.sub(tokens, rows), row), e.size(1));
}

static LogicalResult decomposeSelectTokens(SelectTokensOp op,
                                           PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value scores = op.getScores();
  Type wide = accumulatorType(elementType(scores));
  Type key = keyType(op.getContext(), wide.getIntOrFloatBitWidth());
  MixedSizes sizes = e.sizes(scores);
  OpFoldResult zero = e.size(0), one = e.size(1), count = e.size(op.getK());

  auto selectRow = [&](Value batch, Value row, OpFoldResult at, Value carried) {
    OpFoldResult end = endOf(e, op.getCausal(), sizes[1], sizes[2], row);
    Value best = emitTopK(e, key, count, end, [&](Value token) {
      Value score = tensor::ExtractOp::create(e.builder, e.loc, scores,
                                              ValueRange{batch, row, token});
      return keyOf(e, e.toFloat(score, wide), op.getMask(), batch, row, token);
    });
    MixedSizes offsets{at, zero}, extents{one, count};
    Value into = e.slice(carried, offsets, extents, {}, {0});
    Value indices = e.parallel(best, e.map(1, {0}), Values{into},
                               [&](Emitter &e, ValueRange x) -> Values {
                                 return {decodeKey(e, x[0])};
                               })[0];
    return e.insert(indices, carried, offsets, extents);
  };
  Value result =
      e.empty({e.mul(sizes[0], sizes[1]), count}, rewriter.getI32Type());
  result = e.shareRows(
      selectionGrain, result, [&](Value begin, Value end, Value part) {
        return e.loop(begin, end, one, part, [&](Value i, Value carried) {
          Value batch = e.index(e.div(OpFoldResult(i), sizes[1]));
          Value row = e.index(e.rem(OpFoldResult(i), sizes[1]));
          return selectRow(
              batch, row, e.sub(OpFoldResult(i), OpFoldResult(begin)), carried);
        });
      });
  result = e.expand(result, {{0, 1}, {2}}, {sizes[0], sizes[1], count});
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

/// Tile by tile of keys, for a group of queries: the scores of a tile are in
/// memory, and the best keys so far, so the memory grows with neither queries
/// nor tokens.
static LogicalResult decomposeIndexSelect(IndexSelectOp op,
                                          PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Scorer scorer(e, op.getQuery(), op.getKey(), op.getWeights(),
                op.getScale().convertToDouble());
  Type key = keyType(op.getContext(), scorer.wide.getIntOrFloatBitWidth());
  int64_t k = op.getK();
  OpFoldResult zero = e.size(0), one = e.size(1);
  auto endOfRow = [&](Emitter &e, OpFoldResult row) {
    return endOf(e, op.getCausal(), scorer.rows, scorer.tokens, row);
  };

  // The keys of a tile, for query `i` of the group.
  auto collect = [&](Emitter &e, const Group &group, Value i, Value first,
                     OpFoldResult size, Value products, KeyCollector &best) {
    Value row = e.index(e.add(OpFoldResult(group.row), OpFoldResult(i)));
    Value scores = scorer.score(e, group, i, size, products);
    OpFoldResult end =
        e.min(e.add(OpFoldResult(first), size), endOfRow(e, row));
    best.collect(e, first, e.index(end), [&](Value token) {
      Value at = e.index(e.sub(OpFoldResult(token), OpFoldResult(first)));
      Value score = tensor::ExtractOp::create(e.builder, e.loc, scores, at);
      // Rounded, as scores that are stored are.
      score = e.toFloat(e.toFloat(score, scorer.scoreType), scorer.wide);
      return keyOf(e, score, op.getMask(), group.batch, row, token);
    });
  };
  auto selectGroup = [&](Emitter &e, const Group &group, Value part) -> Value {
    OpFoldResult last = e.sub(e.add(OpFoldResult(group.row), group.count), one);
    Values state = scorer.forTiles(
        e, group, endOfRow(e, last),
        KeyCollector::createState(e, key, k, scorer.group),
        [&](Emitter &e, Value first, OpFoldResult size, Value products,
            ValueRange carried) {
          return e.loop(group.count, carried, [&](Value i, ValueRange state) {
            KeyCollector best(e, key, k, state, i);
            collect(e, group, i, first, size, products, best);
            return best.getState(e);
          });
        });
    state.push_back(part);
    auto write = [&](Value i, ValueRange carried) {
      KeyCollector best(e, key, k, carried.drop_back(), i);
      OpFoldResult at = e.add(OpFoldResult(group.at), OpFoldResult(i));
      MixedSizes offsets{at, zero}, extents{one, e.size(k)};
      Value into = e.slice(carried.back(), offsets, extents, {}, {0});
      Value indices = e.parallel(best.take(e), e.map(1, {0}), Values{into},
                                 [&](Emitter &e, ValueRange x) -> Values {
                                   return {decodeKey(e, x[0])};
                                 })[0];
      Values next = best.getState(e);
      next.push_back(e.insert(indices, carried.back(), offsets, extents));
      return next;
    };
    return e.loop(group.count, state, write).back();
  };
  Value result = e.empty({e.mul(scorer.batch, scorer.rows), e.size(k)},
                         rewriter.getI32Type());
  result = scorer.forGroups(e, result, selectGroup);
  result =
      e.expand(result, {{0, 1}, {2}}, {scorer.batch, scorer.rows, e.size(k)});
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

void fulgur::populateDecomposeSelectionPatterns(RewritePatternSet &patterns) {
  patterns.add(decomposeLightningIndexer);
  patterns.add(decomposeIndexSelect);
  patterns.add(decomposeSelectTokens);
}
