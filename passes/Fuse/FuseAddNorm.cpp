//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A residual sum and the norm of it become one operation with two results: the
// squares are summed up while the sum is written, which saves reading it.
//
//     x ┐       ┌─ …                       x ┐               ┌─ …
//       add ─ h ┤                ==>         add_rms_norm ─ h, y ─ …
//     r ┘       └─ rms_norm ─ y ─ …        r ┘
//
// Does not move the sum to another block than it is in.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/CostModel/Sizes.h"
#include "passes/Fuse/Passes.h"
#include "passes/Fuse/Remarks.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/PatternMatch.h"

namespace fulgur {
#define GEN_PASS_DEF_FUSEADDNORMPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static constexpr StringLiteral passName = "fulgur-fuse-add-norm";

namespace {
struct FuseAddNormPass final
    : fulgur::impl::FuseAddNormPassBase<FuseAddNormPass> {
  using Base::Base;
  void runOnOperation() final;
};
} // namespace

/// Whether the scale of the norm is there when `sum` is, or can be.
static bool hasScale(RMSNormOp norm, linalg::AddOp sum) {
  Operation *scale = norm.getScale().getDefiningOp();
  if (!scale || scale->getBlock() != sum->getBlock() ||
      scale->isBeforeInBlock(sum))
    return true;
  // A weight or a constant.
  if (scale->getNumOperands() || !isMemoryEffectFree(scale))
    return false;
  scale->moveBefore(sum);
  return true;
}

static void fuse(RMSNormOp norm) {
  auto sum = norm.getInput().getDefiningOp<linalg::AddOp>();
  if (!sum)
    return;
  auto isSame = [&](Value v) { return v.getType() == norm.getType(); };
  if (!llvm::all_of(sum.getInputs(), isSame))
    return;
  auto miss = [&](const Twine &why) {
    remarkNotFused(norm.getLoc(), passName, why);
  };
  if (sum->getBlock() != norm->getBlock())
    return miss("expected the sum in the block of the norm, but it is outside "
                "of it");
  if (!hasScale(norm, sum))
    return miss("expected the scale to be a value from before the sum, but the "
                "step computes it behind the sum");
  OpBuilder builder(sum);
  auto fused = AddRMSNormOp::create(
      builder, builder.getFusedLoc({sum.getLoc(), norm.getLoc()}),
      norm.getType(), norm.getType(), sum.getInputs()[0], sum.getInputs()[1],
      norm.getScale(), norm.getEpsAttr());
  remarkFused(norm.getLoc(), passName, "normalised where it is added",
              {assumedBytes(norm.getInput()), 0});
  norm.getResult().replaceAllUsesWith(fused.getResult());
  sum.getResult(0).replaceAllUsesWith(fused.getSum());
  norm.erase();
  sum.erase();
}

void FuseAddNormPass::runOnOperation() {
  SmallVector<RMSNormOp> norms;
  getOperation().walk([&](RMSNormOp norm) { norms.push_back(norm); });
  for (RMSNormOp norm : norms)
    fuse(norm);
}
