//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Registers the `fulgur` dialect.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"

#include "dialects/Fulgur/IR/FulgurDialect.cpp.inc"

void fulgur::FulgurDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/Fulgur/IR/FulgurOps.cpp.inc"
      >();
}

#define GET_OP_CLASSES
#include "dialects/Fulgur/IR/FulgurOps.cpp.inc"
