//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The one file that TableGen reads: the dialect and its op families.
//
//===----------------------------------------------------------------------===//
include "dialects/Kernel/IR/KernelDialect.td"
include "dialects/Kernel/IR/BarrierOps.td"
include "dialects/Kernel/IR/LowLevelOps.td"
include "dialects/Kernel/IR/MatrixOps.td"
include "dialects/Kernel/IR/MemoryOps.td"
include "dialects/Kernel/IR/PipelineOps.td"
include "dialects/Kernel/IR/RoleOps.td"
include "dialects/Kernel/IR/TensorMapOps.td"
