//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One table instead of the onnx project's version converter, which covers few
// steps and no model with external data: between the versions that we read,
// nearly every change is an attribute that became an input.
//
//===----------------------------------------------------------------------===//
#include "lib/Importer/ONNX/Upgrade.h"

#include "dialects/ONNX/IR/ONNXDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fulgur;

namespace {
struct MovedAttribute {
  StringLiteral op;
  StringLiteral attribute;
  unsigned input;
};
} // namespace

static constexpr MovedAttribute movedAttributes[] = {
    {"Clip", "min", 1},          {"Clip", "max", 2},
    {"Pad", "pads", 1},          {"Pad", "value", 2},
    {"ReduceL1", "axes", 1},     {"ReduceL2", "axes", 1},
    {"ReduceLogSum", "axes", 1}, {"ReduceLogSumExp", "axes", 1},
    {"ReduceMax", "axes", 1},    {"ReduceMean", "axes", 1},
    {"ReduceMin", "axes", 1},    {"ReduceProd", "axes", 1},
    {"ReduceSum", "axes", 1},    {"ReduceSumSquare", "axes", 1},
    {"Slice", "starts", 1},      {"Slice", "ends", 2},
    {"Slice", "axes", 3},        {"Split", "split", 1},
    {"Squeeze", "axes", 1},      {"TopK", "k", 1},
    {"Unsqueeze", "axes", 1},
};

bool fulgur::isMovedAttribute(StringRef op, StringRef attribute) {
  return llvm::any_of(movedAttributes, [&](const MovedAttribute &moved) {
    return moved.op == op && moved.attribute == attribute;
  });
}

/// The attribute as a constant tensor: integers as i64 of rank 1, a float as a
/// scalar of the element type of the first input.
static Value toConstant(Attribute attr, Value like, OpBuilder &b,
                        Location loc) {
  if (auto ints = dyn_cast<DenseI64ArrayAttr>(attr)) {
    auto type = RankedTensorType::get({ints.size()}, b.getI64Type());
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, ints.asArrayRef()));
  }
  if (auto integer = dyn_cast<IntegerAttr>(attr)) {
    auto type = RankedTensorType::get({1}, b.getI64Type());
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, integer.getInt()));
  }
  auto real = dyn_cast<FloatAttr>(attr);
  auto tensor = dyn_cast<TensorType>(like.getType());
  if (!real || !tensor || !isa<FloatType>(tensor.getElementType()))
    return {};
  auto type = RankedTensorType::get({}, tensor.getElementType());
  return arith::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(type, b.getFloatAttr(tensor.getElementType(),
                                                  real.getValueAsDouble())));
}

LogicalResult fulgur::upgradeNode(StringRef op, int64_t version, NodeForm &form,
                                  OpBuilder &builder, Location loc,
                                  std::string &why) {
  for (const MovedAttribute &moved : movedAttributes) {
    Attribute attr = form.attributes.get(moved.attribute);
    if (moved.op != op || !attr)
      continue;
    Value value = toConstant(attr, form.inputs.front(), builder, loc);
    if (!value) {
      why = ("attribute '" + moved.attribute + "' has the wrong type").str();
      return failure();
    }
    if (form.inputs.size() <= moved.input)
      form.inputs.resize(moved.input + 1);
    form.inputs[moved.input] = value;
    form.attributes.erase(moved.attribute);
  }
  // Until version 12 these worked on the input coerced to a matrix, which is
  // the new form only for the last axis.
  if ((op == "Softmax" || op == "LogSoftmax" || op == "Hardmax") &&
      version < 13) {
    auto axis = dyn_cast_or_null<IntegerAttr>(form.attributes.get("axis"));
    auto type = dyn_cast<RankedTensorType>(form.inputs.front().getType());
    int64_t value = axis ? axis.getInt() : 1;
    if (!type || (value != -1 && value != type.getRank() - 1)) {
      why = "its version before 13 flattens the dimensions from 'axis' on";
      return failure();
    }
    form.attributes.set("axis", builder.getI64IntegerAttr(value));
  }
  if (op == "GroupNormalization" && version < 21) {
    why = "its version 18 scales by group, which the standard withdrew";
    return failure();
  }
  if ((op == "BatchNormalization" && version < 9) ||
      (op == "Upsample" || op == "Scatter")) {
    why = "the standard withdrew this version";
    return failure();
  }
  return success();
}
