//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Converts what no raise pass has claimed, operator by operator.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/ONNX/Analysis/ShapeAnalysis.h"
#include "dialects/ONNX/IR/ONNXDialect.h"
#include "passes/Raise/ConvertONNXToLinalg/Patterns.h"
#include "passes/Raise/ConvertONNXToLinalg/Supported.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace fulgur {
#define GEN_PASS_DEF_CONVERTONNXTOLINALGPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

ONNXTypeConverter::ONNXTypeConverter() {
  addConversion([](Type type) { return type; });
  addConversion([](TensorType type) -> Type {
    auto integer = dyn_cast<IntegerType>(type.getElementType());
    if (!integer || integer.isSignless())
      return type;
    return type.clone(IntegerType::get(type.getContext(), integer.getWidth()));
  });
}

ONNXTypeConverter::ONNXTypeConverter(ModuleOp module) : ONNXTypeConverter() {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isExternal())
      shapes[function] = std::make_unique<ShapeAnalysis>(function);
}

ONNXTypeConverter::~ONNXTypeConverter() = default;

bool ONNXTypeConverter::isSame(Operation *op, Value a, int64_t axisA, Value b,
                               int64_t axisB) const {
  if (a == b && axisA == axisB)
    return true;
  auto known = shapes.find(op->getParentOfType<func::FuncOp>());
  return known != shapes.end() && known->second->isSame(a, axisA, b, axisB);
}

bool ONNXTypeConverter::hasSameCount(Operation *op, Value a, Value b) const {
  auto known = shapes.find(op->getParentOfType<func::FuncOp>());
  return known != shapes.end() && known->second->hasSameCount(a, b);
}

void fulgur::populateConvertONNXToLinalgPatterns(
    RewritePatternSet &patterns, const ONNXTypeConverter &types) {
  constexpr PopulateFn families[] = {
      populateConvertElementwisePatterns,   populateConvertMovementPatterns,
      populateConvertPadPatterns,           populateConvertIndexingPatterns,
      populateConvertSelectionPatterns,     populateConvertCreationPatterns,
      populateConvertReductionPatterns,     populateConvertContractionPatterns,
      populateConvertNormalizationPatterns, populateConvertWindowPatterns,
      populateConvertSortingPatterns};
  for (PopulateFn populate : families)
    populate(patterns, types);
}

llvm::StringSet<> fulgur::getSupportedONNXOperators(MLIRContext &context) {
  RewritePatternSet patterns(&context);
  ONNXTypeConverter types;
  populateConvertONNXToLinalgPatterns(patterns, types);
  llvm::StringSet<> names;
  for (const auto &pattern : patterns.getNativePatterns())
    if (std::optional<OperationName> root = pattern->getRootKind())
      if (root->getDialectNamespace() == "onnx")
        names.insert(root->stripDialect());
  return names;
}

namespace {
/// Operations around the operators, whose types lose the sign like theirs.
struct DropSign final : ConversionPattern {
  DropSign(const ONNXTypeConverter &types, StringRef root, MLIRContext *context)
      : ConversionPattern(types, root, /*benefit=*/1, context) {}

  LogicalResult
  matchAndRewrite(Operation *op, ArrayRef<Value> operands,
                  ConversionPatternRewriter &rewriter) const final {
    SmallVector<Type> results;
    if (failed(typeConverter->convertTypes(op->getResultTypes(), results)))
      return rewriter.notifyMatchFailure(op, "a type has no signless form");
    OperationState state(op->getLoc(), op->getName(), operands, results,
                         op->getAttrs());
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      auto value = dyn_cast<DenseElementsAttr>(constant.getValue());
      if (!value)
        return rewriter.notifyMatchFailure(op, "not a dense constant");
      state.attributes.set(
          constant.getValueAttrName(),
          value.bitcast(cast<TensorType>(results[0]).getElementType()));
    }
    rewriter.replaceOp(op, rewriter.create(state));
    return success();
  }
};

struct ConvertONNXToLinalgPass final
    : fulgur::impl::ConvertONNXToLinalgPassBase<ConvertONNXToLinalgPass> {
  void runOnOperation() final;

private:
  LogicalResult checkSupport();
  void noteTypes(const ONNXTypeConverter &types);
};
} // namespace

LogicalResult ConvertONNXToLinalgPass::checkSupport() {
  llvm::StringSet<> supported = getSupportedONNXOperators(getContext());
  bool isMissing = false;
  getOperation().walk([&](Operation *op) {
    StringRef name = op->getName().stripDialect();
    if (!isa_and_nonnull<onnx::ONNXDialect>(op->getDialect()) ||
        isa<onnx::NoneOp>(op) || supported.contains(name))
      return;
    op->emitError("operator '") << name << "' is not supported";
    isMissing = true;
  });
  return failure(isMissing);
}

/// The executable takes and gives what the model was declared with.
void ConvertONNXToLinalgPass::noteTypes(const ONNXTypeConverter &types) {
  auto note = [&](Type type) -> Attribute {
    if (types.isLegal(type))
      return {};
    return TypeAttr::get(cast<TensorType>(type).getElementType());
  };
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
      if (Attribute element = note(type))
        function.setArgAttr(i, "fulgur.type", element);
    for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
      if (Attribute element = note(type))
        function.setResultAttr(i, "fulgur.type", element);
  }
  for (auto weight : getOperation().getOps<WeightOp>())
    weight.setWeightType(types.convertType(weight.getWeightType()));
}

/// Sums, products, … of tensors of one shape get the operation of that name.
/// What is broadcast stays general: upstream would write it out in memory.
static void nameSums(ModuleOp module) {
  IRRewriter rewriter(module.getContext());
  SmallVector<linalg::GenericOp> work;
  module.walk([&](linalg::GenericOp op) {
    if (op.getNumDpsInputs() == 2 &&
        llvm::all_of(op.getIndexingMapsArray(),
                     [](AffineMap map) { return map.isIdentity(); }))
      work.push_back(op);
  });
  for (linalg::GenericOp op : work) {
    rewriter.setInsertionPoint(op);
    (void)linalg::specializeGenericOp(rewriter, op);
  }
}

void ConvertONNXToLinalgPass::runOnOperation() {
  MLIRContext *context = &getContext();
  ONNXTypeConverter types(getOperation());
  RewritePatternSet patterns(context);
  populateConvertONNXToLinalgPatterns(patterns, types);
  populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns,
                                                                 types);
  populateReturnOpTypeConversionPattern(patterns, types);
  for (StringRef name :
       {arith::ConstantOp::getOperationName(), GetWeightOp::getOperationName()})
    patterns.add<DropSign>(types, name, context);

  ConversionTarget target(*context);
  target.addIllegalDialect<onnx::ONNXDialect>();
  target.addLegalOp<onnx::NoneOp>();
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp function) {
    return types.isSignatureLegal(function.getFunctionType());
  });
  target.addDynamicallyLegalOp<func::ReturnOp, arith::ConstantOp, GetWeightOp>(
      [&](Operation *op) { return types.isLegal(op); });

  if (failed(checkSupport()))
    return signalPassFailure();
  noteTypes(types);
  // The patterns say what is wrong; the driver would add that something is.
  ScopedDiagnosticHandler silence(context, [](Diagnostic &diagnostic) {
    return success(StringRef(diagnostic.str()).starts_with("failed to legal"));
  });
  if (failed(
          applyPartialConversion(getOperation(), target, std::move(patterns))))
    return signalPassFailure();
  getOperation().walk([](onnx::NoneOp none) { none.erase(); });
  nameSums(getOperation());
}
