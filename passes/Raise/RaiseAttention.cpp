//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Attention over heads: the chain of scores, softmax and values that exporters
// write, in all of its spellings, and the operator of the standard.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Raise/FoldONNX/Patterns.h"
#include "passes/Raise/Masks.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/Passes.h"
#include "passes/Raise/RaiseAttention/Expand.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>
#include <numeric>

namespace fulgur {
#define GEN_PASS_DEF_RAISEATTENTIONPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantScalar;
using fulgur::onnx::floatAttr;
using fulgur::onnx::fromFront;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;
using fulgur::onnx::intsAttr;

namespace {
/// A mask, or the opposite of one.
struct Mask {
  Value value;
  bool isNegated = false;
  /// The number that replaces what a boolean one hides, if that is finite.
  Value replacement = {};
};

/// One attention as it stands in the graph.
struct Match {
  /// What is replaced: [B, H, S, Dv].
  Value result;
  /// [B, H, S, D], and either [B, Hk, T, D] or its last two axes exchanged.
  Value query, key;
  bool isKeyTransposed = false;
  /// [B, Hk, T, Dv].
  Value value;
  SmallVector<Mask> masks;
  double scale = 1;
  bool causal = false;
  /// Whether rows that see nothing are meant to give zeros.
  bool isGuarded = false;
};

/// What the masks of one attention come to.
struct Seen {
  bool causal = false;
  std::optional<int64_t> window;
  Value mask;
};

class Raiser {
public:
  explicit Raiser(func::FuncOp function)
      : function(function), shapes(function), masks(shapes),
        builder(function.getContext()) {}

  void run();

private:
  using Shape = ArrayRef<AffineExpr>;

  /// Why the attention at hand stays what it is; empty when it does not.
  std::string match(Operation *op, Match &match);
  std::string matchChain(Operation *softmax, Match &match);
  std::string matchOperator(Operation *attention, Match &match);
  bool matchScores(Value scores, Match &match);
  void matchKey(Value transposed, Match &match);
  std::string checkShapes(const Match &match);
  /// [B, Hk, T, D] where `value` repeats each head of it.
  Value peelRepetition(Value value);
  std::string see(const Match &match, Seen &seen);
  Value asOperand(const Mask &mask, Location loc);
  void replace(const Match &match, const Seen &seen);

  Shape shapeOf(Value value) { return shapes.getShape(value); }

  func::FuncOp function;
  ShapeAnalysis shapes;
  MaskReader masks;
  OpBuilder builder;
};

struct RaiseAttentionPass final
    : fulgur::impl::RaiseAttentionPassBase<RaiseAttentionPass> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    populateFoldConstantPatterns(patterns);
    populateFoldMovementPatterns(patterns);
    FrozenRewritePatternSet frozen(std::move(patterns));
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      Raiser(function).run();
      // The transposes around the operands meet others and cancel.
      if (failed(applyPatternsGreedily(function, frozen)))
        return signalPassFailure();
    }
  }
};
} // namespace

static auto remarkOptions() {
  return remark::RemarkOpts::name("fulgur-raise-attention").category("raise");
}

/// The weights under SDPA's guard: zeros where a row sees nothing, instead of
/// 0/0.
static Value skipNaNGuard(Value value) {
  auto where = producer<onnx::WhereOp>(value);
  if (!where)
    return value;
  auto isNaN = producer<onnx::IsNaNOp>(where->getOperand(0));
  bool isGuard = isNaN && isConstant(where->getOperand(1), 0) &&
                 isNaN->getOperand(0) == where->getOperand(2);
  return isGuard ? where->getOperand(2) : value;
}

/// query · keyᵀ under masks and scales, from the outside to the inside.
bool Raiser::matchScores(Value scores, Match &match) {
  scores = skipFloatCasts(scores);
  if (auto add = producer<onnx::AddOp>(scores)) {
    for (unsigned i : {0, 1}) {
      Match inner = match;
      if (!matchScores(add->getOperand(i), inner))
        continue;
      inner.masks.push_back({add->getOperand(1 - i)});
      match = inner;
      return true;
    }
    return false;
  }
  if (auto where = producer<onnx::WhereOp>(scores)) {
    bool hidesTrue = isHiding(where->getOperand(1));
    if (!hidesTrue && !isHiding(where->getOperand(2)))
      return false;
    Value hidden = where->getOperand(hidesTrue ? 1 : 2);
    bool isFinite = std::isfinite(*constantScalar(hidden));
    match.masks.push_back(
        {where->getOperand(0), hidesTrue, isFinite ? hidden : Value()});
    return matchScores(where->getOperand(hidesTrue ? 2 : 1), match);
  }
  while (Value inner = peelScale(scores, match.scale))
    scores = skipFloatCasts(inner);
  auto product = producer<onnx::MatMulOp>(scores);
  if (!product || rankOf(product->getOperand(0)) != 4 ||
      rankOf(product->getOperand(1)) != 4)
    return false;
  match.query = product->getOperand(0);
  match.key = product->getOperand(1);
  match.isKeyTransposed = true;
  while (Value inner = peelScale(match.query, match.scale))
    match.query = inner;
  while (Value inner = peelScale(match.key, match.scale))
    match.key = inner;
  return true;
}

/// [B, H, T, D], where `match.key` is its transpose, written as one, or as
/// `Reshape` to [B·H, T, D], transpose, and back.
void Raiser::matchKey(Value transposed, Match &match) {
  auto use = [&](Value key) {
    match.key = key;
    match.isKeyTransposed = false;
    while (Value inner = peelScale(match.key, match.scale))
      match.key = inner;
  };
  if (auto transpose = producer<onnx::TransposeOp>(transposed)) {
    std::optional<ArrayRef<int64_t>> perm = intsAttr(transpose, "perm");
    if (perm && *perm == ArrayRef<int64_t>{0, 1, 3, 2})
      use(transpose->getOperand(0));
    return;
  }
  auto outer = producer<onnx::ReshapeOp>(transposed);
  auto transpose =
      outer ? producer<onnx::TransposeOp>(outer->getOperand(0)) : nullptr;
  auto inner =
      transpose ? producer<onnx::ReshapeOp>(transpose->getOperand(0)) : nullptr;
  if (!inner)
    return;
  std::optional<ArrayRef<int64_t>> perm = intsAttr(transpose, "perm");
  Value key = inner->getOperand(0);
  Shape before = shapeOf(key), flat = shapeOf(inner->getResult(0)),
        after = shapeOf(transposed);
  if (perm && *perm == ArrayRef<int64_t>{0, 2, 1} && before.size() == 4 &&
      flat.size() == 3 && after.size() == 4 &&
      flat.take_back(2) == before.take_back(2) &&
      before.take_front(2) == after.take_front(2) && after[2] == before[3] &&
      after[3] == before[2])
    use(key);
}

Value Raiser::peelRepetition(Value value) {
  auto reshape = producer<onnx::ReshapeOp>(value);
  auto expand =
      reshape ? producer<onnx::ExpandOp>(reshape->getOperand(0)) : nullptr;
  if (!expand || rankOf(value) != 4 || rankOf(expand->getResult(0)) != 5)
    return {};
  // [B, Hk, 1, T, D] → [B, Hk, n, T, D] → [B, Hk·n, T, D]
  auto unsqueeze = producer<onnx::UnsqueezeOp>(expand->getOperand(0));
  if (!unsqueeze || rankOf(unsqueeze->getOperand(0)) != 4 ||
      getAxes(unsqueeze, 5) != SmallVector<int64_t>{2})
    return {};
  Value source = unsqueeze->getOperand(0);
  Shape few = shapeOf(source), wide = shapeOf(expand->getResult(0)),
        many = shapeOf(value);
  bool isRepetition = few[0] == wide[0] && few[1] == wide[1] &&
                      few.take_back(2) == wide.take_back(2) &&
                      few[0] == many[0] &&
                      few.take_back(2) == many.take_back(2);
  return isRepetition ? source : Value();
}

std::string Raiser::matchChain(Operation *softmax, Match &match) {
  int64_t rank = rankOf(softmax->getResult(0));
  // The weights, through casts and the guard, to the one product with values.
  bool isReadElsewhere = false;
  SmallVector<Value> pending{softmax->getResult(0)};
  while (!pending.empty()) {
    Value value = pending.pop_back_val();
    for (Operation *user : value.getUsers()) {
      if (isa<onnx::IsNaNOp>(user))
        continue;
      bool isPassedOn = isa<onnx::CastOp>(user) ||
                        (isa<onnx::WhereOp>(user) &&
                         skipNaNGuard(user->getResult(0)) == value);
      match.isGuarded |= isa<onnx::WhereOp>(user) && isPassedOn;
      if (isPassedOn)
        pending.push_back(user->getResult(0));
      else if (isa<onnx::MatMulOp>(user) && user->getOperand(0) == value &&
               !match.result)
        match.result = user->getResult(0);
      else
        isReadElsewhere = true;
    }
  }
  if (!match.result)
    return "no product with values reads the weights";
  if (isReadElsewhere)
    return "the weights are read by more than one product with values";
  if (rank != 4 || fromFront(intAttr(softmax, "axis", -1), rank) != rank - 1)
    return "the softmax is not over the last of four axes";
  match.value = match.result.getDefiningOp()->getOperand(1);
  if (!matchScores(softmax->getOperand(0), match))
    return "the scores are no masked, scaled product of queries and keys";
  matchKey(match.key, match);
  return "";
}

std::string Raiser::matchOperator(Operation *op, Match &match) {
  match.result = op->getResult(0);
  for (unsigned i : {0, 1, 2})
    if (rankOf(input(op, i)) != 4)
      return "the operands do not have four axes";
  if (input(op, 4) || input(op, 5) || input(op, 6))
    return "the operator appends to a cache or pads keys";
  for (Value other : op->getResults().drop_front())
    if (!other.use_empty())
      return "the operator yields more than its output";
  if (floatAttr(op, "softcap", 0) != 0)
    return "the scores are capped";
  if (intAttr(op, "left_window_size", -1) >= 0 ||
      intAttr(op, "right_window_size", -1) >= 0)
    return "the operator sees a window of tokens";
  match.query = input(op, 0);
  match.key = input(op, 1);
  match.value = input(op, 2);
  RankedTensorType type = tensorType(match.query);
  if (op->hasAttr("scale"))
    match.scale = floatAttr(op, "scale", 1);
  else if (type.isDynamicDim(3))
    return "the scale depends on a size";
  else
    match.scale = 1 / std::sqrt(static_cast<double>(type.getDimSize(3)));
  if (Value mask = input(op, 3))
    match.masks.push_back({mask});
  match.causal = intAttr(op, "is_causal", 0);
  // The standard counts from the first token, not from the last.
  if (match.causal && shapeOf(match.query)[2] != shapeOf(match.key)[2])
    return "the operator is causal over a number of tokens that may not be "
           "that of its queries";
  return "";
}

std::string Raiser::checkShapes(const Match &match) {
  if (rankOf(match.value) != 4)
    return "the values do not have four axes";
  Type element = getElementTypeOrSelf(match.query);
  if (getElementTypeOrSelf(match.key) != element ||
      getElementTypeOrSelf(match.value) != element ||
      getElementTypeOrSelf(match.result) != element)
    return "queries, keys and values are of different types";
  Shape query = shapeOf(match.query), key = shapeOf(match.key),
        value = shapeOf(match.value);
  if (query[0] != key[0] || query[0] != value[0] || key[1] != value[1])
    return "queries, keys and values are not of the same batch and heads";
  std::optional<int64_t> heads = Sizes::asConstant(query[1]);
  std::optional<int64_t> keyHeads = Sizes::asConstant(key[1]);
  if (!heads || !keyHeads || *keyHeads == 0 || *heads % *keyHeads != 0)
    return "the heads of the queries are no multiple of those of the keys";
  if (key[match.isKeyTransposed ? 3 : 2] != value[2])
    return "there are not as many values as keys";
  return "";
}

std::string Raiser::see(const Match &match, Seen &seen) {
  Shape query = shapeOf(match.query), key = shapeOf(match.key);
  SmallVector<AffineExpr> scores{query[0], query[1], query[2],
                                 key[match.isKeyTransposed ? 3 : 2]};
  seen.causal = match.causal;
  builder.setInsertionPoint(match.result.getDefiningOp());
  Location loc = match.result.getLoc();
  SmallVector<Value> kept;
  for (const Mask &mask : match.masks) {
    if (!masks.fits(mask.value, scores))
      return "a mask does not have the sizes of the scores";
    // A dynamic size would be read as that of the scores.
    bool isTold = llvm::all_of(
        llvm::zip_equal(tensorType(mask.value).getShape(), shapeOf(mask.value)),
        [](auto pair) {
          auto [size, extent] = pair;
          return !ShapedType::isDynamic(size) || !Sizes::asConstant(extent);
        });
    std::optional<MaskMeaning> meaning =
        masks.read(mask.value, scores, mask.isNegated);
    bool isOther = meaning && meaning->window && seen.window &&
                   meaning->window != seen.window;
    // Where finite numbers may hide a whole row, the mean of all is meant; but
    // not where SDPA was decomposed, whose guard then only misses the row.
    bool isMean = meaning && !meaning->rest.empty() && !match.isGuarded &&
                  (meaning->isFinite || mask.replacement);
    if (!meaning || isOther || isMean) {
      if (!isTold)
        return "a mask has a size that its type does not tell";
      kept.push_back(asOperand(mask, loc));
      continue;
    }
    seen.causal |= meaning->causal;
    if (meaning->window)
      seen.window = meaning->window;
    if (meaning->rest.empty())
      continue;
    Value rest = masks.build(meaning->rest, scores, builder, loc);
    if (!rest && !isTold)
      return "a mask has a size that its type does not tell";
    kept.push_back(rest ? rest : asOperand(mask, loc));
  }
  Type element;
  for (Value mask : kept) {
    Type own = getElementTypeOrSelf(mask);
    if (!own.isInteger(1) && element && own != element)
      return "two masks that are added have different types";
    if (!own.isInteger(1))
      element = own;
  }
  seen.mask = combineMasks(kept, builder, loc);
  return "";
}

/// `mask` as it is, with four axes.
Value Raiser::asOperand(const Mask &mask, Location loc) {
  SmallVector<int64_t> axes(4 - rankOf(mask.value));
  std::iota(axes.begin(), axes.end(), 0);
  Value value = createUnsqueeze(builder, loc, mask.value, axes);
  if (mask.replacement) {
    RankedTensorType type = tensorType(mask.replacement);
    Value zero = arith::ConstantOp::create(
        builder, loc, cast<TypedAttr>(builder.getZeroAttr(type)));
    Value branches[] = {zero, mask.replacement};
    return onnx::WhereOp::create(
               builder, loc,
               TypeRange{tensorType(value).clone(type.getElementType())},
               ValueRange{value, branches[mask.isNegated],
                          branches[!mask.isNegated]})
        ->getResult(0);
  }
  if (!mask.isNegated)
    return value;
  return onnx::NotOp::create(builder, loc, TypeRange{value.getType()},
                             ValueRange{value})
      ->getResult(0);
}

void Raiser::replace(const Match &match, const Seen &seen) {
  Location loc = match.result.getLoc();
  builder.setInsertionPoint(match.result.getDefiningOp());
  auto toRows = [&](Value value) {
    return createTranspose(builder, loc, value, {0, 2, 1, 3});
  };
  Value query = toRows(match.query), value = toRows(match.value);
  Value key = match.isKeyTransposed
                  ? createTranspose(builder, loc, match.key, {0, 3, 1, 2})
                  : toRows(match.key);
  RankedTensorType type = tensorType(match.result);
  SmallVector<int64_t> shape(tensorType(query).getShape());
  shape[3] = tensorType(value).getDimSize(3);
  auto attention = AttentionOp::create(
      builder, loc, type.clone(shape), query, key, value, seen.mask,
      builder.getF64FloatAttr(match.scale), builder.getUnitAttr(),
      seen.window ? builder.getI64IntegerAttr(*seen.window) : IntegerAttr());
  Value back =
      createTranspose(builder, loc, attention.getResult(), {0, 2, 1, 3});
  back.setType(type);
  attention.setCausal(seen.causal);
  Value(match.result).replaceAllUsesWith(back);
}

std::string Raiser::match(Operation *op, Match &match) {
  std::string reason = isa<onnx::SoftmaxOp>(op) ? matchChain(op, match)
                                                : matchOperator(op, match);
  if (!reason.empty())
    return reason;
  Value key = match.isKeyTransposed ? Value() : peelRepetition(match.key);
  Value value = peelRepetition(match.value);
  if (key && value) {
    match.key = key;
    match.value = value;
  }
  return checkShapes(match);
}

void Raiser::run() {
  SmallVector<Operation *> roots;
  for (Operation &op : function.front())
    if (isa<onnx::SoftmaxOp, onnx::AttentionOp>(op))
      roots.push_back(&op);
  // The analyses know the function as it was: read all, then write.
  SmallVector<std::pair<Match, Seen>> found;
  for (Operation *op : roots) {
    Match attention;
    Seen seen;
    std::string reason = match(op, attention);
    // A softmax over something else, of a router for example.
    if (!reason.empty() && !attention.result)
      continue;
    if (reason.empty())
      reason = see(attention, seen);
    if (!reason.empty()) {
      remark::missed(op->getLoc(), remarkOptions())
          << "an attention is not raised: " + reason;
      if (auto attention = dyn_cast<onnx::AttentionOp>(op))
        expandAttention(attention);
      continue;
    }
    found.push_back({attention, seen});
  }
  for (const auto &[attention, seen] : found) {
    remark::passed(attention.result.getLoc(), remarkOptions())
        << StringRef(seen.causal ? seen.mask ? "attention, causal and masked"
                                             : "attention, causal"
                     : seen.mask ? "attention, masked"
                                 : "attention, everything visible");
    replace(attention, seen);
  }
}
