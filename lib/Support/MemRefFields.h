//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Takes buffers apart into the scalars that their types do not say, to hand
// them to code that is outlined: the address, then the offset, the extents and
// the strides that are dynamic. Strides of a dense buffer follow from the
// extents.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_SUPPORT_MEMREFFIELDS_H
#define LIB_SUPPORT_MEMREFFIELDS_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace fulgur {

/// The fields of `memref`, values of the llvm dialect.
llvm::SmallVector<mlir::Value>
getMemRefFields(mlir::OpBuilder &builder, mlir::Location loc,
                const mlir::LLVMTypeConverter &types, mlir::Value memref);

/// The buffer whose fields `next` gives in the same order, each of the type
/// that it is asked for.
mlir::Value makeMemRef(mlir::OpBuilder &builder, mlir::Location loc,
                       const mlir::LLVMTypeConverter &types,
                       mlir::MemRefType type,
                       llvm::function_ref<mlir::Value(mlir::Type)> next);

} // namespace fulgur

#endif // LIB_SUPPORT_MEMREFFIELDS_H
