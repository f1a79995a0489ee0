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

#include "dialects/Fulgur/IR/FulgurInterfaces.h"

#include "mlir/Interfaces/InferTypeOpInterface.h"

namespace fulgur {

mlir::LogicalResult verifyRank(mlir::Operation *op, Named tensor, int64_t rank);

/// Checks that dimension `dim` of `tensor` can have the size of dimension
/// `ofDim` of `of`.
mlir::LogicalResult verifySize(mlir::Operation *op, Named tensor, int64_t dim,
                               Named of, int64_t ofDim);

/// Checks the pairs of dimensions of operands that have one size.
mlir::LogicalResult verifyEqualSizes(EqualSizesOpInterface op);

/// The dimensions of a mask, if it is there, are those of `of`, or 1.
void addBroadcast(llvm::SmallVectorImpl<EqualSizes> &sizes, Named mask,
                  llvm::ArrayRef<std::pair<Named, int64_t>> of);

/// Checks that dimension `dim` of `tensor` can have `size`.
mlir::LogicalResult verifySize(mlir::Operation *op, Named tensor, int64_t dim,
                               int64_t size);

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
