//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A weight is a buffer that is there already and must not be written to. What
// multiplies with it works in its destination.
//
//===----------------------------------------------------------------------===//
#include "passes/Bufferize/BufferizableOpInterfaces.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace fulgur;

namespace {
/// A weight is nobody's to write to.
template <typename Op>
struct WeightInterface final
    : BufferizableOpInterface::ExternalModel<WeightInterface<Op>, Op> {
  bool isWritable(Operation *, Value, const AnalysisState &) const {
    return false;
  }

  FailureOr<BufferLikeType> getBufferType(Operation *op, Value,
                                          const BufferizationOptions &,
                                          const BufferizationState &,
                                          SmallVector<Value> &) const {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    return cast<BufferLikeType>(
        MemRefType::get(type.getShape(), type.getElementType()));
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &,
                          BufferizationState &) const {
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    if (!type)
      return success();
    replaceOpWithNewBufferizedOp<Op>(
        rewriter, op, MemRefType::get(type.getShape(), type.getElementType()),
        op->getOperands(), op->getAttrs());
    return success();
  }
};

/// An operation that writes to its destinations, on tensors and on memrefs.
template <typename Model, typename Op>
struct DestinationInterface
    : DstBufferizableOpInterfaceExternalModel<Model, Op> {
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    SmallVector<Value> buffers;
    SmallVector<Value> results;
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      if (isa<TensorType>(value.getType())) {
        FailureOr<Value> buffer = getBuffer(rewriter, value, options, state);
        if (failed(buffer))
          return failure();
        value = *buffer;
      }
      buffers.push_back(value);
      if (cast<DestinationStyleOpInterface>(op).isDpsInit(&operand))
        results.push_back(value);
    }
    Op::create(rewriter, op->getLoc(), TypeRange{}, buffers, op->getAttrs());
    replaceOpWithBufferizedValues(rewriter, op, results);
    return success();
  }
};

struct PackedMatmulInterface final
    : DestinationInterface<PackedMatmulInterface, PackedMatmulOp> {};

/// A kernel does not read its destinations.
struct CallKernelInterface final
    : DestinationInterface<CallKernelInterface, CallKernelOp> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !cast<CallKernelOp>(op).isDpsInit(&operand);
  }
};
} // namespace

void fulgur::registerFulgurBufferizableOpInterfaces(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, FulgurDialect *) {
    GetWeightOp::attachInterface<WeightInterface<GetWeightOp>>(*context);
    SelectWeightOp::attachInterface<WeightInterface<SelectWeightOp>>(*context);
    PackedMatmulOp::attachInterface<PackedMatmulInterface>(*context);
    CallKernelOp::attachInterface<CallKernelInterface>(*context);
  });
}
