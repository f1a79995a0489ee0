//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The `onnx` dialect, and how to read an operator's inputs and attributes.
//
//===----------------------------------------------------------------------===//
#ifndef DIALECTS_ONNX_IR_ONNXDIALECT_H
#define DIALECTS_ONNX_IR_ONNXDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/ONNX/IR/ONNXDialect.h.inc"
#define GET_OP_CLASSES
#include "dialects/ONNX/IR/ONNXOps.h.inc"

namespace fulgur::onnx {

/// Input `index` of `op`, or null when it is absent.
mlir::Value input(mlir::Operation *op, unsigned index);

/// The attribute `name` of `op`, or `otherwise` when `op` has none of that
/// kind.
int64_t intAttr(mlir::Operation *op, llvm::StringRef name, int64_t otherwise);
double floatAttr(mlir::Operation *op, llvm::StringRef name, double otherwise);
llvm::StringRef stringAttr(mlir::Operation *op, llvm::StringRef name,
                           llvm::StringRef otherwise);

/// The integers of attribute `name`; none when there is no such attribute.
std::optional<llvm::ArrayRef<int64_t>> intsAttr(mlir::Operation *op,
                                                llvm::StringRef name);

/// The constant that `value` is, seen through nothing; null otherwise.
mlir::DenseElementsAttr constantOf(mlir::Value value);

/// The integers of a constant of any integer type and shape, in order.
std::optional<llvm::SmallVector<int64_t>> constantInts(mlir::Value value);

/// The one element of a constant with one element: float or integer.
std::optional<double> constantScalar(mlir::Value value);

/// `axis` counted from the front, for a tensor of `rank` dimensions.
inline int64_t fromFront(int64_t axis, int64_t rank) {
  return axis < 0 ? axis + rank : axis;
}

} // namespace fulgur::onnx

#endif // DIALECTS_ONNX_IR_ONNXDIALECT_H
