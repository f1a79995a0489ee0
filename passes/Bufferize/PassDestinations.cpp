//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Callers give functions the buffers of their results. A function can not: its
// results live longer than its own buffers, which the next call uses again.
//
//===----------------------------------------------------------------------===//
#include "passes/Bufferize/Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_PASSDESTINATIONSPASS
#include "passes/Bufferize/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct PassDestinationsPass final
    : fulgur::impl::PassDestinationsPassBase<PassDestinationsPass> {
  void runOnOperation() final;

private:
  LogicalResult rewrite(func::FuncOp function, ArrayRef<func::CallOp> calls);
};
} // namespace

/// Makes the sizes of the values that `function` returns, in order, each from
/// as little as possible of what the function computes.
static FailureOr<SmallVector<Value>> makeSizes(func::FuncOp function) {
  auto returnOp = cast<func::ReturnOp>(function.front().getTerminator());
  unsigned numResults = returnOp.getNumOperands();
  OpBuilder builder(returnOp);
  SmallVector<Value> operands(returnOp.getOperands());
  for (Value result : returnOp.getOperands()) {
    auto type = dyn_cast<RankedTensorType>(result.getType());
    for (int64_t axis = 0; type && axis < type.getRank(); ++axis)
      if (type.isDynamicDim(axis))
        operands.push_back(
            tensor::DimOp::create(builder, returnOp.getLoc(), result, axis));
  }
  // While the patterns run, the sizes are results too, so as to be kept.
  returnOp.getOperandsMutable().assign(operands);
  RewritePatternSet patterns(function.getContext());
  memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
  memref::populateResolveShapedTypeResultDimsPatterns(patterns);
  tensor::DimOp::getCanonicalizationPatterns(patterns, function.getContext());
  LogicalResult done = applyPatternsGreedily(function, std::move(patterns));
  SmallVector<Value> sizes(returnOp.getOperands().drop_front(numResults));
  returnOp.getOperandsMutable().erase(numResults, sizes.size());
  if (failed(done))
    return failure();
  return sizes;
}

/// Makes `value` of a function in a caller, if it is made of the arguments
/// without touching memory.
static Value cloneInCaller(OpBuilder &builder, Value value,
                           IRMapping &arguments) {
  if (Value known = arguments.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumRegions() || !isMemoryEffectFree(op))
    return nullptr;
  for (Value operand : op->getOperands())
    if (!cloneInCaller(builder, operand, arguments))
      return nullptr;
  builder.clone(*op, arguments);
  return arguments.lookup(value);
}

/// Whether a result is an argument with new rows in it: what the caller gave is
/// the place of the result.
static bool isUpdatedArgument(Value result) {
  while (auto insert = result.getDefiningOp<tensor::InsertSliceOp>())
    result = insert.getDest();
  return isa<BlockArgument>(result);
}

LogicalResult PassDestinationsPass::rewrite(func::FuncOp function,
                                            ArrayRef<func::CallOp> calls) {
  FailureOr<SmallVector<Value>> sizes = makeSizes(function);
  if (failed(sizes))
    return failure();
  auto returnOp = cast<func::ReturnOp>(function.front().getTerminator());
  for (func::CallOp call : calls) {
    OpBuilder builder(call);
    IRMapping mapping;
    mapping.map(function.getArguments(), call.getOperands());
    ArrayRef<Value> rest = *sizes;
    SmallVector<Value> destinations;
    for (auto [result, returned] :
         llvm::zip_equal(call.getResults(), returnOp.getOperands())) {
      auto type = dyn_cast<RankedTensorType>(result.getType());
      if (!type)
        continue;
      SmallVector<Value> extents;
      for (int64_t axis = 0; axis < type.getRank(); ++axis) {
        if (!type.isDynamicDim(axis))
          continue;
        Value extent = cloneInCaller(builder, rest.front(), mapping);
        if (!extent)
          return call.emitOpError("expected the sizes of the results of '")
                 << function.getName()
                 << "' to follow from what it is given, but they depend on "
                 << rest.front();
        rest = rest.drop_front();
        extents.push_back(extent);
        for (Operation *user : llvm::make_early_inc_range(result.getUsers()))
          if (auto dim = dyn_cast<tensor::DimOp>(user);
              dim && dim.getConstantIndex() == axis) {
            dim.replaceAllUsesWith(extent);
            dim.erase();
          }
      }
      if (isUpdatedArgument(returned))
        continue;
      destinations.push_back(tensor::EmptyOp::create(
          builder, call.getLoc(), type.getShape(), type.getElementType(),
          extents, type.getEncoding()));
    }
    call.getOperandsMutable().append(destinations);
  }

  OpBuilder builder(returnOp);
  for (OpOperand &operand : returnOp->getOpOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    if (!type || isUpdatedArgument(operand.get()))
      continue;
    unsigned number = function.getNumArguments();
    if (failed(function.insertArgument(number, type, {}, returnOp.getLoc())))
      return failure();
    operand.set(bufferization::MaterializeInDestinationOp::create(
                    builder, returnOp.getLoc(), type, operand.get(),
                    function.getArgument(number))
                    .getResult());
  }
  return success();
}

void PassDestinationsPass::runOnOperation() {
  llvm::MapVector<func::FuncOp, SmallVector<func::CallOp>> callsOf;
  SymbolTableCollection symbols;
  getOperation().walk([&](func::CallOp call) {
    auto function = symbols.lookupNearestSymbolFrom<func::FuncOp>(
        call, call.getCalleeAttr());
    if (function && !function.isExternal() && function.getBody().hasOneBlock())
      callsOf[function].push_back(call);
  });
  for (auto &[function, calls] : callsOf)
    if (failed(rewrite(function, calls)))
      return signalPassFailure();
}
