//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products of 8-bit values with scales of blocks, on sm_90a: tensor cores
// before it have no such values.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/Kernels.h"
#include "passes/LowerToGPU/Kernels/Matmul.h"
#include "passes/LowerToGPU/Passes.h"

using namespace mlir;
using namespace fulgur;

/// DeepSeek's: of a row of activations, and of a matrix of weights.
static constexpr int64_t knownBlock[] = {1, 128, 128};

void fulgur::checkScaledMatmulKernel(Operation *operation, KernelMiss miss) {
  auto op = cast<ScaledMatmulOp>(operation);
  auto target =
      op->getParentOfType<ModuleOp>()->getAttrOfType<StringAttr>(targetAttr);
  if (target && target != "sm_90a")
    return miss(target.getValue() + " has no tensor cores for 8-bit floats");
  if (op.getBlock() != ArrayRef(knownBlock))
    return miss("blocks are not those of 1, 128 and 128");
  auto isAligned = [](RankedTensorType type) {
    int64_t unit = 128 / type.getElementTypeBitWidth();
    int64_t last = type.getDimSize(1);
    return !ShapedType::isDynamic(last) && last > 0 && last % unit == 0;
  };
  for (Value operand : {op.getLhs(), op.getRhs(), op.getResult()})
    if (!isAligned(cast<RankedTensorType>(operand.getType())))
      return miss("rows do not start at multiples of 16 bytes that are known");
}

void fulgur::launchScaledMatmulKernel(CallKernelOp call,
                                      KernelBuilder &kernels) {
  OpBuilder builder(call);
  Location loc = call.getLoc();
  MatrixProduct product;
  product.transposed = true;
  product.left = call.getInputs()[0], product.leftScales = call.getInputs()[1];
  product.right = call.getInputs()[2];
  product.rightScales = call.getInputs()[3];
  product.result = call.getInits()[0];
  FailureOr<MatmulOptions> options = getMatmulOptions(call);
  auto isAligned = [](Value matrix) {
    return hasAlignedRows(cast<MemRefType>(matrix.getType()));
  };
  auto hasRows = [](Value matrix) {
    return cast<MemRefType>(matrix.getType()).isLastDimUnitStride();
  };
  if (succeeded(options) && isAligned(product.left) &&
      isAligned(product.right) && isAligned(product.result) &&
      hasRows(product.leftScales) && hasRows(product.rightScales))
    return launchMatmul(product, *options, kernels, builder, loc);

  auto load = [](Emitter &e, Value buffer, ValueRange indices) {
    Value element = memref::LoadOp::create(e.builder, e.loc, buffer, indices);
    return e.toFloat(element, e.builder.getF32Type());
  };
  launchSums(
      builder, loc, product.result,
      memref::DimOp::create(builder, loc, product.left, 1),
      [&](Emitter &e, ValueRange) { return e.real(0, e.builder.getF32Type()); },
      [&](Emitter &e, ValueRange at, Value k) -> Value {
        auto multiply = [&](Value a, Value b) -> Value {
          return arith::MulFOp::create(e.builder, e.loc, a, b);
        };
        auto block = [&](Value i) -> Value {
          return arith::DivUIOp::create(e.builder, e.loc, i, e.index(128));
        };
        Value scale =
            multiply(load(e, product.leftScales, {at[0], block(k)}),
                     load(e, product.rightScales, {block(at[1]), block(k)}));
        return multiply(scale, multiply(load(e, product.left, {at[0], k}),
                                        load(e, product.right, {at[1], k})));
      });
}
