//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The sums of a product begin with the residual that it is added to.
//
//     h ──────────┐                     h ──┐
//                 add ─ …       ==>         linear ─ …
//     x ─ linear ─┘                     x ──┘
//
// Works for all residuals, h being whatever the product is added to; does not
// fire when the product is read by anything else, as it would have to be
// computed again.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/CostModel/Sizes.h"
#include "passes/Fuse/Passes.h"
#include "passes/Fuse/Remarks.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/PatternMatch.h"

namespace fulgur {
#define GEN_PASS_DEF_FUSERESIDUALPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static constexpr StringLiteral passName = "fulgur-fuse-residual";

namespace {
struct FuseResidualPass final
    : fulgur::impl::FuseResidualPassBase<FuseResidualPass> {
  using Base::Base;
  void runOnOperation() final;
};
} // namespace

/// Whether the product `value` can take the rest of `sum`; sets `why` for a
/// product that can not.
static bool canTakeResidual(Value value, linalg::AddOp sum, std::string &why) {
  auto product = value.getDefiningOp<LinearOp>();
  if (!product || product->getBlock() != sum->getBlock())
    return false;
  if (product.getResidual()) {
    why = "expected a product without a residual, but it has one";
    return false;
  }
  if (!product->hasOneUse()) {
    why = "expected the sum alone to read the product, but it has " +
          std::to_string(range_size(product->getUses())) + " uses";
    return false;
  }
  return true;
}

static void fuse(linalg::AddOp sum) {
  Value residual = sum.getInputs()[0], value = sum.getInputs()[1];
  Type type = sum.getResult(0).getType();
  if (residual.getType() != type || value.getType() != type)
    return;
  // The later product waits for the other one anyway.
  Operation *left = residual.getDefiningOp(), *right = value.getDefiningOp();
  if (left && right && left->getBlock() == right->getBlock() &&
      right->isBeforeInBlock(left))
    std::swap(residual, value);
  std::string why;
  if (!canTakeResidual(value, sum, why)) {
    std::swap(residual, value);
    if (!canTakeResidual(value, sum, why)) {
      if (!why.empty())
        remarkNotFused(sum.getLoc(), passName, why);
      return;
    }
  }
  auto product = value.getDefiningOp<LinearOp>();
  OpBuilder builder(sum);
  auto fused = LinearOp::create(
      builder, builder.getFusedLoc({product.getLoc(), sum.getLoc()}), type,
      product.getInput(), product.getWeight(), residual,
      product.getTransposed());
  // Written and read.
  remarkFused(sum.getLoc(), passName, "the product adds to the residual",
              {2 * assumedBytes(value), 0});
  sum.getResult(0).replaceAllUsesWith(fused.getResult());
  sum.erase();
  product.erase();
}

void FuseResidualPass::runOnOperation() {
  SmallVector<linalg::AddOp> sums;
  getOperation().walk([&](linalg::AddOp sum) {
    if (sum.hasPureTensorSemantics())
      sums.push_back(sum);
  });
  for (linalg::AddOp sum : sums)
    fuse(sum);
}
