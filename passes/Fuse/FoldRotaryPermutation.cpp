//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rotary embedding that reads pairs side by side and writes their halves apart
// reads halves instead, of a product with moved columns. The runtime moves the
// columns of the weight when it loads it.
//
//   x ─ linear %w ─ rotary_embedding deinterleaved ─ …
//     ==>  x ─ linear (%w, columns moved) ─ rotary_embedding half_split ─ …
//
// What the embedding writes is the same, so that queries and keys need not be
// changed together, and no cache has another order. That is not so where pairs
// are written side by side too: the keys of those are outputs of the model.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Fuse/Passes.h"
#include "passes/Fuse/Remarks.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/SymbolTable.h"

namespace fulgur {
#define GEN_PASS_DEF_FOLDROTARYPERMUTATIONPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static constexpr StringLiteral passName = "fulgur-fold-rotary-permutation";

namespace {
/// Entries of the last dimension of a value: [begin, end) of every `period`.
struct Entries {
  int64_t period, begin, end;
};

struct FoldRotaryPermutationPass final
    : fulgur::impl::FoldRotaryPermutationPassBase<FoldRotaryPermutationPass> {
  using Base::Base;
  void runOnOperation() final;

private:
  LogicalResult fold(RotaryEmbeddingOp op, std::string &why);

  /// How often weights are read.
  DenseMap<Attribute, int64_t> reads;
};
} // namespace

static int64_t lastSize(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().back();
}

/// The first of the last dimension that `slice` takes, if it takes a run.
static std::optional<int64_t> getFirst(tensor::ExtractSliceOp slice) {
  bool isRun = isOneInteger(slice.getMixedStrides().back()) &&
               slice.getType().getRank() == slice.getSourceType().getRank() &&
               !ShapedType::isDynamic(lastSize(slice.getResult()));
  return isRun ? getConstantIntValue(slice.getMixedOffsets().back())
               : std::nullopt;
}

/// The value that `value` is a part or another shape of, with `entries` in it;
/// null if it is computed, or the last dimension is not followed.
static Value stepBack(Value value, Entries &entries) {
  if (auto slice = value.getDefiningOp<tensor::ExtractSliceOp>()) {
    int64_t size = lastSize(slice.getSource());
    std::optional<int64_t> first = getFirst(slice);
    if (!first || ShapedType::isDynamic(size))
      return {};
    if (size == lastSize(value))
      return slice.getSource();
    if (entries.period != lastSize(value))
      return {};
    entries = {size, entries.begin + *first, entries.end + *first};
    return slice.getSource();
  }
  // Heads: the entries are those of each of them.
  if (auto expand = value.getDefiningOp<tensor::ExpandShapeOp>())
    return ShapedType::isDynamic(lastSize(expand.getSrc())) ? Value()
                                                            : expand.getSrc();
  if (auto collapse = value.getDefiningOp<tensor::CollapseShapeOp>())
    return collapse.getReassociationIndices().back().size() == 1
               ? collapse.getSrc()
               : Value();
  return {};
}

/// Whether `user` of `value` does not see `entries` of it.
static bool isElsewhere(Operation *user, Value value, const Entries &entries) {
  if (isa<tensor::DimOp>(user))
    return true;
  auto slice = dyn_cast<tensor::ExtractSliceOp>(user);
  std::optional<int64_t> first = slice ? getFirst(slice) : std::nullopt;
  return first && entries.period == lastSize(value) &&
         (*first + lastSize(slice.getResult()) <= entries.begin ||
          *first >= entries.end);
}

LogicalResult FoldRotaryPermutationPass::fold(RotaryEmbeddingOp op,
                                              std::string &why) {
  auto fail = [&](const Twine &reason) {
    why = reason.str();
    return failure();
  };
  int64_t width = lastSize(op.getInput()), half = lastSize(op.getCos());
  if (ShapedType::isDynamic(width) || ShapedType::isDynamic(half) || half == 0)
    return fail("expected the number of rotated elements to be known, but it "
                "is not");
  bool leads = op.getPlacement() == RotaryPlacement::Leading;
  Entries entries{width, leads ? 0 : width - 2 * half,
                  leads ? 2 * half : width};
  Value value = op.getInput();
  Operation *reader = op;
  while (true) {
    for (Operation *user : value.getUsers())
      if (user != reader && !isElsewhere(user, value, entries))
        return fail("expected only the embedding to read what it rotates, but "
                    "'" +
                    user->getName().getStringRef() + "' does too");
    if (value.getDefiningOp<LinearOp>())
      break;
    reader = value.getDefiningOp();
    value = stepBack(value, entries);
    if (!value)
      return fail("expected to rotate a part of a product, but it is computed "
                  "otherwise");
  }
  auto product = value.getDefiningOp<LinearOp>();
  auto get = product.getWeight().getDefiningOp<GetWeightOp>();
  if (!get)
    return fail("expected a weight of the model, but got a value that the step "
                "computes");
  if (product.getResidual())
    return fail("expected a product without a residual, but it has one");
  auto weight =
      SymbolTable::lookupNearestSymbolFrom<WeightOp>(get, get.getWeightAttr());
  if (reads[get.getWeightAttr()] != 1 || weight.getDeinterleaved() ||
      weight.getPacked())
    return fail("expected only the product to read the weight '" +
                Twine(get.getWeight()) + "', as it is stored");
  int64_t axis = product.getTransposed() ? 0 : 1;
  weight.setDeinterleaved(
      ArrayRef<int64_t>{axis, entries.period, entries.begin, entries.end});
  op.setLayout(RotaryLayout::HalfSplit);
  // The same bytes are read, but in order.
  remarkFused(op.getLoc(), passName,
              "columns of the weight '" + Twine(get.getWeight()) +
                  "' are moved when it is loaded",
              {0, 0});
  return success();
}

void FoldRotaryPermutationPass::runOnOperation() {
  reads.clear();
  getOperation().walk([&](Operation *op) {
    if (auto get = dyn_cast<GetWeightOp>(op))
      reads[get.getWeightAttr()] += range_size(get->getUses());
    if (auto select = dyn_cast<SelectWeightOp>(op))
      for (Attribute name : select.getWeights())
        ++reads[name];
  });
  getOperation().walk([&](RotaryEmbeddingOp op) {
    std::string why;
    if (op.getLayout() == RotaryLayout::Interleaved)
      why = "expected pairs to be written as halves, but they are written "
            "side by side, which a cache would keep";
    else if (op.getLayout() == RotaryLayout::HalfSplit ||
             succeeded(fold(op, why)))
      return;
    remarkNotFused(op.getLoc(), passName, why);
  });
}
