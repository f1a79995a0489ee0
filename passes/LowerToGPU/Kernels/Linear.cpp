//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Projections of 16-bit elements: the sums of a product with tensor cores start
// from the residual, and are rounded where they are stored.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/Kernels.h"
#include "passes/LowerToGPU/Kernels/Matmul.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

void fulgur::checkLinearKernel(Operation *operation, KernelMiss miss) {
  auto op = cast<LinearOp>(operation);
  if (!isa<BFloat16Type, Float16Type>(elementType(op.getInput())))
    return miss("elements are not those of tensor cores, bf16 or f16");
  // Rows start at multiples of 16 bytes.
  for (Value operand : {op.getInput(), op.getWeight()}) {
    int64_t last = cast<RankedTensorType>(operand.getType()).getShape().back();
    if (ShapedType::isDynamic(last) || last % 8 != 0)
      return miss("rows do not start at multiples of 16 bytes that are known");
  }
}

/// All dimensions of `buffer` but the last as one; null if there is no such
/// view.
static Value viewAsMatrix(OpBuilder &builder, Location loc, Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  int64_t rank = type.getRank();
  SmallVector<ReassociationIndices> groups(2);
  for (int64_t i = 0; i + 1 < rank; ++i)
    groups[0].push_back(i);
  groups[1] = {rank - 1};
  if (rank == 1) {
    if (!type.getLayout().isIdentity())
      return {};
    int64_t size = type.getDimSize(0);
    OpFoldResult extent = memref::getMixedSize(builder, loc, buffer, 0);
    return memref::ExpandShapeOp::create(
        builder, loc, ArrayRef<int64_t>{1, size}, buffer,
        ArrayRef<ReassociationIndices>{{0, 1}},
        ArrayRef<OpFoldResult>{builder.getIndexAttr(1), extent});
  }
  if (rank == 2)
    return buffer;
  if (!memref::CollapseShapeOp::isGuaranteedCollapsible(type, groups))
    return {};
  return memref::CollapseShapeOp::create(builder, loc, buffer, groups);
}

static void launchLoops(CallKernelOp call, Value input, Value weight,
                        Value residual, bool transposed) {
  OpBuilder builder(call);
  auto load = [](Emitter &e, Value buffer, ValueRange indices) {
    Value element = memref::LoadOp::create(e.builder, e.loc, buffer, indices);
    return e.toFloat(element, e.builder.getF32Type());
  };
  Value depth =
      memref::DimOp::create(builder, call.getLoc(), weight, transposed ? 1 : 0);
  launchSums(
      builder, call.getLoc(), call.getInits()[0], depth,
      [&](Emitter &e, ValueRange at) {
        return residual ? load(e, residual, at)
                        : e.real(0, e.builder.getF32Type());
      },
      [&](Emitter &e, ValueRange at, Value k) -> Value {
        Values row(at);
        row.back() = k;
        Values column =
            transposed ? Values{at.back(), k} : Values{k, at.back()};
        return arith::MulFOp::create(e.builder, e.loc, load(e, input, row),
                                     load(e, weight, column));
      });
}

void fulgur::launchLinearKernel(CallKernelOp call, KernelBuilder &kernels) {
  Value input = call.getInputs()[0], weight = call.getInputs()[1];
  Value residual = call.getInputs().size() > 2 ? call.getInputs()[2] : Value();
  OpBuilder builder(call);
  Location loc = call.getLoc();
  MatrixProduct product;
  product.transposed = call.getConfig().contains("transposed");
  product.left = viewAsMatrix(builder, loc, input);
  product.right = weight;
  product.result = viewAsMatrix(builder, loc, call.getInits()[0]);
  if (residual)
    product.addend = viewAsMatrix(builder, loc, residual);
  auto isAligned = [](Value matrix) {
    return matrix && hasAlignedRows(cast<MemRefType>(matrix.getType()));
  };
  FailureOr<MatmulOptions> options = getMatmulOptions(call);
  if (failed(options) || !isAligned(product.left) || !isAligned(weight) ||
      !product.result || (residual && !product.addend))
    return launchLoops(call, input, weight, residual, product.transposed);
  launchMatmul(product, *options, kernels, builder, loc);
}
