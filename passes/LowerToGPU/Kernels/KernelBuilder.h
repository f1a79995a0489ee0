//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes kernels whose blocks each compute one row (or a few) of a result, and
// their launches.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_KERNELBUILDER_H
#define PASSES_LOWERTOGPU_KERNELS_KERNELBUILDER_H

#include "lib/Support/Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace fulgur {

/// Writes code that every thread of a block runs. Where it says so, all threads
/// of the block have to get there together.
struct KernelEmitter : Emitter {
  /// Threads of a block, a multiple of 32.
  int64_t threads;

  KernelEmitter(mlir::OpBuilder &builder, mlir::Location loc, int64_t threads)
      : Emitter(builder, loc), threads(threads) {}

  /// The number of this thread in its block, and of the block in the grid.
  mlir::Value thread();
  mlir::Value block();

  mlir::Value addi(mlir::Value a, mlir::Value b);
  mlir::Value subi(mlir::Value a, mlir::Value b);
  mlir::Value muli(mlir::Value a, mlir::Value b);
  mlir::Value divui(mlir::Value a, mlir::Value b);
  mlir::Value remui(mlir::Value a, mlir::Value b);
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value a,
                      mlir::Value b);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  /// Between index and i32.
  mlir::Value toInteger(mlir::Value index);
  mlir::Value toIndex(mlir::Value integer);
  mlir::Value load(mlir::Value buffer, mlir::ValueRange indices);
  void store(mlir::Value value, mlir::Value buffer, mlir::ValueRange indices);
  /// Adds to an integer in memory; the value before.
  mlir::Value atomicAdd(mlir::Value value, mlir::Value buffer,
                        mlir::ValueRange indices);

  using Code = llvm::function_ref<void()>;
  void ifTrue(mlir::Value condition, Code code);
  /// The iterations begin, begin + step, … below `end`.
  using ForBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value i, mlir::ValueRange carried)>;
  llvm::SmallVector<mlir::Value> repeat(mlir::Value begin, mlir::Value end,
                                        mlir::Value step,
                                        mlir::ValueRange inits, ForBody body);
  /// This thread's share of 0 … end − 1: neighbours have neighbouring ones.
  llvm::SmallVector<mlir::Value> share(mlir::Value end, mlir::ValueRange inits,
                                       ForBody body);
  void share(mlir::Value end, llvm::function_ref<void(mlir::Value i)> body);

  /// All threads wait for all. All have to get there.
  void barrier();
  using Combine = llvm::function_ref<mlir::Value(mlir::Value a, mlir::Value b)>;
  /// Combines the values of all threads, in an order that is always the same;
  /// every thread gets the result. `scratch` has an element for each of 32
  /// warps, in shared memory. All threads have to get there.
  mlir::Value combineBlock(mlir::Value value, mlir::Value scratch,
                           mlir::Value neutral, Combine combine);
  /// The same for values that belong together, with scratch memory for each.
  using CombineAll = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::ValueRange a, mlir::ValueRange b)>;
  llvm::SmallVector<mlir::Value> combineBlock(mlir::ValueRange values,
                                              mlir::ValueRange scratch,
                                              mlir::ValueRange neutral,
                                              CombineAll combine);
  /// Combines the values of the threads of a warp alone.
  llvm::SmallVector<mlir::Value> combineWarp(mlir::ValueRange values,
                                             CombineAll combine);

  /// What the thread of the warp has whose number differs in the bits
  /// `distance`: a float or an integer of any width up to 64, or an index.
  mlir::Value shuffleXor(mlir::Value value, int64_t distance);

  /// The indices of row `row` of a buffer, counted over all dimensions but the
  /// last, and `column` of it.
  llvm::SmallVector<mlir::Value> at(mlir::Value buffer, mlir::Value row,
                                    mlir::Value column);
};

/// The type of a buffer in the shared memory of a block.
mlir::MemRefType sharedType(llvm::ArrayRef<int64_t> shape, mlir::Type element);

/// Where the kernels of `module` are; made if it is not there.
mlir::gpu::GPUModuleOp getOrCreateKernels(mlir::ModuleOp module);

class KernelBuilder {
public:
  explicit KernelBuilder(mlir::ModuleOp module);

  using Body = llvm::function_ref<void(
      KernelEmitter &e, mlir::ValueRange arguments, mlir::ValueRange shared)>;
  /// Launches `blocks` blocks of `threads` threads of the kernel that `body`
  /// writes. Calls of one kernel with equal configurations and types share it.
  /// `shared` are buffers that each block has, beside `dynamicBytes` for
  /// `kernel.shared`; a kernel has one of the two.
  void launch(mlir::OpBuilder &builder, mlir::Location loc,
              llvm::StringRef name, mlir::DictionaryAttr config,
              mlir::ValueRange arguments,
              llvm::ArrayRef<mlir::MemRefType> shared, int64_t threads,
              mlir::Value blocks, Body body, int64_t dynamicBytes = 0);
  /// In front of `call`.
  void launch(mlir::Operation *call, llvm::StringRef name,
              mlir::DictionaryAttr config, mlir::ValueRange arguments,
              llvm::ArrayRef<mlir::MemRefType> shared, int64_t threads,
              mlir::Value blocks, Body body, int64_t dynamicBytes = 0) {
    mlir::OpBuilder builder(call);
    launch(builder, call->getLoc(), name, config, arguments, shared, threads,
           blocks, body, dynamicBytes);
  }

private:
  mlir::ModuleOp module;
  llvm::StringMap<mlir::gpu::GPUFuncOp> kernels;
};

/// The product of all sizes of a buffer but the last.
mlir::Value countRows(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Value buffer);

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_KERNELBUILDER_H
