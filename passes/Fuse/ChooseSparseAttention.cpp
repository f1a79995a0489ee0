//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Chooses between attention over gathered rows and attention over all tokens
// under the mask of the selection.
//
// With k selected tokens a query, gathering costs B·S·k rows that are copied,
// and scores of k tokens in the absorbed form. The mask costs scores of all T
// tokens, but shares the latents between queries and may take the expanded
// form. So the mask is the better one for T up to a small multiple of k, and
// for any T below k, where most of the gathered rows are no tokens at all.
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
#define GEN_PASS_DEF_CHOOSESPARSEATTENTIONPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static constexpr StringLiteral passName = "fulgur-choose-sparse-attention";

namespace {
/// Attention over selected tokens, however it is written.
struct SelectedAttention {
  Operation *op;
  Value query, latent, ropeKey, up, indices;
  FloatAttr scale;
  bool isMasked;

  Value result() const { return op->getResult(0); }
  Value build(OpBuilder &builder, bool masked) const;
};

struct ChooseSparseAttentionPass final
    : fulgur::impl::ChooseSparseAttentionPassBase<ChooseSparseAttentionPass> {
  using Base::Base;
  void runOnOperation() final;
};
} // namespace

Value SelectedAttention::build(OpBuilder &builder, bool masked) const {
  Location loc = op->getLoc();
  Type type = result().getType();
  if (!masked)
    return SparseLatentAttentionOp::create(builder, loc, type, query, latent,
                                           ropeKey, up, indices, scale);
  Emitter e(builder, loc);
  auto selection = cast<RankedTensorType>(indices.getType());
  auto tokens = cast<RankedTensorType>(latent.getType()).getDimSize(1);
  Value mask = SelectionMaskOp::create(
      builder, loc,
      RankedTensorType::get(
          {selection.getDimSize(0), selection.getDimSize(1), tokens},
          builder.getI1Type()),
      indices, e.index(e.size(latent, 1)));
  return LatentAttentionOp::create(builder, loc, type, query, latent, ropeKey,
                                   up, e.unsqueeze(mask, {1}), scale,
                                   /*causal=*/UnitAttr(),
                                   /*form=*/LatentFormAttr());
}

/// Whether no query has a token twice among `indices`.
static bool areSelected(Value indices) {
  return isa_and_nonnull<SelectTokensOp, IndexSelectOp>(
      indices.getDefiningOp());
}

static bool isCausalSelection(Value indices) {
  if (auto select = indices.getDefiningOp<SelectTokensOp>())
    return select.getCausal();
  return indices.getDefiningOp<IndexSelectOp>().getCausal();
}

/// Why `op` is not over selected tokens; empty if it is.
static std::string match(LatentAttentionOp op, SelectionMaskOp mask) {
  if (!areSelected(mask.getIndices()))
    return "expected the indices of a selection, which has no token twice";
  if (op.getForm())
    return "expected the form of the attention to be open, but it is " +
           stringifyLatentForm(*op.getForm()).str();
  if (op.getCausal() && !isCausalSelection(mask.getIndices()))
    return "expected a causal selection, as the attention is causal";
  return "";
}

static SmallVector<SelectedAttention> findAttentions(ModuleOp module) {
  SmallVector<SelectedAttention> found;
  module.walk([&](SparseLatentAttentionOp op) {
    if (areSelected(op.getIndices()))
      found.push_back({op, op.getQuery(), op.getLatent(), op.getRopeKey(),
                       op.getUp(), op.getIndices(), op.getScaleAttr(), false});
    else
      remarkNotFused(op.getLoc(), passName,
                     "expected the indices of a selection, which has no token "
                     "twice");
  });
  module.walk([&](LatentAttentionOp op) {
    if (!op.getMask())
      return;
    auto heads = op.getMask().getDefiningOp<tensor::ExpandShapeOp>();
    auto mask = heads ? heads.getSrc().getDefiningOp<SelectionMaskOp>()
                      : SelectionMaskOp();
    if (!mask || heads.getResultType().getDimSize(1) != 1)
      return;
    std::string reason = match(op, mask);
    if (reason.empty())
      found.push_back({op, op.getQuery(), op.getLatent(), op.getRopeKey(),
                       op.getUp(), mask.getIndices(), op.getScaleAttr(), true});
    else
      remarkNotFused(op.getLoc(), passName, reason);
  });
  return found;
}

namespace {
/// The costs of both ways at some sizes.
struct Costs {
  LatentSizes sizes;
  double selected;

  Cost sparse() const { return getSparseLatentAttentionCost(sizes, selected); }
  Cost masked(LatentForm form) const {
    return getLatentAttentionCost(sizes, form) +
           getSelectionMaskCost(sizes.batch, sizes.queries, sizes.tokens,
                                selected);
  }
  /// How much longer the mask takes.
  Difference difference(LatentForm form, const Machine &machine) const {
    return Difference([&](const Difference::Point &point) {
      Costs at = *this;
      at.sizes.batch = point[0], at.sizes.queries = point[1],
      at.sizes.tokens = point[2];
      return getSeconds(at.masked(form) - at.sparse(), machine);
    });
  }
  /// What changing saves; `form` is the form that the masked one gets.
  Saving saving(bool wasMasked, bool masked, LatentForm form) const {
    if (wasMasked == masked)
      return {};
    Cost saved =
        masked ? sparse() - this->masked(form) : this->masked(form) - sparse();
    return {saved.bytes, saved.getFlops()};
  }
};
} // namespace

static void choose(SelectedAttention &attention, const Machine &machine) {
  Extents extents;
  Costs costs;
  if (auto op = dyn_cast<SparseLatentAttentionOp>(attention.op))
    costs.sizes = LatentSizes::of(op, extents);
  else
    costs.sizes =
        LatentSizes::of(cast<LatentAttentionOp>(attention.op), extents);
  costs.selected = extents.size(attention.indices, 2);
  std::array<Extent, Difference::numSizes> ranges{
      extents.get(attention.query, 0), extents.get(attention.query, 1),
      extents.get(attention.latent, 1)};
  Difference absorbed = costs.difference(LatentForm::Absorbed, machine);
  Difference expanded = costs.difference(LatentForm::Expanded, machine);
  std::optional<bool> a = absorbed.isFirstBetter(ranges),
                      e = expanded.isFirstBetter(ranges);
  Difference::Point assumed{costs.sizes.batch, costs.sizes.queries,
                            costs.sizes.tokens};
  LatentForm form = absorbed.at(assumed) <= expanded.at(assumed)
                        ? LatentForm::Absorbed
                        : LatentForm::Expanded;
  bool isMaskAssumed =
      std::min(absorbed.at(assumed), expanded.at(assumed)) <= 0;
  auto name = [](bool masked) { return masked ? "masked" : "sparse"; };

  OpBuilder builder(attention.op);
  Location loc = attention.op->getLoc();
  bool isMaskBetter = a == true || e == true;
  Value replacement;
  if (isMaskBetter || (a == false && e == false)) {
    std::string what = llvm::formatv("{0} for all sizes, by {1}",
                                     name(isMaskBetter), machine.name);
    if (isMaskBetter == attention.isMasked) {
      remarkNotFused(loc, passName, "the attention stays " + what);
      return;
    }
    // The form stays open, which counts as expanded.
    remarkFused(
        loc, passName, what,
        costs.saving(attention.isMasked, isMaskBetter, LatentForm::Expanded));
    replacement = attention.build(builder, isMaskBetter);
  } else {
    Emitter emitter(builder, loc);
    Value sizes[] = {emitter.index(emitter.size(attention.query, 0)),
                     emitter.index(emitter.size(attention.query, 1)),
                     emitter.index(emitter.size(attention.latent, 1))};
    Value isMasked =
        arith::OrIOp::create(builder, loc, absorbed.emit(builder, loc, sizes),
                             expanded.emit(builder, loc, sizes));
    auto branch = [&](bool masked) {
      return [&attention, masked](OpBuilder &b, Location loc) {
        scf::YieldOp::create(b, loc, attention.build(b, masked));
      };
    };
    remarkFused(loc, passName,
                llvm::formatv("masked or sparse by the sizes of the run ({0} "
                              "as assumed), by {1}",
                              name(isMaskAssumed), machine.name)
                    .str(),
                costs.saving(attention.isMasked, isMaskAssumed, form));
    replacement =
        scf::IfOp::create(builder, loc, isMasked, branch(true), branch(false))
            .getResult(0);
  }
  attention.result().replaceAllUsesWith(replacement);
  attention.op->erase();
}

void ChooseSparseAttentionPass::runOnOperation() {
  FailureOr<Machine> machine = getMachine(getOperation());
  if (failed(machine))
    return signalPassFailure();
  for (SelectedAttention &attention : findAttentions(getOperation()))
    choose(attention, *machine);
}
