//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A block selects for one query. The key of a token is its score, in unsigned
// order, and then its number, so no two are equal (lib/Support/TopK.h), and one
// key parts the best k from the rest. It is found digit by digit, from the
// highest: the threads count the keys that begin with what is known by their
// next digit, and the digit is the one in which the k-th falls (radix
// selection). Mostly a few digits do: as soon as all keys of a digit are
// wanted, the rest of the key is 0. The keys from there on are then sorted in
// shared memory, the best first, by a bitonic network.
//
// Scores are read once for each digit, from the L2 cache.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/SelectTokens.h"

#include "lib/Support/TopK.h"
#include "passes/LowerToGPU/Kernels/Kernels.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;
using Compare = arith::CmpIPredicate;

static constexpr int64_t selectThreads = 512;
static constexpr int64_t digitBits = 8, digits = 1 << digitBits;
static constexpr int64_t keyBits = 64;
/// Keys that fit into shared memory beside the counters.
static constexpr int64_t maxKeys = 4096;

void fulgur::checkSelectTokensKernel(
    Operation *op, llvm::function_ref<void(const Twine &)> miss) {
  auto select = cast<SelectTokensOp>(op);
  if (elementType(select.getScores()).isF64())
    miss("keys of f64 scores have more than 64 bits");
  else
    checkSelection(select.getK(), miss);
}

void fulgur::checkSelection(int64_t k, function_ref<void(const Twine &)> miss) {
  if (k > maxKeys)
    miss("expected at most " + Twine(maxKeys) + " tokens, but got " + Twine(k));
}

namespace {
/// The code of one block.
class Selection {
public:
  Selection(KernelEmitter &e, int64_t k, bool causal, ValueRange arguments,
            ValueRange shared);

  void write();

private:
  Value number(int64_t value) {
    return e.number(value, e.builder.getI64Type());
  }
  Value keyOf(Value token);
  void forKeys(function_ref<void(Value key)> body);
  void findThreshold();
  void findDigit(Value shift);
  void collect();
  void sort();

  KernelEmitter &e;
  int64_t k, room;
  bool isCausal;
  Value scores, mask, result;
  /// Shared: keys that begin with what is known, by their next digit; the best
  /// keys; the threshold as far as it is known, how many keys of its last digit
  /// are wanted, and how many keys are collected.
  Value counters, keys, threshold, wanted, collected;
  Value batch, row, end;
};
} // namespace

Selection::Selection(KernelEmitter &e, int64_t k, bool causal,
                     ValueRange arguments, ValueRange shared)
    : e(e), k(k), room(llvm::PowerOf2Ceil(k)), isCausal(causal),
      scores(arguments.front()), result(arguments.back()), counters(shared[0]),
      keys(shared[1]), threshold(shared[2]), wanted(shared[3]),
      collected(shared[4]) {
  if (arguments.size() == 3)
    mask = arguments[1];
  Value rows = memref::DimOp::create(e.builder, e.loc, scores, 1);
  Value tokens = memref::DimOp::create(e.builder, e.loc, scores, 2);
  batch = e.divui(e.block(), rows);
  row = e.remui(e.block(), rows);
  // Query s sees the tokens t <= T - S + s.
  end =
      isCausal ? e.addi(e.addi(e.subi(tokens, rows), row), e.index(1)) : tokens;
}

/// The key of `token`, 0 if it is hidden.
Value Selection::keyOf(Value token) {
  Type wide = e.builder.getF32Type();
  Value score = e.toFloat(e.load(scores, {batch, row, token}), wide);
  Value hides;
  if (mask) {
    Values at{batch, row, token};
    auto type = cast<MemRefType>(mask.getType());
    for (auto [axis, index] : llvm::enumerate(at))
      if (type.getDimSize(axis) == 1)
        index = e.index(0);
    hides = e.load(mask, at);
  }
  return encodeToken(e, score, hides, token);
}

/// Runs `body` for this thread's share of the tokens that are not hidden.
void Selection::forKeys(function_ref<void(Value)> body) {
  e.share(end, [&](Value token) {
    Value key = keyOf(token);
    e.ifTrue(e.compare(Compare::ne, key, number(0)), [&] { body(key); });
  });
}

/// Thread 0 adds up the counters from the greatest digit on, until the keys
/// suffice.
void Selection::findDigit(Value shift) {
  Value none = e.index(0), zero = e.number(0, e.builder.getI32Type());
  Value need = e.load(wanted, none);
  // Digit and keys above it; both stay as they are once the digit is found.
  Value found =
      arith::ConstantOp::create(e.builder, e.loc, e.builder.getBoolAttr(false));
  Values digit = e.repeat(
      e.index(0), e.index(digits), e.index(1), {found, number(0), zero, zero},
      [&](Value i, ValueRange carried) -> Values {
        Value down = e.subi(e.index(digits - 1), i);
        Value count = e.load(counters, down);
        Value sum = e.addi(carried[2], count);
        Value here = e.compare(Compare::uge, sum, need);
        Value now = e.select(carried[0], carried[0], here);
        Value number = arith::IndexCastOp::create(e.builder, e.loc,
                                                  e.builder.getI64Type(), down);
        return {now, e.select(carried[0], carried[1], number),
                e.select(now, carried[2], sum),
                e.select(carried[0], carried[3], count)};
      });
  e.ifTrue(digit[0], [&] {
    Value above = e.load(threshold, none);
    Value part = arith::ShLIOp::create(e.builder, e.loc, digit[1], shift);
    e.store(arith::OrIOp::create(e.builder, e.loc, above, part), threshold,
            none);
    // All keys of the digit are wanted: nothing is left to find.
    Value left = e.subi(need, digit[2]);
    Value done = e.compare(Compare::eq, left, digit[3]);
    e.store(e.select(done, zero, left), wanted, none);
  });
  // Not as many are visible: all are wanted, and 1 is the least key.
  Value all = arith::XOrIOp::create(
      e.builder, e.loc, digit[0],
      arith::ConstantOp::create(e.builder, e.loc, e.builder.getBoolAttr(true)));
  e.ifTrue(all, [&] {
    e.store(number(1), threshold, none);
    e.store(zero, wanted, none);
  });
}

void Selection::findThreshold() {
  Value none = e.index(0), zero = e.number(0, e.builder.getI32Type());
  Value one = e.number(1, e.builder.getI32Type());
  Value first = e.compare(Compare::eq, e.thread(), none);
  e.ifTrue(first, [&] {
    e.store(number(0), threshold, none);
    e.store(e.number(k, e.builder.getI32Type()), wanted, none);
    e.store(zero, collected, none);
  });
  e.barrier();
  e.repeat(
      none, e.index(keyBits / digitBits), e.index(1), {},
      [&](Value round, ValueRange) -> Values {
        // Every thread reads the same, so all or none take the branch.
        Value open = e.compare(Compare::ne, e.load(wanted, none), zero);
        e.ifTrue(open, [&] {
          Value turn = arith::IndexCastOp::create(
              e.builder, e.loc, e.builder.getI64Type(), round);
          Value shift = e.subi(number(keyBits - digitBits),
                               e.muli(turn, number(digitBits)));
          e.share(e.index(digits),
                  [&](Value i) { e.store(zero, counters, i); });
          Value known = e.load(threshold, none);
          e.barrier();
          forKeys([&](Value key) {
            // Above the digit nothing may differ; a shift by 64 is no shift.
            Value differs = arith::XOrIOp::create(e.builder, e.loc, key, known);
            Value above = arith::ShRUIOp::create(
                e.builder, e.loc,
                arith::ShRUIOp::create(e.builder, e.loc, differs, shift),
                number(digitBits));
            e.ifTrue(e.compare(Compare::eq, above, number(0)), [&] {
              Value digit = arith::AndIOp::create(
                  e.builder, e.loc,
                  arith::ShRUIOp::create(e.builder, e.loc, key, shift),
                  number(digits - 1));
              e.atomicAdd(one, counters,
                          arith::IndexCastOp::create(
                              e.builder, e.loc, e.builder.getIndexType(), digit)
                              .getResult());
            });
          });
          e.barrier();
          e.ifTrue(first, [&] { findDigit(shift); });
        });
        // The branch has read `wanted`, which the next round's may change.
        e.barrier();
        return {};
      });
}

void Selection::collect() {
  Value none = e.index(0), one = e.number(1, e.builder.getI32Type());
  e.share(e.index(room), [&](Value i) { e.store(number(0), keys, i); });
  e.barrier();
  Value least = e.load(threshold, none);
  forKeys([&](Value key) {
    e.ifTrue(e.compare(Compare::uge, key, least), [&] {
      Value place = e.atomicAdd(one, collected, none);
      e.store(key, keys,
              arith::IndexCastOp::create(e.builder, e.loc,
                                         e.builder.getIndexType(), place)
                  .getResult());
    });
  });
  e.barrier();
}

/// Sorts the keys, the greatest first.
void Selection::sort() {
  for (int64_t size = 2; size <= room; size *= 2)
    for (int64_t distance = size / 2; distance > 0; distance /= 2) {
      e.share(e.index(room / 2), [&](Value i) {
        // The i-th pair of places whose numbers differ in the bit `distance`.
        Value low = e.remui(i, e.index(distance));
        Value a = e.addi(e.muli(e.subi(i, low), e.index(2)), low);
        Value b = e.addi(a, e.index(distance));
        Value first = e.load(keys, a), second = e.load(keys, b);
        // Whole blocks of `size` fall and rise in turn.
        Value falls = e.compare(Compare::eq,
                                e.remui(e.divui(a, e.index(size)), e.index(2)),
                                e.index(0));
        Value less = e.compare(Compare::ult, first, second);
        Value greater = e.compare(Compare::ugt, first, second);
        e.ifTrue(e.select(falls, less, greater), [&] {
          e.store(second, keys, a);
          e.store(first, keys, b);
        });
      });
      e.barrier();
    }
}

void Selection::write() {
  findThreshold();
  collect();
  sort();
  e.share(e.index(k), [&](Value i) {
    e.store(decodeKey(e, e.load(keys, i)), result, {batch, row, i});
  });
}

void fulgur::launchSelection(OpBuilder &host, Location loc,
                             KernelBuilder &builder, Value scores, Value mask,
                             Value result, int64_t k, bool causal) {
  Value rows = countRows(host, loc, result);
  Values arguments{scores};
  if (mask)
    arguments.push_back(mask);
  arguments.push_back(result);
  SmallVector<NamedAttribute> config{
      host.getNamedAttr("k", host.getI64IntegerAttr(k))};
  if (causal)
    config.push_back(host.getNamedAttr("causal", host.getUnitAttr()));
  Type i32 = host.getI32Type(), i64 = host.getI64Type();
  int64_t room = llvm::PowerOf2Ceil(k);
  builder.launch(
      host, loc, "select_tokens", host.getDictionaryAttr(config), arguments,
      {sharedType(digits, i32), sharedType(room, i64), sharedType(1, i64),
       sharedType(1, i32), sharedType(1, i32)},
      selectThreads, rows,
      [&](KernelEmitter &e, ValueRange arguments, ValueRange shared) {
        Selection(e, k, causal, arguments, shared).write();
      });
}

void fulgur::launchSelectTokensKernel(CallKernelOp call,
                                      KernelBuilder &builder) {
  ValueRange inputs = call.getInputs();
  OpBuilder host(call);
  launchSelection(host, call.getLoc(), builder, inputs[0],
                  inputs.size() == 2 ? inputs[1] : Value(), call.getInits()[0],
                  call.getConfig().getAs<IntegerAttr>("k").getInt(),
                  call.getConfig().contains("causal"));
}
