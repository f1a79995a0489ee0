//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The shapes of what is raised already.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Analysis/ShapeAnalysis.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"

using namespace mlir;
using namespace fulgur;

bool ShapeAnalysis::inferFulgurShapes(Operation *op,
                                      SmallVectorImpl<Exprs> &results) {
  if (op->getNumOperands() == 0)
    return false;
  ArrayRef<AffineExpr> first = getShape(op->getOperand(0));
  if (auto update = dyn_cast<CacheUpdateOp>(op)) {
    Exprs shape(first);
    AffineExpr &rows = shape[update.getAxis()];
    rows = sizes.add(rows, getShape(op->getOperand(1))[update.getAxis()]);
    results.push_back(shape);
    return true;
  }
  if (auto indexer = dyn_cast<LightningIndexerOp>(op)) {
    AffineExpr tokens = getShape(indexer.getKey())[1];
    results.push_back({first[0], first[1], tokens});
    return true;
  }
  if (auto dispatch = dyn_cast<DispatchOp>(op)) {
    ArrayRef<AffineExpr> experts = getShape(dispatch.getExperts());
    AffineExpr rows = sizes.mul(experts[0], experts[1]);
    results.append({{rows, first[1]}, {rows}, fromType(dispatch.getOffsets())});
    return true;
  }
  if (auto combine = dyn_cast<CombineOp>(op)) {
    results.push_back({getShape(combine.getWeights())[0], first[1]});
    return true;
  }
  if (auto quantize = dyn_cast<QuantizeOp>(op)) {
    Exprs scales(first);
    auto countBlocks = [&](AffineExpr &size, int64_t block) {
      AffineExpr sum = sizes.add(size, sizes.constant(block - 1));
      size = sizes.div(sum, sizes.constant(block));
    };
    countBlocks(scales.back(), quantize.getBlock()[1]);
    if (scales.size() > 1)
      countBlocks(scales[scales.size() - 2], quantize.getBlock()[0]);
    results.append({Exprs(first), scales});
    return true;
  }
  if (auto product = dyn_cast<ScaledMatmulOp>(op)) {
    results.push_back({first[0], getShape(product.getRhs())[0]});
    return true;
  }
  // Everywhere else the leading dimensions are those of the first operand, and
  // what differs is static or in the type.
  for (Value result : op->getResults()) {
    Exprs shape = fromType(result);
    for (auto [extent, same] : llvm::zip(shape, first))
      if (!Sizes::asConstant(extent))
        extent = same;
    results.push_back(shape);
  }
  return true;
}
