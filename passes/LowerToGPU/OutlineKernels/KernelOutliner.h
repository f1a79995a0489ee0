//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes kernels out of pieces of the step, and their launches in place of
// them. Kernels that are equal are one.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_OUTLINEKERNELS_KERNELOUTLINER_H
#define PASSES_LOWERTOGPU_OUTLINEKERNELS_KERNELOUTLINER_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringMap.h"

namespace fulgur {

class KernelOutliner {
public:
  explicit KernelOutliner(mlir::ModuleOp module);

  /// Whether the code of `op`, which `root` is or contains, can be in a kernel
  /// that runs `root`: it calls nothing, and its scratch buffers are small.
  static bool canContain(mlir::Operation *op, mlir::Operation *root);

  /// A kernel of as many threads as `loop` has turns takes its place.
  void outlineLoop(mlir::scf::ParallelOp loop);

  /// One thread runs `ops`, of one block; the launch is before `place`. What
  /// other code uses of their results is read back.
  void outlineSerial(llvm::ArrayRef<mlir::Operation *> ops,
                     mlir::Operation *place);

  /// The host gets the element that `load` reads.
  void readBack(mlir::memref::LoadOp load);

  /// A copy of a dense buffer on the device.
  void copy(mlir::memref::CopyOp op);

  /// Puts the kernels into the module.
  void finish();

private:
  struct Kernel {
    mlir::gpu::GPUFuncOp function;
    mlir::IRMapping mapping;
    llvm::SmallVector<mlir::Value> operands;
  };

  Kernel begin(mlir::Location loc, llvm::ArrayRef<mlir::Value> used);
  /// Launches `kernel`, or one that is equal, in `caller`.
  void launch(mlir::OpBuilder &builder, Kernel &kernel,
              mlir::func::FuncOp caller, mlir::Value blocks,
              mlir::Value threads);
  void finishBody(Kernel &kernel);
  mlir::Value getFailureFlag(mlir::func::FuncOp function);
  mlir::IntegerAttr getFailureNumber(mlir::StringAttr text);
  mlir::LLVM::LLVMFuncOp declare(llvm::StringRef name, mlir::Type result,
                                 llvm::ArrayRef<mlir::Type> inputs);
  mlir::Value getAddress(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value memref, mlir::ValueRange indices);
  void callRead(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value host,
                mlir::Value device, int64_t bytes);
  mlir::Value getHostRoom(mlir::func::FuncOp function, mlir::Type word,
                          int64_t words);

  mlir::ModuleOp module;
  mlir::MLIRContext *context;
  mlir::LLVMTypeConverter types;
  mlir::Type pointer;
  mlir::Type i64;
  llvm::StringMap<mlir::gpu::GPUFuncOp> kernels;
  llvm::SmallVector<mlir::gpu::GPUFuncOp> unplaced;
  llvm::DenseMap<mlir::Operation *, mlir::Value> flags;
  llvm::SmallVector<mlir::Attribute> failures;
  llvm::DenseMap<mlir::Attribute, unsigned> failureNumbers;
};

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_OUTLINEKERNELS_KERNELOUTLINER_H
