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

struct PackedMatmulInterface final
    : DstBufferizableOpInterfaceExternalModel<PackedMatmulInterface,
                                              PackedMatmulOp> {
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    SmallVector<Value> buffers;
    for (Value operand : op->getOperands()) {
      if (!isa<TensorType>(operand.getType()))
        return success();
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      buffers.push_back(*buffer);
    }
    PackedMatmulOp::create(rewriter, op->getLoc(), TypeRange{}, buffers,
                           op->getAttrs());
    replaceOpWithBufferizedValues(rewriter, op, buffers.back());
    return success();
  }
};
} // namespace

void fulgur::registerFulgurBufferizableOpInterfaces(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, FulgurDialect *) {
    GetWeightOp::attachInterface<WeightInterface<GetWeightOp>>(*context);
    SelectWeightOp::attachInterface<WeightInterface<SelectWeightOp>>(*context);
    PackedMatmulOp::attachInterface<PackedMatmulInterface>(*context);
  });
}
