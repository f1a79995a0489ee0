//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A filled tensor that several operations write to would be filled once, kept
// for all of them, and copied for each. Filling it again takes less time than a
// copy, and no memory in between.
//
// A tensor without content that a loop starts with in two places would be worse
// off: one-shot bufferization finds no content that has to be kept, and makes
// one buffer of what the loop writes as two.
//
//===----------------------------------------------------------------------===//
#include "passes/Bufferize/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

namespace fulgur {
#define GEN_PASS_DEF_SEPARATEFILLSPASS
#include "passes/Bufferize/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

/// Whether the tensor of `use` becomes the result of its reader.
static bool isWritten(OpOperand &use) {
  Operation *owner = use.getOwner();
  if (auto destination = dyn_cast<DestinationStyleOpInterface>(owner))
    return destination.isDpsInit(&use);
  if (auto loop = dyn_cast<LoopLikeOpInterface>(owner))
    return llvm::is_contained(llvm::make_pointer_range(loop.getInitsMutable()),
                              &use);
  return false;
}

namespace {
struct SeparateFillsPass final
    : fulgur::impl::SeparateFillsPassBase<SeparateFillsPass> {
  using Base::Base;

  void runOnOperation() final {
    SmallVector<linalg::FillOp> fills;
    getOperation().walk([&](linalg::FillOp fill) {
      auto empty = fill.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>();
      if (fill.hasPureTensorSemantics() && empty)
        fills.push_back(fill);
    });
    for (linalg::FillOp fill : fills)
      separate(fill);
    SmallVector<LoopLikeOpInterface> loops;
    getOperation().walk(
        [&](LoopLikeOpInterface loop) { loops.push_back(loop); });
    for (LoopLikeOpInterface loop : loops)
      separateInits(loop);
  }

  /// Gives every init of `loop` that has no content a tensor of its own.
  static void separateInits(LoopLikeOpInterface loop) {
    OpBuilder builder(loop);
    llvm::SmallPtrSet<Value, 8> taken;
    for (OpOperand &init : loop.getInitsMutable())
      if (auto empty = init.get().getDefiningOp<tensor::EmptyOp>();
          empty && !taken.insert(empty).second)
        init.set(builder.clone(*empty)->getResult(0));
  }

  static void separate(linalg::FillOp fill) {
    Value filled = fill->getResult(0);
    OpBuilder builder(fill);
    for (OpOperand &use : llvm::make_early_inc_range(filled.getUses())) {
      // What a loop does again and again is better copied to where it is.
      if (filled.hasOneUse() || !isWritten(use) ||
          use.getOwner()->getBlock() != fill->getBlock())
        continue;
      builder.setInsertionPoint(use.getOwner());
      Operation *empty = builder.clone(*fill.getDpsInits()[0].getDefiningOp());
      Operation *copy = builder.clone(*fill);
      copy->setOperand(1, empty->getResult(0));
      use.set(copy->getResult(0));
    }
  }
};
} // namespace
