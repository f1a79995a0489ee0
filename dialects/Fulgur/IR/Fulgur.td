//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The one file that TableGen reads: the dialect and its op families.
//
//===----------------------------------------------------------------------===//
include "dialects/Fulgur/IR/FulgurDialect.td"
include "dialects/Fulgur/IR/FulgurEnums.td"
include "dialects/Fulgur/IR/ModuleOps.td"
include "dialects/Fulgur/IR/TensorOps.td"
include "dialects/Fulgur/IR/RotaryOps.td"
include "dialects/Fulgur/IR/AttentionOps.td"
include "dialects/Fulgur/IR/SelectionOps.td"
include "dialects/Fulgur/IR/ExpertOps.td"
include "dialects/Fulgur/IR/QuantizationOps.td"
include "dialects/Fulgur/IR/KernelOps.td"
