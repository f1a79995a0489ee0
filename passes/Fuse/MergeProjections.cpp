//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Projections of the same rows become one product, whose weight is theirs side
// by side: q_a, kv_a and the keys and weights of the indexer; gate and up; the
// router and the shared expert.
//
//        ┌─ linear %a ─ …                              ┌─ slice ─ …
//     x ─┤                  ==>  x ─ linear (concat) ─┤
//        └─ linear %b ─ …        %a, %b ─┘             └─ slice ─ …
//
// The weights are only named: nothing concatenates them. fulgur-pack-weights
// gives the product the panels of one weight after those of the other, so that
// a target needs no copy of them.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/CostModel/Sizes.h"
#include "lib/Support/Emitter.h"
#include "passes/Fuse/Passes.h"
#include "passes/Fuse/Remarks.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/MapVector.h"

namespace fulgur {
#define GEN_PASS_DEF_MERGEPROJECTIONSPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static constexpr StringLiteral passName = "fulgur-merge-projections";

namespace {
struct MergeProjectionsPass final
    : fulgur::impl::MergeProjectionsPassBase<MergeProjectionsPass> {
  using Base::Base;
  void runOnOperation() final;

private:
  bool canMerge(LinearOp op);
  void merge(ArrayRef<LinearOp> ops);

  /// Weights that something else than a projection reads.
  DenseSet<Attribute> readOtherwise;
};
} // namespace

/// What has the same rows as `value`: the tensor of which it is the matrix.
static Value rowsOf(Value value) {
  auto collapse = value.getDefiningOp<tensor::CollapseShapeOp>();
  if (!collapse || collapse.getResultType().getRank() != 2 ||
      collapse.getReassociationIndices().back().size() != 1)
    return value;
  return collapse.getSrc();
}

/// `input` as one matrix.
static Value asMatrix(Emitter &e, Value input) {
  int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
  if (rank < 3)
    return input;
  return e.collapse(
      input, {llvm::to_vector(llvm::seq<int64_t>(0, rank - 1)), {rank - 1}});
}

/// The weight of `op` as [K, N].
static Value columnsOf(Emitter &e, LinearOp op) {
  Value weight = op.getWeight();
  if (!op.getTransposed())
    return weight;
  MixedSizes sizes = e.sizes(weight);
  Value into = e.empty({sizes[1], sizes[0]}, elementType(weight));
  return linalg::TransposeOp::create(e.builder, e.loc, weight, into,
                                     ArrayRef<int64_t>{1, 0})
      ->getResult(0);
}

/// Packed weights have kernels for these types, and no value of their own.
bool MergeProjectionsPass::canMerge(LinearOp op) {
  Type element = elementType(op.getInput());
  if (!(element.isF32() || element.isF16() || element.isBF16())) {
    std::string name;
    llvm::raw_string_ostream(name) << element;
    remarkNotFused(op.getLoc(), passName,
                   "expected elements of f32, f16 or bf16, but got '" +
                       Twine(name) + "'");
    return false;
  }
  if (op.getResidual()) {
    remarkNotFused(op.getLoc(), passName,
                   "expected products alone, but got one with a residual");
    return false;
  }
  auto weight = op.getWeight().getDefiningOp<GetWeightOp>();
  if (!weight || readOtherwise.contains(weight.getWeightAttr())) {
    remarkNotFused(op.getLoc(), passName,
                   weight ? "expected only projections to read the weight '" +
                                Twine(weight.getWeight()) + "'"
                          : Twine("expected a weight of the model, but got a "
                                  "value that the step computes"));
    return false;
  }
  return true;
}

void MergeProjectionsPass::merge(ArrayRef<LinearOp> ops) {
  LinearOp first = ops.front();
  OpBuilder builder(first);
  SmallVector<Location> locs;
  SmallVector<Value> weights;
  // Weights are read where the first product is.
  for (LinearOp op : ops) {
    Operation *weight = op.getWeight().getDefiningOp();
    if (weight->getBlock() == first->getBlock() &&
        first->isBeforeInBlock(weight))
      weight->moveBefore(first);
    locs.push_back(op.getLoc());
  }
  Emitter e(builder, builder.getFusedLoc(locs));
  bool allTransposed =
      llvm::all_of(ops, [](LinearOp op) { return op.getTransposed(); });
  int64_t columns = 0;
  for (LinearOp op : ops) {
    weights.push_back(allTransposed ? op.getWeight() : columnsOf(e, op));
    columns += op.getType().getShape().back();
  }
  Value weight =
      tensor::ConcatOp::create(builder, e.loc, allTransposed ? 0 : 1, weights);
  Value input = rowsOf(first.getInput());
  MixedSizes sizes = e.sizes(input);
  Value rows = asMatrix(e, input);
  auto type = cast<RankedTensorType>(rows.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = columns;
  Value product = LinearOp::create(builder, e.loc, type.clone(shape), rows,
                                   weight, allTransposed);

  // Slices of the matrix, so that none of them has to be made dense for a
  // change of shape.
  int64_t rank = shape.size(), at = 0;
  for (LinearOp op : ops) {
    int64_t own = op.getType().getShape().back();
    MixedSizes offsets(rank, e.size(0)), extents = e.sizes(rows);
    offsets.back() = e.size(at);
    extents.back() = e.size(own);
    Value result = e.slice(product, offsets, extents);
    if (op.getType().getRank() > rank) {
      MixedSizes wanted = sizes;
      wanted.back() = e.size(own);
      ReassociationIndices leading =
          llvm::to_vector(llvm::seq<int64_t>(0, op.getType().getRank() - 1));
      result =
          e.expand(result, {leading, {op.getType().getRank() - 1}}, wanted);
    }
    op.replaceAllUsesWith(e.cast(result, op.getType()));
    at += own;
  }
  double others = ops.size() - 1;
  remarkFused(first.getLoc(), passName,
              "one product of " + Twine(ops.size()) + " projections with " +
                  Twine(columns) + " columns",
              {others * assumedBytes(first.getInput()), 0});
  for (LinearOp op : ops)
    op.erase();
}

void MergeProjectionsPass::runOnOperation() {
  readOtherwise.clear();
  getOperation().walk([&](GetWeightOp weight) {
    for (OpOperand &use : weight->getUses()) {
      auto linear = dyn_cast<LinearOp>(use.getOwner());
      if (!linear || use.get() != linear.getWeight() ||
          use.get() == linear.getInput())
        readOtherwise.insert(weight.getWeightAttr());
    }
  });
  llvm::MapVector<std::pair<Value, Block *>, SmallVector<LinearOp>> sharing;
  getOperation().walk([&](LinearOp op) {
    sharing[{rowsOf(op.getInput()), op->getBlock()}].push_back(op);
  });
  for (auto &[rows, ops] : sharing) {
    if (ops.size() < 2)
      continue;
    SmallVector<LinearOp> merged =
        llvm::filter_to_vector(ops, [&](LinearOp op) { return canMerge(op); });
    if (merged.size() >= 2)
      merge(merged);
  }
}
