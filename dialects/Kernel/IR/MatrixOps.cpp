//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verifiers of the products of tensor cores.
//
//===----------------------------------------------------------------------===//
#include "dialects/Kernel/IR/Tiles.h"

using namespace mlir;
using namespace fulgur::kernel;

/// The columns of a product of 64 rows are twice the values of a thread.
static LogicalResult verifyColumns(Operation *op, VectorType accumulator,
                                   int64_t multiple) {
  int64_t n = accumulator.getNumElements() * 2;
  if (n % multiple || n < 8 || n > 256)
    return op->emitOpError("expected columns to be a multiple of ")
           << multiple << " of at most 256, but got " << n;
  return success();
}

LogicalResult WgmmaIssueOp::verify() {
  // wgmma_issue (C1)
  if (failed(verifyColumns(*this, getAccumulator().getType(), 8)))
    return failure();
  // wgmma_issue (C2)
  Type element = getElement();
  if (!isa<BFloat16Type, Float16Type, Float8E4M3FNType>(element))
    return emitOpError("expected 'element' to be bf16, f16 or f8E4M3FN, but "
                       "got ")
           << element;
  if (getTransposeB() && element.getIntOrFloatBitWidth() == 8)
    return emitOpError("expected elements of 16 bits with 'transpose_b', but "
                       "got ")
           << element;
  // wgmma_issue (C3)
  auto registers = dyn_cast<VectorType>(getA().getType());
  if (registers && registers.getNumElements() != 4)
    return emitOpError("expected 'a' to be 4 registers, but got ") << registers;
  return success();
}

LogicalResult WgmmaWaitOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location>,
                                            ValueRange operands, DictionaryAttr,
                                            OpaqueProperties, RegionRange,
                                            SmallVectorImpl<Type> &types) {
  // wgmma_wait (C1)
  llvm::append_range(types, operands.getTypes());
  return success();
}

LogicalResult WgmmaWaitOp::verify() {
  // wgmma_wait (C2)
  auto pending = static_cast<int32_t>(getPending());
  if (pending < 0 || pending > 7)
    return emitOpError("expected 'pending' to be 0 to 7, but got ") << pending;
  return success();
}

/// Checks a tile that a matrix descriptor describes.
static LogicalResult verifyTile(WgmmaOp op, StringRef name, Value tile,
                                ValueRange indices) {
  auto type = cast<MemRefType>(tile.getType());
  // wgmma (C4)
  if (type.getRank() < 2 || !type.getLayout().isIdentity())
    return op.emitOpError("expected '")
           << name << "' to have at least 2 dimensions and an identity layout, "
           << "but got " << type;
  int64_t row = type.getShape().back() * type.getElementTypeBitWidth() / 8;
  if (row != 128)
    return op.emitOpError("expected rows of '")
           << name << "' to be 128 bytes, but got " << row;
  if (failed(verifyIndices(op, name, type, indices)))
    return failure();
  // wgmma (C7)
  if (int64_t rows = type.getShape().end()[-2]; rows % 8)
    return op.emitOpError("expected rows of a block of '")
           << name << "' to be a multiple of 8, but got " << rows;
  // wgmma (C8)
  return verifyAlignment(op, tile, indices, 1024);
}

LogicalResult WgmmaOp::verify() {
  // wgmma (C1)
  Type element = cast<ShapedType>(getA().getType()).getElementType();
  if (!isa<BFloat16Type, Float16Type, Float8E4M3FNType>(element))
    return emitOpError("expected elements of bf16, f16 or f8E4M3FN, but got ")
           << element;
  if (getB().getType().getElementType() != element)
    return emitOpError("expected elements of 'b' to be ")
           << element << " as those of 'a', but got "
           << getB().getType().getElementType();
  // wgmma (C2)
  if (failed(verifyColumns(*this, getAccumulator().getType(),
                           getTransposeB() ? 64 : 8)))
    return failure();
  // wgmma (C3)
  int64_t k = getK();
  int64_t step = element.getIntOrFloatBitWidth() == 8 ? 32 : 16;
  if (k < 1 || k % step)
    return emitOpError("expected 'k' to be a positive multiple of ")
           << step << ", but got " << k;
  // wgmma (C5)
  if (auto fragment = dyn_cast<VectorType>(getA().getType())) {
    if (fragment.getNumElements() != k / 2 || !getAIndices().empty())
      return emitOpError("expected a fragment of ")
             << k / 2 << " values without indices, but got " << fragment;
  } else if (failed(verifyTile(*this, "a", getA(), getAIndices()))) {
    return failure();
  }
  // wgmma (C6)
  if (getTransposeB() && step == 32)
    return emitOpError("expected elements of 16 bits with 'transpose_b', but "
                       "got ")
           << element;
  return verifyTile(*this, "b", getB(), getBIndices());
}

LogicalResult MmaSyncOp::verify() {
  // mma_sync (C1)
  auto isFragment = [&](VectorType type, int64_t values, Type element) {
    return type.getNumElements() == values && type.getElementType() == element;
  };
  Type element = getA().getType().getElementType();
  if (!isFragment(getA().getType(), 8, element) ||
      !isFragment(getB().getType(), 4, element) ||
      getAccumulator().getType().getNumElements() != 4)
    return emitOpError("expected fragments of 8 and 4 values of one type, and "
                       "an accumulator of 4, but got ")
           << getA().getType() << ", " << getB().getType() << " and "
           << getAccumulator().getType();
  return success();
}
