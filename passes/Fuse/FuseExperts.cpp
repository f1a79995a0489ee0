//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Experts whose rows nothing else reads need them only a block at a time.
//
// Which form the experts take depends on how often two tokens share an expert:
// `per_token` then reads it twice, and `grouped` once. If every token chooses k
// of X experts at random, c = N·(N−1)/2 · k²/X pairs of tokens share one. This
// is more than the readings that are saved as soon as three tokens share one,
// but then `grouped` has long been the better form. And it is a polynomial of
// N, so that the number of tokens can decide at run time
// (lib/CostModel/Choice.h): N² is multilinear in N and N again.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/CostModel/Choice.h"
#include "lib/CostModel/OpCosts.h"
#include "lib/Support/Emitter.h"
#include "passes/Fuse/Passes.h"
#include "passes/Fuse/Remarks.h"
#include "passes/LowerToGPU/Kernels/Kernels.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/Support/FormatVariadic.h"

namespace fulgur {
#define GEN_PASS_DEF_FUSEEXPERTSPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static constexpr StringLiteral passName = "fulgur-fuse-experts";

namespace {
/// The operations between a dispatch and the way back.
struct Chain {
  CombineOp combine;
  DispatchOp dispatch;
  GroupedMatmulOp down;
  SwiGLUOp swiglu;
  /// One product that gate and up are columns of, or one for each.
  SmallVector<GroupedMatmulOp, 2> projections;
  bool upFirst = false;

  /// Why `combine` does not end such a chain; empty if it does.
  std::string match(CombineOp op);
  ExpertsOp build(OpBuilder &builder, std::optional<ExpertsForm> form) const;
  Cost cost(Extents &extents) const;
  /// Whether a GPU has a kernel for all of the products.
  bool hasKernels() const;

private:
  std::string matchProjections();
};

struct FuseExpertsPass final
    : fulgur::impl::FuseExpertsPassBase<FuseExpertsPass> {
  using Base::Base;
  void runOnOperation() final;
};
} // namespace

/// What makes `value`, for a reader of remarks.
static std::string describe(Value value) {
  Operation *op = value.getDefiningOp();
  return op ? op->getName().getStringRef().str() : "an argument";
}

static std::string expectAlone(StringRef what, Value value, size_t uses) {
  size_t own = llvm::range_size(value.getUses());
  if (own == uses)
    return "";
  return llvm::formatv("expected the experts alone to read {0} ({1} uses), but "
                       "there are {2}",
                       what, uses, own);
}

/// The first column of all rows that `slice` takes.
static std::optional<int64_t> getFirstColumn(tensor::ExtractSliceOp slice) {
  if (slice.getSourceType().getRank() != 2 ||
      slice.getResultType().getRank() != 2 || !slice.hasUnitStride() ||
      !isZeroInteger(slice.getMixedOffsets()[0]))
    return std::nullopt;
  return getConstantIntValue(slice.getMixedOffsets()[1]);
}

std::string Chain::matchProjections() {
  Value gate = swiglu.getGate(), up = swiglu.getUp();
  auto gateSlice = gate.getDefiningOp<tensor::ExtractSliceOp>();
  auto upSlice = up.getDefiningOp<tensor::ExtractSliceOp>();
  SmallVector<Value, 2> sources{gate, up};
  if (gateSlice && upSlice && gateSlice.getSource() == upSlice.getSource()) {
    std::optional<int64_t> first = getFirstColumn(gateSlice),
                           second = getFirstColumn(upSlice);
    int64_t columns = gateSlice.getResultType().getShape().back();
    upFirst = second == 0;
    if (ShapedType::isDynamic(columns) ||
        gateSlice.getSourceType().getShape().back() != 2 * columns ||
        first != (upFirst ? columns : 0) || second != (upFirst ? 0 : columns))
      return "expected gate and up to be the halves of a product";
    sources = {gateSlice.getSource()};
    if (!gate.hasOneUse() || !up.hasOneUse())
      return "expected the activation alone to read gate and up";
  }
  for (Value source : sources) {
    auto projection = source.getDefiningOp<GroupedMatmulOp>();
    if (!projection)
      return "expected gate and up to be products of the dispatched rows, but "
             "they come from " +
             describe(source);
    std::string why = expectAlone("a product", source, 3 - sources.size());
    if (!why.empty())
      return why;
    projections.push_back(projection);
  }
  if (projections.front().getTransposed() != projections.back().getTransposed())
    return "expected both of gate and up to be transposed, or none";
  return "";
}

std::string Chain::match(CombineOp op) {
  combine = op;
  down = op.getRows().getDefiningOp<GroupedMatmulOp>();
  if (!down)
    return "expected the rows to be products of experts, but they come from " +
           describe(op.getRows());
  swiglu = down.getRows().getDefiningOp<SwiGLUOp>();
  if (!swiglu)
    return "expected the activation of the experts to be fulgur.swiglu, but it "
           "is " +
           describe(down.getRows());
  for (auto [what, value] :
       {std::pair<StringRef, Value>("a product", down.getResult()),
        {"the activation", swiglu.getResult()}})
    if (std::string why = expectAlone(what, value, 1); !why.empty())
      return why;
  if (std::string why = matchProjections(); !why.empty())
    return why;
  dispatch = projections.front().getRows().getDefiningOp<DispatchOp>();
  if (!dispatch)
    return "expected the rows of the experts to be dispatched, but they come "
           "from " +
           describe(projections.front().getRows());
  for (GroupedMatmulOp projection : projections) {
    if (projection.getRows() != dispatch.getRows())
      return "expected gate and up to multiply the same rows";
    if (projection.getOffsets() != dispatch.getOffsets())
      return "expected gate and up to have the offsets of the dispatch";
  }
  if (down.getOffsets() != dispatch.getOffsets())
    return "expected the product with down to have the offsets of the dispatch";
  if (op.getSources() != dispatch.getSources())
    return "expected the way back to have the sources of the dispatch";
  return expectAlone("the dispatched rows", dispatch.getRows(),
                     projections.size());
}

ExpertsOp Chain::build(OpBuilder &builder,
                       std::optional<ExpertsForm> form) const {
  SmallVector<Value, 2> gateUp;
  for (GroupedMatmulOp projection : projections)
    gateUp.push_back(GroupedMatmulOp(projection).getWeights());
  CombineOp op = combine;
  DispatchOp from = dispatch;
  GroupedMatmulOp first = projections.front(), last = down;
  auto attribute =
      form ? ExpertsFormAttr::get(op.getContext(), *form) : ExpertsFormAttr();
  return ExpertsOp::create(builder, op.getLoc(), op.getType(), from.getInput(),
                           from.getExperts(), op.getWeights(), gateUp,
                           last.getWeights(), first.getTransposed(), upFirst,
                           last.getTransposed(), attribute);
}

Cost Chain::cost(Extents &extents) const {
  Cost cost = getCost(dispatch, extents) + getCost(swiglu, extents) +
              getCost(down, extents) + getCost(combine, extents);
  for (GroupedMatmulOp projection : projections)
    cost += getCost(projection, extents);
  return cost;
}

bool Chain::hasKernels() const {
  auto hasKernel = [](GroupedMatmulOp matmul) {
    return findKernelProblem(matmul).empty();
  };
  return hasKernel(down) && llvm::all_of(projections, hasKernel);
}

/// How much longer `per_token` takes than `grouped`, of N and N.
static Difference differenceOf(const ExpertsSizes &sizes,
                               const Machine &machine) {
  return Difference([&](const Difference::Point &point) {
    ExpertsSizes at = sizes;
    at.tokens = point[0];
    double shared = (point[0] * point[1] - point[0]) / 2 * at.places *
                    at.places / at.experts;
    return getSeconds(
        getExpertsCost(at, ExpertsForm::PerToken, at.pairs()) -
            getExpertsCost(at, ExpertsForm::Grouped, at.pairs() - shared),
        machine);
  });
}

static void fuse(Chain &chain, const Machine &machine) {
  Location loc = chain.combine.getLoc();
  OpBuilder builder(chain.combine);
  // The sizes are those of the operation.
  ExpertsOp open = chain.build(builder, std::nullopt);
  Extents extents;
  ExpertsSizes sizes = ExpertsSizes::of(open, extents);
  Difference difference = differenceOf(sizes, machine);
  Extent tokens = extents.get(open.getInput(), 0);
  std::optional<bool> isPerToken =
      difference.isFirstBetter({tokens, tokens, Extent::constant(1)});
  auto nameOf = [](bool perToken) {
    return stringifyExpertsForm(perToken ? ExpertsForm::PerToken
                                         : ExpertsForm::Grouped);
  };
  bool assumed =
      isPerToken.value_or(difference.at({sizes.tokens, sizes.tokens, 1}) <= 0);
  Cost apart = chain.cost(extents);
  Cost together = getExpertsCost(
      sizes, assumed ? ExpertsForm::PerToken : ExpertsForm::Grouped,
      std::min(sizes.experts, sizes.pairs()));
  std::string where = llvm::formatv(
      "{0}: one takes {1:f1} us, the operations {2:f1} us for {3:f0} tokens",
      machine.name, 1e6 * getSeconds(together, machine),
      1e6 * getSeconds(apart, machine), sizes.tokens);
  Cost saved = apart - together;
  if (getSeconds(saved, machine) <= 0) {
    remarkNotFused(loc, passName,
                   "expected one operation to take less time, but by " + where);
    open.erase();
    return;
  }

  std::string what = isPerToken ? nameOf(*isPerToken).str() + " for all sizes"
                                : llvm::formatv("per_token or grouped by the "
                                                "tokens of the run ({0} as "
                                                "assumed)",
                                                nameOf(assumed))
                                      .str();
  remarkFused(loc, passName, "no rows of pairs, " + what + ", by " + where,
              {saved.bytes, saved.getFlops()});
  Value replacement = open.getResult();
  if (isPerToken) {
    open.setForm(*isPerToken ? ExpertsForm::PerToken : ExpertsForm::Grouped);
  } else {
    Emitter e(builder, loc);
    Value count = e.index(e.size(open.getInput(), 0));
    Value isFew = difference.emit(builder, loc, {count, count, e.index(1)});
    auto branch = [&](ExpertsForm form) {
      return [&chain, form](OpBuilder &b, Location loc) {
        scf::YieldOp::create(b, loc, chain.build(b, form).getResult());
      };
    };
    replacement =
        scf::IfOp::create(builder, loc, isFew, branch(ExpertsForm::PerToken),
                          branch(ExpertsForm::Grouped))
            .getResult(0);
    open.erase();
  }
  chain.combine.getResult().replaceAllUsesWith(replacement);
  // From the end to the beginning, so that each is without readers.
  SmallVector<Operation *> unused{chain.combine, chain.down, chain.swiglu};
  for (Value part : {chain.swiglu.getGate(), chain.swiglu.getUp()})
    if (auto slice = part.getDefiningOp<tensor::ExtractSliceOp>())
      unused.push_back(slice);
  llvm::append_range(unused, chain.projections);
  unused.push_back(chain.dispatch);
  for (Operation *op : unused)
    if (op->use_empty())
      op->erase();
}

void FuseExpertsPass::runOnOperation() {
  FailureOr<Machine> machine = getMachine(getOperation());
  if (failed(machine))
    return signalPassFailure();
  SmallVector<Chain> chains;
  getOperation().walk([&](CombineOp op) {
    Chain chain;
    std::string reason = chain.match(op);
    if (reason.empty() && keepKernels && chain.hasKernels())
      reason = "expected products that have no kernel, but they have";
    if (reason.empty())
      chains.push_back(chain);
    else
      remarkNotFused(op.getLoc(), passName, reason);
  });
  for (Chain &chain : chains)
    fuse(chain, *machine);
}
