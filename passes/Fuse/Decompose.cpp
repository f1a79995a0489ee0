//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rewrites the operations of the `fulgur` dialect into the plain tensor code
// that defines them. Every target can run that code, so an operation needs a
// lowering of its own only where that is faster.
//
//===----------------------------------------------------------------------===//
#include "passes/Fuse/Decompose/Patterns.h"
#include "passes/Fuse/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_DECOMPOSEPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct DecomposePass final : fulgur::impl::DecomposePassBase<DecomposePass> {
  using Base::Base;

  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    populateDecomposeTensorPatterns(patterns);
    populateDecomposeRotaryPatterns(patterns);
    populateDecomposeAttentionPatterns(patterns);
    populateDecomposeLatentAttentionPatterns(patterns);
    populateDecomposeAbsorbedAttentionPatterns(patterns);
    populateDecomposeSelectionPatterns(patterns);
    populateDecomposeSelectionMaskPatterns(patterns);
    populateDecomposeExpertPatterns(patterns);
    populateDecomposeFusedExpertPatterns(patterns);
    populateDecomposeQuantizationPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
