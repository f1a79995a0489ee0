//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Decomposes the experts from the tokens to the sum, without an array that has
// a row for each pair of a token and an expert:
//
//   per_token: for each token, for each of its experts
//                result[token] += (w · swiglu(x[token] · gate, up)) · down
//   grouped:   sort the pairs by expert
//              for each expert, for each block of its rows
//                copy the rows of x that it needs, a block
//                block of products = (w · swiglu(rows · gate, up)) · down
//                result[token of each row] += its product
//
// The weight of a pair is a factor of what `down` multiplies, which is linear.
// So the product of one row is added to the result where it is computed, and
// that of a block needs no second pass over weights.
//
// Loops over experts and rows are in order, and what threads share is inside of
// them: whatever the number of threads, a sum has one order.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Fuse/Decompose/Experts.h"
#include "passes/Fuse/Decompose/Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

/// Rows of an expert at a time. Its weights are read again for each block, so
/// that there has to be arithmetic enough beside the reading: 2 · 120
/// operations a number are. Whole tiles of 6 and of 12 rows
/// (LowerMatmul/KernelWriter.cpp).
static constexpr int64_t blockRows = 120;

namespace {
/// The buffers of a block of rows. Loops carry them, so that two of one type
/// are two: a tensor.empty is none's own.
struct RowBlock {
  Value hidden;     // [B, I]
  Values projected; // [B, 2·I], or two [B, I]

  explicit RowBlock(ValueRange values)
      : hidden(values.front()), projected(values.drop_front()) {}
  Values values() const {
    Values all{hidden};
    llvm::append_range(all, projected);
    return all;
  }
};

class Decomposition {
public:
  Decomposition(Emitter &e, ExpertsOp op);

  Value perToken();
  Value grouped();

private:
  RowBlock makeBlock(OpFoldResult rows);
  Value matrixOf(Value stack, Value expert);
  Value multiply(Value lhs, Value matrix, bool transposed, Value init);
  Value hiddenOf(RowBlock &block, Value rows, Value expert, Value factors);
  Value gather(Value into, Value sources, Value first);
  Value gatherFactors(Value into, Value sources, Value first);
  Value scatter(Value into, Value rows, Value sources, Value first);
  Value pairOf(Value sources, Value first, Value row);
  Value tokenOf(Value sources, Value first, Value row);

  Emitter &e;
  ExpertsOp op;
  Type type, wide;
  OpFoldResult tokens, places, count; // N, k, X
  OpFoldResult width, inner, outer;   // K, I, D
  OpFoldResult zero, one;
};
} // namespace

Decomposition::Decomposition(Emitter &e, ExpertsOp op)
    : e(e), op(op), type(elementType(op.getInput())),
      wide(accumulatorType(type)), tokens(e.size(op.getExperts(), 0)),
      places(e.size(op.getExperts(), 1)), count(e.size(op.getDown(), 0)),
      width(e.size(op.getInput(), 1)),
      inner(e.size(op.getDown(), op.getDownTransposed() ? 2 : 1)),
      outer(e.size(op.getDown(), op.getDownTransposed() ? 1 : 2)),
      zero(e.size(0)), one(e.size(1)) {}

RowBlock Decomposition::makeBlock(OpFoldResult rows) {
  Values buffers{e.empty({rows, inner}, type)};
  for (Value stack : op.getGateUp())
    buffers.push_back(
        e.empty({rows, e.size(stack, op.getTransposed() ? 1 : 2)}, wide));
  return RowBlock(buffers);
}

Value Decomposition::matrixOf(Value stack, Value expert) {
  MixedSizes sizes = e.sizes(stack);
  sizes[0] = one;
  return e.slice(stack, {expert, zero, zero}, sizes, {}, {0});
}

Value Decomposition::multiply(Value lhs, Value matrix, bool transposed,
                              Value init) {
  return transposed ? e.matmulTransposed(lhs, matrix, init)
                    : e.matmul(lhs, matrix, init);
}

/// factors[r] · swiglu(rows[r] · gate, rows[r] · up) of one expert, in the
/// block's buffer.
Value Decomposition::hiddenOf(RowBlock &block, Value rows, Value expert,
                              Value factors) {
  MixedSizes at{zero, zero}, sizes{e.size(rows, 0), inner};
  auto sizesOf = [&](Value buffer) {
    return MixedSizes{sizes[0], e.size(buffer, 1)};
  };
  Values sums;
  for (auto [stack, buffer] : llvm::zip_equal(op.getGateUp(), block.projected))
    sums.push_back(multiply(rows, matrixOf(stack, expert), op.getTransposed(),
                            e.fill(e.slice(buffer, at, sizesOf(buffer)), 0)));
  Values parts = sums;
  if (!op.hasTwoStacks()) {
    Value both = parts[0];
    parts = {e.slice(both, at, sizes), e.slice(both, {zero, inner}, sizes)};
    if (op.getUpFirst())
      std::swap(parts[0], parts[1]);
  }
  AffineMap matrix = e.map(2, {0, 1});
  Value hidden = e.parallel(
      {parts[0], parts[1], factors}, {matrix, matrix, e.map(2, {0})},
      Values{e.slice(block.hidden, at, sizes)},
      [&](Emitter &e, ValueRange x) -> Values {
        OpBuilder &b = e.builder;
        Value minus = arith::NegFOp::create(b, e.loc, x[0]);
        Value decay = math::ExpOp::create(b, e.loc, minus);
        Value sum = arith::AddFOp::create(b, e.loc, e.real(1, wide), decay);
        Value silu = arith::DivFOp::create(b, e.loc, x[0], sum);
        Value gated = arith::MulFOp::create(b, e.loc, silu, x[1]);
        Value factor = e.toFloat(x[2], wide);
        Value scaled = arith::MulFOp::create(b, e.loc, gated, factor);
        return {e.toFloat(scaled, type)};
      })[0];
  // Behind all that reads parts of them.
  for (auto [sum, buffer] : llvm::zip_equal(sums, block.projected))
    buffer = e.insert(sum, buffer, at, sizesOf(buffer));
  block.hidden = e.insert(hidden, block.hidden, at, sizes);
  return hidden;
}

Value Decomposition::perToken() {
  Values state{e.filled({tokens, outer}, wide, 0)};
  llvm::append_range(state, makeBlock(one).values());
  return e.loop(tokens, state, [&](Value token, ValueRange carried) {
    MixedSizes at{token, zero}, sizes{one, outer};
    Value row = e.slice(op.getInput(), at, {one, width});
    Values inside{e.slice(carried[0], at, sizes)};
    llvm::append_range(inside, carried.drop_front());
    inside = e.loop(places, inside, [&](Value place, ValueRange partial) {
      RowBlock block(partial.drop_front());
      Value expert = loadIndex(e, op.getExperts(), {token, place});
      Value factor =
          e.slice(op.getWeights(), {token, place}, {one, one}, {}, {1});
      Values next{multiply(hiddenOf(block, row, expert, factor),
                           matrixOf(op.getDown(), expert),
                           op.getDownTransposed(), partial[0])};
      llvm::append_range(next, block.values());
      return next;
    });
    inside[0] = e.insert(inside[0], carried[0], at, sizes);
    return inside;
  })[0];
}

/// The pair of row `row` of a block that begins at `first`.
Value Decomposition::pairOf(Value sources, Value first, Value row) {
  return loadIndex(e, sources, e.index(e.add(first, row)));
}

Value Decomposition::tokenOf(Value sources, Value first, Value row) {
  return e.index(e.div(pairOf(sources, first, row), places));
}

/// The rows of tokens, to those of `into`.
Value Decomposition::gather(Value into, Value sources, Value first) {
  return e.loop(e.size(into, 0), into, [&](Value r, Value carried) {
    Value token = tokenOf(sources, first, r);
    Value row = e.slice(op.getInput(), {token, zero}, {one, width});
    return e.copyInto(row, carried, {r, zero});
  });
}

/// The weights of pairs.
Value Decomposition::gatherFactors(Value into, Value sources, Value first) {
  return e.loop(e.size(into, 0), into, [&](Value r, Value carried) -> Value {
    Value pair = pairOf(sources, first, r);
    Value at[] = {e.index(e.div(pair, places)), e.index(e.rem(pair, places))};
    Value weight =
        tensor::ExtractOp::create(e.builder, e.loc, op.getWeights(), at);
    return tensor::InsertOp::create(e.builder, e.loc, weight, carried, r);
  });
}

/// Adds `rows` to those of their tokens.
Value Decomposition::scatter(Value into, Value rows, Value sources,
                             Value first) {
  MixedSizes sizes{one, outer};
  AffineMap matrix = e.map(2, {0, 1});
  return e.loop(e.size(rows, 0), into, [&](Value r, Value carried) {
    MixedSizes at{tokenOf(sources, first, r), zero};
    Value row = e.slice(rows, {r, zero}, sizes);
    Value sum = e.slice(carried, at, sizes);
    sum = e.parallel({row, sum}, {matrix, matrix}, Values{sum},
                     [](Emitter &e, ValueRange x) -> Values {
                       return {
                           arith::AddFOp::create(e.builder, e.loc, x[1], x[0])};
                     })[0];
    return e.insert(sum, carried, at, sizes);
  });
}

Value Decomposition::grouped() {
  SortedPairs sorted = sortByExpert(e, op.getExperts(), count);
  // A router gives a token an expert once, so that no expert has more rows than
  // there are tokens.
  OpFoldResult most = e.max(e.min(tokens, e.size(blockRows)), one);
  Values state{e.filled({tokens, outer}, wide, 0), e.empty({most, width}, type),
               e.empty({most}, elementType(op.getWeights())),
               e.empty({most, outer}, wide)};
  llvm::append_range(state, makeBlock(most).values());
  return e.loop(count, state, [&](Value expert, ValueRange carried) {
    Value begin = loadIndex(e, sorted.offsets, expert);
    Value end = loadIndex(e, sorted.offsets, e.index(e.add(expert, one)));
    OpFoldResult own = e.sub(end, begin);
    OpFoldResult blocks = e.div(e.add(own, e.sub(most, one)), most);
    // No rows, no block, and no reading. The blocks of an expert are about as
    // long as each other.
    return e.loop(blocks, carried, [&](Value i, ValueRange x) {
      OpFoldResult from = e.div(e.mul(own, i), blocks);
      OpFoldResult to = e.div(e.mul(own, e.add(i, one)), blocks);
      OpFoldResult height = e.sub(to, from);
      Value first = e.index(e.add(begin, from));
      MixedSizes at{zero, zero}, left{height, width}, right{height, outer};
      Value rows = gather(e.slice(x[1], at, left), sorted.sources, first);
      Value factors =
          gatherFactors(e.slice(x[2], {zero}, {height}), sorted.sources, first);
      RowBlock block(x.drop_front(4));
      Value products =
          multiply(hiddenOf(block, rows, expert, factors),
                   matrixOf(op.getDown(), expert), op.getDownTransposed(),
                   e.fill(e.slice(x[3], at, right), 0));
      Values next{scatter(x[0], products, sorted.sources, first),
                  e.insert(rows, x[1], at, left),
                  e.insert(factors, x[2], {zero}, {height}),
                  e.insert(products, x[3], at, right)};
      llvm::append_range(next, block.values());
      return next;
    });
  })[0];
}

static LogicalResult decomposeExperts(ExpertsOp op, PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Decomposition decomposition(e, op);
  Value result = op.getForm() == ExpertsForm::PerToken
                     ? decomposition.perToken()
                     : decomposition.grouped();
  result = e.convert(result, elementType(op.getInput()));
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

void fulgur::populateDecomposeFusedExpertPatterns(RewritePatternSet &patterns) {
  patterns.add(decomposeExperts);
}
