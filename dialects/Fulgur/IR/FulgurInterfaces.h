//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The interfaces of the dialect's operations.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_DIALECTS_FULGUR_IR_FULGURINTERFACES_H
#define FULGUR_DIALECTS_FULGUR_IR_FULGURINTERFACES_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"

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

/// Dimension `dim` of `tensor` has the size of dimension `ofDim` of `of`;
/// both count from the end if negative. With `isBroadcast`, its type may also
/// say that it has the size 1.
struct EqualSizes {
  Named tensor;
  int64_t dim;
  Named of;
  int64_t ofDim;
  bool isBroadcast = false;
};

} // namespace fulgur

#include "dialects/Fulgur/IR/FulgurInterfaces.h.inc"

#endif // FULGUR_DIALECTS_FULGUR_IR_FULGURINTERFACES_H
