//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verifiers of shared memory, and of what moves through it.
//
//===----------------------------------------------------------------------===//
#include "dialects/Kernel/IR/Tiles.h"

using namespace mlir;
using namespace fulgur::kernel;

LogicalResult SharedOp::verify() {
  MemRefType type = getType();
  // shared (C2)
  if (!type.hasStaticShape() || !type.getLayout().isIdentity())
    return emitOpError("expected a static shape and an identity layout, but "
                       "got ")
           << type;
  // shared (C1) (C3)
  return verifyShared(*this, getOffset(),
                      type.getNumElements() * type.getElementTypeBitWidth() / 8,
                      16);
}

LogicalResult CopyAsyncOp::verify() {
  MemRefType source = getSource().getType(), target = getTarget().getType();
  // copy_async (C1)
  if (failed(verifyIndices(*this, "source", source, getSourceIndices())) ||
      failed(verifyIndices(*this, "target", target, getTargetIndices())))
    return failure();
  if (source.getElementType() != target.getElementType())
    return emitOpError("expected elements of 'target' to be ")
           << source.getElementType() << ", but got "
           << target.getElementType();
  // copy_async (C2)
  return failure(failed(verifyContiguous(*this, "source", source)) ||
                 failed(verifyContiguous(*this, "target", target)));
}

/// ldmatrix and stmatrix (C1) to (C3)
static LogicalResult verifyMatrices(Operation *op, VectorType fragment,
                                    StringRef name, MemRefType tile,
                                    ValueRange indices) {
  int64_t values = fragment.getNumElements();
  if (values != 2 && values != 4 && values != 8)
    return op->emitOpError("expected a fragment of 2, 4 or 8 values, but got ")
           << values;
  if (fragment.getElementType() != tile.getElementType())
    return op->emitOpError("expected elements of '")
           << name << "' to be " << fragment.getElementType() << ", but got "
           << tile.getElementType();
  if (failed(verifyIndices(op, name, tile, indices)))
    return failure();
  return verifyContiguous(op, name, tile);
}

LogicalResult LdmatrixOp::verify() {
  return verifyMatrices(*this, getResult().getType(), "source",
                        getSource().getType(), getIndices());
}

LogicalResult StmatrixOp::verify() {
  return verifyMatrices(*this, getValue().getType(), "target",
                        getTarget().getType(), getIndices());
}
