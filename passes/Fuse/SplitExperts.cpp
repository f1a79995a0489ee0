//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The fused experts know their rows only block by block, in a loop of the host
// over the experts. Kernels that find the rows of an expert on the device take
// all at once.
//
//===----------------------------------------------------------------------===//
#include "lib/Support/Emitter.h"
#include "passes/Fuse/Passes.h"
#include "passes/LowerToGPU/Kernels/Kernels.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

namespace fulgur {
#define GEN_PASS_DEF_SPLITEXPERTSPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct SplitExpertsPass final
    : fulgur::impl::SplitExpertsPassBase<SplitExpertsPass> {
  void runOnOperation() final;
};
} // namespace

/// Replaces `op`, or says what is in the way.
static std::string split(ExpertsOp op) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  Emitter e(builder, loc);
  int64_t experts =
      cast<RankedTensorType>(op.getDown().getType()).getDimSize(0);
  if (ShapedType::isDynamic(experts))
    return "expected the number of experts to be known";
  auto input = cast<RankedTensorType>(op.getInput().getType());
  auto chosen = cast<RankedTensorType>(op.getExperts().getType());
  Type element = input.getElementType(), i32 = builder.getI32Type();
  int64_t pairs =
      chosen.hasStaticShape() ? chosen.getNumElements() : ShapedType::kDynamic;
  auto dispatch = DispatchOp::create(
      builder, loc,
      RankedTensorType::get({pairs, input.getDimSize(1)}, element),
      RankedTensorType::get({pairs}, i32),
      RankedTensorType::get({experts + 1}, i32), op.getInput(), op.getExperts(),
      experts);
  SmallVector<GroupedMatmulOp> products;
  auto multiply = [&](Value rows, Value weights, bool transposed) -> Value {
    auto type = cast<RankedTensorType>(weights.getType());
    products.push_back(GroupedMatmulOp::create(
        builder, loc,
        RankedTensorType::get({pairs, type.getDimSize(transposed ? 1 : 2)},
                              element),
        rows, weights, dispatch.getOffsets(), transposed));
    return products.back();
  };
  SmallVector<Value> parts;
  for (Value stack : op.getGateUp())
    parts.push_back(multiply(dispatch.getRows(), stack, op.getTransposed()));
  if (!op.hasTwoStacks()) {
    Value both = parts[0];
    OpFoldResult zero = e.size(0), rows = e.size(both, 0);
    OpFoldResult inner = e.div(e.size(both, 1), e.size(2));
    parts = {e.slice(both, {zero, zero}, {rows, inner}),
             e.slice(both, {zero, inner}, {rows, inner})};
    if (op.getUpFirst())
      std::swap(parts[0], parts[1]);
  }
  Value hidden = SwiGLUOp::create(builder, loc, parts[0], parts[1]);
  Value down = multiply(hidden, op.getDown(), op.getDownTransposed());
  Value result = CombineOp::create(builder, loc, op.getType(), down,
                                   dispatch.getSources(), op.getWeights());
  for (GroupedMatmulOp product : products)
    if (std::string why = findKernelProblem(product); !why.empty()) {
      // From the end to the beginning, so that each is without readers.
      while (op->getPrevNode() != dispatch)
        op->getPrevNode()->erase();
      dispatch.erase();
      return why;
    }
  op.replaceAllUsesWith(result);
  op.erase();
  return "";
}

void SplitExpertsPass::runOnOperation() {
  remark::RemarkOpts options =
      remark::RemarkOpts::name(getArgument()).category("kernel");
  SmallVector<ExpertsOp> found;
  getOperation().walk([&](ExpertsOp op) { found.push_back(op); });
  for (ExpertsOp op : found) {
    Location loc = op.getLoc();
    std::string problem = split(op);
    if (problem.empty())
      remark::passed(loc, options) << "a kernel for each part of the experts";
    else
      remark::missed(loc, options) << problem;
  }
}
