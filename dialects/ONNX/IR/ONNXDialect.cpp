//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Registers the `onnx` dialect; reads inputs and attributes.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/IR/ONNXDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/InliningUtils.h"

#include "dialects/ONNX/IR/ONNXDialect.cpp.inc"

using namespace mlir;

void fulgur::onnx::ONNXDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/ONNX/IR/ONNXOps.cpp.inc"
      >();
}

Value fulgur::onnx::input(Operation *op, unsigned index) {
  if (index >= op->getNumOperands())
    return {};
  Value value = op->getOperand(index);
  return isa<NoneType>(value.getType()) ? Value() : value;
}

int64_t fulgur::onnx::intAttr(Operation *op, StringRef name,
                              int64_t otherwise) {
  auto attr = op->getAttrOfType<IntegerAttr>(name);
  return attr ? attr.getInt() : otherwise;
}

double fulgur::onnx::floatAttr(Operation *op, StringRef name,
                               double otherwise) {
  auto attr = op->getAttrOfType<FloatAttr>(name);
  return attr ? attr.getValueAsDouble() : otherwise;
}

StringRef fulgur::onnx::stringAttr(Operation *op, StringRef name,
                                   StringRef otherwise) {
  auto attr = op->getAttrOfType<StringAttr>(name);
  return attr ? attr.getValue() : otherwise;
}

std::optional<ArrayRef<int64_t>> fulgur::onnx::intsAttr(Operation *op,
                                                        StringRef name) {
  auto attr = op->getAttrOfType<DenseI64ArrayAttr>(name);
  if (!attr)
    return std::nullopt;
  return attr.asArrayRef();
}

DenseElementsAttr fulgur::onnx::constantOf(Value value) {
  DenseElementsAttr attr;
  if (value && matchPattern(value, m_Constant(&attr)))
    return attr;
  return {};
}

std::optional<SmallVector<int64_t>> fulgur::onnx::constantInts(Value value) {
  DenseElementsAttr attr = constantOf(value);
  if (!attr || !attr.getElementType().isInteger())
    return std::nullopt;
  bool isUnsigned = attr.getElementType().isUnsignedInteger() ||
                    attr.getElementType().isInteger(1);
  return llvm::map_to_vector(attr.getValues<APInt>(), [&](const APInt &v) {
    return isUnsigned ? static_cast<int64_t>(v.getZExtValue())
                      : v.getSExtValue();
  });
}

std::optional<double> fulgur::onnx::constantScalar(Value value) {
  DenseElementsAttr attr = constantOf(value);
  if (!attr || (attr.getNumElements() != 1 && !attr.isSplat()) ||
      attr.getNumElements() == 0)
    return std::nullopt;
  if (isa<FloatType>(attr.getElementType()))
    return (*attr.getValues<APFloat>().begin()).convertToDouble();
  if (attr.getElementType().isInteger(1))
    return (*attr.getValues<APInt>().begin()).getZExtValue();
  if (attr.getElementType().isInteger())
    return (*attr.getValues<APInt>().begin()).getSExtValue();
  return std::nullopt;
}

#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXOps.cpp.inc"
