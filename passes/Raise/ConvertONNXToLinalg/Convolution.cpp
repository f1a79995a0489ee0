//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Convolutions of any number of spatial dimensions, in groups.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Contraction.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"
#include "passes/Raise/ConvertONNXToLinalg/Windows.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::intAttr;
using fulgur::onnx::intsAttr;
using fulgur::onnx::stringAttr;

using Values = SmallVector<Value>;

/// Dimension `dim` of `tensor` in `count` groups.
static Value splitDim(Emitter &e, Value tensor, int64_t dim, int64_t count) {
  MixedSizes sizes = e.sizes(tensor);
  OpFoldResult width = e.div(sizes[dim], e.size(count));
  sizes[dim] = width;
  sizes.insert(sizes.begin() + dim, e.size(count));
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0, rank = rankOf(tensor); i < rank; ++i)
    groups.push_back(i == dim ? ReassociationIndices{i, i + 1}
                              : ReassociationIndices{i + (i > dim)});
  return e.expand(tensor, groups, sizes);
}

/// x [N, G, C, image], padded, with w [G, M, C, kernel] at `weightMap`:
/// [N, G·M, out] of type `sum`, starting from `bias` [G·M] if it is not null.
static Value convolve(Emitter &e, const Windows &windows, Value x, Value w,
                      ArrayRef<int64_t> weightDims, Value bias, Type sum,
                      AffineMap kernelMap = {}) {
  int64_t spatial = windows.rank();
  // Loops: n, g, m, out…, c, kernel…
  int64_t channel = 3 + spatial, loops = channel + 1 + spatial;
  SmallVector<AffineExpr> exprs;
  auto dim = [&](int64_t i) { return e.builder.getAffineDimExpr(i); };
  for (int64_t i : weightDims)
    exprs.push_back(dim(i == 2 ? channel : i + 1));
  for (int64_t i = 0; i < spatial; ++i)
    exprs.push_back(kernelMap
                        ? kernelMap.getResult(i).shiftDims(spatial, channel + 1)
                        : dim(channel + 1 + i));
  AffineMap wMap = AffineMap::get(loops, 0, exprs, e.builder.getContext());
  AffineMap xMap = windows.map(e, loops, {0, 1, channel}, 3, channel + 1);
  MixedSizes sizes{e.size(x, 0), e.size(w, 0),
                   e.size(w, weightDims[1] == 1 ? 1 : 2)};
  llvm::append_range(sizes, windows.out);
  Value init = e.filled(sizes, e.number(0, sum));
  if (bias) {
    Value grouped =
        splitDim(e, bias, 0, cast<RankedTensorType>(w.getType()).getDimSize(0));
    init = e.parallel(grouped, e.map(3 + spatial, {1, 2}), sizes, sum,
                      [&](Emitter &e, ValueRange args) -> Values {
                        return {Scalars{e}.convert(args[0], sum)};
                      });
  }
  // The kernel in reverse tells no extents.
  Values inputs{x, w};
  SmallVector<AffineMap> maps{xMap, wMap};
  SmallVector<int64_t> reduced{channel};
  for (int64_t i = 0; i < spatial; ++i)
    reduced.push_back(channel + 1 + i);
  if (kernelMap) {
    inputs.push_back(e.empty(windows.kernel, e.builder.getI1Type()));
    maps.push_back(e.map(loops, ArrayRef(reduced).drop_front()));
  }
  Value result = e.reduce(
      inputs, maps, init, reduced, [&](Emitter &e, ValueRange args) -> Values {
        Scalars s{e};
        Value product = s.mul(s.convert(args[0], sum), s.convert(args[1], sum));
        return {s.add(args.back(), product)};
      });
  SmallVector<ReassociationIndices> merged{{0}, {1, 2}};
  for (int64_t i = 0; i < spatial; ++i)
    merged.push_back({3 + i});
  return e.collapse(result, merged);
}

static LogicalResult emitConv(Lowering &l, Value x, Value w, Value bias,
                              Type sum, Value &result) {
  Emitter &e = l.e;
  int64_t rank = rankOf(x), groups = intAttr(l.op, "group", 1);
  if (rank < 3 || rankOf(w) != rank)
    return l.fail("expected operands with channels and spatial dimensions");
  MixedSizes image = e.sizes(x), kernel = e.sizes(w);
  FailureOr<Windows> windows = Windows::read(l, ArrayRef(image).drop_front(2),
                                             ArrayRef(kernel).drop_front(2));
  if (failed(windows))
    return l.fail("an attribute has the wrong length");
  x = windows->pad(e, x, e.number(0, elementType(x)));
  result = convolve(e, *windows, splitDim(e, x, 1, groups),
                    splitDim(e, w, 0, groups), {0, 1, 2}, bias, sum);
  return success();
}

static LogicalResult convertConv(Lowering &l) {
  Value result;
  Type sum = accumulatorType(elementType(l.in(0)));
  if (failed(emitConv(l, l.in(0), l.in(1), l.in(2), sum, result)))
    return failure();
  return l.replace(l.e.convert(result, l.resultElement()));
}

static LogicalResult convertConvInteger(Lowering &l) {
  Type sum = l.e.builder.getI32Type();
  Value x = emitCentred(l, 0, 2, 1), w = emitCentred(l, 1, 3, 0), result;
  if (failed(emitConv(l, x, w, {}, sum, result)))
    return failure();
  return l.replace(result);
}

static LogicalResult convertQLinearConv(Lowering &l) {
  Type sum = l.e.builder.getI32Type();
  Value x = emitCentred(l, 0, 2, 1), w = emitCentred(l, 3, 5, 0), result;
  if (failed(emitConv(l, x, w, l.in(8), sum, result)))
    return failure();
  return l.replace(emitRequantized(l, result, {1, 4, 6}, 7, /*axis=*/1));
}

/// Every element of the image adds the kernel, times itself, to the result.
/// That is the convolution of the image, its elements moved apart by the
/// stride, with the kernel in reverse.
static LogicalResult convertConvTranspose(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0), w = l.in(1);
  int64_t rank = rankOf(x), spatial = rank - 2;
  int64_t groups = intAttr(l.op, "group", 1);
  if (rank < 3 || rankOf(w) != rank)
    return l.fail("expected operands with channels and spatial dimensions");
  MixedSizes image = e.sizes(x), kernel = e.sizes(w);
  auto ints = [&](StringRef name, int64_t length, int64_t otherwise) {
    SmallVector<int64_t> values(length, otherwise);
    if (auto given = intsAttr(l.op, name);
        given && static_cast<int64_t>(given->size()) == length)
      values.assign(given->begin(), given->end());
    return values;
  };
  SmallVector<int64_t> strides = ints("strides", spatial, 1);
  SmallVector<int64_t> pads = ints("pads", 2 * spatial, 0);
  SmallVector<int64_t> extra = ints("output_padding", spatial, 0);
  SmallVector<int64_t> shape = ints("output_shape", spatial, -1);
  StringRef mode = stringAttr(l.op, "auto_pad", "NOTSET");
  Windows windows;
  windows.strides.assign(spatial, 1);
  windows.dilations = ints("dilations", spatial, 1);
  windows.kernel = MixedSizes(ArrayRef(kernel).drop_front(2));
  MixedSizes apart = image, steps(rank, e.size(1)), room = image;
  MixedSizes offsets(rank, e.size(0));
  SmallVector<AffineExpr> reversed;
  for (int64_t i = 0; i < spatial; ++i) {
    auto size = getConstantIntValue(kernel[2 + i]);
    if (!size)
      return l.fail("the kernel has a dynamic size");
    int64_t reach = (*size - 1) * windows.dilations[i];
    int64_t before = pads[i], after = pads[spatial + i];
    OpFoldResult step = e.size(strides[i]), in = image[2 + i];
    OpFoldResult gap = e.mul(e.sub(in, e.size(1)), step);
    apart[2 + i] = e.add(gap, e.size(1));
    OpFoldResult full = e.add(gap, e.size(reach + 1 + extra[i]));
    if (shape[i] >= 0 || mode.starts_with("SAME")) {
      OpFoldResult wanted = shape[i] >= 0 ? e.size(shape[i]) : e.mul(in, step);
      auto total = getConstantIntValue(e.sub(full, wanted));
      if (!total)
        return l.fail("the padding depends on a dynamic size");
      int64_t all = std::max<int64_t>(*total, 0);
      before = mode == "SAME_UPPER" ? all / 2 : all - all / 2;
      after = *total - before;
    } else if (mode == "VALID") {
      before = after = 0;
    }
    if (before > reach || after > reach + extra[i])
      return l.fail("the padding removes more than the kernel adds");
    windows.out.push_back(e.sub(full, e.size(before + after)));
    windows.image.push_back(e.add(windows.out.back(), e.size(reach)));
    room[2 + i] = windows.image.back();
    offsets[2 + i] = e.size(reach - before);
    steps[2 + i] = step;
    reversed.push_back(*size - 1 - e.builder.getAffineDimExpr(i));
  }
  Value zero = e.number(0, elementType(x));
  Value spread = e.insert(x, e.filled(room, zero), offsets, image, steps);
  Type sum = accumulatorType(elementType(x));
  AffineMap kernelMap =
      AffineMap::get(spatial, 0, reversed, e.builder.getContext());
  // w is [G · C, M, kernel].
  Value result =
      convolve(e, windows, splitDim(e, spread, 1, groups),
               splitDim(e, w, 0, groups), {0, 2, 1}, l.in(2), sum, kernelMap);
  return l.replace(e.convert(result, l.resultElement()));
}

void fulgur::populateConvertConvolutionPatterns(
    RewritePatternSet &patterns, const ONNXTypeConverter &types) {
  addLowering<onnx::ConvOp>(patterns, types, convertConv);
  addLowering<onnx::ConvIntegerOp>(patterns, types, convertConvInteger);
  addLowering<onnx::QLinearConvOp>(patterns, types, convertQLinearConv);
  addLowering<onnx::ConvTransposeOp>(patterns, types, convertConvTranspose);
}
