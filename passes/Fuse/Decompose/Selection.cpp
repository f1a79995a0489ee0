//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Decomposes the lightning indexer and the selection of tokens.
//
// The selection keeps the best k of a row in a heap whose root is the worst of
// them, so a token that is not among them costs one comparison, and one that is
// costs log k. A token is one unsigned integer, its key:
//
//   high bits: the score, mapped so that unsigned order is the order of floats
//   low 32 bits: the complement of the token's index
//
// A greater key is a better token, and of equal scores the lower index. Key 0
// is no token at all, since even −inf maps above it: a hidden token gets key 0,
// is never better than the root, and fills what is left of a row.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/Support/Emitter.h"
#include "passes/Fuse/Decompose/Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

/// One query at a time, so that the products of all heads are never in memory
/// for more than one.
static LogicalResult decomposeLightningIndexer(LightningIndexerOp op,
                                               PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value query = op.getQuery(), key = op.getKey(), weights = op.getWeights();
  Type type = elementType(query), wide = accumulatorType(type);
  MixedSizes q = e.sizes(query);
  OpFoldResult batch = q[0], rows = q[1], heads = q[2], width = q[3];
  OpFoldResult tokens = e.size(key, 1), zero = e.size(0), one = e.size(1);
  double scale = op.getScale().convertToDouble();
  Value keys = e.permute(key, {0, 2, 1}, type);
  Value scores = e.empty({batch, rows, tokens}, type);
  scores = e.loop(rows, scores, [&](Value row, Value carried) {
    OpFoldResult at = row;
    Value one1 = e.slice(query, {zero, at, zero, zero},
                         {batch, one, heads, width}, {}, {1});
    Value raw = e.matmul(one1, keys, e.filled({batch, heads, tokens}, wide, 0));
    Value weight =
        e.slice(weights, {zero, at, zero}, {batch, one, heads}, {}, {1});
    Value total =
        e.reduce({raw, weight}, {e.map(3, {0, 1, 2}), e.map(3, {0, 1})},
                 e.filled({batch, tokens}, wide, 0), 1,
                 [&](Emitter &e, ValueRange x) -> Values {
                   Value score = arith::MulFOp::create(e.builder, e.loc, x[0],
                                                       e.real(scale, wide));
                   Value positive = arith::MaximumFOp::create(
                       e.builder, e.loc, score, e.real(0, wide));
                   Value part = arith::MulFOp::create(
                       e.builder, e.loc, positive, e.toFloat(x[1], wide));
                   return {arith::AddFOp::create(e.builder, e.loc, x[2], part)};
                 });
    MixedSizes offsets{zero, at, zero}, sizes{batch, one, tokens};
    Value into = e.slice(carried, offsets, sizes, {}, {1});
    Value result = e.parallel(total, e.map(2, {0, 1}), Values{into},
                              [&](Emitter &e, ValueRange x) -> Values {
                                return {e.toFloat(x[0], type)};
                              })[0];
    return e.insert(result, carried, offsets, sizes);
  });
  rewriter.replaceOp(op, e.cast(scores, op.getType()));
  return success();
}

static LogicalResult decomposeIndexSelect(IndexSelectOp op,
                                          PatternRewriter &rewriter) {
  auto query = cast<RankedTensorType>(op.getQuery().getType());
  auto key = cast<RankedTensorType>(op.getKey().getType());
  auto type = RankedTensorType::get(
      {query.getDimSize(0), query.getDimSize(1), key.getDimSize(1)},
      query.getElementType());
  Value scores = LightningIndexerOp::create(rewriter, op.getLoc(), type,
                                            op.getQuery(), op.getKey(),
                                            op.getWeights(), op.getScaleAttr());
  rewriter.replaceOpWithNewOp<SelectTokensOp>(op, op.getType(), scores,
                                              op.getMask(), op.getKAttr(),
                                              op.getCausalAttr());
  return success();
}

namespace {
/// Emits a heap of keys: heap[0] is the least, and no child is less than its
/// parent.
struct Heap {
  Emitter &e;
  Type key;

  Value constant(int64_t value) {
    return arith::ConstantOp::create(e.builder, e.loc,
                                     e.builder.getIntegerAttr(key, value));
  }
  Value less(Value a, Value b) {
    return arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::ult, a,
                                 b);
  }
  Value at(Value heap, Value index) {
    return tensor::ExtractOp::create(e.builder, e.loc, heap, index);
  }
  Value put(Value item, Value heap, Value index) {
    return tensor::InsertOp::create(e.builder, e.loc, item, heap, index);
  }
  Value siftDown(Value heap, Value item, Value size);
};
} // namespace

/// Puts `item` in place of the root: moves up the lesser child of the hole
/// while that is less than `item`.
Value Heap::siftDown(Value heap, Value item, Value size) {
  Type index = e.builder.getIndexType();
  Value one = e.index(1), two = e.index(2), root = e.index(0);
  auto loop = scf::WhileOp::create(
      e.builder, e.loc, TypeRange{heap.getType(), index, index, key},
      ValueRange{heap, root},
      [&](OpBuilder &nested, Location loc, ValueRange args) {
        Emitter inner(nested, loc);
        Heap h{inner, key};
        Value twice = arith::MulIOp::create(nested, loc, args[1], two);
        Value left = arith::AddIOp::create(nested, loc, twice, one);
        Value right = arith::AddIOp::create(nested, loc, twice, two);
        // A child that does not exist is one that is not read.
        auto valid = [&](Value child) -> Value {
          return arith::CmpIOp::create(nested, loc, arith::CmpIPredicate::ult,
                                       child, size);
        };
        auto read = [&](Value child, Value exists) -> Value {
          Value safe =
              arith::SelectOp::create(nested, loc, exists, child, root);
          return h.at(args[0], safe);
        };
        Value hasLeft = valid(left), hasRight = valid(right);
        Value leftKey = read(left, hasLeft), rightKey = read(right, hasRight);
        Value rightLess = arith::AndIOp::create(nested, loc, hasRight,
                                                h.less(rightKey, leftKey));
        Value child =
            arith::SelectOp::create(nested, loc, rightLess, right, left);
        Value childKey =
            arith::SelectOp::create(nested, loc, rightLess, rightKey, leftKey);
        Value go =
            arith::AndIOp::create(nested, loc, hasLeft, h.less(childKey, item));
        scf::ConditionOp::create(nested, loc, go,
                                 ValueRange{args[0], args[1], child, childKey});
      },
      [&](OpBuilder &nested, Location loc, ValueRange args) {
        Emitter inner(nested, loc);
        Heap h{inner, key};
        Value moved = h.put(args[3], args[0], args[1]);
        scf::YieldOp::create(nested, loc, ValueRange{moved, args[2]});
      });
  return put(item, loop.getResult(0), loop.getResult(1));
}

namespace {
/// The key of a token, see the head of this file.
struct Key {
  Type type;
  unsigned scoreBits;

  explicit Key(Type wide) {
    scoreBits = wide.getIntOrFloatBitWidth();
    // 64-bit scores need 96-bit keys.
    type = IntegerType::get(wide.getContext(), scoreBits == 32 ? 64 : 128);
  }
  Value encode(Emitter &e, Value score, Value token) const;
  Value decode(Emitter &e, Value key) const;
};
} // namespace

Value Key::encode(Emitter &e, Value score, Value token) const {
  OpBuilder &b = e.builder;
  Location loc = e.loc;
  Type wide = score.getType(), bits = b.getIntegerType(scoreBits);
  // NaN counts as −inf, and −0 as +0.
  Value nan =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, score, score);
  Value lowest = e.real(-std::numeric_limits<double>::infinity(), wide);
  score = arith::SelectOp::create(b, loc, nan, lowest, score);
  Value zero = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, score,
                                     e.real(0, wide));
  score = arith::SelectOp::create(b, loc, zero, e.real(0, wide), score);
  // Negative floats: all bits flip. Others: the sign bit does.
  Value raw = arith::BitcastOp::create(b, loc, bits, score);
  auto constant = [&](APInt value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getIntegerAttr(bits, value));
  };
  Value spread = arith::ShRSIOp::create(
      b, loc, raw, constant(APInt(scoreBits, scoreBits - 1)));
  Value flip = arith::OrIOp::create(b, loc, spread,
                                    constant(APInt::getSignMask(scoreBits)));
  Value ordered = arith::XOrIOp::create(b, loc, raw, flip);
  Value high = arith::ExtUIOp::create(b, loc, type, ordered);
  Value shift = arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, 32));
  high = arith::ShLIOp::create(b, loc, high, shift);
  Value index = arith::IndexCastOp::create(b, loc, b.getI32Type(), token);
  Value ones = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(-1));
  Value low = arith::ExtUIOp::create(
      b, loc, type, arith::XOrIOp::create(b, loc, index, ones).getResult());
  return arith::OrIOp::create(b, loc, high, low);
}

Value Key::decode(Emitter &e, Value key) const {
  OpBuilder &b = e.builder;
  Value none = arith::ConstantOp::create(b, e.loc, b.getIntegerAttr(type, 0));
  Value absent =
      arith::CmpIOp::create(b, e.loc, arith::CmpIPredicate::eq, key, none);
  Value ones = arith::ConstantOp::create(b, e.loc, b.getI32IntegerAttr(-1));
  Value low = arith::TruncIOp::create(b, e.loc, b.getI32Type(), key);
  Value index = arith::XOrIOp::create(b, e.loc, low, ones);
  return arith::SelectOp::create(b, e.loc, absent, ones, index);
}

/// The key of token (batch, row, token), 0 if the mask hides it.
static Value keyOf(Emitter &e, SelectTokensOp op, const Key &keys, Type wide,
                   Value batch, Value row, Value token) {
  Value at[] = {batch, row, token};
  Value score = e.toFloat(
      tensor::ExtractOp::create(e.builder, e.loc, op.getScores(), at), wide);
  if (!op.getMask())
    return keys.encode(e, score, token);
  auto maskType = cast<RankedTensorType>(op.getMask().getType());
  for (auto [dim, index] : llvm::enumerate(at))
    if (maskType.getDimSize(dim) == 1)
      index = e.index(0);
  Value mask = tensor::ExtractOp::create(e.builder, e.loc, op.getMask(), at);
  Value seen = mask;
  if (!mask.getType().isInteger(1)) {
    mask = e.toFloat(mask, wide);
    score = arith::AddFOp::create(e.builder, e.loc, score, mask);
    seen = arith::CmpFOp::create(e.builder, e.loc, arith::CmpFPredicate::UGT,
                                 score, e.real(-1e30, wide));
  }
  Value none = arith::ConstantOp::create(
      e.builder, e.loc, e.builder.getIntegerAttr(keys.type, 0));
  return arith::SelectOp::create(e.builder, e.loc, seen,
                                 keys.encode(e, score, token), none);
}

static LogicalResult decomposeSelectTokens(SelectTokensOp op,
                                           PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value scores = op.getScores();
  Type wide = accumulatorType(elementType(scores));
  Key keys(wide);
  Heap heaps{e, keys.type};
  int64_t k = op.getK();
  MixedSizes sizes = e.sizes(scores);
  OpFoldResult zero = e.size(0), one = e.size(1), count = e.size(k);
  OpFoldResult surplus = e.sub(sizes[2], sizes[1]);
  Value result = e.empty({sizes[0], sizes[1], count}, rewriter.getI32Type());

  auto selectRow = [&](Value batch, Value row, Value carried) {
    Value heap = linalg::FillOp::create(rewriter, e.loc, heaps.constant(0),
                                        e.empty({count}, keys.type))
                     .getResult(0);
    OpFoldResult end = sizes[2];
    if (op.getCausal()) // tokens 0 … T−S+s
      end = e.add(e.add(surplus, OpFoldResult(row)), one);
    Value width = e.index(k);
    heap = e.loop(end, heap, [&](Value token, Value heap) -> Value {
      Value key = keyOf(e, op, keys, wide, batch, row, token);
      Value better = heaps.less(heaps.at(heap, e.index(0)), key);
      auto choice = scf::IfOp::create(
          rewriter, e.loc, better,
          [&](OpBuilder &nested, Location loc) {
            Emitter inner(nested, loc);
            Value next = Heap{inner, keys.type}.siftDown(heap, key, width);
            scf::YieldOp::create(nested, loc, next);
          },
          [&](OpBuilder &nested, Location loc) {
            scf::YieldOp::create(nested, loc, heap);
          });
      return choice.getResult(0);
    });
    // Moves the worst behind the others until the best is first.
    heap = e.loop(e.size(k - 1), heap, [&](Value step, Value heap) -> Value {
      Value last = arith::SubIOp::create(rewriter, e.loc, e.index(k - 1), step);
      Value worst = heaps.at(heap, e.index(0)), item = heaps.at(heap, last);
      heap = heaps.put(worst, heap, last);
      return heaps.siftDown(heap, item, last);
    });
    MixedSizes offsets{batch, row, zero}, extents{one, one, count};
    Value into = e.slice(carried, offsets, extents, {}, {0, 1});
    Value indices = e.parallel(heap, e.map(1, {0}), Values{into},
                               [&](Emitter &e, ValueRange x) -> Values {
                                 return {keys.decode(e, x[0])};
                               })[0];
    return e.insert(indices, carried, offsets, extents);
  };
  result = e.loop(sizes[0], result, [&](Value batch, Value outer) {
    return e.loop(sizes[1], outer, [&](Value row, Value inner) {
      return selectRow(batch, row, inner);
    });
  });
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

void fulgur::populateDecomposeSelectionPatterns(RewritePatternSet &patterns) {
  patterns.add(decomposeLightningIndexer);
  patterns.add(decomposeIndexSelect);
  patterns.add(decomposeSelectTokens);
}
