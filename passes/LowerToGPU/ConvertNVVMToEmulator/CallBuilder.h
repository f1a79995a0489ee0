//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Calls of the emulator (lib/Emulator/Calls.h) from a kernel.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_CONVERTNVVMTOEMULATOR_CALLBUILDER_H
#define PASSES_LOWERTOGPU_CONVERTNVVMTOEMULATOR_CALLBUILDER_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace fulgur {

/// Replaces operations of one function by calls. All pointers are still in
/// their address spaces; those of calls are generic, and so will be all.
class CallBuilder {
public:
  CallBuilder(mlir::ModuleOp module, mlir::LLVM::LLVMFuncOp function)
      : module(module), function(function), builder(function.getContext()) {}

  void setOperation(mlir::Operation *operation);
  mlir::OpBuilder &getBuilder() { return builder; }
  mlir::Location getLoc() { return op->getLoc(); }

  /// Calls fulgur_emu_<name>(site, operands...) of the current operation.
  mlir::Value call(llvm::StringRef name, mlir::ValueRange operands,
                   mlir::Type result = {});
  /// The same without the site: a function of numbers.
  mlir::Value callPure(llvm::StringRef name, mlir::ValueRange operands,
                       mlir::Type result);

  mlir::Value i32(int64_t value);
  mlir::Value i64(int64_t value);
  mlir::Value null();
  /// An integer of 1 to 32 bits as i32; null is zero.
  mlir::Value extend(mlir::Value value);
  /// `i32` as i1 or a narrower integer.
  mlir::Value narrow(mlir::Value value, mlir::Type type);
  mlir::Value bitcast(mlir::Value value, mlir::Type type);

  /// In bytes.
  static constexpr unsigned slotAlignment = 64;
  /// Room in the frame, the same for all operations that ask for it.
  mlir::Value slot(mlir::Type element, int64_t count);
  mlir::Value elementAddress(mlir::Value base, mlir::Type element,
                             int64_t index);
  /// Stores values of one type side by side, and gives the address.
  mlir::Value spill(mlir::ValueRange values, mlir::Type element);
  mlir::Value load(mlir::Type type, mlir::Value address);
  /// A struct of `type` from what lies side by side at `address`.
  mlir::Value loadStruct(mlir::Type type, mlir::Value address);
  mlir::Value makeStruct(mlir::Type type, mlir::ValueRange values);

  mlir::Type getI32() { return builder.getI32Type(); }
  mlir::Type getF32() { return builder.getF32Type(); }
  mlir::Type getPointer() {
    return mlir::LLVM::LLVMPointerType::get(builder.getContext());
  }

private:
  mlir::Value emit(llvm::StringRef name, llvm::ArrayRef<mlir::Value> operands,
                   mlir::Type result);
  mlir::Value getSite();

  mlir::ModuleOp module;
  mlir::LLVM::LLVMFuncOp function;
  mlir::OpBuilder builder;
  mlir::Operation *op = nullptr;
  int64_t operations = 0;
  mlir::LLVM::GlobalOp site;
  llvm::StringMap<mlir::LLVM::LLVMFuncOp> callees; /* known in the module */
  llvm::DenseMap<std::pair<mlir::Type, int64_t>, mlir::Value> slots;
};

/// Each replaces `op` by calls; the caller erases what has no uses then.
/// Failure, with nothing changed, if the emulator does not know such an
/// operation.
mlir::LogicalResult lowerRegister(mlir::Operation *op, CallBuilder &calls);
mlir::LogicalResult lowerSynchronisation(mlir::Operation *op,
                                         CallBuilder &calls);
mlir::LogicalResult lowerCopy(mlir::Operation *op, CallBuilder &calls);
mlir::LogicalResult lowerMatrix(mlir::Operation *op, CallBuilder &calls);
mlir::LogicalResult lowerNumber(mlir::Operation *op, CallBuilder &calls);
/// Leaves `op`, behind a check of the memory that it accesses.
mlir::LogicalResult checkMemory(mlir::Operation *op, CallBuilder &calls);

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_CONVERTNVVMTOEMULATOR_CALLBUILDER_H
