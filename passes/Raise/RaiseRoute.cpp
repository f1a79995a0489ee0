//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The router of a mixture of experts. The `TopK` that picks the experts is what
// every router has; from it the match walks up to the logits, over the limit to
// the best groups and the bias, and down over what is done to the weights.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/RegionUtils.h"

namespace fulgur {
#define GEN_PASS_DEF_RAISEROUTEPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantInts;
using fulgur::onnx::constantOf;
using fulgur::onnx::constantScalar;
using fulgur::onnx::fromFront;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;
using fulgur::onnx::stringAttr;

/// A sum of affinities that is greater than this is the same in f32 with or
/// without such an epsilon.
static constexpr double maxEpsilon = 1e-9;
/// Nothing that a router compares is below.
static constexpr double lowest = -1e30;

static auto remarkOptions() {
  return remark::RemarkOpts::name("fulgur-raise-route").category("raise");
}

namespace {
struct Router {
  onnx::TopKOp topK;
  Value logits, bias;
  /// score(logits), and what is compared: that plus bias.
  Value affinity, choice;
  RouterScore score = RouterScore::Sigmoid;
  int64_t numExperts = 0, k = 0;
  int64_t groups = 1, topGroups = 1;
  GroupScore groupScore = GroupScore::Top2;
  bool normalize = false;
  double scale = 1;
  /// What the weights are at the end of the chain.
  Value weights;
};

struct RaiseRoutePass final : fulgur::impl::RaiseRoutePassBase<RaiseRoutePass> {
  void runOnOperation() final;
};
} // namespace

/// The number of greatest elements of the last axis that `topK` takes; 0 if it
/// does another thing.
static int64_t getCount(onnx::TopKOp topK) {
  int64_t rank = topK ? rankOf(topK->getOperand(0)) : 0;
  std::optional<double> k =
      topK ? constantScalar(topK->getOperand(1)) : std::nullopt;
  bool isPlain = k && intAttr(topK, "largest", 1) == 1 &&
                 fromFront(intAttr(topK, "axis", -1), rank) == rank - 1;
  return isPlain ? static_cast<int64_t>(*k) : 0;
}

/// The result `index` of a `TopK` that takes the greatest of the last axis.
static onnx::TopKOp matchTopK(Value value, unsigned index) {
  auto topK = producer<onnx::TopKOp>(value);
  return topK && getCount(topK) > 0 && topK->getResult(index) == value
             ? topK
             : onnx::TopKOp();
}

/// Reads the affinities; the only part that makes a `TopK` look like a router.
static bool matchAffinity(Value value, Router &router) {
  Value scores = skipFloatCasts(value);
  if (auto sigmoid = producer<onnx::SigmoidOp>(scores)) {
    router.score = RouterScore::Sigmoid;
    router.logits = sigmoid->getOperand(0);
  } else if (auto softmax = producer<onnx::SoftmaxOp>(scores)) {
    if (fromFront(intAttr(softmax, "axis", -1), rankOf(scores)) !=
        rankOf(scores) - 1)
      return false;
    router.score = RouterScore::Softmax;
    router.logits = softmax->getOperand(0);
  } else {
    return false;
  }
  router.affinity = value;
  return true;
}

/// Reads `affinity` or `affinity + bias`.
static bool matchChoice(Value value, Router &router) {
  router.choice = value;
  if (matchAffinity(value, router))
    return true;
  auto [affinity, bias] =
      splitOperands(producer<onnx::AddOp>(value),
                    [&](Value v) { return matchAffinity(v, router); });
  router.bias = bias;
  return static_cast<bool>(affinity);
}

/// The mask of the best groups: from [N, E] of i1 up to the scatter of ones
/// over [N, groups]. `isInverted`: true is what is not chosen. `members`: how
/// often each group is repeated.
static onnx::ScatterElementsOp matchGroupMask(Value mask, bool &isInverted,
                                              int64_t &members) {
  while (Operation *op = mask ? mask.getDefiningOp() : nullptr) {
    if (auto scatter = dyn_cast<onnx::ScatterElementsOp>(op))
      return scatter;
    if (isa<onnx::NotOp>(op))
      isInverted = !isInverted;
    else if (!isa<onnx::CastOp, onnx::ReshapeOp, onnx::SqueezeOp,
                  onnx::UnsqueezeOp, onnx::ExpandOp>(op))
      return {};
    // Each group is repeated for its members, which lie side by side.
    if (isa<onnx::ExpandOp>(op)) {
      RankedTensorType from = tensorType(op->getOperand(0)),
                       to = tensorType(mask);
      if (!from || !to || from.getRank() != to.getRank() ||
          from.getRank() < 2 || from.getShape().back() != 1 ||
          from.getShape().drop_back() != to.getShape().drop_back())
        return {};
      members *= to.getShape().back();
    }
    mask = op->getOperand(0);
  }
  return {};
}

/// Reads the score of every group from `scores`, [N, groups].
static StringRef matchGroupScores(Value scores, Router &router) {
  auto sum = producer<onnx::ReduceSumOp>(scores);
  auto max = producer<onnx::ReduceMaxOp>(scores);
  Operation *reduction = sum ? sum.getOperation() : max.getOperation();
  if (!reduction || !reducesLastAxis(reduction, /*keep=*/false))
    return "the score of a group is neither its best nor the sum of its best "
           "two choices";
  Value grouped = reduction->getOperand(0);
  router.groupScore = max ? GroupScore::Max : GroupScore::Top2;
  if (sum) {
    auto best = matchTopK(grouped, 0);
    if (!best || getCount(best) != 2)
      return "the score of a group is not the sum of its best two choices";
    grouped = best->getOperand(0);
  }
  RankedTensorType type = tensorType(grouped);
  Operation *reshape = grouped.getDefiningOp();
  if (!type || type.getRank() != 3 || type.isDynamicDim(1) ||
      type.isDynamicDim(2) ||
      !isa_and_nonnull<onnx::ReshapeOp, onnx::UnsqueezeOp>(reshape) ||
      type.getDimSize(1) * type.getDimSize(2) != router.numExperts)
    return "the groups are not neighbours of one size";
  if (reshape->getOperand(0) != router.choice)
    return "the groups are scored by something else than the choices";
  router.groups = type.getDimSize(1);
  return "";
}

/// Reads the limit to the best groups: `masked` where `mask` says so.
static StringRef matchGroupLimit(Value mask, bool isInverted, Value masked,
                                 Router &router) {
  int64_t members = 1;
  auto scatter = matchGroupMask(mask, isInverted, members);
  if (!scatter)
    return "the mask of the choices is not made by scattering into groups";
  if (!isInverted)
    return "the mask hides the best groups instead of the others";
  if (intAttr(scatter, "axis", 0) != 1 && intAttr(scatter, "axis", 0) != -1)
    return "the mask of the groups is scattered along another axis";
  if (stringAttr(scatter, "reduction", "none") != "none" ||
      !isFilledWith(input(scatter, 0), 0) ||
      !isFilledWith(input(scatter, 2), 1))
    return "the mask of the groups does not scatter ones into zeros";
  auto best = matchTopK(input(scatter, 1), 1);
  if (!best)
    return "the mask of the groups does not come from a TopK";
  RankedTensorType type = tensorType(best->getOperand(0));
  if (!type || type.getRank() != 2)
    return "the scores of the groups are not a matrix";
  if (StringRef why = matchGroupScores(best->getOperand(0), router);
      !why.empty())
    return why;
  RankedTensorType maskType = tensorType(mask);
  if (members * router.groups != router.numExperts || !maskType ||
      maskType.getRank() != 2 || maskType.getDimSize(1) != router.numExperts)
    return "the mask does not repeat each group for its experts";
  router.topGroups = getCount(best);
  if (router.groups == router.topGroups) {
    router.groups = router.topGroups = 1; // no limit at all
    return "";
  }
  std::optional<double> hidden = constantScalar(masked);
  if (hidden && *hidden <= lowest)
    return "";
  // 0 is below all affinities, but not below all biased ones.
  bool isPositive = !router.bias;
  if (DenseElementsAttr bias = router.bias ? constantOf(router.bias) : nullptr)
    isPositive = llvm::none_of(bias.getValues<APFloat>(), [](const APFloat &v) {
      return v.isNegative() || v.isNaN();
    });
  if (hidden != 0.0 || !isPositive)
    return "a choice of a hidden group may beat one that is not hidden";
  return "";
}

/// The only user of `value`.
static Operation *onlyUser(Value value) {
  return value.hasOneUse() ? *value.getUsers().begin() : nullptr;
}

/// A softmax of the greatest logits alone is that of all, normalised.
static bool matchChosenSoftmax(Router &router) {
  Value values = router.topK->getResult(0);
  while (isa_and_nonnull<onnx::CastOp>(onlyUser(values)))
    values = onlyUser(values)->getResult(0);
  auto softmax = dyn_cast_or_null<onnx::SoftmaxOp>(onlyUser(values));
  if (!softmax || rankOf(values) != 2 ||
      !isa<FloatType>(getElementTypeOrSelf(values)) ||
      fromFront(intAttr(softmax, "axis", -1), 2) != 1)
    return false;
  router.logits = router.choice = router.affinity = router.topK->getOperand(0);
  router.score = RouterScore::Softmax;
  router.weights = softmax->getResult(0);
  router.normalize = true;
  return true;
}

/// Reads everything up to the choice of the experts. None: no router at all.
static std::optional<StringRef> matchSelection(Router &router) {
  Value value = router.topK->getOperand(0);
  auto where = producer<onnx::WhereOp>(value);
  StringRef why;
  if (!where) {
    if (!matchChoice(value, router) && !matchChosenSoftmax(router))
      return std::nullopt;
  } else if (!matchChoice(where->getOperand(2), router) &&
             !matchChoice(where->getOperand(1), router)) {
    return std::nullopt;
  }
  RankedTensorType type = tensorType(router.choice);
  if (!type || type.getRank() != 2 || type.isDynamicDim(1))
    return "the choices are not rows of a known number of experts";
  router.numExperts = type.getDimSize(1);
  router.k = getCount(router.topK);
  RankedTensorType chosen = tensorType(router.topK->getResult(0));
  if (router.k == 0 || !chosen || chosen.getDimSize(1) != router.k)
    return "the experts are not a known number of the greatest choices";
  if (router.bias) {
    RankedTensorType bias = tensorType(router.bias);
    bool isRow = bias && bias.hasStaticShape() &&
                 bias.getNumElements() == router.numExperts &&
                 bias.getRank() >= 1 && bias.getRank() <= 2 &&
                 bias.getShape().back() == router.numExperts;
    if (!isRow)
      return "the bias is not one number for each expert";
  }
  if (where) {
    bool isFalse = where->getOperand(2) == router.choice;
    why = matchGroupLimit(where->getOperand(0), /*isInverted=*/!isFalse,
                          where->getOperand(isFalse ? 1 : 2), router);
    if (!why.empty())
      return why;
  }
  if (router.groups > 1 && router.groupScore == GroupScore::Top2 &&
      router.numExperts / router.groups < 2)
    return "a group has a single expert";
  if (router.k > router.numExperts / router.groups * router.topGroups)
    return "the best groups have fewer experts than are chosen";
  return "";
}

/// Whether `value` is `total`, or that plus next to nothing.
static bool isTotal(Value value, Value total) {
  if (value == total)
    return true;
  auto [epsilon, sum] =
      splitOperands(producer<onnx::AddOp>(value), [](Value v) {
        std::optional<double> number = constantScalar(v);
        return number && *number >= 0 && *number <= maxEpsilon;
      });
  return sum && sum == total;
}

/// Follows the weights down over factors.
static void matchWeightScale(Router &router) {
  while (Operation *user = onlyUser(router.weights)) {
    double factor = 1;
    if (user->getNumResults() != 1 ||
        peelScale(user->getResult(0), factor) != router.weights ||
        !std::isfinite(router.scale * factor))
      return;
    router.scale *= factor;
    router.weights = user->getResult(0);
  }
}

/// Follows the weights down: divided by their sum, and scaled.
static void matchWeightChain(Router &router) {
  for (Operation *user : router.weights.getUsers()) {
    if (!isa<onnx::ReduceSumOp>(user) || !reducesLastAxis(user, /*keep=*/true))
      continue;
    Value total = user->getResult(0);
    for (Operation *other : router.weights.getUsers()) {
      bool isWhole = isa<onnx::DivOp>(other) &&
                     other->getOperand(0) == router.weights &&
                     isTotal(other->getOperand(1), total);
      // Nothing else may read what is not divided yet.
      if (!isWhole || !llvm::all_of(router.weights.getUsers(), [&](auto *o) {
            return o == user || o == other;
          }))
        continue;
      router.normalize = true;
      router.weights = other->getResult(0);
      break;
    }
    if (router.normalize)
      break;
  }
  matchWeightScale(router);
}

/// Reads the weights of the chosen experts.
static StringRef matchWeights(Router &router) {
  if (router.weights) {
    matchWeightScale(router);
    return "";
  }
  Value values = router.topK->getResult(0), indices = router.topK->getResult(1);
  for (Operation *user : indices.getUsers()) {
    if (!isa<onnx::GatherElementsOp>(user) || user->getOperand(1) != indices ||
        fromFront(intAttr(user, "axis", 0), 2) != 1 ||
        user->getOperand(0) != router.affinity)
      continue;
    if (router.weights)
      return "the weights are read twice";
    router.weights = user->getResult(0);
  }
  if (!router.weights && router.bias)
    return "the weights are not the affinities of the chosen experts";
  if (router.weights && !values.use_empty())
    return "the choices of the chosen experts are read";
  // Without a bias the greatest choices are the affinities themselves.
  if (!router.weights)
    router.weights = values;
  matchWeightChain(router);
  return "";
}

static void raise(Router &router, RewriterBase &rewriter) {
  Location loc = router.topK.getLoc();
  rewriter.setInsertionPoint(router.topK);
  Value logits = router.logits, bias = router.bias;
  // Computes in the most precise of the types between which the graph casts.
  Type element = getElementTypeOrSelf(logits);
  for (Value other : {router.affinity, router.choice, router.weights})
    if (getElementTypeOrSelf(other).getIntOrFloatBitWidth() >
        element.getIntOrFloatBitWidth())
      element = getElementTypeOrSelf(other);
  logits = createCast(rewriter, loc, logits, element);
  if (bias) {
    if (rankOf(bias) == 2)
      bias = createSqueeze(rewriter, loc, bias, {0});
    bias = createCast(rewriter, loc, bias, element);
  }
  RankedTensorType type = tensorType(router.topK->getResult(0));
  auto route = RouteOp::create(
      rewriter, loc,
      TypeRange{type.clone(rewriter.getI32Type()), type.clone(element)}, logits,
      bias, router.score, router.k, router.groups, router.topGroups,
      router.groupScore, router.normalize,
      llvm::APFloat(shortestDecimal(router.scale)));
  remark::passed(loc, remarkOptions())
      << std::to_string(router.k) + " of " + std::to_string(router.numExperts) +
             " experts" +
             (router.groups > 1
                  ? ", of " + std::to_string(router.topGroups) + " of " +
                        std::to_string(router.groups) + " groups,"
                  : std::string()) +
             " are chosen by a router";
  rewriter.replaceAllUsesWith(router.weights,
                              createCast(rewriter, loc, route.getWeights(),
                                         getElementTypeOrSelf(router.weights)));
  Value indices = router.topK->getResult(1);
  rewriter.replaceAllUsesWith(indices,
                              createCast(rewriter, loc, route.getExperts(),
                                         getElementTypeOrSelf(indices)));
}

void RaiseRoutePass::runOnOperation() {
  IRRewriter rewriter(&getContext());
  SmallVector<onnx::TopKOp> candidates;
  getOperation().walk([&](onnx::TopKOp op) { candidates.push_back(op); });
  for (onnx::TopKOp op : candidates) {
    Router router;
    router.topK = op;
    std::optional<StringRef> why = matchSelection(router);
    if (!why)
      continue;
    if (why->empty())
      why = matchWeights(router);
    if (why->empty())
      raise(router, rewriter);
    else
      remark::missed(op.getLoc(), remarkOptions())
          << "looks like a router, but " + why->str();
  }
  (void)runRegionDCE(rewriter, getOperation()->getRegions());
}
