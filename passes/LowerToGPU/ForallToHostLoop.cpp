//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Blocks of rows are a few, for the threads of a CPU. On a GPU each would be
// one thread, and all that is inside of it serial; as a loop of the host it has
// a thread for each element of each operation.
//
// Does not touch blocks that store elements by themselves, like a selection
// that sorts: in such code the blocks are all that is parallel.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"

namespace fulgur {
#define GEN_PASS_DEF_FORALLTOHOSTLOOPPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct ForallToHostLoopPass final
    : fulgur::impl::ForallToHostLoopPassBase<ForallToHostLoopPass> {
  void runOnOperation() final;
};
} // namespace

/// Whether operations do all the work of `block`.
static bool isStructured(scf::ForallOp block) {
  bool hasOperations = false;
  WalkResult result = block.walk([&](Operation *op) {
    bool isOperation = isa<linalg::LinalgOp>(op);
    hasOperations |= isOperation;
    if (isa<memref::StoreOp, memref::AtomicRMWOp, memref::GenericAtomicRMWOp>(
            op))
      return WalkResult::interrupt();
    return isOperation ? WalkResult::skip() : WalkResult::advance();
  });
  return hasOperations && !result.wasInterrupted();
}

void ForallToHostLoopPass::runOnOperation() {
  SmallVector<scf::ForallOp> blocks;
  getOperation().walk<WalkOrder::PreOrder>([&](scf::ForallOp block) {
    if (!block->getParentOfType<scf::ForallOp>() && isStructured(block))
      blocks.push_back(block);
  });
  IRRewriter rewriter(&getContext());
  for (scf::ForallOp block : blocks) {
    rewriter.setInsertionPoint(block);
    if (failed(scf::forallToForLoop(rewriter, block)))
      return signalPassFailure();
  }
}
