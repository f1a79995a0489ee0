//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Absorbed latent attention in three parts, for which the GPU has kernels: the
// query times the key columns of the up projection, attention to the latents,
// and what they mix times the value columns.
//
// Both products have a matrix for each head. They are linalg.contract with the
// head where it lies in memory, second of all three operands: in (h, m, n, k)
// the left side is (m, h, k), the right one (n, h, k) for keys and (k, h, n)
// for values, and the result (m, h, n). So nothing is transposed, and the right
// side is a part of `up` as it lies in memory.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/Support/Emitter.h"
#include "passes/Fuse/Passes.h"
#include "passes/LowerToGPU/Kernels/AbsorbedAttention.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

namespace fulgur {
#define GEN_PASS_DEF_SPLITLATENTATTENTIONPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct SplitLatentAttentionPass final
    : fulgur::impl::SplitLatentAttentionPassBase<SplitLatentAttentionPass> {
  void runOnOperation() final;

private:
  void split(Operation *op);
};
} // namespace

/// What keeps `op` whole, or nothing.
static std::string findProblem(Operation *op) {
  auto dense = dyn_cast<LatentAttentionOp>(op);
  if (dense && dense.getForm() != LatentForm::Absorbed)
    return "expected the absorbed form, but got another one";
  if (dense && dense.getMask())
    return "expected no mask: the kernel knows causal attention and indices";
  auto type = [&](unsigned operand) {
    return cast<ShapedType>(op->getOperand(operand).getType());
  };
  return findAbsorbedAttentionProblem(type(1), type(2));
}

/// Of every head h: input[:, h, :] · weight[:, h, :], where the result has the
/// rows of the weight as columns if it is transposed. [M, H, N].
static Value multiplyHeads(Emitter &e, Value input, Value weight,
                           bool isTransposed) {
  AffineMap left = e.map(4, {1, 0, 3}), result = e.map(4, {1, 0, 2});
  AffineMap right = e.map(4, isTransposed ? ArrayRef<int64_t>{2, 0, 3}
                                          : ArrayRef<int64_t>{3, 0, 2});
  Type element = elementType(input);
  Value init = e.filled({e.size(input, 0), e.size(input, 1),
                         e.size(weight, isTransposed ? 0 : 2)},
                        accumulatorType(element), 0);
  auto product = linalg::ContractOp::create(
      e.builder, e.loc, TypeRange(init.getType()), ValueRange{input, weight},
      ValueRange(init), e.builder.getAffineMapArrayAttr({left, right, result}));
  return e.convert(product->getResult(0), element);
}

void SplitLatentAttentionPass::split(Operation *op) {
  OpBuilder builder(op);
  Emitter e(builder, op->getLoc());
  Value query = op->getOperand(0), latent = op->getOperand(1),
        ropeKey = op->getOperand(2), up = op->getOperand(3);
  auto resultType = cast<RankedTensorType>(op->getResult(0).getType());
  MixedSizes sizes = e.sizes(query);
  OpFoldResult heads = sizes[2], rank = e.size(latent, 2);
  OpFoldResult rotated = e.size(ropeKey, 2), plain = e.sub(sizes[3], rotated);
  OpFoldResult valueWidth = e.size(resultType.getDimSize(3)), zero = e.size(0);
  SmallVector<ReassociationIndices> fold{{0, 1}, {2}, {3}};
  up = e.expand(up, {{0}, {1, 2}}, {rank, heads, e.add(plain, valueWidth)});
  Value keys = e.slice(up, {zero, zero, zero}, {rank, heads, plain});
  Value values = e.slice(up, {zero, zero, plain}, {rank, heads, valueWidth});
  // What is collapsed is the whole query: of a part it would be a copy.
  Value rows = e.collapse(query, fold);
  Value absorbed = multiplyHeads(
      e, e.slice(rows, {zero, zero, zero}, {e.size(rows, 0), heads, plain}),
      keys, /*isTransposed=*/true);
  absorbed = e.expand(absorbed, fold, {sizes[0], sizes[1], heads, rank});
  Value indices;
  bool causal = false;
  if (auto sparse = dyn_cast<SparseLatentAttentionOp>(op))
    indices = sparse.getIndices();
  else
    causal = cast<LatentAttentionOp>(op).getCausal();
  Value mixed = AbsorbedAttentionOp::create(
      builder, e.loc, absorbed.getType(), absorbed,
      e.slice(query, {zero, zero, zero, plain},
              {sizes[0], sizes[1], heads, rotated}),
      latent, ropeKey, indices, op->getAttrOfType<FloatAttr>("scale"),
      causal ? builder.getUnitAttr() : UnitAttr());
  Value projected = multiplyHeads(e, e.collapse(mixed, fold), values,
                                  /*isTransposed=*/false);
  projected =
      e.expand(projected, fold, {sizes[0], sizes[1], heads, valueWidth});
  op->getResult(0).replaceAllUsesWith(e.cast(projected, resultType));
  op->erase();
}

void SplitLatentAttentionPass::runOnOperation() {
  SmallVector<Operation *> found;
  getOperation().walk([&](Operation *op) {
    if (isa<LatentAttentionOp, SparseLatentAttentionOp>(op))
      found.push_back(op);
  });
  remark::RemarkOpts options =
      remark::RemarkOpts::name(getArgument()).category("kernel");
  for (Operation *op : found) {
    std::string problem = findProblem(op);
    if (!problem.empty()) {
      remark::missed(op->getLoc(), options) << problem;
      continue;
    }
    remark::passed(op->getLoc(), options)
        << "a kernel attends to the latents, between two products";
    split(op);
  }
}
