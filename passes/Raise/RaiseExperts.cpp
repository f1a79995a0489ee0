//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A mixture of experts, in any of the forms that exporters write. All end in
// the sum over the experts of a row of what each makes of the row, weighted.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/Passes.h"
#include "passes/Raise/RaiseExperts/Experts.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/RegionUtils.h"

namespace fulgur {
#define GEN_PASS_DEF_RAISEEXPERTSPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::fromFront;
using fulgur::onnx::intAttr;

static auto remarkOptions() {
  return remark::RemarkOpts::name("fulgur-raise-experts").category("raise");
}

namespace {
struct RaiseExpertsPass final
    : fulgur::impl::RaiseExpertsPassBase<RaiseExpertsPass> {
  void runOnOperation() final;
};
} // namespace

/// How many experts `experts` can name: it comes from a choice among as many.
static std::optional<int64_t> getNumChoices(Value experts) {
  while (auto cast = producer<onnx::CastOp>(experts))
    experts = cast->getOperand(0);
  if (auto route = producer<RouteOp>(experts))
    return tensorType(route.getLogits()).getDimSize(1);
  auto topK = producer<onnx::TopKOp>(experts);
  if (!topK || topK->getResult(1) != experts)
    return std::nullopt;
  RankedTensorType type = tensorType(topK->getOperand(0));
  if (!type)
    return std::nullopt;
  int64_t axis = fromFront(intAttr(topK, "axis", -1), type.getRank());
  if (type.isDynamicDim(axis))
    return std::nullopt;
  return type.getDimSize(axis);
}

/// Whether `input` is one row of `width` elements, in any rank: of one token,
/// reshapes between ranks fold, and no matrix is left.
static bool isOneRow(Value input, int64_t width) {
  RankedTensorType type = tensorType(input);
  return type && type.hasStaticShape() && type.getNumElements() == width &&
         type.getRank() > 1 && type.getShape().back() == width;
}

/// What all forms must satisfy, so that the operations can say the same.
static StringRef checkOperands(const Experts &experts,
                               const ShapeAnalysis &shapes) {
  if (!experts.weights)
    return "the weights are not one number for each expert of a row";
  RankedTensorType down = tensorType(experts.down.weights);
  int64_t numExperts = down.getDimSize(0);
  int64_t hidden = down.getDimSize(experts.down.transposed ? 2 : 1);
  int64_t width = down.getDimSize(experts.down.transposed ? 1 : 2);
  Type element = getElementTypeOrSelf(experts.input);
  for (const ProjectedPart *part : {&experts.gate, &experts.up}) {
    RankedTensorType type = tensorType(part->projection.weights);
    if (type.getDimSize(0) != numExperts || part->size != hidden)
      return "the projections do not fit together";
    if (type.getElementType() != element)
      return "the weights have another type than the rows";
  }
  if (down.getElementType() != element)
    return "the weights have another type than the rows";
  RankedTensorType sum = tensorType(experts.root->getResult(0));
  if (!sum || sum.getRank() != 2 || sum.getDimSize(1) != width)
    return "the sum has another width than the projections";
  std::optional<int64_t> numChoices = getNumChoices(experts.experts);
  if (!numChoices || *numChoices > numExperts)
    return "an expert is chosen that may not exist";
  // Products of one row with many would be broadcasts.
  Value input = experts.input;
  if (!shapes.isSame(experts.experts, 0, experts.weights, 0) ||
      !shapes.isSame(experts.experts, 0, input, 0))
    return "the rows, the experts and the weights may differ in number";
  return "";
}

/// Reads the mixture whose sum over experts is `root`.
static Verdict match(onnx::ReduceSumOp root, Experts &experts,
                     const ShapeAnalysis &shapes) {
  Value sum = root->getOperand(0);
  RankedTensorType type = tensorType(sum);
  std::optional<SmallVector<int64_t>> axes =
      type ? getAxes(root, type.getRank()) : std::nullopt;
  if (!axes || *axes != SmallVector<int64_t>{1} || type.getRank() != 3 ||
      type.isDynamicDim(1) || type.isDynamicDim(2) ||
      intAttr(root, "keepdims", 1) != 0)
    return std::nullopt;
  experts.root = root;
  experts.k = type.getDimSize(1);

  Value rows = skipReshapes(sum);
  Verdict verdict;
  if (auto mul = producer<onnx::MulOp>(rows)) {
    for (unsigned i : {0, 1}) {
      // One number for each row of the other operand.
      Value column = mul->getOperand(i), product = mul->getOperand(1 - i);
      if (rankOf(column) < 2 || tensorType(column).getShape().back() != 1 ||
          rankOf(column) != rankOf(product))
        continue;
      verdict = matchBatchedExperts(product, experts);
      if (!verdict)
        verdict = matchGroupedExperts(product, experts, shapes);
      if (verdict && !experts.weights)
        experts.weights = asMatrix(column, experts.k);
      if (verdict)
        break;
    }
  } else {
    verdict = matchGroupedExperts(rows, experts, shapes);
  }
  if (!verdict || !verdict->empty())
    return verdict;
  RankedTensorType projected = tensorType(experts.gate.projection.weights);
  int64_t width =
      projected.getDimSize(experts.gate.projection.transposed ? 2 : 1);
  if (Value matrix = asMatrix(experts.input, width))
    experts.input = matrix;
  else if (!isOneRow(experts.input, width))
    return "the rows are no matrix";
  return checkOperands(experts, shapes);
}

static Value project(OpBuilder &b, Location loc, Value rows, Value offsets,
                     const Projection &projection) {
  RankedTensorType weights = tensorType(projection.weights);
  RankedTensorType type = tensorType(rows).clone(
      {tensorType(rows).getDimSize(0),
       weights.getDimSize(projection.transposed ? 1 : 2)});
  return GroupedMatmulOp::create(b, loc, type, rows, projection.weights,
                                 offsets, projection.transposed);
}

static void raise(const Experts &experts, RewriterBase &rewriter) {
  Location loc = experts.root->getLoc();
  rewriter.setInsertionPoint(experts.root);
  Type index = rewriter.getI32Type();
  Value matrix = experts.input;
  RankedTensorType input = tensorType(matrix);
  if (input.getRank() != 2) {
    matrix = createReshape(rewriter, loc, matrix, {1, input.getShape().back()});
    input = tensorType(matrix);
  }
  int64_t numExperts = tensorType(experts.down.weights).getDimSize(0);
  int64_t numRows = input.isDynamicDim(0) ? ShapedType::kDynamic
                                          : input.getDimSize(0) * experts.k;
  Value which = experts.experts;
  // Back to what the router gave, if the graph only widened it.
  while (auto cast = producer<onnx::CastOp>(which))
    which = cast->getOperand(0);
  which = createCast(rewriter, loc, which, index);
  auto dispatch = DispatchOp::create(
      rewriter, loc, input.clone({numRows, input.getDimSize(1)}),
      RankedTensorType::get({numRows}, index),
      RankedTensorType::get({numExperts + 1}, index), matrix, which,
      numExperts);
  Value offsets = dispatch.getOffsets();
  auto projectPart = [&](const ProjectedPart &part) {
    Value whole =
        project(rewriter, loc, dispatch.getRows(), offsets, part.projection);
    return createSlice(rewriter, loc, whole, part.start, part.size);
  };
  // Two parts of one product are the same product; CSE sees to it.
  Value gate = projectPart(experts.gate), up = projectPart(experts.up);
  Value hidden = SwiGLUOp::create(rewriter, loc, gate, up);
  Value rows = project(rewriter, loc, hidden, offsets, experts.down);
  auto result = tensorType(experts.root->getResult(0));
  Value sum =
      CombineOp::create(rewriter, loc, result.clone(input.getElementType()),
                        rows, dispatch.getSources(), experts.weights);
  remark::passed(loc, remarkOptions())
      << std::to_string(numExperts) + " experts, " + std::to_string(experts.k) +
             " a row, are grouped products; no weight is copied";
  rewriter.replaceOp(experts.root,
                     createCast(rewriter, loc, sum, result.getElementType()));
}

void RaiseExpertsPass::runOnOperation() {
  IRRewriter rewriter(&getContext());
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    if (function.isExternal())
      continue;
    ShapeAnalysis shapes(function);
    SmallVector<Experts> found;
    for (auto op : function.front().getOps<onnx::ReduceSumOp>()) {
      Experts experts;
      Verdict why = match(op, experts, shapes);
      if (why && why->empty())
        found.push_back(experts);
      else if (why)
        remark::missed(op.getLoc(), remarkOptions())
            << "looks like a mixture of experts, but " + why->str();
    }
    for (const Experts &experts : found)
      raise(experts, rewriter);
  }
  (void)runRegionDCE(rewriter, getOperation()->getRegions());
}
