//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Questions about rows of experts.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/RaiseExperts/Experts.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::fromFront;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;

/// What `value` has the elements of, in the same order; null for none.
static Value stepOverReshape(Value value) {
  Operation *op = value ? value.getDefiningOp() : nullptr;
  if (!op || op->getNumOperands() == 0)
    return {};
  Value from = op->getOperand(0);
  if (isa<onnx::ReshapeOp, onnx::SqueezeOp, onnx::UnsqueezeOp, onnx::FlattenOp,
          onnx::IdentityOp>(op))
    return from;
  Type before = getElementTypeOrSelf(from), after = getElementTypeOrSelf(value);
  bool isWiden = isa<FloatType>(before) && isa<FloatType>(after);
  bool isInt = before.isInteger() && after.isInteger() && !after.isInteger(1) &&
               !before.isInteger(1);
  return isa<onnx::CastOp>(op) && (isWiden || isInt) ? from : Value();
}

Value fulgur::skipReshapes(Value value) {
  while (Value from = stepOverReshape(value))
    value = from;
  return value;
}

Value fulgur::asMatrix(Value value, int64_t columns) {
  for (; value; value = stepOverReshape(value)) {
    RankedTensorType type = tensorType(value);
    if (type && type.getRank() == 2 && type.getDimSize(1) == columns)
      return value;
  }
  return {};
}

bool fulgur::matchRowGather(Value value, Value &data, Value &index) {
  value = skipReshapes(value);
  Operation *op = value ? value.getDefiningOp() : nullptr;
  if (!isa_and_nonnull<onnx::GatherOp, onnx::GatherNDOp>(op))
    return false;
  data = op->getOperand(0);
  index = op->getOperand(1);
  if (isa<onnx::GatherOp>(op))
    return fromFront(intAttr(op, "axis", 0), rankOf(data)) == 0;
  RankedTensorType type = tensorType(index);
  return intAttr(op, "batch_dims", 0) == 0 && type && type.getRank() >= 1 &&
         type.getShape().back() == 1;
}

/// The columns that `value` is of what a projection makes: `whole`.
static bool matchColumns(Value value, Value &whole, ProjectedPart &columns) {
  Value source = skipReshapes(value);
  std::optional<Part> part = matchPart(source);
  if (!part) {
    whole = source;
    return false;
  }
  RankedTensorType type = tensorType(part->source);
  if (!type)
    return false;
  for (int64_t i = part->axis + 1; i < type.getRank(); ++i)
    if (type.getDimSize(i) != 1)
      return false;
  whole = part->source;
  columns.start = part->start;
  columns.size = part->size;
  return part->step == 1;
}

StringRef fulgur::matchGated(
    Value hidden, Experts &experts, Value &rows,
    function_ref<StringRef(Value, Projection &, Value &)> matchProjection) {
  auto swiglu = producer<SwiGLUOp>(skipReshapes(hidden));
  if (!swiglu)
    return "the experts are not down(swiglu(gate(x), up(x)))";
  Value gateSource, upSource, upRows;
  bool isPart = matchColumns(swiglu.getGate(), gateSource, experts.gate);
  if (isPart != matchColumns(swiglu.getUp(), upSource, experts.up))
    return "one of gate and up is a part of a projection, the other is not";
  for (auto [source, part, from] :
       {std::tuple(gateSource, &experts.gate, &rows),
        std::tuple(upSource, &experts.up, &upRows)})
    if (StringRef why = matchProjection(source, part->projection, *from);
        !why.empty())
      return why;
  if (rows != upRows)
    return "gate and up multiply different rows";
  for (ProjectedPart *part : {&experts.gate, &experts.up}) {
    RankedTensorType type = tensorType(part->projection.weights);
    int64_t columns = type.getDimSize(part->projection.transposed ? 1 : 2);
    if (!isPart)
      part->size = columns;
    if (part->start + part->size > columns)
      return "gate and up are not columns of the projection";
  }
  return "";
}
