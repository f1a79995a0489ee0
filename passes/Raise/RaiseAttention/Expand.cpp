//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The chain that `Attention` stands for, as the standard's own function body
// has it for the plain case.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/RaiseAttention/Expand.h"

#include "passes/Raise/Matchers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::floatAttr;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;

template <typename Op>
static Value create(OpBuilder &b, Location loc, Type type,
                    ValueRange operands) {
  return Op::create(b, loc, TypeRange{type}, operands)->getResult(0);
}

void fulgur::expandAttention(onnx::AttentionOp op) {
  Value query = input(op, 0), key = input(op, 1), value = input(op, 2);
  for (Value operand : {query, key, value})
    if (rankOf(operand) != 4 ||
        tensorType(operand).getDimSize(1) != tensorType(query).getDimSize(1))
      return;
  RankedTensorType type = tensorType(query);
  if (op->getNumOperands() > 4 || op->getNumResults() != 1 ||
      floatAttr(op, "softcap", 0) != 0 || intAttr(op, "is_causal", 0) ||
      intAttr(op, "left_window_size", -1) >= 0 ||
      intAttr(op, "right_window_size", -1) >= 0 ||
      (!op->hasAttr("scale") && type.isDynamicDim(3)))
    return;
  OpBuilder b(op);
  Location loc = op.getLoc();
  double scale = floatAttr(
      op, "scale", 1 / std::sqrt(static_cast<double>(type.getDimSize(3))));
  auto number = [&](double number) -> Value {
    auto scalar = RankedTensorType::get({}, type.getElementType());
    Attribute attr = b.getFloatAttr(type.getElementType(), number);
    return arith::ConstantOp::create(b, loc,
                                     DenseElementsAttr::get(scalar, attr));
  };
  SmallVector<int64_t> shape(type.getShape());
  shape[3] = tensorType(key).getDimSize(2);
  Type whole = type.clone(shape);
  Value columns = createTranspose(b, loc, key, {0, 1, 3, 2});
  Value scores = create<onnx::MatMulOp>(b, loc, whole, {query, columns});
  scores = create<onnx::MulOp>(b, loc, whole, {scores, number(scale)});
  Value mask = input(op, 3);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (mask && getElementTypeOrSelf(mask).isInteger(1))
    scores =
        create<onnx::WhereOp>(b, loc, whole, {mask, scores, number(-infinity)});
  else if (mask)
    scores = create<onnx::AddOp>(b, loc, whole, {scores, mask});
  Value weights = create<onnx::SoftmaxOp>(b, loc, whole, {scores});
  Value result = create<onnx::MatMulOp>(b, loc, op->getResult(0).getType(),
                                        {weights, value});
  op->getResult(0).replaceAllUsesWith(result);
  op.erase();
}
