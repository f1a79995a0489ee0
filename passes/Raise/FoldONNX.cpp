//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Computes what the exporter left to run time although it depends on nothing
// but the named dimensions.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/ONNX/Analysis/ShapeAnalysis.h"
#include "dialects/ONNX/IR/ONNXDialect.h"
#include "passes/Raise/FoldONNX/Patterns.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

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
  Value getDim(StringRef name);

  func::FuncOp function;
  ShapeAnalysis analysis;
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

void Folder::refineType(Value value) {
  auto type = dyn_cast<TensorType>(value.getType());
  if (!type)
    return;
  SmallVector<int64_t> shape;
  for (AffineExpr extent : analysis.getShape(value)) {
    std::optional<int64_t> known = Sizes::asConstant(extent);
    shape.push_back(known && *known >= 0 ? *known : ShapedType::kDynamic);
  }
  if (!type.hasRank() && shape.empty())
    return; // nothing is known, not even the rank
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
    result.replaceAllUsesWith(arith::ConstantOp::create(
        builder, op->getLoc(), DenseElementsAttr::get(type, values)));
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
    result.replaceAllUsesWith(
        tensor::FromElementsOp::create(builder, op->getLoc(), type, values));
  } else {
    return;
  }
  op->erase();
}

void Folder::run() {
  Block &body = function.front();
  for (Operation &op : body)
    if (op.getName().getDialectNamespace() == "onnx")
      for (Value result : op.getResults())
        refineType(result);
  for (Operation &op : llvm::make_early_inc_range(body))
    replaceByContents(&op);
  function.setFunctionType(builder.getFunctionType(
      function.getArgumentTypes(),
      llvm::to_vector(body.getTerminator()->getOperandTypes())));
}

void FoldONNXPass::runOnOperation() {
  RewritePatternSet patterns(&getContext());
  populateFoldONNXPatterns(patterns);
  FrozenRewritePatternSet frozen(std::move(patterns));
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    if (function.isExternal())
      continue;
    Folder(function).run();
    if (failed(applyPatternsGreedily(function, frozen)))
      return signalPassFailure();
    // A fold can replace a result by a value of a more precise type.
    function.setFunctionType(FunctionType::get(
        &getContext(), function.getArgumentTypes(),
        llvm::to_vector(function.front().getTerminator()->getOperandTypes())));
  }
}
