//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How a window moves over the spatial dimensions of an image.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Windows.h"

#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::intAttr;
using fulgur::onnx::intsAttr;
using fulgur::onnx::stringAttr;

OpFoldResult fulgur::atLeastZero(Emitter &e, OpFoldResult size) {
  if (auto constant = getConstantIntValue(size))
    return e.size(std::max<int64_t>(*constant, 0));
  return Scalars{e}.max(e.index(size), e.index(0));
}

/// The positions of a window in ceil_mode: one that starts behind the image and
/// its leading padding is none.
static OpFoldResult roundUp(Emitter &e, OpFoldResult room, OpFoldResult real,
                            int64_t stride) {
  OpFoldResult up =
      e.add(e.div(e.add(room, e.size(stride - 1)), e.size(stride)), e.size(1));
  OpFoldResult start = e.mul(e.sub(up, e.size(1)), e.size(stride));
  auto first = getConstantIntValue(start), end = getConstantIntValue(real);
  if (first && end)
    return *first >= *end ? e.sub(up, e.size(1)) : up;
  Scalars s{e};
  Value inside = s.less(e.index(start), e.index(real));
  return s.select(inside, e.index(up), e.index(e.sub(up, e.size(1))));
}

FailureOr<Windows> Windows::read(Lowering &l, ArrayRef<OpFoldResult> image,
                                 ArrayRef<OpFoldResult> kernel) {
  Emitter &e = l.e;
  Windows w;
  w.image = MixedSizes(image);
  w.kernel = MixedSizes(kernel);
  size_t rank = image.size();
  auto ints = [&](StringRef name, size_t length, int64_t otherwise) {
    SmallVector<int64_t> values(length, otherwise);
    if (auto given = intsAttr(l.op, name); given && !given->empty())
      values.assign(given->begin(), given->end());
    return values;
  };
  w.strides = ints("strides", rank, 1);
  w.dilations = ints("dilations", rank, 1);
  SmallVector<int64_t> pads = ints("pads", 2 * rank, 0);
  if (w.strides.size() != rank || w.dilations.size() != rank ||
      pads.size() != 2 * rank || kernel.size() != rank)
    return failure();
  StringRef mode = stringAttr(l.op, "auto_pad", "NOTSET");
  bool ceil = intAttr(l.op, "ceil_mode", 0);
  for (size_t i = 0; i < rank; ++i) {
    OpFoldResult stride = e.size(w.strides[i]), one = e.size(1);
    OpFoldResult reach =
        e.add(e.mul(e.sub(kernel[i], one), e.size(w.dilations[i])), one);
    OpFoldResult before = e.size(pads[i]), after = e.size(pads[rank + i]);
    if (mode.starts_with("SAME")) {
      OpFoldResult out =
          e.div(e.add(image[i], e.size(w.strides[i] - 1)), stride);
      OpFoldResult total = atLeastZero(
          e, e.sub(e.add(e.mul(e.sub(out, one), stride), reach), image[i]));
      OpFoldResult less = e.div(total, e.size(2));
      before = mode == "SAME_UPPER" ? less : e.sub(total, less);
      after = e.sub(total, before);
      w.out.push_back(out);
    } else {
      if (mode == "VALID")
        before = after = e.size(0);
      OpFoldResult real = e.add(image[i], before);
      OpFoldResult room = e.sub(e.add(real, after), reach);
      w.out.push_back(ceil ? roundUp(e, room, real, w.strides[i])
                           : e.add(e.div(room, stride), one));
      if (ceil)
        after = e.add(after, e.size(w.strides[i] - 1));
    }
    w.before.push_back(before);
    w.after.push_back(after);
  }
  return w;
}

Value Windows::pad(Emitter &e, Value x, Value value) const {
  auto none = [](OpFoldResult size) { return isConstantIntValue(size, 0); };
  if (llvm::all_of(before, none) && llvm::all_of(after, none))
    return x;
  MixedSizes sizes = e.sizes(x), offsets(sizes.size(), e.size(0));
  size_t leading = sizes.size() - rank();
  for (int64_t i = 0; i < rank(); ++i) {
    OpFoldResult &size = sizes[leading + i];
    size = e.add(e.add(size, before[i]), after[i]);
    offsets[leading + i] = before[i];
  }
  return e.copyInto(x, e.filled(sizes, value), offsets);
}

AffineMap Windows::map(Emitter &e, int64_t loops, ArrayRef<int64_t> fixed,
                       int64_t outer, int64_t inner) const {
  SmallVector<AffineExpr> exprs;
  for (int64_t dim : fixed)
    exprs.push_back(e.builder.getAffineDimExpr(dim));
  for (int64_t i = 0; i < rank(); ++i)
    exprs.push_back(e.builder.getAffineDimExpr(outer + i) * strides[i] +
                    e.builder.getAffineDimExpr(inner + i) * dilations[i]);
  return AffineMap::get(loops, 0, exprs, e.builder.getContext());
}
