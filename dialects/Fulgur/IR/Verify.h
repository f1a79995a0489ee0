//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the verifiers and shape functions of the dialect share: checks of rank,
// size and element type that name both sides, and results whose sizes are
// those of operands.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_DIALECTS_FULGUR_IR_VERIFY_H
#define FULGUR_DIALECTS_FULGUR_IR_VERIFY_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"

namespace fulgur {

/// An operand or result and what the operation calls it.
struct Named {
  llvm::StringRef name;
  mlir::Value value;

  mlir::RankedTensorType type() const {
    return llvm::cast<mlir::RankedTensorType>(value.getType());
  }
  int64_t rank() const { return type().getRank(); }
  /// The size of dimension `dim`, counted from the end if negative.
  int64_t size(int64_t dim) const {
    return type().getDimSize(dim < 0 ? dim + rank() : dim);
  }
};

mlir::LogicalResult verifyRank(mlir::Operation *op, Named tensor, int64_t rank);

/// Checks that dimension `dim` of `tensor` can have the size of dimension
/// `ofDim` of `of`.
mlir::LogicalResult verifySize(mlir::Operation *op, Named tensor, int64_t dim,
                               Named of, int64_t ofDim);

/// Checks that dimension `dim` of `tensor` can have `size`.
mlir::LogicalResult verifySize(mlir::Operation *op, Named tensor, int64_t dim,
                               int64_t size);

/// Checks that every dimension of `tensor` is 1 or can have the size in
/// `sizes`; does nothing for an absent operand.
mlir::LogicalResult verifyBroadcast(mlir::Operation *op, Named tensor,
                                    llvm::ArrayRef<int64_t> sizes);

mlir::LogicalResult verifySameElement(mlir::Operation *op, Named tensor,
                                      Named of);

mlir::LogicalResult verifyFinite(mlir::Operation *op, llvm::StringRef name,
                                 const llvm::APFloat &value);

mlir::LogicalResult verifyPositive(mlir::Operation *op, llvm::StringRef name,
                                   int64_t value);

/// A size of a result: dimension `dim` of `value` (from the end if negative),
/// or the constant `dim` if `value` is null.
struct SizeOf {
  mlir::Value value;
  int64_t dim;
};

/// Adds to `shapes` the shape of `result`: constants where the type is static,
/// and `sizes` elsewhere.
void reifySizes(mlir::OpBuilder &builder, mlir::Value result,
                llvm::ArrayRef<SizeOf> sizes,
                mlir::ReifiedRankedShapedTypeDims &shapes);

/// The shape of a result that has the shape of `operand`.
void reifySameShape(mlir::OpBuilder &builder, mlir::Value result,
                    mlir::Value operand,
                    mlir::ReifiedRankedShapedTypeDims &shapes);

} // namespace fulgur

#endif // FULGUR_DIALECTS_FULGUR_IR_VERIFY_H
