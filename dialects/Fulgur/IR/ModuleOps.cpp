//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verification, text form and ranges of the model's weights and dimensions.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace fulgur;

LogicalResult WeightOp::verify() {
  // weight (C1)
  auto type = dyn_cast<RankedTensorType>(getWeightType());
  if (!type || !type.hasStaticShape())
    return emitOpError("(C1) expected the weight to be a statically shaped "
                       "tensor, but got ")
           << getWeightType();
  Type element = type.getElementType();
  unsigned bits = element.isIntOrFloat() ? element.getIntOrFloatBitWidth() : 0;
  if (!element.isInteger(1) && (bits < 8 || bits > 64 || bits % 8))
    return emitOpError("(C1) expected elements of 8 to 64 bits or i1, but got ")
           << element;
  // weight (C2)
  if (static_cast<int64_t>(getOffset()) < 0)
    return emitOpError("(C2) expected the offset not to be negative, but got ")
           << static_cast<int64_t>(getOffset());
  // weight (C3)
  int64_t bytes = bits == 1 ? 1 : bits / 8;
  for (int64_t extent : type.getShape())
    if (llvm::MulOverflow(bytes, extent, bytes))
      return emitOpError("(C3) expected the weight to have less than 2^63 "
                         "bytes, but got ")
             << type;
  // weight (C4)
  std::optional<uint64_t> packed = getPacked();
  if (packed && (static_cast<int64_t>(*packed) <= 0 || type.getRank() < 2))
    return emitOpError("(C4) expected a packed weight to have panels of 1 "
                       "column or more and rank 2 or more, but got ")
           << static_cast<int64_t>(*packed) << " and " << type.getRank();
  // weight (C5)
  if (getTransposed() && !packed)
    return emitOpError("(C5) expected a transposed weight to be packed");
  // weight (C6)
  std::optional<ArrayRef<int64_t>> pairs = getDeinterleaved();
  if (!pairs)
    return success();
  if (pairs->size() != 4)
    return emitOpError("(C6) expected 'deinterleaved' to have 4 numbers, but "
                       "got ")
           << pairs->size();
  int64_t axis = (*pairs)[0], period = (*pairs)[1], begin = (*pairs)[2],
          end = (*pairs)[3];
  if (axis < 0 || axis >= type.getRank() || period <= 0 ||
      type.getDimSize(axis) % period != 0)
    return emitOpError("(C6) expected the period of 'deinterleaved' to divide "
                       "a dimension of ")
           << type << ", but got " << period << " along dimension " << axis;
  if (begin < 0 || begin >= end || end > period || (end - begin) % 2 != 0)
    return emitOpError("(C6) expected 'deinterleaved' to move pairs of a "
                       "period of ")
           << period << ", but got [" << begin << ", " << end << ")";
  return success();
}

RankedTensorType WeightOp::getStepType() {
  auto type = cast<RankedTensorType>(getWeightType());
  std::optional<uint64_t> packed = getPacked();
  if (!packed)
    return type;
  SmallVector<int64_t> shape(type.getShape());
  int64_t columns = shape.pop_back_val(), depth = shape.pop_back_val();
  if (getTransposed())
    std::swap(columns, depth);
  int64_t width = static_cast<int64_t>(*packed);
  shape.append({llvm::divideCeilSigned(columns, width), depth, width});
  return type.clone(shape);
}

LogicalResult GetWeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // get_weight (C1)
  auto weight =
      symbols.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!weight)
    return emitOpError("(C1) expected ")
           << getWeightAttr() << " to name a fulgur.weight";
  // get_weight (C2)
  RankedTensorType declared = weight.getStepType();
  auto type = cast<ShapedType>(getResult().getType());
  if (declared.getShape() != type.getShape() ||
      declared.getElementType() != type.getElementType())
    return emitOpError("(C2) expected the type of the weight, ")
           << declared << ", but got " << type;
  return success();
}

LogicalResult SelectWeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // select_weight (C1)
  if (getWeights().empty())
    return emitOpError("(C1) expected one weight or more, but got none");
  WeightOp first;
  auto type = cast<ShapedType>(getResult().getType());
  for (auto name : getWeights().getAsRange<FlatSymbolRefAttr>()) {
    auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(*this, name);
    if (!weight)
      return emitOpError("(C1) expected ")
             << name << " to name a fulgur.weight";
    // select_weight (C2)
    RankedTensorType declared = weight.getStepType();
    if (declared.getShape() != type.getShape() ||
        declared.getElementType() != type.getElementType())
      return emitOpError("(C2) expected the type of the weight ")
             << name << ", " << declared << ", but got " << type;
    if (!first)
      first = weight;
    // select_weight (C3)
    if (weight.getPacked() != first.getPacked() ||
        weight.getTransposed() != first.getTransposed())
      return emitOpError("(C3) expected ")
             << name << " to be stored like " << SymbolRefAttr::get(first);
  }
  return success();
}

LogicalResult DimOp::verify() {
  // dim (C1)
  if (getName().empty())
    return emitOpError("(C1) expected the name not to be empty");
  // dim (C2)
  int64_t min = getMin();
  if (min < 0 || (getMax() && static_cast<int64_t>(*getMax()) < min))
    return emitOpError("(C2) expected 0 <= min <= max, but got min ")
           << min << (getMax() ? " and max " : "")
           << (getMax() ? std::to_string(*getMax()) : "");
  return success();
}

void DimOp::inferResultRanges(ArrayRef<ConstantIntRanges>,
                              SetIntRangeFn setResultRange) {
  int64_t max = getMax() ? static_cast<int64_t>(*getMax()) : INT64_MAX;
  setResultRange(getResult(), ConstantIntRanges::fromSigned(APInt(64, getMin()),
                                                            APInt(64, max)));
}

LogicalResult PackedMatmulOp::verify() {
  auto lhs = cast<ShapedType>(getLhs().getType());
  auto init = cast<ShapedType>(getInit().getType());
  bool onTensors = isa<RankedTensorType>(init);
  std::optional<ArrayRef<int64_t>> columns = getColumns();
  int64_t count = getPanels().size();
  // packed_matmul (C5)
  bool good =
      columns ? count > 1 && count == int64_t(columns->size()) : count == 1;
  int64_t total = 0;
  for (int64_t part : columns.value_or(ArrayRef<int64_t>())) {
    good &= part > 0 && !llvm::AddOverflow(total, part, total);
  }
  if (columns && init.hasRank() && init.getRank() == 2)
    good &= init.isDynamicDim(1) || init.getDimSize(1) == total;
  if (!good)
    return emitOpError("(C5) expected the columns of each of several weights, "
                       "together those of 'init', but got [")
           << columns.value_or(ArrayRef<int64_t>()) << "] for " << count
           << " weights and " << init;
  auto agree = [](int64_t a, int64_t b) {
    return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b;
  };
  for (auto [i, type] : llvm::enumerate(getPanels().getTypes())) {
    auto panels = cast<ShapedType>(type);
    // packed_matmul (C1)
    if (!lhs.hasRank() || !panels.hasRank() || !init.hasRank() ||
        lhs.getRank() != 2 || panels.getRank() != 3 || init.getRank() != 2 ||
        isa<RankedTensorType>(lhs) != onTensors ||
        isa<RankedTensorType>(panels) != onTensors)
      return emitOpError("(C1) expected two matrices and panels of rank 3, all "
                         "tensors or all memrefs, but got ")
             << lhs << ", " << panels << " and " << init;
    // packed_matmul (C2)
    int64_t own = columns ? (*columns)[i] : init.getDimSize(1);
    int64_t width = panels.getDimSize(2);
    int64_t wanted = ShapedType::isDynamic(own) || width <= 0
                         ? ShapedType::kDynamic
                         : llvm::divideCeilSigned(own, width);
    if (width <= 0 || !agree(lhs.getDimSize(0), init.getDimSize(0)) ||
        !agree(lhs.getDimSize(1), panels.getDimSize(1)) ||
        !agree(wanted, panels.getDimSize(0)))
      return emitOpError("(C2) expected sizes [M, K], [ceil(N / R), K, R] and "
                         "[M, N], but got ")
             << lhs << ", " << panels << " and " << init;
    // packed_matmul (C3)
    Type element = lhs.getElementType();
    if (!init.getElementType().isF32() || element != panels.getElementType() ||
        !(element.isF32() || element.isF16() || element.isBF16()))
      return emitOpError("(C3) expected f32, f16 or bf16 with sums in f32, but "
                         "got ")
             << lhs << ", " << panels << " and " << init;
  }
  // packed_matmul (C4)
  if (getNumResults() != onTensors ||
      (onTensors && getOperation()->getResult(0).getType() != init))
    return emitOpError("(C4) expected ")
           << (onTensors ? "a result of the type of 'init'" : "no result");
  return success();
}

void PackedMatmulOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : getOperation()->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    effects.emplace_back(MemoryEffects::Read::get(), &operand);
    if (operand.get() == getInit())
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
  }
}
