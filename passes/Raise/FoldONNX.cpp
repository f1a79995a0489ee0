//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Computes what the exporter left to run time although it depends on nothing
// but the named dimensions.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/ONNX/Analysis/ConstantTable.h"
#include "dialects/ONNX/Analysis/ShapeAnalysis.h"
#include "dialects/ONNX/IR/ONNXDialect.h"
#include "passes/Raise/FoldONNX/Patterns.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>

namespace fulgur {
#define GEN_PASS_DEF_FOLDONNXPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
/// The rewriting half: the analysis has seen the function as it was.
class Folder {
public:
  explicit Folder(func::FuncOp function)
      : function(function), analysis(function), builder(function.getContext()) {
  }

  void run();

private:
  void refineType(Value value);
  void replaceByContents(Operation *op);
  void simplifyReshape(Operation *op);
  void removeExpands(Operation *op);
  void replace(Operation *op, Value value);
  Value getDim(StringRef name);

  func::FuncOp function;
  ShapeAnalysis analysis;
  SmallVector<Operation *> replaced;
  OpBuilder builder;
  llvm::StringMap<Value> dims;
};

struct FoldONNXPass final : fulgur::impl::FoldONNXPassBase<FoldONNXPass> {
  void runOnOperation() final;
};
} // namespace

Value Folder::getDim(StringRef name) {
  Value &value = dims[name];
  if (value)
    return value;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&function.front());
  auto dim = DimOp::create(builder, function.getLoc(), name);
  if (auto bounds = function->getAttrOfType<DictionaryAttr>("fulgur.bounds"))
    if (auto range = bounds.getAs<DenseI64ArrayAttr>(name)) {
      dim.setMin(range[0]);
      dim.setMaxAttr(builder.getI64IntegerAttr(range[1]));
    }
  return value = dim;
}

/// Zeros or ones that an exporter stored as a tensor say more as a constant.
static void inlineSplat(GetWeightOp get) {
  constexpr int64_t maxRead = 1 << 16;
  Value value = get.getResult();
  std::optional<ConstantTable> table = ConstantTable::get(value, maxRead);
  if (!table || table->size() == 0)
    return;
  double first = (*table)[0];
  for (int64_t i = 1; i < table->size(); ++i)
    if ((*table)[i] != first ||
        std::signbit((*table)[i]) != std::signbit(first))
      return;
  auto type = cast<RankedTensorType>(value.getType());
  Type element = type.getElementType();
  OpBuilder b(get);
  Attribute number =
      isa<FloatType>(element)
          ? Attribute(b.getFloatAttr(element, first))
          : b.getIntegerAttr(element, static_cast<int64_t>(first));
  value.replaceAllUsesWith(arith::ConstantOp::create(
      b, get.getLoc(), DenseElementsAttr::get(type, number)));
  get.erase();
}

void Folder::refineType(Value value) {
  auto type = dyn_cast<TensorType>(value.getType());
  if (!type || !analysis.hasRank(value))
    return;
  SmallVector<int64_t> shape;
  for (AffineExpr extent : analysis.getShape(value)) {
    std::optional<int64_t> known = Sizes::asConstant(extent);
    shape.push_back(known && *known >= 0 ? *known : ShapedType::kDynamic);
  }
  value.setType(RankedTensorType::get(shape, type.getElementType()));
}

void Folder::replaceByContents(Operation *op) {
  if (op->getNumResults() != 1 || op->getName().getDialectNamespace() != "onnx")
    return;
  Value result = op->getResult(0);
  auto type = dyn_cast<RankedTensorType>(result.getType());
  std::optional<ArrayRef<AffineExpr>> contents = analysis.getContents(result);
  if (!contents || !type || !type.hasStaticShape())
    return;
  // Many elements that are no constants would only make the code long.
  constexpr size_t maxComputed = 16;
  builder.setInsertionPoint(op);
  Type element = type.getElementType();
  bool isConstant = llvm::all_of(*contents, [](AffineExpr expr) {
    return Sizes::asConstant(expr).has_value();
  });
  if (isConstant) {
    SmallVector<Attribute> values;
    unsigned width = element.getIntOrFloatBitWidth();
    for (AffineExpr expr : *contents)
      values.push_back(IntegerAttr::get(
          element, APInt(width, *Sizes::asConstant(expr), /*isSigned=*/true,
                         /*implicitTrunc=*/true)));
    replace(op,
            arith::ConstantOp::create(builder, op->getLoc(),
                                      DenseElementsAttr::get(type, values)));
  } else if (contents->size() <= maxComputed && element.isSignlessInteger() &&
             element.getIntOrFloatBitWidth() >= 32) {
    SmallVector<Value> values;
    for (AffineExpr expr : *contents) {
      Value index = analysis.getSizes().materialize(
          expr, builder, op->getLoc(),
          [&](StringRef name) { return getDim(name); });
      values.push_back(
          arith::IndexCastOp::create(builder, op->getLoc(), element, index));
    }
    replace(op, tensor::FromElementsOp::create(builder, op->getLoc(), type,
                                               values));
  }
}

static bool isOne(AffineExpr expr) { return Sizes::asConstant(expr) == 1; }

/// A reshape (or an expansion) to the same shape goes; one that only adds and
/// removes extents of 1 becomes `Squeeze` and `Unsqueeze`, whose meaning does
/// not depend on sizes.
void Folder::simplifyReshape(Operation *op) {
  if (!isa<onnx::ReshapeOp, onnx::ExpandOp, onnx::TileOp>(op))
    return;
  Value from = op->getOperand(0), to = op->getResult(0);
  if (!analysis.hasRank(from) || !analysis.hasRank(to))
    return;
  ArrayRef<AffineExpr> before = analysis.getShape(from);
  ArrayRef<AffineExpr> after = analysis.getShape(to);
  if (before == after && from.getType() == to.getType()) {
    replace(op, from);
    return;
  }
  auto withoutOnes = [](ArrayRef<AffineExpr> shape) {
    return llvm::to_vector(
        llvm::make_filter_range(shape, [](AffineExpr e) { return !isOne(e); }));
  };
  auto fromType = dyn_cast<RankedTensorType>(from.getType());
  auto toType = dyn_cast<RankedTensorType>(to.getType());
  if (!isa<onnx::ReshapeOp>(op) || !fromType || !toType ||
      before.size() == after.size() ||
      withoutOnes(before) != withoutOnes(after))
    return;
  // Which ones go or come is free when several stand side by side: the first.
  SmallVector<int64_t> removed, added, shape;
  size_t i = 0, j = 0;
  while (i < before.size() || j < after.size()) {
    if (i < before.size() && j < after.size() && before[i] == after[j]) {
      shape.push_back(fromType.getDimSize(i));
      ++i, ++j;
    } else if (j < after.size() && isOne(after[j])) {
      added.push_back(j++);
    } else {
      removed.push_back(i++);
    }
  }
  builder.setInsertionPoint(op);
  auto axes = [&](ArrayRef<int64_t> values) -> Value {
    auto type = RankedTensorType::get({static_cast<int64_t>(values.size())},
                                      builder.getI64Type());
    return arith::ConstantOp::create(builder, op->getLoc(),
                                     DenseElementsAttr::get(type, values));
  };
  Value value = from;
  if (!removed.empty())
    value = onnx::SqueezeOp::create(builder, op->getLoc(),
                                    TypeRange{fromType.clone(shape)},
                                    ValueRange{value, axes(removed)})
                ->getResult(0);
  if (!added.empty())
    value = onnx::UnsqueezeOp::create(builder, op->getLoc(), TypeRange{toType},
                                      ValueRange{value, axes(added)})
                ->getResult(0);
  replace(op, value);
}

/// An operator that broadcasts its operands needs no expanded operand when the
/// others make the same shape.
void Folder::removeExpands(Operation *op) {
  if (!isa<onnx::AddOp, onnx::SubOp, onnx::MulOp, onnx::DivOp, onnx::WhereOp,
           onnx::AndOp, onnx::OrOp, onnx::EqualOp>(op))
    return;
  auto hasRank = [&](Value value) { return analysis.hasRank(value); };
  if (!llvm::all_of(op->getOperands(), hasRank) || !hasRank(op->getResult(0)))
    return;
  ArrayRef<AffineExpr> result = analysis.getShape(op->getResult(0));
  for (OpOperand &operand : op->getOpOperands()) {
    auto expand = operand.get().getDefiningOp<onnx::ExpandOp>();
    if (!expand)
      continue;
    if (!hasRank(expand->getOperand(0)))
      continue;
    ArrayRef<AffineExpr> small = analysis.getShape(expand->getOperand(0));
    // Some other operand must have every extent that the small one lacks.
    bool isRedundant = true;
    for (size_t i = 1; i <= result.size() && isRedundant; ++i) {
      AffineExpr wanted = result[result.size() - i];
      auto has = [&](ArrayRef<AffineExpr> shape) {
        return i <= shape.size() && shape[shape.size() - i] == wanted;
      };
      isRedundant = has(small);
      for (OpOperand &other : op->getOpOperands())
        isRedundant |=
            &other != &operand && has(analysis.getShape(other.get()));
    }
    if (isRedundant)
      operand.set(expand->getOperand(0));
  }
}

/// `value`, which has the shape of the only result of `op`, takes its place.
void Folder::replace(Operation *op, Value value) {
  Value result = op->getResult(0);
  analysis.follow(value, result);
  result.replaceAllUsesWith(value);
  op->remove();
  replaced.push_back(op);
}

void Folder::run() {
  Block &body = function.front();
  for (Operation &op : body)
    if (op.getName().getDialectNamespace() == "onnx" ||
        isa_and_nonnull<FulgurDialect>(op.getDialect()))
      for (Value result : op.getResults())
        refineType(result);
  for (Operation &op : body)
    if (op.getName().getDialectNamespace() == "onnx")
      removeExpands(&op);
  for (Operation &op : llvm::make_early_inc_range(body))
    replaceByContents(&op);
  for (Operation &op : llvm::make_early_inc_range(body))
    simplifyReshape(&op);
  // Not before: the analysis knows values by their addresses, which new ones
  // must not get.
  for (Operation *op : replaced)
    op->destroy();
  function.setFunctionType(builder.getFunctionType(
      function.getArgumentTypes(),
      llvm::to_vector(body.getTerminator()->getOperandTypes())));
}

void FoldONNXPass::runOnOperation() {
  RewritePatternSet patterns(&getContext());
  populateFoldConstantPatterns(patterns);
  populateFoldMovementPatterns(patterns);
  FrozenRewritePatternSet frozen(std::move(patterns));
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    if (function.isExternal())
      continue;
    for (auto get : llvm::make_early_inc_range(function.getOps<GetWeightOp>()))
      inlineSplat(get);
    Folder(function).run();
    if (failed(applyPatternsGreedily(function, frozen)))
      return signalPassFailure();
    // A fold can replace a result by a value of a more precise type.
    function.setFunctionType(FunctionType::get(
        &getContext(), function.getArgumentTypes(),
        llvm::to_vector(function.front().getTerminator()->getOperandTypes())));
  }
}
