//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The best k of a row, in a heap of keys.
//
//===----------------------------------------------------------------------===//
#include "lib/Support/TopK.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

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

Value fulgur::emitTopK(Emitter &e, Type key, OpFoldResult k, OpFoldResult end,
                       function_ref<Value(Value element)> getKey) {
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
