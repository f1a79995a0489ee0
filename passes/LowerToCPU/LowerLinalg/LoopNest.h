//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes the loops of a linalg operation on buffers.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_PASSES_LOWERTOCPU_LOWERLINALG_LOOPNEST_H
#define FULGUR_PASSES_LOWERTOCPU_LOWERLINALG_LOOPNEST_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/PatternMatch.h"

namespace fulgur {

/// The loops of one operation.
class LoopNest {
public:
  LoopNest(mlir::RewriterBase &rewriter, mlir::linalg::GenericOp op,
           bool sharesElements)
      : rewriter(rewriter), op(op), loc(op.getLoc()),
        operands(op->getOperands()), maps(op.getIndexingMapsArray()),
        iterators(op.getIteratorTypesArray()), sharesElements(sharesElements) {}

  mlir::LogicalResult lower();

private:
  bool isParallel(unsigned dim) const {
    return iterators[dim] == mlir::utils::IteratorType::parallel;
  }
  bool collapse();
  mlir::LogicalResult findExtents();
  int64_t scoreInnermost(unsigned dim) const;
  void chooseOrder();
  void shareElements();
  std::optional<unsigned> findCrossing(unsigned last) const;

  llvm::SmallVector<mlir::Value> getIndices(unsigned operand);
  mlir::Value load(unsigned operand);
  void loadInvariants(unsigned dim);
  bool isCarried(unsigned output);
  llvm::SmallVector<mlir::Value> emitScalars(mlir::ValueRange accumulators);
  void store(unsigned output, mlir::Value value);
  void emitElement();
  llvm::SmallVector<mlir::Value> emitReduction(llvm::ArrayRef<unsigned> dims,
                                               mlir::ValueRange accumulators);
  void emitLoops(llvm::ArrayRef<unsigned> dims);
  template <typename Body>
  void emitLoop(unsigned dim, mlir::Value begin, mlir::Value end, int64_t step,
                Body body);
  void emitBlocks();
  void emitParallel();
  mlir::Value makeIndex(int64_t value) {
    return mlir::arith::ConstantIndexOp::create(rewriter, loc, value);
  }

  mlir::RewriterBase &rewriter;
  mlir::linalg::GenericOp op;
  mlir::Location loc;
  llvm::SmallVector<mlir::Value> operands;
  llvm::SmallVector<mlir::AffineMap> maps;
  llvm::SmallVector<mlir::utils::IteratorType> iterators;
  /// Every element of the result is a turn of the parallel loop.
  bool sharesElements;
  llvm::SmallVector<mlir::OpFoldResult> extents;
  /// Where the loops are now, by dimension.
  llvm::SmallVector<mlir::Value> ivs;
  /// Elements of inputs that the innermost loop does not walk over, by operand.
  llvm::SmallVector<mlir::Value> invariants;
  /// Loops by what becomes of them, each from the outside in.
  llvm::SmallVector<unsigned> outer, inner;
  bool accumulates = false;
  /// The outer loop that some operand is contiguous along, where the innermost
  /// one strides through it: it steps from block to block.
  std::optional<unsigned> crossing;
};

} // namespace fulgur

#endif // FULGUR_PASSES_LOWERTOCPU_LOWERLINALG_LOOPNEST_H
