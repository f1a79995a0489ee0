//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Chooses between the two forms of latent attention.
//
// The keys and values of a head are products of the latents c_t with parts of
// the up projection U = [Uk | Uv], so the scores of query s are
//
//   q_s · K_t = q_s · (Ukᵀ c_t) = (Uk q_s) · c_t
//
// and the mixed values Σ_t p_st (Uvᵀ c_t) = Uvᵀ (Σ_t p_st c_t). The left sides
// project every token (expanded: T·L·H·(Dn+Dv) multiply-adds a sequence, then
// scores of width Dn+Dr and values of width Dv); the right sides project every
// query (absorbed: S·H·L·(Dn+Dv), then scores of width L+Dr and values of width
// L). With D = Dn + Dv, absorbed has fewer operations if
//
//   S·L·D + S·T·(2·L + Dr) ≤ T·L·D + S·T·(D + Dr)
//   S·(L·D + T·(2·L − D)) ≤ T·L·D
//
// For many tokens that is S ≤ L·D / (2·L − D): 171 queries for DeepSeek-V3 (L
// 512, D 256), whatever T is. Bytes move it a little, and differently on every
// machine: expanded writes K and V to memory and reads them again. The cost
// model has it all (lib/CostModel/OpCosts.h), and the comparison at run time is
// made of its numbers (lib/CostModel/Choice.h).
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/CostModel/Choice.h"
#include "lib/CostModel/OpCosts.h"
#include "lib/Support/Emitter.h"
#include "passes/Fuse/Passes.h"
#include "passes/Fuse/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/FormatVariadic.h"

namespace fulgur {
#define GEN_PASS_DEF_CHOOSELATENTFORMPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static constexpr StringLiteral passName = "fulgur-choose-latent-form";

namespace {
struct ChooseLatentFormPass final
    : fulgur::impl::ChooseLatentFormPassBase<ChooseLatentFormPass> {
  using Base::Base;
  void runOnOperation() final;

private:
  void choose(LatentAttentionOp op, const Machine &machine);
};
} // namespace

/// What `chosen` saves at the assumed sizes: an open form is computed expanded.
/// In a branch that sizes choose, what chose it has told the saving.
static Saving savingOf(LatentAttentionOp op, const LatentSizes &sizes,
                       LatentForm chosen) {
  if (chosen == LatentForm::Expanded || op->getParentOfType<scf::IfOp>())
    return {};
  Cost saved = getLatentAttentionCost(sizes, LatentForm::Expanded) -
               getLatentAttentionCost(sizes, LatentForm::Absorbed);
  return {saved.bytes, saved.getFlops()};
}

/// Both forms, of which `isAbsorbed` takes one.
static void branch(LatentAttentionOp op, Value isAbsorbed, OpBuilder &builder) {
  auto withForm = [&](LatentForm form) {
    return [&op, form](OpBuilder &b, Location loc) {
      auto copy = cast<LatentAttentionOp>(b.clone(*op));
      copy.setForm(form);
      scf::YieldOp::create(b, loc, copy.getResult());
    };
  };
  auto either = scf::IfOp::create(builder, op.getLoc(), isAbsorbed,
                                  withForm(LatentForm::Absorbed),
                                  withForm(LatentForm::Expanded));
  op.getResult().replaceAllUsesWith(either.getResult(0));
  op.erase();
}

void ChooseLatentFormPass::choose(LatentAttentionOp op,
                                  const Machine &machine) {
  Extents extents;
  LatentSizes sizes = LatentSizes::of(op, extents);
  Difference difference([&](const Difference::Point &point) {
    LatentSizes at = sizes;
    at.batch = point[0], at.queries = point[1], at.tokens = point[2];
    return getSeconds(getLatentAttentionCost(at, LatentForm::Absorbed) -
                          getLatentAttentionCost(at, LatentForm::Expanded),
                      machine);
  });
  std::optional<double> even = difference.breakEven(
      {sizes.batch, sizes.queries, sizes.tokens}, /*axis=*/1);
  auto micros = [&](LatentForm form) {
    return 1e6 * getSeconds(getLatentAttentionCost(sizes, form), machine);
  };
  std::string where = llvm::formatv(
      "{0}: absorbed takes {1:f1} us, expanded {2:f1} us for {3:f0} "
      "queries over {4:f0} tokens",
      machine.name, micros(LatentForm::Absorbed), micros(LatentForm::Expanded),
      sizes.queries, sizes.tokens);
  if (even)
    where += llvm::formatv(", and the break-even is {0:f0} queries", *even);
  Location loc = op.getLoc();
  std::optional<bool> isAbsorbed = difference.isFirstBetter(
      {extents.get(op.getQuery(), 0), extents.get(op.getQuery(), 1),
       extents.get(op.getLatent(), 1)});
  if (isAbsorbed) {
    LatentForm form = *isAbsorbed ? LatentForm::Absorbed : LatentForm::Expanded;
    op.setForm(form);
    remarkFused(loc, passName,
                stringifyLatentForm(form) + " for all sizes, by " + where,
                savingOf(op, sizes, form));
    return;
  }
  OpBuilder builder(op);
  Emitter e(builder, loc);
  Value condition = difference.emit(builder, loc,
                                    {e.index(e.size(op.getQuery(), 0)),
                                     e.index(e.size(op.getQuery(), 1)),
                                     e.index(e.size(op.getLatent(), 1))});
  LatentForm assumed =
      difference.at({sizes.batch, sizes.queries, sizes.tokens}) <= 0
          ? LatentForm::Absorbed
          : LatentForm::Expanded;
  remarkFused(loc, passName,
              "absorbed or expanded by the sizes of the run (" +
                  stringifyLatentForm(assumed) + " as assumed), by " + where,
              savingOf(op, sizes, assumed));
  branch(op, condition, builder);
}

void ChooseLatentFormPass::runOnOperation() {
  FailureOr<Machine> machine = getMachine(getOperation());
  if (failed(machine))
    return signalPassFailure();
  SmallVector<LatentAttentionOp> open;
  getOperation().walk([&](LatentAttentionOp op) {
    if (op.getForm())
      remarkNotFused(op.getLoc(), passName,
                     "expected the form to be open, but it is " +
                         stringifyLatentForm(*op.getForm()) + " already");
    else
      open.push_back(op);
  });
  for (LatentAttentionOp op : open)
    choose(op, *machine);
}
