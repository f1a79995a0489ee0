//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes the kernels of operations that have one (passes/LowerToGPU/Kernels),
// and launches them.
//
//===----------------------------------------------------------------------===//
#include "dialects/Kernel/IR/KernelDialect.h"
#include "passes/LowerToGPU/Kernels/Kernels.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace fulgur {
#define GEN_PASS_DEF_LOWERKERNELCALLSPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct LowerKernelCallsPass final
    : fulgur::impl::LowerKernelCallsPassBase<LowerKernelCallsPass> {
  void runOnOperation() final {
    KernelBuilder builder(getOperation());
    SmallVector<CallKernelOp> calls;
    getOperation().walk([&](CallKernelOp call) { calls.push_back(call); });
    for (CallKernelOp call : calls) {
      const OpKernel *kernel = findOpKernel(call.getKernel());
      if (!kernel || call.getNumResults()) {
        call.emitOpError("expected a kernel on memrefs, but got '")
            << call.getKernel() << "' with " << call.getNumResults()
            << " results";
        return signalPassFailure();
      }
      kernel->launch(call, builder);
      call.erase();
    }
  }
};
} // namespace
