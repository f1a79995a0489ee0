//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The verifier, the sizes and the effects of calls of kernels.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;

LogicalResult CallKernelOp::verify() {
  bool onTensors = llvm::any_of(getOperandTypes(), llvm::IsaPred<TensorType>);
  bool onBuffers =
      llvm::any_of(getOperandTypes(), llvm::IsaPred<BaseMemRefType>);
  // call_kernel (C1)
  if (onTensors == onBuffers)
    return emitOpError("(C1) expected tensors or memrefs, but got ")
           << getOperandTypes();
  // call_kernel (C2)
  if (onTensors ? getResultTypes() != getInits().getTypes()
                : getNumResults() != 0)
    return emitOpError("(C2) expected ")
           << (onTensors ? "results of the types of 'inits', but got "
                         : "no results on memrefs, but got ")
           << getResultTypes();
  // call_kernel (C3)
  std::string name = ("fulgur." + getKernel()).str();
  if (!RegisteredOperationName::lookup(name, getContext()))
    return emitOpError("(C3) expected an operation of the dialect, but got '")
           << name << "'";
  return success();
}

LogicalResult
CallKernelOp::reifyResultShapes(OpBuilder &builder,
                                ReifiedRankedShapedTypeDims &reified) {
  for (Value init : getInits()) {
    if (!isa<RankedTensorType>(init.getType()))
      return failure();
    reified.push_back(tensor::getMixedSizes(builder, getLoc(), init));
  }
  return success();
}

void CallKernelOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : getOperation()->getOpOperands()) {
    if (!isa<BaseMemRefType>(operand.get().getType()))
      continue;
    if (isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  }
}
