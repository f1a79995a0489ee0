//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Extents that are known before a step runs, and by which the step's interface
// can be described: numbers and named dimensions.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_FUSE_NAMEDEXTENTS_H
#define PASSES_FUSE_NAMEDEXTENTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fulgur {

/// The name of an extent of an argument, or null.
mlir::StringAttr getDimName(mlir::func::FuncOp function,
                            mlir::BlockArgument argument, int64_t axis);

/// An extent that the runtime can know before a step: a number (i64) or the
/// name of a dimension. Null if it is computed in another way.
mlir::Attribute findExtent(mlir::func::FuncOp function, mlir::Value tensor,
                           int64_t axis);

} // namespace fulgur

#endif // PASSES_FUSE_NAMEDEXTENTS_H
