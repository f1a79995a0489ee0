//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A selection of at least as many tokens as there are selects all that a query
// may see, so attention to the selected tokens is attention to all of them.
//
// How many tokens there are follows from static sizes and from the bounds of
// named dimensions (--dim past=0..2047): the extent is traced to the inputs in
// a copy of the function, and its range computed there.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/CostModel/Sizes.h"
#include "lib/Support/Emitter.h"
#include "passes/Fuse/Passes.h"
#include "passes/Fuse/Remarks.h"
#include "passes/Raise/Passes.h"

#include "mlir/Analysis/DataFlow/ConstantPropagationAnalysis.h"
#include "mlir/Analysis/DataFlow/DeadCodeAnalysis.h"
#include "mlir/Analysis/DataFlow/IntegerRangeAnalysis.h"
#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/RegionUtils.h"

namespace fulgur {
#define GEN_PASS_DEF_SKIPSELECTIONPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static constexpr StringLiteral passName = "fulgur-skip-selection";

namespace {
/// Attention to selected tokens, and what selects them.
struct Candidate {
  SparseLatentAttentionOp attention;
  Operation *selection;
  Value mask;
  bool causal;
  int64_t k;
};

struct SkipSelectionPass final
    : fulgur::impl::SkipSelectionPassBase<SkipSelectionPass> {
  using Base::Base;
  void runOnOperation() final;
};
} // namespace

static std::optional<Candidate> match(SparseLatentAttentionOp op) {
  Operation *selection = op.getIndices().getDefiningOp();
  if (auto select = dyn_cast_or_null<SelectTokensOp>(selection))
    return Candidate{op, select, select.getMask(), select.getCausal(),
                     static_cast<int64_t>(select.getK())};
  if (auto select = dyn_cast_or_null<IndexSelectOp>(selection))
    return Candidate{op, select, select.getMask(), select.getCausal(),
                     static_cast<int64_t>(select.getK())};
  return std::nullopt;
}

/// The greatest extent that the tokens of each candidate can have, if known.
static SmallVector<std::optional<int64_t>>
boundTokens(func::FuncOp function, ArrayRef<Candidate> candidates) {
  // In the copy the extents are all that is returned, so all else is dead.
  IRMapping mapping;
  OwningOpRef<ModuleOp> scratch = ModuleOp::create(function.getLoc());
  auto builder = OpBuilder::atBlockEnd(scratch->getBody());
  auto copy = cast<func::FuncOp>(builder.clone(*function, mapping));
  Operation *end = copy.getBody().front().getTerminator();
  builder.setInsertionPoint(end);
  SmallVector<Value> extents;
  for (Candidate candidate : candidates) {
    Value latent = mapping.lookup(candidate.attention.getLatent());
    extents.push_back(tensor::DimOp::create(builder, latent.getLoc(), //
                                            latent, 1));
  }
  func::ReturnOp::create(builder, end->getLoc(), extents);
  end->erase();
  copy.setFunctionType(builder.getFunctionType(
      copy.getFunctionType().getInputs(), TypeRange(ValueRange(extents))));
  copy.setAllResultAttrs(ArrayRef<DictionaryAttr>(SmallVector<DictionaryAttr>(
      extents.size(), builder.getDictionaryAttr({}))));

  RewritePatternSet patterns(function.getContext());
  populateNameExtentsPatterns(patterns);
  populateAffineToStdConversionPatterns(patterns);
  (void)applyPatternsGreedily(*scratch, std::move(patterns));
  DataFlowSolver solver;
  solver.load<dataflow::DeadCodeAnalysis>();
  solver.load<dataflow::SparseConstantPropagation>();
  solver.load<dataflow::IntegerRangeAnalysis>();
  SmallVector<std::optional<int64_t>> bounds(candidates.size());
  if (failed(solver.initializeAndRun(*scratch)))
    return bounds;
  end = copy.getBody().front().getTerminator();
  for (auto [bound, extent] : llvm::zip_equal(bounds, end->getOperands())) {
    auto *state =
        solver.lookupState<dataflow::IntegerValueRangeLattice>(extent);
    if (!state || state->getValue().isUninitialized())
      continue;
    int64_t greatest = state->getValue().getValue().smax().getSExtValue();
    if (greatest < std::numeric_limits<int64_t>::max())
      bound = greatest;
  }
  return bounds;
}

/// A mask [B, S, T] of a selection as one [B, 1, S, T] of attention.
static Value expandMask(Emitter &e, Value mask) {
  return mask ? e.unsqueeze(mask, {1}) : Value();
}

/// The indices, and the indexer where the attention alone needs it: its
/// products, and the keys that it reads.
static Saving savingOf(Candidate candidate) {
  Value indices = candidate.attention.getIndices();
  Saving saving{2 * assumedBytes(indices), 0};
  auto countScores = [&](Value query, Value key) {
    // B·S·H·D elements of queries, and B·T·D of keys.
    ArrayRef<int64_t> shape = cast<ShapedType>(query.getType()).getShape();
    double batch = ShapedType::isDynamic(shape[0]) ? assumedExtent : shape[0];
    double width = ShapedType::isDynamic(shape[3]) ? assumedExtent : shape[3];
    double tokens = assumedElements(key) / std::max(1.0, batch * width);
    saving.bytes += assumedBytes(query) + assumedBytes(key);
    saving.flops += 2 * assumedElements(query) * tokens;
  };
  if (!indices.hasOneUse())
    return {assumedBytes(indices), 0};
  if (auto select = dyn_cast<IndexSelectOp>(candidate.selection)) {
    countScores(select.getQuery(), select.getKey());
  } else {
    auto scores = cast<SelectTokensOp>(candidate.selection)
                      .getScores()
                      .getDefiningOp<LightningIndexerOp>();
    if (scores && scores->hasOneUse())
      countScores(scores.getQuery(), scores.getKey());
  }
  return saving;
}

static void skip(IRRewriter &rewriter, const Candidate &candidate) {
  SparseLatentAttentionOp op = candidate.attention;
  rewriter.setInsertionPoint(op);
  Emitter e(rewriter, op.getLoc());
  Saving saving = savingOf(candidate);
  rewriter.replaceOpWithNewOp<LatentAttentionOp>(
      op, op.getType(), op.getQuery(), op.getLatent(), op.getRopeKey(),
      op.getUp(), expandMask(e, candidate.mask), op.getScaleAttr(),
      candidate.causal ? rewriter.getUnitAttr() : UnitAttr(),
      LatentFormAttr::get(op.getContext(), LatentForm::Absorbed));
  remarkFused(candidate.selection->getLoc(), passName,
              "the " + Twine(candidate.k) + " selected tokens are all", saving);
}

void SkipSelectionPass::runOnOperation() {
  IRRewriter rewriter(&getContext());
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    SmallVector<Candidate> candidates;
    function.walk([&](SparseLatentAttentionOp op) {
      if (std::optional<Candidate> candidate = match(op))
        candidates.push_back(*candidate);
    });
    if (candidates.empty())
      continue;
    auto bounds = boundTokens(function, candidates);
    for (auto [candidate, bound] : llvm::zip_equal(candidates, bounds)) {
      Location loc = candidate.selection->getLoc();
      if (!bound) {
        remarkNotFused(loc, passName,
                       "expected at most " + Twine(candidate.k) +
                           " tokens, but got no bound; --dim can give one");
      } else if (*bound > candidate.k) {
        remarkNotFused(loc, passName,
                       "expected at most " + Twine(candidate.k) +
                           " tokens, but got up to " + Twine(*bound));
      } else if (candidate.mask && !elementType(candidate.mask).isInteger(1)) {
        // It is added to other scores, and hides those that get too low.
        std::string type;
        llvm::raw_string_ostream(type) << elementType(candidate.mask);
        remarkNotFused(loc, passName,
                       "expected a mask of i1, but got one of " + type);
      } else {
        skip(rewriter, candidate);
      }
    }
    // Selections and indexers that nothing reads any more.
    (void)runRegionDCE(rewriter, function->getRegions());
  }
}
