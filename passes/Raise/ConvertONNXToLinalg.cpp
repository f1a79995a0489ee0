//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Converts what no raise pass has claimed, operator by operator.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/ONNX/IR/ONNXDialect.h"
#include "passes/Raise/ConvertONNXToLinalg/Patterns.h"
#include "passes/Raise/ConvertONNXToLinalg/Supported.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
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

void fulgur::populateConvertONNXToLinalgPatterns(
    RewritePatternSet &patterns, const ONNXTypeConverter &types) {
  constexpr PopulateFn families[] = {
      populateConvertElementwisePatterns,   populateConvertMovementPatterns,
      populateConvertIndexingPatterns,      populateConvertCreationPatterns,
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
struct ConvertONNXToLinalgPass final
    : fulgur::impl::ConvertONNXToLinalgPassBase<ConvertONNXToLinalgPass> {
  void runOnOperation() final;
};
} // namespace

void ConvertONNXToLinalgPass::runOnOperation() {
  ONNXTypeConverter types;
  RewritePatternSet patterns(&getContext());
  populateConvertONNXToLinalgPatterns(patterns, types);
  ConversionTarget target(getContext());
  target.addIllegalDialect<onnx::ONNXDialect>();
  target.addLegalOp<onnx::NoneOp>(); // dead with its last user
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  if (failed(
          applyPartialConversion(getOperation(), target, std::move(patterns))))
    signalPassFailure();
}
