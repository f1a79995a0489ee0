//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How many elements are kept is known when the model runs: a loop writes the
// places of those that are, and the result is read from there.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::intAttr;

using Values = SmallVector<Value>;

namespace {
/// The places of elements in order: the first `count` of the tensor.
struct Places {
  Value indices, count;
};
} // namespace

/// Those of the first `limit` elements of `flat` that are not zero. Each place
/// is written, and the next one overwrites it unless it is to be kept.
static Places emitNonZero(Emitter &e, Value flat, OpFoldResult limit) {
  Type index = e.builder.getIndexType();
  Values inits{e.empty({limit}, index), e.index(0)};
  Values result = e.loop(limit, inits, [&](Value i, ValueRange carried) {
    Scalars s{e};
    Value element = tensor::ExtractOp::create(e.builder, e.loc, flat, i);
    Value isZero = s.equal(element, e.number(0, element.getType()));
    Value written =
        tensor::InsertOp::create(e.builder, e.loc, i, carried[0], carried[1]);
    Value next = s.add(carried[1], e.index(1));
    return Values{written, s.select(isZero, carried[1], next)};
  });
  return {result[0], result[1]};
}

/// One row for each dimension, one column for each element that is not zero.
static LogicalResult convertNonZero(Lowering &l) {
  Emitter &e = l.e;
  MixedSizes sizes = e.sizes(l.in(0));
  int64_t rank = sizes.size();
  if (rank == 0)
    return l.fail("expected at least one dimension");
  OpFoldResult total = l.product(sizes);
  Places kept = emitNonZero(e, l.reshape(l.in(0), {total}), total);
  Values extents, strides(rank);
  OpFoldResult stride = e.size(1);
  for (int64_t dim = rank - 1; dim >= 0; --dim) {
    strides[dim] = e.index(stride);
    stride = e.mul(stride, sizes[dim]);
  }
  for (OpFoldResult size : sizes)
    extents.push_back(e.index(size));
  Type type = l.resultElement();
  return l.replace(e.parallel(
      ValueRange(), {}, {e.size(rank), kept.count}, type,
      [&](Emitter &e, ValueRange) -> Values {
        Scalars s{e};
        Value row = linalg::IndexOp::create(e.builder, e.loc, 0);
        Value column = linalg::IndexOp::create(e.builder, e.loc, 1);
        Value place =
            tensor::ExtractOp::create(e.builder, e.loc, kept.indices, column);
        Value stride = strides[0], extent = extents[0];
        for (int64_t dim = 1; dim < rank; ++dim) {
          Value here = s.equal(row, e.index(dim));
          stride = s.select(here, strides[dim], stride);
          extent = s.select(here, extents[dim], extent);
        }
        // No extent is 0 where an element is.
        Value along = arith::DivUIOp::create(e.builder, e.loc, place, stride);
        along = arith::RemUIOp::create(e.builder, e.loc, along, extent);
        return {arith::IndexCastOp::create(e.builder, e.loc, type, along)};
      }));
}

/// The slices along an axis, or the elements, of which the condition holds; it
/// may end before they do.
static LogicalResult convertCompress(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0), condition = l.in(1);
  int64_t axis = 0;
  if (!l.op->hasAttr("axis")) {
    x = l.reshape(x, {l.product(e.sizes(x))});
  } else if (auto given = l.axisAttr("axis", 0, rankOf(x))) {
    axis = *given;
  } else {
    return l.fail("the axis is out of range");
  }
  MixedSizes to = e.sizes(x);
  Places kept =
      emitNonZero(e, condition, l.min(to[axis], e.size(condition, 0)));
  to[axis] = kept.count;
  int64_t rank = to.size();
  return l.replace(e.parallel(
      ValueRange(), {}, to, elementType(x),
      [&](Emitter &e, ValueRange) -> Values {
        Values at;
        for (int64_t dim = 0; dim < rank; ++dim)
          at.push_back(linalg::IndexOp::create(e.builder, e.loc, dim));
        at[axis] =
            tensor::ExtractOp::create(e.builder, e.loc, kept.indices, at[axis]);
        return {tensor::ExtractOp::create(e.builder, e.loc, x, at)};
      }));
}

void fulgur::populateConvertSelectionPatterns(RewritePatternSet &patterns,
                                              const ONNXTypeConverter &types) {
  addLowering<onnx::NonZeroOp>(patterns, types, convertNonZero);
  addLowering<onnx::CompressOp>(patterns, types, convertCompress);
}
