//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Prepares tensor operations for bufferization: those without a buffer form,
// those whose form would copy, and extents, which must not keep alive the
// tensors that they are asked of.
//
//===----------------------------------------------------------------------===//
#include "passes/Bufferize/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_DECOMPOSETENSORSPASS
#include "passes/Bufferize/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

/// A constant that is written to would be copied from the object file first.
static void fillWrittenSplats(ModuleOp module) {
  SmallVector<OpOperand *> written;
  module.walk([&](Operation *op) {
    auto note = [&](OpOperand &operand) {
      auto constant = operand.get().getDefiningOp<arith::ConstantOp>();
      if (constant && isa<RankedTensorType>(constant.getType()) &&
          isa<SplatElementsAttr>(constant.getValue()))
        written.push_back(&operand);
    };
    if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
      for (OpOperand &operand : linalgOp.getDpsInitsMutable())
        note(operand);
    } else if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
      note(insert.getDestMutable());
    } else if (isa<LoopLikeOpInterface>(op)) {
      for (OpOperand &operand : cast<LoopLikeOpInterface>(op).getInitsMutable())
        note(operand);
    }
  });
  OpBuilder builder(module.getContext());
  for (OpOperand *operand : written) {
    auto constant = operand->get().getDefiningOp<arith::ConstantOp>();
    auto type = cast<RankedTensorType>(constant.getType());
    auto splat = cast<SplatElementsAttr>(constant.getValue());
    builder.setInsertionPoint(operand->getOwner());
    Location loc = operand->getOwner()->getLoc();
    Value scalar = arith::ConstantOp::create(
        builder, loc, cast<TypedAttr>(splat.getSplatValue<Attribute>()));
    Value empty = tensor::EmptyOp::create(builder, loc, type.getShape(),
                                          type.getElementType());
    operand->set(
        linalg::FillOp::create(builder, loc, scalar, empty).getResult(0));
  }
}

namespace {
struct DecomposeTensorsPass final
    : fulgur::impl::DecomposeTensorsPassBase<DecomposeTensorsPass> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    tensor::populateDecomposeTensorConcatPatterns(patterns);
    memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
    memref::populateResolveShapedTypeResultDimsPatterns(patterns);
    scf::populateSCFForLoopCanonicalizationPatterns(patterns);
    tensor::DimOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    fillWrittenSplats(getOperation());
  }
};
} // namespace
