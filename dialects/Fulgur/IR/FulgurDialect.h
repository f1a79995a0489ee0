//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The `fulgur` dialect and its operations.
//
//===----------------------------------------------------------------------===//
#ifndef DIALECTS_FULGUR_IR_FULGURDIALECT_H
#define DIALECTS_FULGUR_IR_FULGURDIALECT_H

#include "dialects/Fulgur/IR/FulgurInterfaces.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferIntRangeInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Fulgur/IR/FulgurDialect.h.inc"
#include "dialects/Fulgur/IR/FulgurEnums.h.inc"
#define GET_OP_CLASSES
#include "dialects/Fulgur/IR/FulgurOps.h.inc"

#endif // DIALECTS_FULGUR_IR_FULGURDIALECT_H
