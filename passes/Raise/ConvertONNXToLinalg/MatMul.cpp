//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// MatMul, Gemm and their kin with integers.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/MatMul.h"

#include "passes/Raise/ConvertONNXToLinalg/Contraction.h"
#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::floatAttr;
using fulgur::onnx::intAttr;

using Values = SmallVector<Value>;

/// All dimensions of `tensor` but the last `kept` become one.
static Value collapseLeading(Emitter &e, Value tensor, int64_t kept) {
  int64_t rank = rankOf(tensor), leading = rank - kept;
  if (leading == 1)
    return tensor;
  if (leading == 0)
    return e.unsqueeze(tensor, 0);
  SmallVector<ReassociationIndices> groups(1);
  for (int64_t i = 0; i < rank; ++i) {
    if (i >= leading)
      groups.emplace_back();
    groups.back().push_back(i);
  }
  return e.collapse(tensor, groups);
}

/// The inverse: the first dimension of `tensor` becomes `leading`.
static Value expandLeading(Emitter &e, Value tensor,
                           ArrayRef<OpFoldResult> leading) {
  MixedSizes sizes(leading);
  SmallVector<ReassociationIndices> groups(1);
  for (int64_t i = 0, n = leading.size(); i < n; ++i)
    groups.back().push_back(i);
  for (int64_t i = 1, rank = rankOf(tensor); i < rank; ++i) {
    groups.push_back({static_cast<int64_t>(sizes.size())});
    sizes.push_back(e.size(tensor, i));
  }
  if (leading.size() == 1)
    return tensor;
  // No leading dimension at all: the first one has size 1.
  if (leading.empty()) {
    SmallVector<ReassociationIndices> merged{{0, 1}};
    for (int64_t i = 2, rank = rankOf(tensor); i < rank; ++i)
      merged.push_back({i});
    return e.collapse(tensor, merged);
  }
  return e.expand(tensor, groups, sizes);
}

/// The size of a dimension that two operands are broadcast to.
static OpFoldResult broadcastSize(OpFoldResult a, OpFoldResult b) {
  // 1 gives way, and of two others a static one is the better known.
  return isConstantIntValue(a, 1) || getConstantIntValue(b).value_or(1) != 1
             ? b
             : a;
}

/// `tensor` [.., M, K] with the leading dimensions `batch`, as one.
static Value broadcastLeading(Emitter &e, Value tensor,
                              ArrayRef<OpFoldResult> batch) {
  int64_t rank = rankOf(tensor), leading = rank - 2, loops = batch.size() + 2;
  MixedSizes sizes(batch);
  bool same = leading == static_cast<int64_t>(batch.size());
  SmallVector<int64_t> dims;
  for (int64_t i = 0; i < rank; ++i)
    dims.push_back(loops - rank + i);
  for (int64_t i = 0; i < leading; ++i)
    if (isConstantIntValue(e.size(tensor, i), 1) &&
        !isConstantIntValue(batch[dims[i]], 1)) {
      dims[i] = -1;
      same = false;
    }
  if (!same) {
    sizes.push_back(e.size(tensor, rank - 2));
    sizes.push_back(e.size(tensor, rank - 1));
    tensor =
        e.parallel(tensor, e.map(loops, dims), sizes, elementType(tensor),
                   [](Emitter &, ValueRange x) -> Values { return {x[0]}; });
  }
  return collapseLeading(e, tensor, 2);
}

Value fulgur::emitMatMul(Emitter &e, Value lhs, Value rhs, Type sum) {
  bool isRow = rankOf(lhs) == 1, isColumn = rankOf(rhs) == 1;
  if (isRow)
    lhs = e.unsqueeze(lhs, 0);
  if (isColumn)
    rhs = e.unsqueeze(rhs, 1);
  MixedSizes left = e.sizes(lhs), right = e.sizes(rhs);
  Value zero = e.number(0, sum), result;
  bool isMatrix = llvm::all_of(ArrayRef(right).drop_back(2), [](auto size) {
    return isConstantIntValue(size, 1);
  });
  if (isMatrix && right.size() <= left.size()) {
    while (rankOf(rhs) > 2)
      rhs = expandLeading(e, collapseLeading(e, rhs, 2), {});
    Value rows = collapseLeading(e, lhs, 1);
    result =
        e.matmul(rows, rhs, e.filled({e.size(rows, 0), right.back()}, zero));
    result = expandLeading(e, result, ArrayRef(left).drop_back());
  } else {
    int64_t extra = left.size() - right.size();
    MixedSizes batch;
    for (int64_t i = 0, n = std::max(left.size(), right.size()) - 2; i < n;
         ++i) {
      int64_t l = i - std::max<int64_t>(-extra, 0);
      int64_t r = i - std::max<int64_t>(extra, 0);
      batch.push_back(l < 0   ? right[r]
                      : r < 0 ? left[l]
                              : broadcastSize(left[l], right[r]));
    }
    lhs = broadcastLeading(e, lhs, batch);
    rhs = broadcastLeading(e, rhs, batch);
    result = e.matmul(
        lhs, rhs,
        e.filled({e.size(lhs, 0), e.size(lhs, 1), right.back()}, zero));
    result = expandLeading(e, result, batch);
  }
  int64_t rank = rankOf(result);
  if (isColumn)
    result = e.squeeze(result, rank-- - 1);
  if (isRow)
    result = e.squeeze(result, isColumn ? rank - 1 : rank - 2);
  return result;
}

/// Copies an operand whose leading dimensions may have size 1 where the other's
/// have more only when the model runs, which `emitMatMul` does not expect.
static Value broadcastDynamic(Lowering &l, unsigned index, unsigned other) {
  Emitter &e = l.e;
  Value x = l.in(index), y = l.in(other);
  int64_t rank = rankOf(x), shift = rankOf(y) - rank;
  MixedSizes sizes = e.sizes(x);
  Values fits(rank);
  bool isSame = true;
  for (int64_t dim = std::max<int64_t>(0, -shift); dim < rank - 2; ++dim) {
    OpFoldResult theirs = e.size(y, dim + shift);
    if (isa<Attribute>(sizes[dim]) || isConstantIntValue(theirs, 1) ||
        l.types.isSame(l.op, l.op->getOperand(index), dim,
                       l.op->getOperand(other), dim + shift))
      continue;
    isSame = false;
    OpFoldResult own = sizes[dim];
    Value isOne = l.isEqual(own, e.size(1));
    sizes[dim] = isa<Attribute>(theirs) ? theirs : l.select(isOne, theirs, own);
    fits[dim] = l.isEqual(own, sizes[dim]);
    Value fit = arith::OrIOp::create(e.builder, e.loc, isOne, fits[dim]);
    if (!isa<Attribute>(theirs))
      fit = arith::OrIOp::create(
          e.builder, e.loc, isOne,
          arith::OrIOp::create(e.builder, e.loc, l.isEqual(theirs, e.size(1)),
                               l.isEqual(theirs, own)));
    l.check(fit, "shapes can not be broadcast");
  }
  if (isSame)
    return x;
  return e.parallel(
      ValueRange(), {}, sizes, elementType(x),
      [&](Emitter &e, ValueRange) -> Values {
        Values at;
        for (int64_t dim = 0; dim < rank; ++dim) {
          Value loop = linalg::IndexOp::create(e.builder, e.loc, dim);
          at.push_back(fits[dim]
                           ? Scalars{e}.select(fits[dim], loop, e.index(0))
                           : loop);
        }
        return {tensor::ExtractOp::create(e.builder, e.loc, x, at)};
      });
}

static LogicalResult convertMatMul(Lowering &l) {
  Type type = elementType(l.in(0)), to = l.resultElement();
  if (elementType(l.in(1)) != type)
    return l.fail("the operands have different types");
  Type sum = isa<FloatType>(type) ? accumulatorType(type) : type;
  Value result = emitMatMul(l.e, broadcastDynamic(l, 0, 1),
                            broadcastDynamic(l, 1, 0), sum);
  return l.replace(l.e.convert(result, to));
}

/// alpha · A B + beta · C.
static LogicalResult convertGemm(Lowering &l) {
  Emitter &e = l.e;
  Value a = l.in(0), b = l.in(1), c = l.in(2);
  Type type = elementType(a), to = l.resultElement();
  Type sum = isa<FloatType>(type) ? accumulatorType(type) : type;
  if (intAttr(l.op, "transA", 0))
    a = e.permute(a, {1, 0}, type);
  if (intAttr(l.op, "transB", 0))
    b = e.permute(b, {1, 0}, type);
  double alpha = floatAttr(l.op, "alpha", 1), beta = floatAttr(l.op, "beta", 1);
  Value product = emitMatMul(e, a, b, sum);
  if (alpha == 1 && !c)
    return l.replace(e.convert(product, to));
  Values inputs{product};
  SmallVector<AffineMap> maps{e.map(2, {0, 1})};
  if (c) {
    inputs.push_back(c);
    SmallVector<int64_t> dims{0, 1};
    maps.push_back(e.broadcast(c, ArrayRef(dims).take_back(rankOf(c)), 2));
  }
  // Integers are scaled as floats.
  bool scales = alpha != 1 || (c && beta != 1);
  Type wide =
      scales && !isa<FloatType>(sum) ? Type(e.builder.getF64Type()) : sum;
  bool isUnsigned = l.isUnsigned(0);
  return l.replace(e.parallel(inputs, maps, e.sizes(product), to,
                              [&](Emitter &e, ValueRange x) -> Values {
                                Scalars s{e, isUnsigned};
                                auto scaled = [&](Value value, double by) {
                                  value = s.convert(value, wide);
                                  return by == 1
                                             ? value
                                             : s.mul(value, e.real(by, wide));
                                };
                                Value total = scaled(x[0], alpha);
                                if (c)
                                  total = s.add(total, scaled(x[1], beta));
                                return {s.convert(total, to)};
                              }));
}

static LogicalResult convertMatMulInteger(Lowering &l) {
  Value lhs = emitCentred(l, 0, 2, std::max<int64_t>(rankOf(l.in(0)) - 2, 0));
  Value rhs = emitCentred(l, 1, 3, rankOf(l.in(1)) - 1);
  return l.replace(emitMatMul(l.e, lhs, rhs, l.e.builder.getI32Type()));
}

static LogicalResult convertQLinearMatMul(Lowering &l) {
  Value lhs = emitCentred(l, 0, 2, std::max<int64_t>(rankOf(l.in(0)) - 2, 0));
  Value rhs = emitCentred(l, 3, 5, rankOf(l.in(3)) - 1);
  Value sums = emitMatMul(l.e, lhs, rhs, l.e.builder.getI32Type());
  int64_t rank = rankOf(sums);
  return l.replace(
      emitRequantized(l, sums, {1, 4, 6}, 7, {rank - 2, rank - 1}));
}

void fulgur::populateConvertMatMulPatterns(RewritePatternSet &patterns,
                                           const ONNXTypeConverter &types) {
  addLowering<onnx::MatMulOp>(patterns, types, convertMatMul);
  addLowering<onnx::GemmOp>(patterns, types, convertGemm);
  addLowering<onnx::MatMulIntegerOp>(patterns, types, convertMatMulInteger);
  addLowering<onnx::QLinearMatMulOp>(patterns, types, convertQLinearMatMul);
}
