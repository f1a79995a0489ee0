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
  return success();
}

LogicalResult GetWeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // get_weight (C1)
  auto weight =
      symbols.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!weight)
    return emitOpError("(C1) expected ")
           << getWeightAttr() << " to name a fulgur.weight";
  // get_weight (C2)
  auto declared = cast<ShapedType>(weight.getWeightType());
  auto type = cast<ShapedType>(getResult().getType());
  if (declared.getShape() != type.getShape() ||
      declared.getElementType() != type.getElementType())
    return emitOpError("(C2) expected the type of the weight, ")
           << declared << ", but got " << type;
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
