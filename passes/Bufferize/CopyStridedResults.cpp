//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The model gives dense tensors. Bufferization takes a view with strides that
// are not known for dense where a dense result is asked for; it may have gaps.
//
//===----------------------------------------------------------------------===//
#include "passes/Bufferize/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace fulgur {
#define GEN_PASS_DEF_COPYSTRIDEDRESULTSPASS
#include "passes/Bufferize/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct CopyStridedResultsPass final
    : fulgur::impl::CopyStridedResultsPassBase<CopyStridedResultsPass> {
  void runOnOperation() final;
};
} // namespace

void CopyStridedResultsPass::runOnOperation() {
  getOperation().walk([](func::ReturnOp op) {
    OpBuilder builder(op);
    for (OpOperand &operand : op->getOpOperands()) {
      auto cast = operand.get().getDefiningOp<memref::CastOp>();
      auto from = cast ? dyn_cast<MemRefType>(cast.getSource().getType())
                       : MemRefType();
      auto to = dyn_cast<MemRefType>(operand.get().getType());
      if (!from || !to || from.getLayout().isIdentity() ||
          !to.getLayout().isIdentity())
        continue;
      SmallVector<Value> sizes;
      for (int64_t axis = 0; axis < to.getRank(); ++axis)
        if (to.isDynamicDim(axis))
          sizes.push_back(memref::DimOp::create(builder, op.getLoc(),
                                                cast.getSource(), axis));
      auto dense = memref::AllocOp::create(builder, op.getLoc(), to, sizes);
      memref::CopyOp::create(builder, op.getLoc(), cast.getSource(), dense);
      operand.set(dense);
    }
  });
}
