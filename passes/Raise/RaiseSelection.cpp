//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Attention over the tokens of the highest scores. Exporters compute it for all
// tokens, under a mask that top-k scatters.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Raise/Masks.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/Passes.h"

#include "mlir/IR/Remarks.h"

namespace fulgur {
#define GEN_PASS_DEF_RAISESELECTIONPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::fromFront;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;

namespace {
/// A top-k of masked scores.
struct Selection {
  onnx::TopKOp topK;
  /// [B, S, T], without its masks.
  Value scores;
  /// The masks of the scores: what they let through, and they themselves.
  MaskMeaning seen;
  SmallVector<Value> masks;
  int64_t k = 0;
};

class Raiser {
public:
  explicit Raiser(func::FuncOp function)
      : function(function), shapes(function), masks(shapes) {}

  void run();

private:
  /// Why the attention over selected tokens stays masked; empty when not.
  /// `seen` is what its mask lets through besides the selection.
  std::string match(Value indices, const Condition &selected,
                    const MaskMeaning &seen, Selection &selection);
  bool matchCount(Value count, AffineExpr tokens, int64_t &k);
  /// The indices of `selection`, computed once for all that use them; null when
  /// its mask has no form that the operation takes.
  Value getTokens(Selection &selection);

  func::FuncOp function;
  ShapeAnalysis shapes;
  MaskReader masks;
  llvm::DenseMap<Operation *, Value> tokens;
};

struct RaiseSelectionPass final
    : fulgur::impl::RaiseSelectionPassBase<RaiseSelectionPass> {
  void runOnOperation() final {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        Raiser(function).run();
  }
};
} // namespace

static auto remarkOptions() {
  return remark::RemarkOpts::name("fulgur-raise-selection").category("raise");
}

/// A number, or the smaller of a number and the tokens that there are.
bool Raiser::matchCount(Value count, AffineExpr tokens, int64_t &k) {
  auto contents = count ? shapes.getContents(count) : std::nullopt;
  if (!contents || contents->size() != 1)
    return false;
  AffineExpr expr = contents->front();
  if (auto minimum = shapes.getSizes().asMinimum(expr)) {
    auto [a, b] = *minimum;
    if (a != tokens && b != tokens)
      return false;
    expr = a == tokens ? b : a;
  }
  std::optional<int64_t> number = Sizes::asConstant(expr);
  k = number.value_or(0);
  return k > 0;
}

std::string Raiser::match(Value indices, const Condition &selected,
                          const MaskMeaning &seen, Selection &selection) {
  selection.topK = producer<onnx::TopKOp>(indices);
  if (!selection.topK || indices != selection.topK->getResult(1) ||
      rankOf(indices) != 3)
    return "the selected tokens are not the indices of a top-k for each query";
  Value scores = input(selection.topK, 0);
  ArrayRef<AffineExpr> shape = shapes.getShape(scores);
  if (fromFront(intAttr(selection.topK, "axis", -1), 3) != 2 ||
      !intAttr(selection.topK, "largest", 1))
    return "the top-k is not of the highest scores over the tokens";
  if (selected.isNegated)
    return "the attention is over the tokens that are not selected";
  if (ArrayRef<AffineExpr>(selected.at) !=
      ArrayRef<AffineExpr>(masks.coordinates(shape)))
    return "the selection of a query is not for itself";
  if (!matchCount(input(selection.topK, 1), shape[2], selection.k))
    return "the number of selected tokens is not known";
  // The masks around the scores, from the outside to the inside.
  auto isMasked = [&](Value mask, bool isNegated) {
    std::optional<MaskMeaning> meaning = masks.read(mask, shape, isNegated);
    if (!meaning || meaning->window)
      return false;
    selection.seen.causal |= meaning->causal;
    for (const Condition &condition : meaning->rest)
      if (!llvm::is_contained(selection.seen.rest, condition))
        selection.seen.rest.push_back(condition);
    if (!isNegated)
      selection.masks.push_back(mask);
    return true;
  };
  while (Operation *op = scores.getDefiningOp()) {
    if (isa<onnx::AddOp>(op)) {
      if (isMasked(op->getOperand(1), false))
        scores = op->getOperand(0);
      else if (isMasked(op->getOperand(0), false))
        scores = op->getOperand(1);
      else
        break;
    } else if (isa<onnx::WhereOp>(op)) {
      bool hidesTrue = isHiding(op->getOperand(1));
      if (!hidesTrue && !isHiding(op->getOperand(2)))
        break;
      if (!isMasked(op->getOperand(0), hidesTrue))
        break;
      scores = op->getOperand(hidesTrue ? 2 : 1);
    } else {
      break;
    }
  }
  selection.scores = scores;
  if (scores.getType() != input(selection.topK, 0).getType())
    return "the scores are broadcast by their masks";
  if (!(selection.seen == seen))
    return "the tokens are selected under another mask than that of the "
           "attention";
  return "";
}

Value Raiser::getTokens(Selection &selection) {
  Value &result = tokens[selection.topK];
  if (result)
    return result;
  OpBuilder b(selection.topK);
  Location loc = selection.topK->getLoc();
  ArrayRef<AffineExpr> shape = shapes.getShape(selection.scores);
  Value mask;
  if (!selection.seen.rest.empty()) {
    mask = masks.build(selection.seen.rest, shape, b, loc);
    if (!mask && selection.masks.size() == 1 && rankOf(selection.masks[0]) == 3)
      mask = selection.masks[0];
    if (!mask)
      return {};
  }
  SmallVector<int64_t> sizes(tensorType(selection.scores).getShape());
  sizes[2] = selection.k;
  result = SelectTokensOp::create(
      b, loc, RankedTensorType::get(sizes, b.getI32Type()), selection.scores,
      mask, b.getI64IntegerAttr(selection.k),
      selection.seen.causal ? b.getUnitAttr() : UnitAttr());
  return result;
}

void Raiser::run() {
  SmallVector<std::pair<LatentAttentionOp, Selection>> found;
  for (auto op : function.getOps<LatentAttentionOp>()) {
    if (!op.getMask())
      continue;
    ArrayRef<AffineExpr> query = shapes.getShape(op.getQuery());
    SmallVector<AffineExpr> scores{query[0], query[2], query[1],
                                   shapes.getShape(op.getLatent())[1]};
    std::optional<MaskMeaning> seen = masks.read(op.getMask(), scores);
    if (!seen)
      continue;
    seen->causal |= op.getCausal();
    auto isSelected = [](const Condition &condition) {
      return condition.kind == Condition::Kind::Selected;
    };
    auto selected = llvm::find_if(seen->rest, isSelected);
    if (selected == seen->rest.end())
      continue;
    Condition condition = *selected;
    seen->rest.erase(selected);
    Selection selection;
    std::string reason = match(condition.value, condition, *seen, selection);
    if (reason.empty() && !getTokens(selection))
      reason = "the mask of the scores has no form of its own";
    if (reason.empty()) {
      found.push_back({op, selection});
      continue;
    }
    remark::missed(op.getLoc(), remarkOptions())
        << "an attention over selected tokens stays masked: " + reason;
  }
  for (auto &[op, selection] : found) {
    OpBuilder b(op);
    remark::passed(op.getLoc(), remarkOptions())
        << "attention reads the " + std::to_string(selection.k) +
               " selected tokens only";
    auto sparse = SparseLatentAttentionOp::create(
        b, op.getLoc(), op.getType(), op.getQuery(), op.getLatent(),
        op.getRopeKey(), op.getUp(), getTokens(selection), op.getScaleAttr());
    op.getResult().replaceAllUsesWith(sparse.getResult());
    op.erase();
  }
}
