//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The rows of experts, and the way back.
//
// One block sorts the pairs of a token and an expert, by counting. Each warp
// has a range of pairs that follow each other and counters of its own, so a
// pair comes behind those of the warps before, of the same warp before, and of
// the lanes before: the order does not depend on who is first. Then a thread
// copies each piece of a row.
//
// The way back needs the inverse of that order, which a kernel of its own
// writes; then a thread adds up a piece of the row of a token.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/Kernels.h"
#include "passes/LowerToGPU/Kernels/RowEmitter.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;
using Compare = arith::CmpIPredicate;

static constexpr int64_t warpThreads = 32, maxWarps = 16;
/// Counters of all warps that fit into shared memory beside two sums of each
/// expert, and experts for which that leaves a few warps.
static constexpr int64_t maxCounters = 6144, maxExperts = 2048;
static constexpr int64_t invertThreads = 256;

static Value sizeOf(KernelEmitter &e, Value buffer, int64_t axis) {
  return memref::DimOp::create(e.builder, e.loc, buffer, axis);
}

//===----------------------------------------------------------------------===//
// There
//===----------------------------------------------------------------------===//

void fulgur::checkDispatchKernel(Operation *op,
                                 function_ref<void(const Twine &)> miss) {
  int64_t experts = cast<DispatchOp>(op).getNumExperts();
  if (experts > maxExperts)
    miss("expected at most " + Twine(maxExperts) + " experts, but got " +
         Twine(experts));
}

namespace {
/// The code of the block that sorts.
class Sort {
public:
  Sort(KernelEmitter &e, int64_t count, ValueRange arguments,
       ValueRange shared);

  void write();

private:
  using PairsBody = function_ref<void(Value pair, Value isPair, Value expert)>;
  void forPairs(PairsBody body);
  Value shuffle(Value value, Value from);
  void sumUp();
  void place(Value pair, Value isPair, Value expert);

  KernelEmitter &e;
  int64_t count, warps;
  Value experts, sources, offsets;
  /// Shared: of each warp the pairs of each expert, then where the next one of
  /// these goes; sums over experts, twice.
  Value counters, sums;
  Value warp, lane, zero, one;
};
} // namespace

Sort::Sort(KernelEmitter &e, int64_t count, ValueRange arguments,
           ValueRange shared)
    : e(e), count(count), warps(e.threads / warpThreads), experts(arguments[0]),
      sources(arguments[1]), offsets(arguments[2]), counters(shared[0]),
      sums(shared[1]), warp(e.divui(e.thread(), e.index(warpThreads))),
      lane(e.remui(e.thread(), e.index(warpThreads))),
      zero(e.number(0, e.builder.getI32Type())),
      one(e.number(1, e.builder.getI32Type())) {}

/// Runs `body` for the pairs of this warp, one a lane. All lanes get there;
/// those without a pair have one of no expert.
void Sort::forPairs(PairsBody body) {
  Value places = sizeOf(e, experts, 1);
  Value pairs = e.muli(sizeOf(e, experts, 0), places);
  // Whole turns of a warp.
  Value turns = arith::CeilDivUIOp::create(e.builder, e.loc, pairs,
                                           e.index(warps * warpThreads));
  Value own = e.muli(turns, e.index(warpThreads));
  Value begin = e.muli(warp, own), width = e.index(warpThreads);
  Value end =
      arith::MinUIOp::create(e.builder, e.loc, e.addi(begin, own), pairs);
  e.repeat(begin, end, width, {}, [&](Value first, ValueRange) -> Values {
    Value pair = e.addi(first, lane);
    Value isPair = e.compare(Compare::ult, pair, end);
    Value safe = e.select(isPair, pair, first);
    Value expert =
        e.load(experts, {e.divui(safe, places), e.remui(safe, places)});
    Value none = e.number(-1, e.builder.getI32Type());
    body(pair, isPair, e.select(isPair, expert, none));
    return {};
  });
}

Value Sort::shuffle(Value value, Value from) {
  return gpu::ShuffleOp::create(e.builder, e.loc, value, from,
                                e.number(warpThreads, e.builder.getI32Type()),
                                gpu::ShuffleMode::IDX)
      .getShuffleResult();
}

/// From the pairs of each expert, where the pairs of each warp go.
void Sort::sumUp() {
  Value all = e.index(count), none = e.index(0);
  e.share(all, [&](Value expert) {
    Value total = e.repeat(none, e.index(warps), e.index(1), zero,
                           [&](Value warp, ValueRange carried) -> Values {
                             Value own = e.load(counters, {warp, expert});
                             e.store(carried[0], counters, {warp, expert});
                             return {e.addi(carried[0], own)};
                           })[0];
    e.store(total, sums, {none, expert});
  });
  e.barrier();
  // Sums of 2, 4, … experts, from one half of `sums` to the other.
  int64_t half = 0;
  for (int64_t distance = 1; distance < count; distance *= 2, half = 1 - half) {
    Value from = e.index(half), to = e.index(1 - half), by = e.index(distance);
    e.share(all, [&](Value expert) {
      Value has = e.compare(Compare::uge, expert, by);
      Value other = e.select(has, e.subi(expert, by), expert);
      Value more = e.select(has, e.load(sums, {from, other}), zero);
      e.store(e.addi(e.load(sums, {from, expert}), more), sums, {to, expert});
    });
    e.barrier();
  }
  Value from = e.index(half);
  e.share(all, [&](Value expert) {
    Value end = e.load(sums, {from, expert});
    e.store(end, offsets, e.addi(expert, e.index(1)));
    Value isFirst = e.compare(Compare::eq, expert, none);
    Value before = e.select(isFirst, expert, e.subi(expert, e.index(1)));
    Value begin = e.select(isFirst, zero, e.load(sums, {from, before}));
    e.ifTrue(isFirst, [&] { e.store(zero, offsets, none); });
    e.repeat(none, e.index(warps), e.index(1), {},
             [&](Value warp, ValueRange) -> Values {
               Value own = e.load(counters, {warp, expert});
               e.store(e.addi(begin, own), counters, {warp, expert});
               return {};
             });
  });
  e.barrier();
}

/// Writes the pairs of a warp. Of those of one expert, the first lane asks for
/// the places of all.
void Sort::place(Value pair, Value isPair, Value expert) {
  Value own = e.toInteger(lane);
  Values same = e.repeat(
      e.index(0), e.index(warpThreads), e.index(1), {zero, zero, own},
      [&](Value i, ValueRange carried) -> Values {
        Value other = e.toInteger(i);
        Value is = e.compare(Compare::eq, shuffle(expert, other), expert);
        Value isBefore = e.compare(Compare::ult, other, own);
        Value rank = e.select(isBefore, e.addi(carried[0], one), carried[0]);
        Value first = e.select(e.compare(Compare::ult, other, carried[2]),
                               other, carried[2]);
        return {e.select(is, rank, carried[0]),
                e.select(is, e.addi(carried[1], one), carried[1]),
                e.select(is, first, carried[2])};
      });
  Value rank = same[0], total = same[1], first = same[2];
  Value leads = arith::AndIOp::create(e.builder, e.loc, isPair,
                                      e.compare(Compare::eq, rank, zero));
  // The counter is this warp's alone; being atomic, it needs no other order.
  auto ask = scf::IfOp::create(
      e.builder, e.loc, leads,
      [&](OpBuilder &inner, Location) {
        OpBuilder::InsertionGuard guard(e.builder);
        e.builder.setInsertionPointToEnd(inner.getInsertionBlock());
        Value place = e.atomicAdd(total, counters, {warp, e.toIndex(expert)});
        scf::YieldOp::create(e.builder, e.loc, place);
      },
      [&](OpBuilder &inner, Location) {
        scf::YieldOp::create(inner, e.loc, zero);
      });
  Value place = e.addi(shuffle(ask.getResult(0), first), rank);
  e.ifTrue(isPair,
           [&] { e.store(e.toInteger(pair), sources, e.toIndex(place)); });
}

void Sort::write() {
  e.share(e.index(warps * count), [&](Value i) {
    Value width = e.index(count);
    e.store(zero, counters, {e.divui(i, width), e.remui(i, width)});
  });
  e.barrier();
  forPairs([&](Value, Value isPair, Value expert) {
    e.ifTrue(isPair,
             [&] { e.atomicAdd(one, counters, {warp, e.toIndex(expert)}); });
  });
  e.barrier();
  sumUp();
  forPairs([&](Value pair, Value isPair, Value expert) {
    place(pair, isPair, expert);
  });
}

void fulgur::launchDispatchKernel(CallKernelOp call, KernelBuilder &builder) {
  OpBuilder host(call);
  Value input = call.getInputs()[0], experts = call.getInputs()[1];
  Value rows = call.getInits()[0], sources = call.getInits()[1],
        offsets = call.getInits()[2];
  int64_t count = call.getConfig().getAs<IntegerAttr>("num_experts").getInt();
  int64_t warps = std::min(maxWarps, maxCounters / count);
  Type i32 = host.getI32Type();
  std::string name = (call.getKernel() + "_sort").str();
  builder.launch(
      call, name, call.getConfig(), {experts, sources, offsets},
      {sharedType({warps, count}, i32), sharedType({2, count}, i32)},
      warps * warpThreads,
      arith::ConstantIndexOp::create(host, call.getLoc(), 1),
      [&](KernelEmitter &e, ValueRange arguments, ValueRange shared) {
        Sort(e, count, arguments, shared).write();
      });
  launchPieces(
      builder, call, call.getKernel(), {rows, input, sources, experts}, {0, 1},
      [](RowEmitter &e, ValueRange arguments, Value row, Value column) {
        Value pair = e.toIndex(e.load(arguments[2], row));
        Value token = e.divui(pair, sizeOf(e, arguments[3], 1));
        e.storePiece(e.loadPiece(arguments[1], token, column), arguments[0],
                     row, column);
      });
}

//===----------------------------------------------------------------------===//
// Back
//===----------------------------------------------------------------------===//

void fulgur::checkCombineKernel(Operation *,
                                function_ref<void(const Twine &)>) {}

/// The row of each pair.
Values fulgur::makeCombineScratch(Operation *op, Emitter &e) {
  Value sources = cast<CombineOp>(op).getSources();
  return {e.empty(e.size(sources, 0), e.builder.getI32Type())};
}

void fulgur::launchCombineKernel(CallKernelOp call, KernelBuilder &builder) {
  OpBuilder host(call);
  Location loc = call.getLoc();
  Value rows = call.getInputs()[0], sources = call.getInputs()[1],
        weights = call.getInputs()[2];
  Value result = call.getInits()[0], places = call.getInits()[1];
  std::string name = (call.getKernel() + "_invert").str();
  Value pairs = memref::DimOp::create(host, loc, sources, 0);
  Value threads = arith::ConstantIndexOp::create(host, loc, invertThreads);
  builder.launch(
      call, name, call.getConfig(), {sources, places}, {}, invertThreads,
      arith::CeilDivUIOp::create(host, loc, pairs, threads),
      [](KernelEmitter &e, ValueRange arguments, ValueRange) {
        Value row =
            e.addi(e.muli(e.block(), e.index(invertThreads)), e.thread());
        e.ifTrue(e.compare(Compare::ult, row, sizeOf(e, arguments[0], 0)), [&] {
          Value pair = e.toIndex(e.load(arguments[0], row));
          e.store(e.toInteger(row), arguments[1], pair);
        });
      });
  launchPieces(
      builder, call, call.getKernel(), {result, rows, places, weights}, {0, 1},
      [](RowEmitter &e, ValueRange arguments, Value token, Value column) {
        Type element =
            cast<MemRefType>(arguments[0].getType()).getElementType();
        Type wide = accumulatorType(element);
        Value count = sizeOf(e, arguments[3], 1);
        Values none(e.pieces.width, e.real(0, wide));
        Values sums = e.repeat(
            e.index(0), count, e.index(1), none,
            [&](Value j, ValueRange carried) -> Values {
              Value pair = e.addi(e.muli(token, count), j);
              Value row = e.toIndex(e.load(arguments[2], pair));
              Value weight = e.toFloat(e.load(arguments[3], {token, j}), wide);
              Values parts = e.loadPiece(arguments[1], row, column, wide);
              for (auto [part, sum] : llvm::zip_equal(parts, carried))
                part = arith::AddFOp::create(
                    e.builder, e.loc, sum,
                    arith::MulFOp::create(e.builder, e.loc, weight, part));
              return parts;
            });
        e.storePiece(sums, arguments[0], token, column);
      });
}
