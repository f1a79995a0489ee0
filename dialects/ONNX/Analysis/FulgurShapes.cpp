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
  // Ends on data, or has no operand to tell from.
  StringRef name = op->getName().stripDialect();
  if (op->getNumOperands() == 0 || name == "dispatch" || name == "combine")
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
