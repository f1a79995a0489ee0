//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The one table from MLIR's types to FulgurType.
//
//===----------------------------------------------------------------------===//
#include "lib/Support/TypeCode.h"

#include "fulgur/Runtime/Model.h"

using namespace mlir;

int32_t fulgur::getTypeCode(Type type) {
  if (type.isF32())
    return FULGUR_F32;
  if (type.isF16())
    return FULGUR_F16;
  if (type.isBF16())
    return FULGUR_BF16;
  if (type.isF64())
    return FULGUR_F64;
  if (isa<Float8E4M3FNType>(type))
    return FULGUR_F8E4M3FN;
  if (isa<Float8E5M2Type>(type))
    return FULGUR_F8E5M2;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return 0;
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 1:
    return FULGUR_BOOL;
  case 8:
    return isUnsigned ? FULGUR_U8 : FULGUR_I8;
  case 16:
    return isUnsigned ? FULGUR_U16 : FULGUR_I16;
  case 32:
    return isUnsigned ? FULGUR_U32 : FULGUR_I32;
  case 64:
    return isUnsigned ? FULGUR_U64 : FULGUR_I64;
  default:
    return 0;
  }
}
