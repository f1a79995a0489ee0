//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// ONNX element types and tensors as MLIR types and attributes.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_IMPORTER_ONNX_TENSORS_H
#define LIB_IMPORTER_ONNX_TENSORS_H

#include "lib/Importer/ONNX/ModelFile.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

namespace fulgur {

/// The element type with the number `type` of TensorProto.DataType; null when
/// the compiler has none for it (strings, complex numbers, 4-bit types, …).
mlir::Type getElementType(int32_t type, mlir::MLIRContext *context);

/// The standard's name of that type, for messages.
std::string getElementTypeName(int32_t type);

/// The type of `tensor`, or null when its element type is unknown or its
/// extents are negative or overflow.
mlir::RankedTensorType getTensorType(const ::onnx::TensorProto &tensor,
                                     mlir::MLIRContext *context);

/// The value of `tensor`, whose type is `type`; null when the stored data do
/// not fill it. External data are not read.
mlir::DenseElementsAttr getTensorValue(const ::onnx::TensorProto &tensor,
                                       mlir::RankedTensorType type);

/// The value of `tensor` if its raw data repeat one element; null otherwise.
mlir::DenseElementsAttr getRepeatedValue(const ::onnx::TensorProto &tensor,
                                         mlir::RankedTensorType type);

/// Bytes in a file.
struct FileRange {
  std::string file;
  int64_t offset = 0;
};

/// Where the data of `tensor`, external ones, are: a file inside the model's
/// folder, long enough for `type`. Reports what is wrong otherwise.
ExitCode locateExternalData(const ModelFile &file,
                            const ::onnx::TensorProto &tensor,
                            mlir::RankedTensorType type, ReportFn report,
                            FileRange &range);

/// Bytes of an element as stored in files: one for i1.
int64_t getStoredBytes(mlir::Type element);

} // namespace fulgur

#endif // LIB_IMPORTER_ONNX_TENSORS_H
