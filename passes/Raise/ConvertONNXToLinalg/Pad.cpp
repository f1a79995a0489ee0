//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Pads, of every mode.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::stringAttr;

using Values = SmallVector<Value>;

/// Negative pads cut off. What is beyond the operand is a number, its edge, its
/// reflection, or its other end.
static LogicalResult convertPad(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  int64_t rank = rankOf(x);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (l.in(3)) {
    auto known = l.axesInput(3, rank);
    if (!known)
      return l.fail("the axes are not known");
    axes = *known;
  }
  std::optional<MixedSizes> pads = l.sizesInput(1);
  size_t count = axes.size();
  if (!pads || pads->size() != 2 * count)
    return l.fail("expected two pads for each axis");
  MixedSizes to = e.sizes(x), before(rank, e.size(0));
  Values extents;
  for (OpFoldResult size : to)
    extents.push_back(e.index(size));
  for (auto [i, axis] : llvm::enumerate(axes)) {
    before[axis] = (*pads)[i];
    to[axis] = e.add(e.add(to[axis], (*pads)[i]), (*pads)[count + i]);
  }
  RankedTensorType result = l.outputType();
  for (auto [dim, size] : llvm::enumerate(to))
    if (!result.isDynamicDim(dim))
      size = e.size(result.getDimSize(dim));
  Values offsets;
  for (OpFoldResult pad : before)
    offsets.push_back(e.index(pad));
  StringRef mode = stringAttr(l.op, "mode", "constant");
  Type type = elementType(x);
  Value other = l.in(2) ? l.onlyElement(l.in(2)) : e.number(0, type);
  return l.replace(e.parallel(
      ValueRange(), {}, to, type, [&](Emitter &e, ValueRange) -> Values {
        Scalars s{e};
        Value zero = e.index(0), one = e.index(1), inside;
        Values at;
        for (int64_t dim = 0; dim < rank; ++dim) {
          Value extent = extents[dim], last = s.sub(extent, one);
          Value loop = linalg::IndexOp::create(e.builder, e.loc, dim);
          Value place = s.sub(loop, offsets[dim]);
          auto wrap = [&](Value index, Value period) -> Value {
            period = s.max(period, one);
            Value rest =
                arith::RemSIOp::create(e.builder, e.loc, index, period);
            return s.select(s.less(rest, zero), s.add(rest, period), rest);
          };
          if (mode == "wrap")
            place = wrap(place, extent);
          if (mode == "reflect") {
            // There and back again is one period.
            Value folded = wrap(place, s.add(last, last));
            place = s.min(folded, s.sub(s.add(last, last), folded));
          }
          Value near = s.max(zero, s.min(place, last));
          Value here = s.equal(place, near);
          inside = inside
                       ? arith::AndIOp::create(e.builder, e.loc, inside, here)
                             .getResult()
                       : here;
          at.push_back(near);
        }
        Value element = tensor::ExtractOp::create(e.builder, e.loc, x, at);
        return {mode == "constant" && inside ? s.select(inside, element, other)
                                             : element};
      }));
}

void fulgur::populateConvertPadPatterns(RewritePatternSet &patterns,
                                        const ONNXTypeConverter &types) {
  addLowering<onnx::PadOp>(patterns, types, convertPad);
}
