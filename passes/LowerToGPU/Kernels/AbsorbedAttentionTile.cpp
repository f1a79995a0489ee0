//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Flash attention by mma.sync. A tile of tokens is read once from global memory
// and serves as keys and as values. Eight warps share it twice:
//
//   scores  4 × 2: each has 16 rows and half of the tokens. Maxima of rows go
//           through shared memory, and so do the weights.
//   mixing  2 × 4: each has 32 rows and a quarter of the latent's columns,
//   whose
//           sums stay in registers all the time.
//
// The copies of a tile run while the one before it is computed.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/AbsorbedAttentionWriter.h"

#include "dialects/Kernel/IR/KernelDialect.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;
using Compare = arith::CmpIPredicate;
using Kernel = AbsorbedAttentionKernel;
using Writer = AbsorbedAttentionWriter;

/// Weights are at most 2 to the power of this, for f16 has to hold them.
static constexpr double lazyExponent = 8;
/// Of a fragment of sums.
static constexpr int64_t fragmentRows = 16, fragmentColumns = 8;

Value Writer::fragmentOf(ValueRange elements) {
  return vector::FromElementsOp::create(e.builder, e.loc,
                                        VectorType::get(4, f32), elements);
}
Value Writer::maximum(Value a, Value b) {
  return arith::MaximumFOp::create(e.builder, e.loc, a, b);
}

/// 2^(exponent − base); base may be −inf, which nothing is relative to.
Value Writer::power(Value exponent, Value base) {
  Value apart = arith::SubFOp::create(e.builder, e.loc, exponent, base);
  return math::Exp2Op::create(e.builder, e.loc, apart,
                              arith::FastMathFlags::afn);
}

/// The scores of 16 rows and half of the tokens, before they are scaled.
Values Writer::multiplyKeys(Value stage) {
  int64_t fragments = kernel.tokens / 2 / fragmentColumns;
  // `count` steps of 16 columns.
  auto multiply = [&](Value column, int64_t count, ValueRange carried) {
    Values sums(carried);
    for (int64_t i = 0; i < count; ++i) {
      Value k = e.addi(column, e.index(16 * i));
      Value a = e.loadA(queryTile, {}, scoreRow, k);
      for (int64_t j = 0; j < fragments; j += 2) {
        Value token = e.addi(scoreToken, e.index(j * fragmentColumns));
        std::array<Value, 2> b = e.loadB(keyTile, stage, token, k);
        sums[j] = e.multiply(a, b[0], sums[j]);
        sums[j + 1] = e.multiply(a, b[1], sums[j + 1]);
      }
    }
    return sums;
  };
  int64_t width = kernel.rank + kernel.rotated, whole = width / 64 * 64;
  Values sums = e.repeat(e.index(0), e.index(whole), e.index(64),
                         Values(fragments, e.zeros()),
                         [&](Value column, ValueRange carried) {
                           return multiply(column, 4, carried);
                         });
  return multiply(e.index(whole), (width - whole) / 16, sums);
}

/// Scales scores to powers of 2; −inf where a row does not see the token.
void Writer::maskScores(Value tile, MutableArrayRef<Value> scores) {
  Value hidden = e.real(-std::numeric_limits<double>::infinity(), f32);
  Value scale = e.real(kernel.scale * M_LOG2E, f32);
  Value own =
      e.addi(scoreToken, e.muli(e.remui(e.lane, e.index(4)), e.index(2)));
  Value first = e.toInteger(e.addi(e.muli(tile, e.index(kernel.tokens)), own));
  auto number = [&](int64_t value) -> Value {
    return arith::ConstantIntOp::create(e.builder, e.loc, value, 32);
  };
  for (auto [j, fragment] : llvm::enumerate(scores)) {
    Values elements(4);
    for (int64_t within = 0; within < 2; ++within) {
      int64_t distance = j * fragmentColumns + within;
      Value exists;
      if (kernel.isSparse)
        exists = e.compare(
            Compare::sge,
            e.load(indexBuffer, {e.remui(tile, e.index(absorbedIndexStages)),
                                 e.addi(own, e.index(distance))}),
            number(0));
      for (int64_t half = 0; half < 2; ++half) {
        Value seen =
            kernel.isSparse
                ? exists
                : e.compare(Compare::slt, e.addi(first, number(distance)),
                            limits[half]);
        elements[2 * half + within] = e.select(
            seen, multiply(element(fragment, half, within), scale), hidden);
      }
    }
    fragment = fragmentOf(elements);
  }
}

/// Turns scores into weights in shared memory. What there was is worth the
/// factors that are stored there, too.
void Writer::weigh(State &state, MutableArrayRef<Value> scores) {
  Value lowest = e.real(-std::numeric_limits<double>::infinity(), f32);
  Value inTile = e.addi(scoreRow, e.divui(e.lane, e.index(4)));
  Value half = e.remui(e.warp, e.index(2));
  Values best(2, lowest);
  for (int64_t i = 0; i < 2; ++i) {
    for (Value fragment : scores)
      for (int64_t within = 0; within < 2; ++within)
        best[i] = maximum(best[i], element(fragment, i, within));
    best[i] =
        combineQuad(best[i], [&](Value a, Value b) { return maximum(a, b); });
  }
  auto rowOf = [&](int64_t i) { return e.addi(inTile, e.index(8 * i)); };
  e.ifTrue(isFirstOfQuad(), [&] {
    for (int64_t i = 0; i < 2; ++i)
      e.store(best[i], maximaBuffer, {half, rowOf(i)});
  });
  e.barrier();
  Values bases, factors;
  for (int64_t i = 0; i < 2; ++i) {
    Value greatest = state.maxima[i];
    for (int64_t other = 0; other < 2; ++other)
      greatest =
          maximum(greatest, e.load(maximaBuffer, {e.index(other), rowOf(i)}));
    // A maximum that is not much greater is not worth to scale all that was.
    Value isGreater = arith::CmpFOp::create(
        e.builder, e.loc, arith::CmpFPredicate::UGT, greatest,
        add(state.maxima[i], e.real(lazyExponent, f32)));
    greatest = e.select(isGreater, greatest, state.maxima[i]);
    // Where nothing is seen, -inf - -inf would be NaN.
    Value isNone = arith::CmpFOp::create(
        e.builder, e.loc, arith::CmpFPredicate::OEQ, greatest, lowest);
    bases.push_back(e.select(isNone, e.real(0, f32), greatest));
    factors.push_back(power(state.maxima[i], bases[i]));
    state.maxima[i] = greatest;
    state.sums[i] = multiply(state.sums[i], factors[i]);
  }
  auto pair = VectorType::get(2, kernel.element);
  for (auto [j, fragment] : llvm::enumerate(scores)) {
    Value column = e.addi(scoreToken, e.index(j * fragmentColumns));
    for (int64_t i = 0; i < 2; ++i) {
      Values weights;
      for (int64_t within = 0; within < 2; ++within) {
        weights.push_back(power(element(fragment, i, within), bases[i]));
        state.sums[i] = add(state.sums[i], weights.back());
      }
      Value both = vector::FromElementsOp::create(
          e.builder, e.loc, VectorType::get(2, f32), weights);
      both = arith::TruncFOp::create(e.builder, e.loc, pair, both);
      Value within = e.muli(e.remui(e.lane, e.index(4)), e.index(2));
      vector::StoreOp::create(e.builder, e.loc, both, weightTile,
                              e.place({}, rowOf(i), column, within),
                              /*nontemporal=*/false, llvm::Align(4));
    }
  }
  Value isWriter =
      arith::AndIOp::create(e.builder, e.loc, isFirstOfQuad(),
                            e.compare(Compare::eq, half, e.index(0)));
  e.ifTrue(isWriter, [&] {
    for (int64_t i = 0; i < 2; ++i)
      e.store(factors[i], factorsBuffer, rowOf(i));
  });
}

/// Multiplies fragments with the factors of both row halves, if they are not 1.
void Writer::scale(MutableArrayRef<Value> fragments, ValueRange factors) {
  Value one = e.real(1, f32);
  auto isOther = [&](Value factor) -> Value {
    return arith::CmpFOp::create(e.builder, e.loc, arith::CmpFPredicate::UNE,
                                 factor, one);
  };
  Value isNeeded = arith::OrIOp::create(e.builder, e.loc, isOther(factors[0]),
                                        isOther(factors[1]));
  auto op = scf::IfOp::create(e.builder, e.loc,
                              ValueRange(fragments).getTypes(), isNeeded,
                              /*withElse=*/true);
  OpBuilder::InsertionGuard guard(e.builder);
  e.builder.setInsertionPointToStart(op.thenBlock());
  Value all = fragmentOf({factors[0], factors[0], factors[1], factors[1]});
  Values scaled;
  for (Value fragment : fragments)
    scaled.push_back(multiply(fragment, all));
  scf::YieldOp::create(e.builder, e.loc, scaled);
  e.builder.setInsertionPointToStart(op.elseBlock());
  scf::YieldOp::create(e.builder, e.loc, ValueRange(fragments));
  llvm::copy(op.getResults(), fragments.begin());
}

/// Adds the latents of the tile, by their weights.
void Writer::mix(State &state, Value stage) {
  int64_t columns = kernel.rank / 4 / fragmentColumns;
  Value quad = e.divui(e.lane, e.index(4));
  for (int64_t i = 0; i < 2; ++i) {
    Values both;
    for (int64_t half = 0; half < 2; ++half)
      both.push_back(
          e.load(factorsBuffer, e.addi(e.addi(mixRow, quad),
                                       e.index(i * fragmentRows + 8 * half))));
    scale(MutableArrayRef(state.mixed).slice(i * columns, columns), both);
  }
  state.mixed = e.repeat(
      e.index(0), e.index(kernel.tokens), e.index(16), state.mixed,
      [&](Value token, ValueRange carried) {
        Values sums(carried), a;
        for (int64_t i = 0; i < 2; ++i)
          a.push_back(e.loadA(weightTile, {},
                              e.addi(mixRow, e.index(i * fragmentRows)),
                              token));
        for (int64_t j = 0; j < columns; j += 2) {
          Value column = e.addi(mixColumn, e.index(j * fragmentColumns));
          std::array<Value, 2> b =
              e.loadBTransposed(keyTile, stage, token, column);
          for (int64_t i = 0; i < 2; ++i)
            for (int64_t half = 0; half < 2; ++half) {
              Value &sum = sums[i * columns + j + half];
              sum = e.multiply(a[i], b[half], sum);
            }
        }
        return sums;
      });
}

Values Writer::step(Value tile, ValueRange carried) {
  State state = State::unpack(carried);
  Value stage = e.remui(tile, e.index(2));
  // Or the places of fragments are computed before the loop, a register each.
  e.lane = e.pin(ownLane);
  e.waitFor(0);
  // All copies are there, and nobody reads the stage of the tile before.
  e.barrier();
  Value next = e.addi(tile, e.index(1)), afterNext = e.addi(tile, e.index(2));
  e.ifTrue(e.compare(Compare::ult, next, endTile), [&] { copyTokens(next); });
  e.commit();
  Value index;
  if (kernel.isSparse)
    index = loadIndex(afterNext);
  Values scores = multiplyKeys(stage);
  maskScores(tile, scores);
  // Behind the products, in which the index has had time to come.
  if (kernel.isSparse)
    storeIndex(afterNext, index);
  weigh(state, scores);
  e.barrier();
  mix(state, stage);
  return state.pack();
}
