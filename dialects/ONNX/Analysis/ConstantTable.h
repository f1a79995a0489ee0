//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The numbers of constants: small ones in the IR, large ones in the file of the
// model, which are read only when somebody asks what is in them.
//
//===----------------------------------------------------------------------===//
#ifndef DIALECTS_ONNX_ANALYSIS_CONSTANTTABLE_H
#define DIALECTS_ONNX_ANALYSIS_CONSTANTTABLE_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>

namespace fulgur {

/// The elements of a constant, one by one.
class ConstantTable {
public:
  /// Of an `arith.constant` or a `fulgur.get_weight` with at most
  /// `maxElements` elements; none when `value` is neither, when its file can
  /// not be read, or when its element type is none that masks and indices have.
  static std::optional<ConstantTable> get(mlir::Value value,
                                          int64_t maxElements);

  llvm::ArrayRef<int64_t> getShape() const { return type.getShape(); }
  int64_t size() const { return type.getNumElements(); }
  /// Element `index` in row-major order.
  double operator[](int64_t index) const;

private:
  ConstantTable(mlir::RankedTensorType type) : type(type) {}

  mlir::RankedTensorType type;
  mlir::DenseElementsAttr attr;
  std::shared_ptr<llvm::MemoryBuffer> bytes;
};

} // namespace fulgur

#endif // DIALECTS_ONNX_ANALYSIS_CONSTANTTABLE_H
