//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Caches of keys and values that every head has of its own become caches of
// what they are made of: a latent and a rotated key a token.
//
// That the new keys and values are columns of one product, `latent · up`, and
// one row for all heads is proved of their elements (ElementOrigin.h), whatever
// moves them there. The past rows are the new ones of earlier steps: what holds
// for these holds for those, if the caches are only ever the model's own. That
// is what the user says by asking for this fusion.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/OpCosts.h"
#include "lib/Support/Emitter.h"
#include "passes/Fuse/LatentCache/ExpandedCaches.h"
#include "passes/Fuse/Passes.h"
#include "passes/Fuse/Remarks.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"

namespace fulgur {
#define GEN_PASS_DEF_LATENTCACHEPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static constexpr StringLiteral passName = "fulgur-latent-cache";

namespace {
struct LatentCachePass final
    : fulgur::impl::LatentCachePassBase<LatentCachePass> {
  using Base::Base;
  void runOnOperation() final;
};
} // namespace

/// [B, S, width]
static Value emitRows(Emitter &e, const Rows &rows) {
  MixedSizes sizes = e.sizes(rows.tensor),
             offsets(sizes.size(), e.size(int64_t(0)));
  offsets[rows.dims[2]] = e.size(rows.offset);
  sizes[rows.dims[2]] = e.size(rows.width);
  Value result = rows.tensor;
  auto type = cast<RankedTensorType>(result.getType());
  bool isPart = type.getDimSize(rows.dims[2]) != rows.width;
  // It has the three, and no dimension of 1 is in another place.
  if (type.getRank() == 3 && llvm::all_of(llvm::seq(3), [&](int i) {
        return rows.dims[i] < 0 || rows.dims[i] == i;
      }))
    return isPart ? e.slice(result, offsets, sizes) : result;
  SmallVector<int64_t> dropped, order, missing;
  for (int64_t i = 0, n = sizes.size(); i < n; ++i)
    if (!llvm::is_contained(rows.dims, i))
      dropped.push_back(i);
  for (auto [i, dim] : llvm::enumerate(rows.dims)) {
    if (dim < 0)
      missing.push_back(i);
    else
      order.push_back(dim -
                      (llvm::lower_bound(dropped, dim) - dropped.begin()));
  }
  if (!dropped.empty() || isPart)
    result = e.slice(result, offsets, sizes, {}, dropped);
  return e.unsqueeze(e.permute(result, order, type.getElementType()), missing);
}

/// Makes `old` a cache of `rows` with the name of the keys and `suffix`, and
/// returns all of its rows.
static Value replaceCache(func::FuncOp function, const ExpandedCaches &match,
                          const ExpandedCache &old, Value rows,
                          StringRef suffix, StringRef standsFor, Emitter &e) {
  OpBuilder &b = e.builder;
  auto extent = [](Attribute size) {
    auto number = dyn_cast<IntegerAttr>(size);
    return number ? number.getInt() : ShapedType::kDynamic;
  };
  auto name = [&](Attribute size) -> Attribute {
    return isa<StringAttr>(size) ? size : b.getStringAttr("");
  };
  CacheUpdateOp update = old.update;
  auto type = cast<RankedTensorType>(rows.getType());
  int64_t width = type.getDimSize(2);
  auto pastType = type.clone({extent(match.batch), extent(match.past), width});
  auto allType =
      type.clone({extent(match.batch),
                  update.getType().getDimSize(update.getAxis()), width});
  Attribute inName =
                b.getStringAttr(match.key.getInputName().getValue() + suffix),
            outName =
                b.getStringAttr(match.key.getOutputName().getValue() + suffix);

  BlockArgument past = old.past;
  unsigned argument = past.getArgNumber(),
           result = old.returned->getOperandNumber();
  Attribute oldDims = function.getResultAttr(result, "fulgur.dims");
  // Nothing but the update, which is about to go, reads it.
  past.setType(pastType);
  Value all = CacheUpdateOp::create(b, e.loc, allType, past, rows, 1);
  old.returned->set(all);

  auto none = b.getStringAttr("");
  function.setArgAttrs(
      argument,
      b.getDictionaryAttr(
          {b.getNamedAttr("fulgur.name", inName),
           b.getNamedAttr(
               "fulgur.dims",
               b.getArrayAttr({name(match.batch), name(match.past), none})),
           b.getNamedAttr(
               "fulgur.cache",
               b.getDictionaryAttr(
                   {b.getNamedAttr("axis", b.getI64IntegerAttr(1)),
                    b.getNamedAttr("copied",
                                   b.getStringAttr("no pass asked whether it "
                                                   "can be in place")),
                    b.getNamedAttr("stands_for",
                                   b.getStringAttr(standsFor))}))}));
  NamedAttrList attributes;
  attributes.append("fulgur.name", outName);
  if (auto dims = dyn_cast_if_present<ArrayAttr>(oldDims))
    if (dims.size() > update.getAxis())
      attributes.append(
          "fulgur.dims",
          b.getArrayAttr({name(match.batch), dims[update.getAxis()], none}));
  function.setResultAttrs(result, attributes.getDictionary(b.getContext()));
  SmallVector<Type> inputs(function.getArgumentTypes()),
      outputs(function.getResultTypes());
  inputs[argument] = pastType;
  outputs[result] = allType;
  function.setFunctionType(b.getFunctionType(inputs, outputs));
  return all;
}

static void rewrite(func::FuncOp function, ExpandedCaches &match) {
  AttentionOp op = match.attention;
  OpBuilder builder(op);
  Emitter e(builder, op.getLoc());
  Extents extents;
  Cost before = getCost(op, extents);
  int64_t expanded = match.countExpanded(), latent = match.countLatent();
  auto bytes = static_cast<int64_t>((expanded - latent) *
                                    elementBytes(elementType(op.getKey())));
  std::string standsFor = ("'" + match.key.getInputName().getValue() +
                           "' and '" + match.value.getInputName().getValue() +
                           "', " + Twine(expanded) + " values a token")
                              .str();

  Value latents = emitRows(e, match.latent),
        ropeKeys = emitRows(e, match.ropeKey);
  // The second one still asks for the name of the keys.
  Value ropeKey = replaceCache(function, match, match.value, ropeKeys,
                               ropeKeySuffix, "rotated key of " + standsFor, e);
  Value all = replaceCache(function, match, match.key, latents, latentSuffix,
                           "latent of " + standsFor, e);
  auto raised = LatentAttentionOp::create(
      builder, op.getLoc(), op.getType(), op.getQuery(), all, ropeKey,
      match.projection.getWeight(), op.getMask(), op.getScaleAttr(),
      op.getCausalAttr(), /*form=*/LatentFormAttr());
  op.getResult().replaceAllUsesWith(raised.getResult());
  Cost saved = before - getLatentAttentionCost(LatentSizes::of(raised, extents),
                                               LatentForm::Expanded);
  remarkFused(op.getLoc(), passName,
              "the cache holds " + Twine(latent) + " values a token, not " +
                  Twine(expanded) + ": " + Twine(bytes) + " bytes less",
              {saved.bytes, saved.getFlops()});
  op.erase();
}

void LatentCachePass::runOnOperation() {
  auto main = getOperation().lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal())
    return;
  int64_t count = 0;
  for (AttentionOp op : llvm::to_vector(main.getOps<AttentionOp>())) {
    std::string reason;
    std::optional<ExpandedCaches> match = matchExpandedCaches(op, reason);
    if (!match)
      continue;
    if (!reason.empty()) {
      remarkNotFused(op.getLoc(), passName, reason);
      continue;
    }
    rewrite(main, *match);
    ++count;
  }
  // What made the keys and values that nothing caches any more.
  IRRewriter rewriter(&getContext());
  (void)runRegionDCE(rewriter, main->getRegions());
  if (count == 0)
    main.emitWarning("expected caches of keys and values that are expanded "
                     "from a latent, but the model has none; --explain tells "
                     "what came near");
}
