//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Element types as the interface of executables numbers them.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_SUPPORT_TYPECODE_H
#define LIB_SUPPORT_TYPECODE_H

#include "mlir/IR/BuiltinTypes.h"

namespace fulgur {

/// The FulgurType of `type` (fulgur/Runtime/Model.h), or 0.
int32_t getTypeCode(mlir::Type type);

} // namespace fulgur

#endif // LIB_SUPPORT_TYPECODE_H
