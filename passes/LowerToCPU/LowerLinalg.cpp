//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes linalg operations on buffers as loops. Upstream's lowering nests loops
// in the order of the iterators and keeps sums in memory, which LLVM can not
// vectorise; here the innermost loop is the one along which most operands are
// contiguous, sums along it stay in registers, and the outer parallel loops
// become one scf.parallel, for threads.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToCPU/LowerLinalg/LoopNest.h"
#include "passes/LowerToCPU/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace fulgur {
#define GEN_PASS_DEF_LOWERLINALGPASS
#include "passes/LowerToCPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct LowerLinalgPass final
    : fulgur::impl::LowerLinalgPassBase<LowerLinalgPass> {
  using Base::Base;
  void runOnOperation() final;
};
} // namespace

static bool isInParallelLoop(Operation *op) {
  return op->getParentOfType<scf::ForallOp>() ||
         op->getParentOfType<scf::ParallelOp>();
}

void LowerLinalgPass::runOnOperation() {
  IRRewriter rewriter(&getContext());
  SmallVector<Operation *> work;
  getOperation().walk([&](Operation *op) {
    if (isa<linalg::LinalgOp, memref::CopyOp>(op))
      work.push_back(op);
  });
  for (Operation *op : work) {
    rewriter.setInsertionPoint(op);
    if (auto copy = dyn_cast<memref::CopyOp>(op)) {
      auto from = dyn_cast<MemRefType>(copy.getSource().getType());
      auto to = dyn_cast<MemRefType>(copy.getTarget().getType());
      // A dense copy is left to memcpy; a thread of a GPU has none.
      if (!from || !to ||
          (from.getLayout().isIdentity() && to.getLayout().isIdentity() &&
           !(shareElements && isInParallelLoop(op))))
        continue;
      op = linalg::CopyOp::create(rewriter, copy.getLoc(), copy.getSource(),
                                  copy.getTarget());
      rewriter.eraseOp(copy);
      rewriter.setInsertionPoint(op);
    }
    auto linalgOp = cast<linalg::LinalgOp>(op);
    if (!linalgOp.hasPureBufferSemantics()) {
      op->emitOpError("expected operands to be buffers, but got tensors");
      return signalPassFailure();
    }
    auto generic = dyn_cast<linalg::GenericOp>(op);
    if (!generic) {
      FailureOr<linalg::GenericOp> general =
          linalg::generalizeNamedOp(rewriter, linalgOp);
      if (failed(general)) {
        op->emitOpError("expected the operation to have a general form, but "
                        "got none");
        return signalPassFailure();
      }
      generic = *general;
    }
    bool sharesElements = shareElements && !isInParallelLoop(generic);
    if (failed(LoopNest(rewriter, generic, sharesElements).lower()))
      return signalPassFailure();
  }
}
