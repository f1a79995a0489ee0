//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A loop nest runs over the sizes of one operand and reads the others by them.
// Whether they have these sizes, the types say only where they are static. This
// pass lets the step say the rest, so that no input makes it leave its memory.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace fulgur {
#define GEN_PASS_DEF_CHECKEXTENTSPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
/// A dimension of an operand.
struct Extent {
  Value operand;
  int64_t dim;

  bool isDynamic() const {
    return cast<RankedTensorType>(operand.getType()).isDynamicDim(dim);
  }
  Value emit(OpBuilder &builder, Location loc) const {
    return tensor::DimOp::create(builder, loc, operand, dim);
  }
};

struct CheckExtentsPass final
    : fulgur::impl::CheckExtentsPassBase<CheckExtentsPass> {
  void runOnOperation() final {
    getOperation().walk([&](linalg::LinalgOp op) { check(op); });
  }

  void check(linalg::LinalgOp op);
};
} // namespace

/// Ends the step, in front of `op`, if two sizes differ.
static void compare(Operation *op, Extent a, Extent b) {
  if (a.operand == b.operand && a.dim == b.dim)
    return;
  OpBuilder builder(op);
  Location loc = op->getLoc();
  Value isSame =
      arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                            a.emit(builder, loc), b.emit(builder, loc));
  cf::AssertOp::create(builder, loc, isSame, "operands have different sizes");
}

void CheckExtentsPass::check(linalg::LinalgOp op) {
  // The first extent of each loop, a static one if there is.
  SmallVector<std::optional<Extent>> known(op.getNumLoops());
  SmallVector<std::pair<unsigned, Extent>> all;
  for (OpOperand *operand : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(operand);
    for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
      auto loop = dyn_cast<AffineDimExpr>(expr);
      if (!loop)
        continue;
      Extent extent{operand->get(), static_cast<int64_t>(dim)};
      std::optional<Extent> &first = known[loop.getPosition()];
      if (!first || (first->isDynamic() && !extent.isDynamic()))
        first = extent;
      all.push_back({loop.getPosition(), extent});
    }
  }
  for (auto [loop, extent] : all)
    if (extent.isDynamic())
      compare(op, extent, *known[loop]);
}
