//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The softmax that all forms of attention share.
//
//===----------------------------------------------------------------------===//
#include "passes/Fuse/Decompose/Softmax.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

static constexpr double infinity = std::numeric_limits<double>::infinity();

/// Scales a score and gives −inf where query `s` does not see token `t`.
static Value maskScore(Emitter &e, Value score, double scale,
                       const Visibility &visible, Value maskElement,
                       Value shift) {
  Type type = score.getType();
  score = arith::MulFOp::create(e.builder, e.loc, score, e.real(scale, type));
  Value seen;
  auto also = [&](Value condition) {
    seen = seen ? arith::AndIOp::create(e.builder, e.loc, seen, condition)
                      .getResult()
                : condition;
  };
  if (maskElement && maskElement.getType().isInteger(1))
    also(maskElement);
  else if (maskElement)
    score = arith::AddFOp::create(e.builder, e.loc, score,
                                  e.toFloat(maskElement, type));
  if (visible.causal || visible.window) {
    Value query = linalg::IndexOp::create(e.builder, e.loc, 2);
    Value token = linalg::IndexOp::create(e.builder, e.loc, 3);
    Value last = arith::AddIOp::create(e.builder, e.loc, query, shift);
    if (visible.causal)
      also(arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::sle,
                                 token, last));
    if (visible.window) {
      Value width = e.index(*visible.window);
      Value before = arith::SubIOp::create(e.builder, e.loc, last, width);
      also(arith::CmpIOp::create(e.builder, e.loc, arith::CmpIPredicate::sgt,
                                 token, before));
    }
  }
  if (!seen)
    return score;
  return arith::SelectOp::create(e.builder, e.loc, seen, score,
                                 e.real(-infinity, type));
}

/// exp(score − maximum), as a body of (score, maximum). Where all scores are
/// −inf, 0 is subtracted: exp(−inf) is 0, and −inf − −inf would be NaN.
static Value weigh(Emitter &e, Value score, Value maximum) {
  Type type = score.getType();
  Value none =
      arith::CmpFOp::create(e.builder, e.loc, arith::CmpFPredicate::OEQ,
                            maximum, e.real(-infinity, type));
  Value base =
      arith::SelectOp::create(e.builder, e.loc, none, e.real(0, type), maximum);
  Value off = arith::SubFOp::create(e.builder, e.loc, score, base);
  return math::ExpOp::create(e.builder, e.loc, off);
}

/// The greatest of each row of `scores` and of `start`.
static Value rowMaxima(Emitter &e, Value scores, Value start) {
  int64_t rank = cast<RankedTensorType>(scores.getType()).getRank();
  return e.reduce(
      scores, e.builder.getMultiDimIdentityMap(rank), start, rank - 1,
      [&](Emitter &e, ValueRange x) -> Values {
        return {arith::MaximumFOp::create(e.builder, e.loc, x[0], x[1])};
      });
}

static Value rowSums(Emitter &e, Value weights, Value start) {
  int64_t rank = cast<RankedTensorType>(weights.getType()).getRank();
  return e.reduce(weights, e.builder.getMultiDimIdentityMap(rank), start,
                  rank - 1, [&](Emitter &e, ValueRange x) -> Values {
                    return {
                        arith::AddFOp::create(e.builder, e.loc, x[0], x[1])};
                  });
}

Softmax fulgur::softmax(Emitter &e, Value scores) {
  Type type = elementType(scores);
  MixedSizes sizes = e.sizes(scores);
  int64_t rank = sizes.size(), last = rank - 1;
  ArrayRef<OpFoldResult> rows = ArrayRef<OpFoldResult>(sizes).drop_back();
  AffineMap identity = e.builder.getMultiDimIdentityMap(rank);
  AffineMap row = identity.dropResult(last);
  Value maximum = rowMaxima(e, scores, e.filled(rows, type, -infinity));
  Value weights = e.parallel({scores, maximum}, {identity, row}, sizes, type,
                             [&](Emitter &e, ValueRange x) -> Values {
                               return {weigh(e, x[0], x[1])};
                             });
  return {weights, rowSums(e, weights, e.filled(rows, type, 0))};
}

OnlineSoftmax::OnlineSoftmax(Emitter &e, OpFoldResult heads, OpFoldResult width,
                             Type type)
    : maxima(e.filled({heads}, type, -infinity)),
      sums(e.filled({heads}, type, 0)),
      mixed(e.filled({heads, width}, type, 0)) {}

Value OnlineSoftmax::add(Emitter &e, Value scores) {
  Type type = elementType(scores);
  MixedSizes heads{e.size(maxima, 0)};
  AffineMap vector = e.map(1, {0}), matrix = e.map(2, {0, 1});
  AffineMap row = e.map(2, {0});
  Value greater = rowMaxima(e, scores, e.copy(maxima, e.empty(heads, type)));
  // What all that was is now worth; 0 before the first score.
  Value factors = e.parallel({maxima, greater}, {vector, vector}, heads, type,
                             [&](Emitter &e, ValueRange x) -> Values {
                               return {weigh(e, x[0], x[1])};
                             });
  auto scale = [&](Value tensor, AffineMap map, AffineMap ofFactor) {
    return e.parallel(
        {tensor, factors}, {map, ofFactor}, Values{tensor},
        [&](Emitter &e, ValueRange x) -> Values {
          return {arith::MulFOp::create(e.builder, e.loc, x[0], x[1])};
        })[0];
  };
  Value weights = e.parallel({scores, greater}, {matrix, row}, Values{scores},
                             [&](Emitter &e, ValueRange x) -> Values {
                               return {weigh(e, x[0], x[1])};
                             })[0];
  sums = rowSums(e, weights, scale(sums, vector, vector));
  mixed = scale(mixed, matrix, row);
  maxima = e.copy(greater, maxima);
  return weights;
}

Value fulgur::normalize(Emitter &e, Value value, Value sum) {
  Value zero = e.real(0, sum.getType());
  Value empty = arith::CmpFOp::create(e.builder, e.loc,
                                      arith::CmpFPredicate::OEQ, sum, zero);
  Value divisor = arith::SelectOp::create(e.builder, e.loc, empty,
                                          e.real(1, sum.getType()), sum);
  return arith::DivFOp::create(e.builder, e.loc, value, divisor);
}

Softmax fulgur::maskedSoftmax(Emitter &e, Value raw, AffineMap map,
                              const MixedSizes &sizes, double scale,
                              const Visibility &visible) {
  Value shift;
  if (visible.causal || visible.window)
    shift = e.index(e.sub(sizes[3], sizes[2]));
  Values inputs{raw};
  SmallVector<AffineMap> maps{map};
  if (visible.mask) {
    inputs.push_back(visible.mask);
    maps.push_back(e.broadcast(visible.mask, {0, 1, 2, 3}, 4));
  }
  Value scores =
      e.parallel(inputs, maps, sizes, elementType(raw),
                 [&](Emitter &e, ValueRange x) -> Values {
                   Value element = visible.mask ? x[1] : Value();
                   return {maskScore(e, x[0], scale, visible, element, shift)};
                 });
  return softmax(e, scores);
}

Value fulgur::finishSoftmax(Emitter &e, Value mixed, Value sums, Type type) {
  MixedSizes from = e.sizes(mixed);
  MixedSizes to{from[0], from[2], from[1], from[3]};
  return e.parallel({mixed, sums},
                    {e.map(4, {0, 2, 1, 3}), e.map(4, {0, 2, 1})}, to, type,
                    [&](Emitter &e, ValueRange x) -> Values {
                      return {e.toFloat(normalize(e, x[0], x[1]), type)};
                    });
}
