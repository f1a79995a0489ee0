//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The best k of a row: a heap of keys, or a buffer that is sorted when full.
//
//===----------------------------------------------------------------------===//
#include "lib/Support/TopK.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <limits>

using namespace mlir;
using namespace fulgur;

/// Keys have the element above 32 bits of index.
Type fulgur::keyType(MLIRContext *context, unsigned bits) {
  return IntegerType::get(context, bits <= 32 ? 64 : 128);
}

Value fulgur::orderedBits(Emitter &e, Value value, bool isUnsigned) {
  OpBuilder &b = e.builder;
  Type type = value.getType();
  unsigned width = type.getIntOrFloatBitWidth();
  Type bits = b.getIntegerType(width);
  auto constant = [&](const APInt &number) -> Value {
    return arith::ConstantOp::create(b, e.loc, b.getIntegerAttr(bits, number));
  };
  Value sign = constant(APInt::getSignMask(width));
  auto real = dyn_cast<FloatType>(type);
  if (!real && isUnsigned)
    return value;
  if (!real)
    return arith::XOrIOp::create(b, e.loc, value, sign);
  Value nan =
      arith::CmpFOp::create(b, e.loc, arith::CmpFPredicate::UNO, value, value);
  Value zero = arith::CmpFOp::create(b, e.loc, arith::CmpFPredicate::OEQ, value,
                                     e.real(0, type));
  Value raw = arith::BitcastOp::create(b, e.loc, bits, value);
  raw = arith::SelectOp::create(b, e.loc, zero, constant(APInt(width, 0)), raw);
  // Negative floats: all bits flip. Others: the sign bit does.
  Value spread =
      arith::ShRSIOp::create(b, e.loc, raw, constant(APInt(width, width - 1)));
  Value flip = arith::OrIOp::create(b, e.loc, spread, sign);
  Value ordered = arith::XOrIOp::create(b, e.loc, raw, flip);
  return arith::SelectOp::create(b, e.loc, nan,
                                 constant(APInt::getMaxValue(width)), ordered);
}

Value fulgur::encodeKey(Emitter &e, Value bits, Value index) {
  OpBuilder &b = e.builder;
  Type type = keyType(b.getContext(), bits.getType().getIntOrFloatBitWidth());
  Value high = arith::ExtUIOp::create(b, e.loc, type, bits);
  high = arith::ShLIOp::create(b, e.loc, high, e.number(32, type));
  Value low = arith::IndexCastOp::create(b, e.loc, b.getI32Type(), index);
  low = arith::XOrIOp::create(b, e.loc, low, e.number(-1, b.getI32Type()));
  low = arith::ExtUIOp::create(b, e.loc, type, low);
  return arith::OrIOp::create(b, e.loc, high, low);
}

Value fulgur::encodeToken(Emitter &e, Value score, Value mask, Value index) {
  OpBuilder &b = e.builder;
  Type wide = score.getType();
  Value seen = mask;
  if (mask && !mask.getType().isInteger(1)) {
    score = arith::AddFOp::create(b, e.loc, score, e.toFloat(mask, wide));
    seen = arith::CmpFOp::create(b, e.loc, arith::CmpFPredicate::UGT, score,
                                 e.real(-1e30, wide));
  }
  // NaN counts as −inf.
  Value nan =
      arith::CmpFOp::create(b, e.loc, arith::CmpFPredicate::UNO, score, score);
  Value lowest = e.real(-std::numeric_limits<double>::infinity(), wide);
  Value safe = arith::SelectOp::create(b, e.loc, nan, lowest, score);
  Value key = encodeKey(e, orderedBits(e, safe, /*isUnsigned=*/false), index);
  if (!seen)
    return key;
  return arith::SelectOp::create(b, e.loc, seen, key,
                                 e.number(0, key.getType()));
}

Value fulgur::decodeKey(Emitter &e, Value key) {
  OpBuilder &b = e.builder;
  Value absent = arith::CmpIOp::create(b, e.loc, arith::CmpIPredicate::eq, key,
                                       e.number(0, key.getType()));
  Value ones = e.number(-1, b.getI32Type());
  Value low = arith::TruncIOp::create(b, e.loc, b.getI32Type(), key);
  Value index = arith::XOrIOp::create(b, e.loc, low, ones);
  return arith::SelectOp::create(b, e.loc, absent, ones, index);
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

//===----------------------------------------------------------------------===//
// Collecting
//===----------------------------------------------------------------------===//

/// Digits of a sort have so many values.
static constexpr int64_t radix = 256;
static constexpr int64_t digitBits = 8;

static Value load(Emitter &e, Value tensor, Value at) {
  return tensor::ExtractOp::create(e.builder, e.loc, tensor, at);
}

static Value store(Emitter &e, Value value, Value tensor, Value at) {
  return tensor::InsertOp::create(e.builder, e.loc, value, tensor, at);
}

static Value increment(Emitter &e, Value index) {
  return arith::AddIOp::create(e.builder, e.loc, index, e.index(1));
}

/// The digit of `item` above its lowest `shift` bits. The greatest digit is 0,
/// so that counting upwards sorts downwards.
static Value digitOf(Emitter &e, Value item, Value shift) {
  Type type = item.getType();
  Value high = arith::ShRUIOp::create(e.builder, e.loc, item, shift);
  Value digit =
      arith::AndIOp::create(e.builder, e.loc, high, e.number(radix - 1, type));
  Value flipped =
      arith::XOrIOp::create(e.builder, e.loc, digit, e.number(radix - 1, type));
  return arith::IndexCastUIOp::create(e.builder, e.loc,
                                      e.builder.getIndexType(), flipped);
}

/// Moves the first `count` items of `from` to `to`, in the order of one digit
/// and of equal ones in the order they are in: the new `to` and `counters`.
static std::pair<Value, Value> sortByDigit(Emitter &e, Value from, Value to,
                                           Value counters, Value count,
                                           Value shift) {
  Value zero = e.index(0);
  Value sums =
      linalg::FillOp::create(e.builder, e.loc, zero, counters).getResult(0);
  sums = e.loop(count, sums, [&](Value i, Value carried) {
    Value digit = digitOf(e, load(e, from, i), shift);
    return store(e, increment(e, load(e, carried, digit)), carried, digit);
  });
  // Where the first item of each digit goes.
  auto starts =
      e.loop(e.size(radix), ValueRange{sums, zero},
             [&](Value digit, ValueRange carried) -> SmallVector<Value> {
               Value own = load(e, carried[0], digit);
               Value next =
                   arith::AddIOp::create(e.builder, e.loc, carried[1], own);
               return {store(e, carried[1], carried[0], digit), next};
             });
  auto moved =
      e.loop(count, ValueRange{to, starts[0]},
             [&](Value i, ValueRange carried) -> SmallVector<Value> {
               Value item = load(e, from, i);
               Value digit = digitOf(e, item, shift);
               Value place = load(e, carried[1], digit);
               return {store(e, item, carried[0], place),
                       store(e, increment(e, place), carried[1], digit)};
             });
  return {moved[0], moved[1]};
}

SmallVector<Value> KeyCollector::createState(Emitter &e, Type key, int64_t k,
                                             OpFoldResult rows) {
  OpFoldResult room = e.size(2 * k);
  return {e.empty({rows, room}, key), e.filled({rows}, e.index(0)),
          e.filled({rows}, e.number(0, key)), e.empty({room}, key),
          e.empty({e.size(radix)}, e.builder.getIndexType())};
}

KeyCollector::KeyCollector(Emitter &e, Type key, int64_t k, ValueRange state,
                           Value row)
    : key(key), k(k), state(state), row(row),
      keys(e.slice(state[0], {row, e.size(0)}, {e.size(1), e.size(2 * k)}, {},
                   {0})),
      count(load(e, state[1], row)), threshold(load(e, state[2], row)),
      spare(state[3]), counters(state[4]) {}

SmallVector<Value> KeyCollector::getState(Emitter &e) {
  return {
      e.insert(keys, state[0], {row, e.size(0)}, {e.size(1), e.size(2 * k)}),
      store(e, count, state[1], row), store(e, threshold, state[2], row), spare,
      counters};
}

/// The keys before the last sort are in order, and later ones have higher
/// indices; so the indices need no sorting, which does not change the order of
/// equal elements.
void KeyCollector::sort(Emitter &e) {
  int64_t bits = key.isInteger(64) ? 32 : 64;
  OpFoldResult pairs = e.size(bits / (2 * digitBits));
  auto sorted = e.loop(
      pairs, ValueRange{keys, spare, counters},
      [&](Value pair, ValueRange carried) -> SmallVector<Value> {
        Value low = e.index(e.add(
            e.size(32), e.mul(OpFoldResult(pair), e.size(2 * digitBits))));
        Value high = e.index(e.add(OpFoldResult(low), e.size(digitBits)));
        auto shift = [&](Value by) -> Value {
          return arith::IndexCastUIOp::create(e.builder, e.loc, key, by);
        };
        auto [there, first] = sortByDigit(e, carried[0], carried[1], carried[2],
                                          count, shift(low));
        auto [back, second] =
            sortByDigit(e, there, carried[0], first, count, shift(high));
        return {back, there, second};
      });
  keys = sorted[0], spare = sorted[1], counters = sorted[2];
}

void KeyCollector::collect(Emitter &e, Value begin, Value end,
                           function_ref<Value(Value element)> getKey) {
  auto next = e.loop(
      begin, end, e.size(1),
      ValueRange{keys, spare, counters, count, threshold},
      [&](Value element, ValueRange carried) -> SmallVector<Value> {
        OpBuilder &b = e.builder;
        Value item = getKey(element);
        // Written in any case, which is faster than to ask first.
        Value keys = store(e, item, carried[0], carried[3]);
        Value better = arith::CmpIOp::create(
            b, e.loc, arith::CmpIPredicate::ugt, item, carried[4]);
        Value more =
            arith::IndexCastUIOp::create(b, e.loc, b.getIndexType(), better);
        Value count = arith::AddIOp::create(b, e.loc, carried[3], more);
        Value full = arith::CmpIOp::create(b, e.loc, arith::CmpIPredicate::eq,
                                           count, e.index(2 * k));
        auto choice = scf::IfOp::create(
            b, e.loc, full,
            [&](OpBuilder &nested, Location loc) {
              Emitter inner(nested, loc);
              KeyCollector all(*this);
              all.keys = keys, all.spare = carried[1];
              all.counters = carried[2], all.count = count;
              all.sort(inner);
              Value worst = load(inner, all.keys, inner.index(k - 1));
              scf::YieldOp::create(nested, loc,
                                   ValueRange{all.keys, all.spare, all.counters,
                                              inner.index(k), worst});
            },
            [&](OpBuilder &nested, Location loc) {
              scf::YieldOp::create(
                  nested, loc,
                  ValueRange{keys, carried[1], carried[2], count, carried[4]});
            });
        return SmallVector<Value>(choice.getResults());
      });
  keys = next[0], spare = next[1], counters = next[2];
  count = next[3], threshold = next[4];
}

Value KeyCollector::take(Emitter &e) {
  sort(e);
  Value best = e.slice(keys, {e.size(0)}, {e.size(k)});
  return e.parallel(best, e.map(1, {0}), {e.size(k)}, key,
                    [&](Emitter &e, ValueRange x) -> SmallVector<Value> {
                      Value i = linalg::IndexOp::create(e.builder, e.loc, 0);
                      Value exists = arith::CmpIOp::create(
                          e.builder, e.loc, arith::CmpIPredicate::ult, i,
                          count);
                      return {arith::SelectOp::create(e.builder, e.loc, exists,
                                                      x[0], e.number(0, key))};
                    });
}

/// Up to so many elements a heap is faster: sorting takes a pass over all
/// values that a digit has.
static constexpr int64_t largestHeap = 64;

/// The same as emitTopK, for many.
static Value collectTopK(Emitter &e, Type key, int64_t k, OpFoldResult end,
                         function_ref<Value(Value element)> getKey) {
  SmallVector<Value> state = KeyCollector::createState(e, key, k, e.size(1));
  KeyCollector best(e, key, k, state, e.index(0));
  best.collect(e, e.index(0), e.index(end), getKey);
  return best.take(e);
}

Value fulgur::emitTopK(Emitter &e, Type key, OpFoldResult k, OpFoldResult end,
                       function_ref<Value(Value element)> getKey) {
  std::optional<int64_t> many = getConstantIntValue(k);
  if (many && *many > largestHeap)
    return collectTopK(e, key, *many, end, getKey);
  Heap heaps{e, key};
  Value heap = e.filled({k}, heaps.constant(0)), width = e.index(k);
  // No root is there to compare with if k is 0.
  if (!getConstantIntValue(k))
    end = arith::SelectOp::create(
              e.builder, e.loc,
              arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::eq,
                                    width, e.index(0)),
              width, e.index(end))
              .getResult();
  else if (isConstantIntValue(k, 0))
    return heap;
  heap = e.loop(end, heap, [&](Value element, Value heap) -> Value {
    Value item = getKey(element);
    Value better = heaps.less(heaps.at(heap, e.index(0)), item);
    auto choice = scf::IfOp::create(
        e.builder, e.loc, better,
        [&](OpBuilder &nested, Location loc) {
          Emitter inner(nested, loc);
          Value next = Heap{inner, key}.siftDown(heap, item, width);
          scf::YieldOp::create(nested, loc, next);
        },
        [&](OpBuilder &nested, Location loc) {
          scf::YieldOp::create(nested, loc, heap);
        });
    return choice.getResult(0);
  });
  // Moves the worst behind the others until the best is first.
  OpFoldResult steps = e.sub(k, e.size(1));
  return e.loop(steps, heap, [&](Value step, Value heap) -> Value {
    Value last = e.index(e.sub(steps, OpFoldResult(step)));
    Value worst = heaps.at(heap, e.index(0)), item = heaps.at(heap, last);
    heap = heaps.put(worst, heap, last);
    return heaps.siftDown(heap, item, last);
  });
}
