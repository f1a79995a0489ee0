//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Decomposes 8-bit values with scales of blocks.
//
// A dimension falls into whole blocks, of which there may be none, and perhaps
// a smaller one at its end. Whole blocks become a dimension of their own, so
// that the innermost loop has one scale. A size that blocks are known to divide
// has no code for the end.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/Support/Emitter.h"
#include "passes/Fuse/Decompose/Patterns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

/// The largest finite f8E4M3FN.
static constexpr double largestValue = 448;
/// The least greatest magnitude of a block, which keeps scales from 0.
static constexpr float leastMagnitude = 1e-4f;

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

namespace {
/// Neighbouring blocks of one size, in one dimension.
struct Segment {
  /// The first element, and the first block.
  OpFoldResult begin, first;
  /// Elements, blocks, and elements of a block.
  OpFoldResult extent, count, width;
  /// Of all but the last, smaller block of a dimension, which `count` of 0 or 1
  /// says is there.
  bool whole;
};
} // namespace

static OpFoldResult countBlocks(Emitter &e, OpFoldResult extent,
                                int64_t block) {
  if (std::optional<int64_t> size = getConstantIntValue(extent))
    return e.size(llvm::divideCeilSigned(*size, block));
  return e.div(e.add(extent, e.size(block - 1)), e.size(block));
}

/// The whole blocks of a dimension, and the last one.
static SmallVector<Segment, 2> splitDim(Emitter &e, OpFoldResult extent,
                                        int64_t block) {
  OpFoldResult zero = e.size(0), width = e.size(block);
  OpFoldResult whole = e.div(extent, width);
  OpFoldResult covered = e.mul(whole, width), rest = e.sub(extent, covered);
  SmallVector<Segment, 2> segments;
  if (!isZeroInteger(whole))
    segments.push_back({zero, zero, covered, whole, width, true});
  if (block > 1 && !isZeroInteger(rest))
    segments.push_back({covered, whole, rest,
                        e.sub(countBlocks(e, extent, block), whole), rest,
                        false});
  return segments;
}

namespace {
/// The blocks of [rows, columns] of a tensor […, R, C].
struct Blocked {
  MixedSizes sizes, counts;
  int64_t rank, rows, columns;

  Blocked(Emitter &e, Value tensor, ArrayRef<int64_t> block)
      : sizes(e.sizes(tensor)), counts(sizes), rank(sizes.size()),
        rows(block[0]), columns(block[1]) {
    counts.back() = countBlocks(e, sizes.back(), columns);
    if (rank > 1)
      counts[rank - 2] = countBlocks(e, sizes[rank - 2], rows);
  }
  bool hasRows() const { return rank > 1 && rows > 1; }
};
} // namespace

/// Elements of `tensor` from `segment` of dimension `dim`.
static Value takeElements(Emitter &e, Value tensor, int64_t dim,
                          const Segment &segment) {
  MixedSizes sizes = e.sizes(tensor), offsets(sizes.size(), e.size(0));
  offsets[dim] = segment.begin;
  sizes[dim] = segment.extent;
  return e.slice(tensor, offsets, sizes);
}

/// The same where there is one element for each block.
static Value takeBlocks(Emitter &e, Value tensor, int64_t dim,
                        const Segment &segment) {
  MixedSizes sizes = e.sizes(tensor), offsets(sizes.size(), e.size(0));
  offsets[dim] = segment.first;
  sizes[dim] = segment.count;
  return e.slice(tensor, offsets, sizes);
}

/// Makes the whole blocks that dimension `dim` consists of a dimension before
/// that of their elements.
static Value expandBlocks(Emitter &e, Value tensor, int64_t dim,
                          const Segment &segment) {
  SmallVector<ReassociationIndices> groups;
  MixedSizes sizes;
  for (auto [i, size] : llvm::enumerate(e.sizes(tensor))) {
    ReassociationIndices &group = groups.emplace_back();
    group.push_back(sizes.size());
    sizes.push_back(size);
    if (static_cast<int64_t>(i) != dim)
      continue;
    sizes.back() = segment.count;
    group.push_back(sizes.size());
    sizes.push_back(segment.width);
  }
  return e.expand(tensor, groups, sizes);
}

//===----------------------------------------------------------------------===//
// Values and scales
//===----------------------------------------------------------------------===//

/// The pattern of an f32, as an i32.
static Value bitsOf(Emitter &e, float value) {
  return arith::ConstantOp::create(
      e.builder, e.loc,
      e.builder.getI32IntegerAttr(llvm::bit_cast<int32_t>(value)));
}

/// The part of `magnitudes`, patterns of f32, of the blocks of one part of
/// `input`.
static Value reducePart(Emitter &e, const Blocked &blocked, Value input,
                        Value magnitudes, const Segment *rows,
                        const Segment &columns) {
  Type bits = elementType(magnitudes);
  constexpr float infinity = std::numeric_limits<float>::infinity();
  int64_t last = blocked.rank - 1;
  MixedSizes offsets(blocked.rank, e.size(0)), counts = blocked.counts;
  Value part = takeElements(e, input, last, columns);
  offsets[last] = columns.first;
  counts[last] = columns.count;
  if (columns.whole)
    part = expandBlocks(e, part, last, columns);
  if (rows) {
    part = takeElements(e, part, last - 1, *rows);
    offsets[last - 1] = rows->first;
    counts[last - 1] = rows->count;
    if (rows->whole)
      part = expandBlocks(e, part, last - 1, *rows);
  }
  // Each blocked dimension has a loop over blocks and one over elements. Where
  // there is but one block, no dimension of the input is that of blocks.
  SmallVector<int64_t> read, reduced;
  int64_t loop = 0;
  for (int64_t dim = 0; dim <= last; ++dim) {
    const Segment *segment = dim == last ? &columns : rows;
    if (dim < last - 1 || !segment) {
      read.push_back(loop++);
      continue;
    }
    if (segment->whole)
      read.push_back(loop);
    reduced.push_back(++loop);
    read.push_back(loop++);
  }
  // The patterns of floats that are not negative are ordered as integers, whose
  // maximum can be vectorised. NaN, which is above infinity, must not win.
  auto greater = [&](Emitter &e, ValueRange x) -> Values {
    OpBuilder &b = e.builder;
    Value magnitude =
        math::AbsFOp::create(b, e.loc, e.toFloat(x[0], b.getF32Type()));
    Value pattern = arith::BitcastOp::create(b, e.loc, bits, magnitude);
    Value isNaN = arith::CmpIOp::create(b, e.loc, arith::CmpIPredicate::sgt,
                                        pattern, bitsOf(e, infinity));
    Value number =
        arith::SelectOp::create(b, e.loc, isNaN, bitsOf(e, 0), pattern);
    return {arith::MaxSIOp::create(b, e.loc, number, x[1])};
  };
  Value greatest =
      e.reduce(part, e.map(loop, read), e.slice(magnitudes, offsets, counts),
               reduced, greater);
  return e.insert(greatest, magnitudes, offsets, counts);
}

/// The least power of two that is not below `scale`, a positive normal f32 or
/// infinity: what is left of the mantissa carries into the exponent.
static Value roundToPowerOfTwo(Emitter &e, Value scale) {
  Type bits = e.builder.getI32Type();
  auto constant = [&](int32_t value) -> Value {
    return arith::ConstantOp::create(e.builder, e.loc,
                                     e.builder.getI32IntegerAttr(value));
  };
  Value pattern = arith::BitcastOp::create(e.builder, e.loc, bits, scale);
  Value sum =
      arith::AddIOp::create(e.builder, e.loc, pattern, constant(0x007fffff));
  Value power =
      arith::AndIOp::create(e.builder, e.loc, sum, constant(0x7f800000));
  return arith::BitcastOp::create(e.builder, e.loc, scale.getType(), power);
}

/// The scale of every block of `input`.
static Value computeScales(Emitter &e, const Blocked &blocked, Value input,
                           bool ue8m0) {
  Type wide = e.builder.getF32Type();
  Value magnitudes = e.filled(blocked.counts, bitsOf(e, leastMagnitude));
  int64_t last = blocked.rank - 1;
  SmallVector<Segment, 2> rows;
  if (blocked.hasRows())
    rows = splitDim(e, blocked.sizes[last - 1], blocked.rows);
  for (const Segment &columns :
       splitDim(e, blocked.sizes[last], blocked.columns)) {
    if (!blocked.hasRows())
      magnitudes = reducePart(e, blocked, input, magnitudes, nullptr, columns);
    for (const Segment &part : rows)
      magnitudes = reducePart(e, blocked, input, magnitudes, &part, columns);
  }
  AffineMap identity = e.builder.getMultiDimIdentityMap(blocked.rank);
  return e.parallel(magnitudes, identity, blocked.counts, wide,
                    [&](Emitter &e, ValueRange x) -> Values {
                      Value magnitude = arith::BitcastOp::create(
                          e.builder, e.loc, wide, x[0]);
                      Value scale =
                          arith::DivFOp::create(e.builder, e.loc, magnitude,
                                                e.real(largestValue, wide));
                      return {ue8m0 ? roundToPowerOfTwo(e, scale) : scale};
                    });
}

/// Computes a tensor of `type` from each element of `tensor` and the scale of
/// its block, which are the arguments of `body`.
static Value mapBlocks(Emitter &e, const Blocked &blocked, Value tensor,
                       Value scales, Type type, Emitter::Body body) {
  int64_t last = blocked.rank - 1;
  Value result = e.empty(blocked.sizes, type);
  for (const Segment &columns :
       splitDim(e, blocked.sizes[last], blocked.columns)) {
    auto view = [&](Value whole) {
      Value part = takeElements(e, whole, last, columns);
      return columns.whole ? expandBlocks(e, part, last, columns) : part;
    };
    Value in = view(tensor), out = view(result);
    // The loop over elements is the last one; that over blocks, if there is
    // more than one, that before it.
    int64_t loops = blocked.rank + (columns.whole ? 1 : 0);
    SmallVector<AffineExpr> at;
    for (int64_t dim = 0; dim < last; ++dim)
      at.push_back(e.builder.getAffineDimExpr(dim));
    if (blocked.hasRows())
      at[last - 1] = at[last - 1].floorDiv(blocked.rows);
    at.push_back(columns.whole ? e.builder.getAffineDimExpr(last)
                               : e.builder.getAffineConstantExpr(0));
    AffineMap read = AffineMap::get(loops, 0, at, e.builder.getContext());
    Value part = e.parallel({in, takeBlocks(e, scales, last, columns)},
                            {e.builder.getMultiDimIdentityMap(loops), read},
                            ValueRange(out), body)[0];
    if (columns.whole) {
      SmallVector<ReassociationIndices> groups;
      for (int64_t dim = 0; dim < last; ++dim)
        groups.push_back({dim});
      groups.push_back({last, last + 1});
      part = e.collapse(part, groups);
    }
    MixedSizes sizes = blocked.sizes, offsets(blocked.rank, e.size(0));
    offsets[last] = columns.begin;
    sizes[last] = columns.extent;
    result = e.insert(part, result, offsets, sizes);
  }
  return result;
}

static LogicalResult decomposeQuantize(QuantizeOp op,
                                       PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value input = op.getInput();
  Blocked blocked(e, input, op.getBlock());
  Type wide = rewriter.getF32Type(), type = elementType(op.getValues());
  Value scales = computeScales(e, blocked, input, op.getUe8m0());
  Value values = mapBlocks(
      e, blocked, input, scales, type, [&](Emitter &e, ValueRange x) -> Values {
        OpBuilder &b = e.builder;
        Value scaled =
            arith::DivFOp::create(b, e.loc, e.toFloat(x[0], wide), x[1]);
        // Rounded up, a quotient can lie beyond; these two keep NaN.
        Value least = arith::MaximumFOp::create(b, e.loc, scaled,
                                                e.real(-largestValue, wide));
        Value both = arith::MinimumFOp::create(b, e.loc, least,
                                               e.real(largestValue, wide));
        return {e.toFloat(both, type)};
      });
  rewriter.replaceOp(op, {e.cast(values, op.getValues().getType()),
                          e.cast(scales, op.getScales().getType())});
  return success();
}

static LogicalResult decomposeDequantize(DequantizeOp op,
                                         PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Blocked blocked(e, op.getValues(), op.getBlock());
  Type wide = rewriter.getF32Type(), type = elementType(op.getResult());
  Value result = mapBlocks(e, blocked, op.getValues(), op.getScales(), type,
                           [&](Emitter &e, ValueRange x) -> Values {
                             Value product = arith::MulFOp::create(
                                 e.builder, e.loc, e.toFloat(x[0], wide), x[1]);
                             return {e.toFloat(product, type)};
                           });
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Column `at` of `scales`, repeated `block` times to one for each of `extent`
/// rows.
static Value scalesOfRows(Emitter &e, Value scales, Value at,
                          OpFoldResult extent, int64_t block) {
  Value column =
      e.slice(scales, {e.size(0), at}, {e.size(scales, 0), e.size(1)}, {}, {1});
  AffineExpr row = e.builder.getAffineDimExpr(0).floorDiv(block);
  return e.parallel(column, AffineMap::get(1, 0, row), extent,
                    elementType(scales),
                    [](Emitter &, ValueRange x) -> Values { return {x[0]}; });
}

/// [N, K] of 8 bits as [K, N] of f32, which the kernels of targets read. Bytes
/// are moved before they are widened, which then is done in order, and those of
/// some rows at a time: the lines and pages that one column of the rows is read
/// from hold the next columns too.
static Value transposeToF32(Emitter &e, Value matrix) {
  // More of them need more pages than a processor remembers the places of.
  constexpr int64_t rowsAtATime = 32;
  MixedSizes from = e.sizes(matrix);
  Value result = e.empty({from[1], from[0]}, elementType(matrix));
  for (const Segment &rows : splitDim(e, from[0], rowsAtATime)) {
    MixedSizes offsets{e.size(0), rows.begin}, sizes{from[1], rows.extent};
    Value in = takeElements(e, matrix, 0, rows);
    Value out = e.slice(result, offsets, sizes);
    // Loops: rows at a time, columns, one of the rows.
    AffineMap read = e.map(2, {1, 0}), write = e.map(2, {0, 1});
    if (rows.whole) {
      in = expandBlocks(e, in, 0, rows);
      out = expandBlocks(e, out, 1, rows);
      read = e.map(3, {0, 2, 1});
      write = e.map(3, {1, 0, 2});
    }
    SmallVector<utils::IteratorType> loops(read.getNumDims(),
                                           utils::IteratorType::parallel);
    auto copy = [](OpBuilder &b, Location loc, ValueRange x) {
      linalg::YieldOp::create(b, loc, x[0]);
    };
    Value part =
        linalg::GenericOp::create(e.builder, e.loc, out.getType(), in, out,
                                  ArrayRef<AffineMap>{read, write}, loops, copy)
            .getResult(0);
    if (rows.whole)
      part = e.collapse(part, {{0}, {1, 2}});
    result = e.insert(part, result, offsets, sizes);
  }
  return e.convert(result, e.builder.getF32Type());
}

/// One product of f32 matrices for each block of K, which is exact but for its
/// sums: a product of two 8-bit values has few enough digits.
static LogicalResult decomposeScaledMatmul(ScaledMatmulOp op,
                                           PatternRewriter &rewriter) {
  Emitter e(rewriter, op.getLoc());
  Value lhs = op.getLhs(), rhs = op.getRhs();
  Type wide = rewriter.getF32Type();
  OpFoldResult rows = e.size(lhs, 0), columns = e.size(rhs, 0);
  MixedSizes sizes{rows, columns};
  ArrayRef<int64_t> block = op.getBlock();
  AffineMap identity = e.map(2, {0, 1});
  auto add = [](Emitter &e, ValueRange x) -> Values {
    OpBuilder &b = e.builder;
    Value scale = arith::MulFOp::create(b, e.loc, x[2], x[3]);
    Value scaled = arith::MulFOp::create(b, e.loc, x[1], scale);
    return {arith::AddFOp::create(b, e.loc, x[0], scaled)};
  };
  // The product goes along, so that all blocks have one buffer for it.
  Values sums{e.filled(sizes, wide, 0), e.empty(sizes, wide)};
  for (const Segment &segment : splitDim(e, e.size(lhs, 1), block[2])) {
    sums = e.loop(segment.count, sums, [&](Value i, ValueRange x) -> Values {
      Value number = e.index(e.add(segment.first, i));
      OpFoldResult begin = e.add(segment.begin, e.mul(i, segment.width));
      auto take = [&](Value matrix, OpFoldResult height) {
        return e.slice(matrix, {e.size(0), begin}, {height, segment.width});
      };
      Value left = e.convert(take(lhs, rows), wide);
      Value right = transposeToF32(e, take(rhs, columns));
      Value product = e.matmul(left, right, e.fill(x[1], 0));
      Value rowScales =
          scalesOfRows(e, op.getLhsScales(), number, rows, block[0]);
      Value columnScales =
          scalesOfRows(e, op.getRhsScales(), number, columns, block[1]);
      Value total =
          e.parallel({x[0], product, rowScales, columnScales},
                     {identity, identity, e.map(2, {0}), e.map(2, {1})},
                     ValueRange(x[0]), add)[0];
      return {total, product};
    });
  }
  Value result = e.convert(sums[0], elementType(op.getResult()));
  rewriter.replaceOp(op, e.cast(result, op.getType()));
  return success();
}

void fulgur::populateDecomposeQuantizationPatterns(
    RewritePatternSet &patterns) {
  patterns.add(decomposeQuantize);
  patterns.add(decomposeDequantize);
  patterns.add(decomposeScaledMatmul);
}
