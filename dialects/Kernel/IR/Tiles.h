//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What operations on tiles of shared memory have in common.
//
//===----------------------------------------------------------------------===//
#ifndef DIALECTS_KERNEL_IR_TILES_H
#define DIALECTS_KERNEL_IR_TILES_H

#include "dialects/Kernel/IR/KernelDialect.h"

namespace fulgur::kernel {

/// Checks that `tile` has one index for each dimension.
mlir::LogicalResult verifyIndices(mlir::Operation *op, llvm::StringRef name,
                                  mlir::MemRefType tile,
                                  mlir::ValueRange indices);

/// Checks that the innermost dimension is contiguous.
mlir::LogicalResult verifyContiguous(mlir::Operation *op, llvm::StringRef name,
                                     mlir::MemRefType tile);

/// Checks that the address of the element of `tile` at `indices` is a multiple
/// of `alignment` bytes, as far as it is known: constants, and strides of
/// leading dimensions (stages and blocks).
mlir::LogicalResult verifyAlignment(mlir::Operation *op, mlir::Value tile,
                                    mlir::ValueRange indices,
                                    int64_t alignment);

/// Checks that `bytes` of dynamic shared memory at `offset` are there, and
/// `offset` is a multiple of `alignment`.
mlir::LogicalResult verifyShared(mlir::Operation *op, int64_t offset,
                                 int64_t bytes, int64_t alignment);

} // namespace fulgur::kernel

#endif // DIALECTS_KERNEL_IR_TILES_H
