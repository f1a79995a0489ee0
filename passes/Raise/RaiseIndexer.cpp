//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The scores of the lightning indexer: a product of queries and keys, made
// positive, and summed over the heads with a weight for each.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Raise/Contraction.h"
#include "passes/Raise/FoldONNX/Patterns.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_RAISEINDEXERPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::input;

static auto remarkOptions() {
  return remark::RemarkOpts::name("fulgur-raise-indexer").category("raise");
}

/// x of max(0, x); null otherwise.
static Value matchRelu(Value value) {
  if (auto relu = producer<onnx::ReluOp>(value))
    return relu->getOperand(0);
  if (auto clip = producer<onnx::ClipOp>(value))
    return input(clip, 1) && isConstant(input(clip, 1), 0) && !input(clip, 2)
               ? input(clip, 0)
               : Value();
  auto [zero, x] = splitOperands(producer<onnx::MaxOp>(value),
                                 [](Value v) { return isConstant(v, 0); });
  return zero && x.getType() == value.getType() ? x : Value();
}

/// The tensor behind movements and factors; multiplies `factor`.
static Labelled seeThroughScales(Labelled labelled, double &factor) {
  for (;;) {
    labelled = seeThroughMovement(labelled);
    Value scaled = peelScale(labelled.value, factor);
    if (!scaled)
      return labelled;
    labelled.value = scaled;
  }
}

/// The tensor of 16-bit floats that `labelled` is in f32, behind movements;
/// itself if there is none. Products of such floats are exact in f32.
static Labelled seeThroughWidening(Labelled labelled) {
  Labelled moved = seeThroughMovement(labelled);
  auto cast = producer<onnx::CastOp>(moved.value);
  if (!cast || !getElementTypeOrSelf(moved.value).isF32())
    return labelled;
  moved.value = cast->getOperand(0);
  if (!isa<BFloat16Type, Float16Type>(getElementTypeOrSelf(moved.value)))
    return labelled;
  return seeThroughMovement(moved);
}

namespace {
template <typename Op> struct RaiseIndexer final : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    std::optional<Contraction> sum = matchContraction(op->getResult(0));
    if (!sum)
      return rewriter.notifyMatchFailure(op, "not a sum of products");
    // One operand is the positive part of scores, the other their weights.
    double outside = 1, inside = 1;
    Labelled positive, weights;
    Value scores;
    for (bool isLhs : {true, false}) {
      outside = 1;
      positive = seeThroughScales(isLhs ? sum->lhs : sum->rhs, outside);
      weights = isLhs ? sum->rhs : sum->lhs;
      scores = matchRelu(positive.value);
      if (scores)
        break;
    }
    if (!scores)
      return rewriter.notifyMatchFailure(op, "not a weighted positive part");
    positive = seeThroughScales({scores, positive.labels}, inside);
    std::optional<Contraction> dot = matchContraction(positive.value);
    if (!dot)
      return rewriter.notifyMatchFailure(op, "not of a product");

    // The dimensions of the product, by what they are: of both operands it is
    // the batch, of the key alone the token; of the query alone it is the head
    // if it is summed, else the position.
    auto own = [&](const Labelled &a, const Labelled &b) {
      return llvm::count_if(dot->result, [&](int64_t label) {
        return a.has(label) && !b.has(label);
      });
    };
    bool isQueryFirst = own(dot->lhs, dot->rhs) == 2;
    Labelled query = isQueryFirst ? dot->lhs : dot->rhs;
    Labelled key = isQueryFirst ? dot->rhs : dot->lhs;
    if (own(query, key) != 2 || own(key, query) != 1)
      return rewriter.notifyMatchFailure(op, "not query heads and one key");
    struct Dim {
      int64_t inner = -1, outer = -1; // labels in the product and in the sum
    } batch, position, head, token;
    for (auto [inner, outer] : llvm::zip_equal(dot->result, positive.labels)) {
      if (inner < 0)
        continue;
      Dim &dim = query.has(inner) && key.has(inner) ? batch
                 : key.has(inner)                   ? token
                 : outer == sum->summed             ? head
                                                    : position;
      if (dim.inner >= 0)
        return rewriter.notifyMatchFailure(op, "two dimensions of one kind");
      dim = {inner, outer};
    }
    if (head.outer < 0 || position.outer < 0 || token.outer < 0 ||
        !weights.has(head.outer) || !weights.has(position.outer) ||
        weights.has(token.outer) ||
        (batch.inner >= 0 && !weights.has(batch.outer)))
      return rewriter.notifyMatchFailure(op,
                                         "not a weight for each query head");
    if (!(inside > 0 && outside > 0)) {
      remark::missed(op->getLoc(), remarkOptions())
          << "the scale of an indexer is not positive";
      return rewriter.notifyMatchFailure(op, "the scale is not positive");
    }
    Type element = getElementTypeOrSelf(op->getResult(0));
    Labelled narrowQuery = seeThroughWidening(query);
    Labelled narrowKey = seeThroughWidening(key);
    bool isNarrow = narrowQuery.value != query.value &&
                    getElementTypeOrSelf(narrowQuery.value) ==
                        getElementTypeOrSelf(narrowKey.value);
    for (Value value : {query.value, key.value, weights.value})
      if (getElementTypeOrSelf(value) != element || !isa<FloatType>(element))
        return rewriter.notifyMatchFailure(op, "the element types differ");
    if (isNarrow)
      query = narrowQuery, key = narrowKey;

    // In the order of the operation.
    Location loc = op->getLoc();
    SmallVector<int64_t> queryDims, keyDims, weightDims, resultDims;
    for (Dim dim : {batch, position, head})
      queryDims.push_back(query.find(dim.inner));
    queryDims.push_back(query.find(dot->summed));
    for (Dim dim : {batch, token})
      keyDims.push_back(key.find(dim.inner));
    keyDims.push_back(key.find(dot->summed));
    for (Dim dim : {batch, position, head})
      weightDims.push_back(weights.find(dim.outer));
    for (int64_t label : sum->result)
      resultDims.push_back(label < 0                 ? -1
                           : label == batch.outer    ? 0
                           : label == position.outer ? 1
                                                     : 2);
    auto extent = [](const Labelled &x, int64_t dim) {
      return dim < 0 ? 1 : tensorType(x.value).getDimSize(dim);
    };
    SmallVector<int64_t> shape{extent(query, queryDims[0]),
                               extent(query, queryDims[1]),
                               extent(key, keyDims[1])};
    SmallVector<int64_t> arranged = llvm::map_to_vector(
        resultDims, [&](int64_t dim) { return dim < 0 ? 1 : shape[dim]; });
    if (tensorType(op->getResult(0)).getShape() != ArrayRef(arranged))
      return rewriter.notifyMatchFailure(op, "an extent is not known");
    Value result = LightningIndexerOp::create(
        rewriter, loc, RankedTensorType::get(shape, element),
        arrange(rewriter, loc, query.value, queryDims),
        arrange(rewriter, loc, key.value, keyDims),
        arrange(rewriter, loc, weights.value, weightDims),
        rewriter.getF64FloatAttr(inside * outside));
    remark::passed(loc, remarkOptions())
        << "a weighted sum of the positive parts of scores is an indexer";
    rewriter.replaceOp(op, arrange(rewriter, loc, result, resultDims));
    return success();
  }
};

struct RaiseIndexerPass final
    : fulgur::impl::RaiseIndexerPassBase<RaiseIndexerPass> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<RaiseIndexer<onnx::MatMulOp>, RaiseIndexer<onnx::ReduceSumOp>,
                 RaiseIndexer<onnx::EinsumOp>>(&getContext());
    populateFoldConstantPatterns(patterns);
    populateFoldMovementPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
