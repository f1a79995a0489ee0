//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sorting.
//
//===----------------------------------------------------------------------===//
#include "lib/Support/TopK.h"
#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantInts;
using fulgur::onnx::fromFront;
using fulgur::onnx::intAttr;

using Values = SmallVector<Value>;

/// Of equal elements the lowest index comes first; NaN is greater than all
/// numbers. Results are in order whether `sorted` is given or not.
static LogicalResult convertTopK(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  int64_t rank = rankOf(x), axis = fromFront(intAttr(l.op, "axis", -1), rank);
  bool largest = intAttr(l.op, "largest", 1), isUnsigned = l.isUnsigned(0);
  Type type = elementType(x), index = e.builder.getIndexType();
  Type wide = isa<FloatType>(type) ? accumulatorType(type) : type;
  Type key = keyType(l.op->getContext(), wide.getIntOrFloatBitWidth());
  OpFoldResult k;
  if (auto constant = constantInts(l.op->getOperand(1))) {
    k = e.size(constant->front());
  } else {
    Values at(rankOf(l.in(1)), e.index(0));
    Value count = tensor::ExtractOp::create(e.builder, e.loc, l.in(1), at);
    k = arith::IndexCastOp::create(e.builder, e.loc, index, count).getResult();
  }
  MixedSizes from = e.sizes(x), to = from, rows = from, ones(rank, e.size(1));
  to[axis] = ones[axis] = k;
  rows.erase(rows.begin() + axis);
  Scalars s{e, isUnsigned};
  auto withAxis = [&](ArrayRef<Value> row, Value position) {
    Values at(row);
    at.insert(at.begin() + axis, position);
    return at;
  };
  Value indices = e.nest(
      rows, e.empty(to, e.builder.getI64Type()),
      [&](ArrayRef<Value> row, Value carried) -> Value {
        Value best = emitTopK(e, key, k, from[axis], [&](Value element) {
          Value value = tensor::ExtractOp::create(e.builder, e.loc, x,
                                                  withAxis(row, element));
          Value bits = orderedBits(e, s.convert(value, wide), isUnsigned);
          if (!largest)
            bits = arith::XOrIOp::create(e.builder, e.loc, bits,
                                         e.number(-1, bits.getType()));
          return encodeKey(e, bits, element);
        });
        MixedSizes offsets = getAsOpFoldResult(withAxis(row, e.index(0)));
        SmallVector<int64_t> dropped;
        for (int64_t dim = 0; dim < rank; ++dim)
          if (dim != axis)
            dropped.push_back(dim);
        Value into = e.slice(carried, offsets, ones, {}, dropped);
        Value decoded =
            e.parallel(best, e.map(1, {0}), Values{into},
                       [&](Emitter &e, ValueRange args) -> Values {
                         // More than there are: read something that exists.
                         Scalars s{e};
                         Value found = decodeKey(e, args[0]);
                         found = s.max(found, e.number(0, found.getType()));
                         return {s.convert(found, e.builder.getI64Type())};
                       })[0];
        return e.insert(decoded, carried, offsets, ones);
      });
  Value values = e.parallel(
      indices, e.builder.getMultiDimIdentityMap(rank), to, type,
      [&](Emitter &e, ValueRange args) -> Values {
        Values at;
        for (int64_t dim = 0; dim < rank; ++dim)
          at.push_back(
              dim == axis
                  ? arith::IndexCastOp::create(e.builder, e.loc, index, args[0])
                        .getResult()
                  : linalg::IndexOp::create(e.builder, e.loc, dim).getResult());
        return {tensor::ExtractOp::create(e.builder, e.loc, x, at)};
      });
  return l.replace({values, indices});
}

void fulgur::populateConvertSortingPatterns(RewritePatternSet &patterns,
                                            const ONNXTypeConverter &types) {
  addLowering<onnx::TopKOp>(patterns, types, convertTopK);
}
