//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Operations that the GPU has a kernel for do not decompose: they become calls,
// which get through bufferization.
//
//===----------------------------------------------------------------------===//
#include "passes/Fuse/Passes.h"
#include "passes/LowerToGPU/Kernels/Kernels.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

namespace fulgur {
#define GEN_PASS_DEF_CALLKERNELSPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct CallKernelsPass final
    : fulgur::impl::CallKernelsPassBase<CallKernelsPass> {
  void runOnOperation() final {
    SmallVector<std::pair<Operation *, const OpKernel *>> found;
    getOperation().walk([&](Operation *op) {
      if (!isa<FulgurDialect>(op->getDialect()))
        return;
      if (const OpKernel *kernel = findOpKernel(op->getName().stripDialect()))
        found.push_back({op, kernel});
    });
    for (auto [op, kernel] : found)
      if (failed(call(op, *kernel)))
        return signalPassFailure();
  }

  LogicalResult call(Operation *op, const OpKernel &kernel);
};
} // namespace

LogicalResult CallKernelsPass::call(Operation *op, const OpKernel &kernel) {
  remark::RemarkOpts options =
      remark::RemarkOpts::name(getArgument()).category("kernel");
  std::string problem;
  kernel.check(op, [&](const Twine &text) { problem = text.str(); });
  if (!problem.empty()) {
    remark::missed(op->getLoc(), options) << problem;
    return success();
  }
  OpBuilder builder(op);
  ReifiedRankedShapedTypeDims sizes;
  if (failed(reifyResultShapes(builder, op, sizes)))
    return op->emitOpError("expected the sizes of its results to be known");
  SmallVector<Value> inits;
  for (auto [type, size] : llvm::zip_equal(op->getResultTypes(), sizes)) {
    auto tensor = cast<RankedTensorType>(type);
    Value init = tensor::EmptyOp::create(builder, op->getLoc(), size,
                                         tensor.getElementType());
    if (init.getType() != type)
      init = tensor::CastOp::create(builder, op->getLoc(), type, init);
    inits.push_back(init);
  }
  if (kernel.scratch) {
    Emitter emitter(builder, op->getLoc());
    llvm::append_range(inits, kernel.scratch(op, emitter));
  }
  auto call = CallKernelOp::create(
      builder, op->getLoc(), TypeRange(ValueRange(inits)), kernel.name,
      op->getOperands(), inits, op->getAttrDictionary());
  remark::passed(op->getLoc(), options) << "a kernel of its own";
  op->replaceAllUsesWith(call.getResults().take_front(op->getNumResults()));
  op->erase();
  return success();
}
