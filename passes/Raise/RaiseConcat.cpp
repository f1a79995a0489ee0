//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Exporters lower "make a tensor, write slices of it" to scatters over ranges
// of indices. A chain of scatters whose ranges cover an axis is a
// concatenation.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Analysis/ElementAnalysis.h"
#include "passes/Raise/FoldONNX/Patterns.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_RAISECONCATPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::input;
using fulgur::onnx::stringAttr;

namespace {
/// What one scatter writes: `value`, at `start` of one axis.
struct Written {
  int64_t axis;
  int64_t start;
  int64_t size;
  Value value;
};

class Raiser {
public:
  explicit Raiser(func::FuncOp function)
      : function(function), shapes(function), elements(shapes) {}

  void run();

private:
  std::optional<Written> match(onnx::ScatterNDOp scatter);
  /// The parts, in order, of which the chain that ends in `last` covers the
  /// axis of all; none when something of what was there before is left.
  std::optional<SmallVector<Written>> matchChain(onnx::ScatterNDOp last);

  func::FuncOp function;
  ShapeAnalysis shapes;
  ElementAnalysis elements;
};

struct RaiseConcatPass final
    : fulgur::impl::RaiseConcatPassBase<RaiseConcatPass> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    populateFoldConstantPatterns(patterns);
    populateFoldMovementPatterns(patterns);
    FrozenRewritePatternSet frozen(std::move(patterns));
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      // The transposes between two scatters cancel first.
      if (failed(applyPatternsGreedily(function, frozen)))
        return signalPassFailure();
      Raiser(function).run();
      if (failed(applyPatternsGreedily(function, frozen)))
        return signalPassFailure();
    }
  }
};
} // namespace

/// The indices may name rows, or every element by all of its coordinates: each
/// is where it stands, but for one axis with an offset.
std::optional<Written> Raiser::match(onnx::ScatterNDOp scatter) {
  if (stringAttr(scatter, "reduction", "none") != "none")
    return std::nullopt;
  Value indices = input(scatter, 1);
  ArrayRef<AffineExpr> data = shapes.getShape(input(scatter, 0));
  ArrayRef<AffineExpr> grid = shapes.getShape(indices);
  std::optional<int64_t> depth =
      grid.empty() ? std::nullopt : Sizes::asConstant(grid.back());
  grid = grid.drop_back();
  if (!depth || *depth != static_cast<int64_t>(grid.size()) ||
      grid.size() > data.size())
    return std::nullopt;
  ElementAnalysis::Point at;
  for (auto [axis, extent] : llvm::enumerate(grid))
    at.push_back(elements.coordinate("axis" + std::to_string(axis), extent));
  Sizes &sizes = elements.getSizes();
  Written written{-1, 0, 0, input(scatter, 2)};
  for (size_t axis = 0; axis < grid.size(); ++axis) {
    at.push_back(sizes.constant(axis));
    AffineExpr index = elements.getInteger(indices, at);
    at.pop_back();
    std::optional<int64_t> start =
        index ? Sizes::asConstant(sizes.sub(index, at[axis])) : std::nullopt;
    if (!start || *start < 0)
      return std::nullopt;
    if (*start == 0 && grid[axis] == data[axis])
      continue;
    std::optional<int64_t> size = Sizes::asConstant(grid[axis]);
    if (!size || written.axis >= 0)
      return std::nullopt;
    written = {static_cast<int64_t>(axis), *start, *size, written.value};
  }
  // All of it is a range of the first axis too.
  if (written.axis < 0) {
    std::optional<int64_t> size = Sizes::asConstant(data[0]);
    if (!size)
      return std::nullopt;
    written = {0, 0, *size, written.value};
  }
  return written;
}

std::optional<SmallVector<Written>> Raiser::matchChain(onnx::ScatterNDOp last) {
  SmallVector<Written> parts;
  // The last scatter comes first; what it writes hides earlier writes.
  for (auto scatter = last; scatter;
       scatter = producer<onnx::ScatterNDOp>(input(scatter, 0))) {
    std::optional<Written> part = match(scatter);
    if (!part || (!parts.empty() && part->axis != parts.front().axis))
      break;
    bool isHidden = llvm::any_of(parts, [&](const Written &later) {
      return part->start < later.start + later.size &&
             later.start < part->start + part->size;
    });
    if (isHidden)
      return std::nullopt;
    parts.push_back(*part);
  }
  llvm::sort(parts, [](const Written &a, const Written &b) {
    return a.start < b.start;
  });
  int64_t end = 0;
  for (const Written &part : parts) {
    if (part.start != end)
      return std::nullopt;
    end += part.size;
  }
  if (parts.empty() ||
      tensorType(last->getResult(0)).getDimSize(parts[0].axis) != end)
    return std::nullopt;
  return parts;
}

void Raiser::run() {
  // From the end: a chain is read before its scatters are.
  for (Operation &op : llvm::make_early_inc_range(
           llvm::reverse(function.front().getOperations()))) {
    auto scatter = dyn_cast<onnx::ScatterNDOp>(op);
    if (!scatter || scatter->use_empty() || rankOf(scatter->getResult(0)) < 1)
      continue;
    std::optional<SmallVector<Written>> parts = matchChain(scatter);
    if (!parts)
      continue;
    remark::passed(
        op.getLoc(),
        remark::RemarkOpts::name("fulgur-raise-concat").category("raise"))
        << std::to_string(parts->size()) +
               " scatters over ranges are a concatenation";
    OpBuilder b(&op);
    SmallVector<Value> values = llvm::map_to_vector(
        *parts, [](const Written &part) { return part.value; });
    auto concat = onnx::ConcatOp::create(
        b, op.getLoc(), TypeRange{op.getResult(0).getType()}, values,
        b.getNamedAttr("axis", b.getI64IntegerAttr(parts->front().axis)));
    op.getResult(0).replaceAllUsesWith(concat->getResult(0));
    op.erase();
  }
}
