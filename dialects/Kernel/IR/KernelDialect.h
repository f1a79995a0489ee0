//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The `kernel` dialect, its types and operations.
//
//===----------------------------------------------------------------------===//
#ifndef DIALECTS_KERNEL_IR_KERNELDIALECT_H
#define DIALECTS_KERNEL_IR_KERNELDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Kernel/IR/KernelDialect.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/Kernel/IR/KernelTypes.h.inc"
#define GET_OP_CLASSES
#include "dialects/Kernel/IR/KernelOps.h.inc"

namespace fulgur::kernel {
/// Bytes of dynamic shared memory that a block of sm_90 may have (227 KiB).
inline constexpr int64_t maxSharedBytes = 232448;
/// Threads of a warp group.
inline constexpr int64_t warpGroupThreads = 128;
/// Registers of a block.
inline constexpr int64_t blockRegisters = 65536;
} // namespace fulgur::kernel

#endif // DIALECTS_KERNEL_IR_KERNELDIALECT_H
