//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the parts of fulgur-convert-kernel-to-nvvm share.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_CONVERTKERNELTONVVM_PATTERNS_H
#define PASSES_LOWERTOGPU_CONVERTKERNELTONVVM_PATTERNS_H

#include "dialects/Kernel/IR/KernelDialect.h"

#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace fulgur::kernel {

/// Dynamic shared memory of the kernels of a module: a global of no size that
/// the linker gives what a launch asks for. External, so that nothing else of
/// static shared memory is laid over it.
inline constexpr llvm::StringLiteral sharedSymbol = "smem";
inline constexpr unsigned sharedSpace = 3, clusterSpace = 7, globalSpace = 1;

/// Integers of 32 bits in the llvm dialect, where addresses of shared memory
/// and everything about pipelines is.
class Integers {
public:
  Integers(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}

  mlir::Type type() { return builder.getI32Type(); }
  mlir::Value constant(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return add(a, constant(b)); }
  mlir::Value sub(mlir::Value a, int64_t b);
  mlir::Value andWith(mlir::Value a, int64_t b);
  mlir::Value shiftRight(mlir::Value a, int64_t b);
  mlir::Value shiftLeft(mlir::Value a, int64_t b);
  mlir::Value compare(mlir::LLVM::ICmpPredicate predicate, mlir::Value a,
                      int64_t b);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  /// The number of the thread in its block.
  mlir::Value thread();

  mlir::OpBuilder &builder;
  mlir::Location loc;
};

/// The address of byte `offset` of the dynamic shared memory.
mlir::Value getShared(mlir::OpBuilder &builder, mlir::Location loc,
                      int64_t offset);
/// `bytes` behind `pointer`, in shared memory.
mlir::Value advance(mlir::OpBuilder &builder, mlir::Location loc,
                    mlir::Value pointer, mlir::Value bytes);

/// Barriers, pipelines and roles.
void populateBarrierPatterns(const mlir::LLVMTypeConverter &types,
                             mlir::RewritePatternSet &patterns);
/// Copies of tiles and fragments.
void populateCopyPatterns(const mlir::LLVMTypeConverter &types,
                          mlir::RewritePatternSet &patterns);
/// Products of tiles and fragments.
void populateMatrixPatterns(const mlir::LLVMTypeConverter &types,
                            mlir::RewritePatternSet &patterns);

} // namespace fulgur::kernel

#endif // PASSES_LOWERTOGPU_CONVERTKERNELTONVVM_PATTERNS_H
