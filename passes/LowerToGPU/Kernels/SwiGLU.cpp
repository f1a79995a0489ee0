//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A thread computes one piece of the gated activation.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/Kernels.h"
#include "passes/LowerToGPU/Kernels/RowEmitter.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

void fulgur::checkSwiGLUKernel(Operation *op,
                               function_ref<void(const Twine &)> miss) {
  if (cast<SwiGLUOp>(op).getType().getRank() == 0)
    miss("expected rows, but got one element");
}

void fulgur::launchSwiGLUKernel(CallKernelOp call, KernelBuilder &builder) {
  Values arguments = llvm::to_vector(call.getInputs());
  arguments.push_back(call.getInits()[0]);
  launchPieces(
      builder, call, call.getKernel(), arguments, {0, 1, 2},
      [](RowEmitter &e, ValueRange arguments, Value row, Value column) {
        Type element =
            cast<MemRefType>(arguments[0].getType()).getElementType();
        Type wide = accumulatorType(element);
        OpBuilder &b = e.builder;
        Value one = e.real(1, wide);
        Values gates = e.loadPiece(arguments[0], row, column, wide);
        Values ups = e.loadPiece(arguments[1], row, column, wide);
        for (auto [gate, up] : llvm::zip_equal(gates, ups)) {
          Value minus = arith::NegFOp::create(b, e.loc, gate);
          Value decay = math::ExpOp::create(b, e.loc, minus);
          Value sum = arith::AddFOp::create(b, e.loc, one, decay);
          Value silu = arith::DivFOp::create(b, e.loc, gate, sum);
          gate = arith::MulFOp::create(b, e.loc, silu, up);
        }
        e.storePiece(gates, arguments[2], row, column);
      });
}
