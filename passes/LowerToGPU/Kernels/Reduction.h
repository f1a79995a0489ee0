//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A reduction along contiguous rows, and its kernel. What is reduced is one
// value (or several) with an operation that is associative, or the value and
// the place of the best element, as in ArgMax:
//
//   better = f(element, best)
//   yield select(better, element, best), select(better, place, place of best)
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_REDUCTION_H
#define PASSES_LOWERTOGPU_KERNELS_REDUCTION_H

#include "passes/LowerToGPU/Kernels/KernelBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"

namespace fulgur {

/// An operation that fits.
class Reduction {
public:
  /// Says why `op` does not fit, or nothing.
  llvm::StringRef analyse(mlir::linalg::LinalgOp operation);
  void lower(KernelBuilder &builder);

private:
  bool isParallel(unsigned dim) const {
    return iterators[dim] == mlir::utils::IteratorType::parallel;
  }
  bool findExtents();
  bool isAlongRows();
  bool isProduct();
  bool findCombiners();
  mlir::Value findBetter();
  int64_t countThreads() const;

  std::string describe();
  mlir::Value extent(KernelEmitter &e, mlir::ValueRange arguments,
                     unsigned dim);
  void write(KernelEmitter &e, mlir::ValueRange arguments,
             mlir::ValueRange shared);
  llvm::SmallVector<mlir::Value>
  load(KernelEmitter &e, mlir::ValueRange arguments, mlir::ValueRange carried);
  llvm::SmallVector<mlir::Value> indicesOf(KernelEmitter &e, unsigned operand);
  llvm::SmallVector<mlir::Value> evaluate(KernelEmitter &e,
                                          mlir::ValueRange scalars,
                                          mlir::Value place,
                                          mlir::Value *isBetter = nullptr);
  llvm::SmallVector<mlir::Value> combine(KernelEmitter &e, mlir::ValueRange a,
                                         mlir::ValueRange b);

  mlir::linalg::LinalgOp op;
  llvm::SmallVector<mlir::AffineMap> maps;
  llvm::SmallVector<mlir::utils::IteratorType> iterators;
  /// Of each loop, the operand and the axis that have its extent.
  llvm::SmallVector<std::pair<unsigned, unsigned>> extents;
  llvm::SmallVector<unsigned> outer, inner;
  /// Of each result; or what is true of a better element.
  llvm::SmallVector<mlir::Operation *> combiners;
  mlir::Value better;
  /// Values from around the operation that are no constants.
  llvm::SetVector<mlir::Value> captured;
  /// In the kernel: the captured values and constants, and the loops.
  mlir::IRMapping around;
  llvm::SmallVector<mlir::Value> ivs;
};

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_REDUCTION_H
