//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products of matrices on buffers become launches of kernels with tensor cores.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/Matmul.h"
#include "passes/LowerToGPU/Passes.h"

#include "dialects/Kernel/IR/KernelDialect.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Remarks.h"

namespace fulgur {
#define GEN_PASS_DEF_LOWERMATMULTOKERNELPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct LowerMatmulToKernelPass final
    : fulgur::impl::LowerMatmulToKernelPassBase<LowerMatmulToKernelPass> {
  using Base::Base;
  void runOnOperation() final;
};
} // namespace

void LowerMatmulToKernelPass::runOnOperation() {
  FailureOr<MatmulOptions> matmul = getMatmulOptions(getOperation());
  if (failed(matmul))
    return signalPassFailure();
  if (processors)
    matmul->processors = processors;
  matmul->cluster = cluster;
  SmallVector<linalg::LinalgOp> contractions;
  getOperation().walk([&](linalg::LinalgOp op) {
    if (linalg::isaContractionOpInterface(op))
      contractions.push_back(op);
  });
  KernelBuilder kernels(getOperation());
  remark::RemarkOpts options =
      remark::RemarkOpts::name(getArgument()).category("kernel");
  for (linalg::LinalgOp op : contractions) {
    std::string reason;
    std::optional<ProductMatch> found = ProductMatch::match(
        op, [&](const Twine &text) { reason = text.str(); });
    if (!found) {
      remark::missed(op.getLoc(), options) << reason;
      continue;
    }
    remark::passed(op.getLoc(), options) << "a product with tensor cores";
    OpBuilder builder(op);
    launchMatmul(found->view(builder), *matmul, kernels, builder, op.getLoc());
    if (found->zeros)
      found->zeros.erase();
    op.erase();
  }
}
