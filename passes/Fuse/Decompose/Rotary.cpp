//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Decomposes rotary position embedding. The rotated elements are read and
// written as slices, one for each half of the pairs, so that the loops over
// them are plain and vectorise.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/Support/Emitter.h"
#include "passes/Fuse/Decompose/Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

static LogicalResult decomposeRotaryTable(RotaryTableOp op,
                                          PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value positions = op.getPositions(), freq = op.getInvFreq();
  Type type = elementType(freq), wide = accumulatorType(type);
  MixedSizes sizes{e.size(positions, 0), e.size(positions, 1), e.size(freq, 0)};
  Values outputs{e.empty(sizes, type), e.empty(sizes, type)};
  double scale = op.getScale().convertToDouble();
  Values results = e.parallel(
      {positions, freq}, {e.map(3, {0, 1}), e.map(3, {2})}, outputs,
      [&](Emitter &e, ValueRange x) -> Values {
        Value position = arith::SIToFPOp::create(e.builder, e.loc, wide, x[0]);
        Value angle = arith::MulFOp::create(e.builder, e.loc, position,
                                            e.toFloat(x[1], wide));
        Value cos = math::CosOp::create(e.builder, e.loc, angle);
        Value sin = math::SinOp::create(e.builder, e.loc, angle);
        if (scale != 1) {
          Value factor = e.real(scale, wide);
          cos = arith::MulFOp::create(e.builder, e.loc, cos, factor);
          sin = arith::MulFOp::create(e.builder, e.loc, sin, factor);
        }
        return {e.toFloat(cos, type), e.toFloat(sin, type)};
      });
  rewriter.replaceOp(op, {e.cast(results[0], op.getCos().getType()),
                          e.cast(results[1], op.getSin().getType())});
  return success();
}

namespace {
/// Where one half of the pairs stands in a row.
struct Half {
  OpFoldResult offset, stride;
};
} // namespace

static LogicalResult decomposeRotaryEmbedding(RotaryEmbeddingOp op,
                                              PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value input = op.getInput();
  MixedSizes sizes = e.sizes(input);
  int64_t rank = sizes.size(), last = rank - 1;
  OpFoldResult half = e.size(op.getCos(), 2);
  OpFoldResult rotated = e.mul(half, e.size(2));
  OpFoldResult rest = e.sub(sizes[last], rotated);
  bool leading = op.getPlacement() == RotaryPlacement::Leading;
  OpFoldResult start = leading ? e.size(0) : rest;

  bool readPairs = op.getLayout() != RotaryLayout::HalfSplit;
  bool writePairs = op.getLayout() == RotaryLayout::Interleaved;
  auto halves = [&](bool pairs) -> std::pair<Half, Half> {
    if (pairs)
      return {{start, e.size(2)}, {e.add(start, e.size(1)), e.size(2)}};
    return {{start, e.size(1)}, {e.add(start, half), e.size(1)}};
  };
  auto [readA, readB] = halves(readPairs);
  auto [writeA, writeB] = halves(writePairs);

  MixedSizes extents = sizes;
  extents[last] = half;
  auto slice = [&](Value tensor, Half at) {
    MixedSizes offsets(rank, e.size(0)), strides(rank, e.size(1));
    offsets[last] = at.offset;
    strides[last] = at.stride;
    return e.slice(tensor, offsets, extents, strides);
  };
  auto insert = [&](Value tensor, Value into, Half at) {
    MixedSizes offsets(rank, e.size(0)), strides(rank, e.size(1));
    offsets[last] = at.offset;
    strides[last] = at.stride;
    return e.insert(tensor, into, offsets, extents, strides);
  };

  Type type = elementType(input), wide = accumulatorType(type);
  AffineMap identity = rewriter.getMultiDimIdentityMap(rank);
  AffineMap angle = e.broadcast(op.getCos(), {0, 1, last}, rank);
  Values inputs{slice(input, readA), slice(input, readB), op.getCos(),
                op.getSin()};
  SmallVector<AffineMap> maps{identity, identity, angle, angle};
  // out_a = a·cos − b·sin, out_b = b·cos + a·sin
  auto rotate = [&](bool second, Value into) {
    return e.parallel(
        inputs, maps, into, [&](Emitter &e, ValueRange x) -> Values {
          Value a = e.toFloat(x[0], wide), b = e.toFloat(x[1], wide);
          Value cos = e.toFloat(x[2], wide), sin = e.toFloat(x[3], wide);
          Value one =
              arith::MulFOp::create(e.builder, e.loc, second ? b : a, cos);
          Value two =
              arith::MulFOp::create(e.builder, e.loc, second ? a : b, sin);
          Value sum = second ? arith::AddFOp::create(e.builder, e.loc, one, two)
                                   .getResult()
                             : arith::SubFOp::create(e.builder, e.loc, one, two)
                                   .getResult();
          return {e.toFloat(sum, type)};
        })[0];
  };
  Value result = e.empty(sizes, type);
  if (getConstantIntValue(rest) != 0) {
    MixedSizes offsets(rank, e.size(0)), kept = sizes;
    kept[last] = rest;
    if (leading)
      offsets[last] = rotated;
    result = e.copyInto(e.slice(input, offsets, kept), result, offsets);
  }
  result = insert(rotate(false, slice(result, writeA)), result, writeA);
  result = insert(rotate(true, slice(result, writeB)), result, writeB);
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

void fulgur::populateDecomposeRotaryPatterns(RewritePatternSet &patterns) {
  patterns.add(decomposeRotaryTable);
  patterns.add(decomposeRotaryEmbedding);
}
