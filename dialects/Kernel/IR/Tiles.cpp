//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Checks that operations on tiles of shared memory share.
//
//===----------------------------------------------------------------------===//
#include "dialects/Kernel/IR/Tiles.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace fulgur;

LogicalResult kernel::verifyIndices(Operation *op, StringRef name,
                                    MemRefType tile, ValueRange indices) {
  if (static_cast<int64_t>(indices.size()) != tile.getRank())
    return op->emitOpError("expected an index for each dimension of '")
           << name << "', " << tile.getRank() << ", but got " << indices.size();
  return success();
}

LogicalResult kernel::verifyContiguous(Operation *op, StringRef name,
                                       MemRefType tile) {
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  if (tile.getRank() == 0 || failed(tile.getStridesAndOffset(strides, offset)))
    return op->emitOpError("expected '") << name << "' to have strides";
  if (strides.back() != 1)
    return op->emitOpError("expected the innermost dimension of '")
           << name << "' to be contiguous, but got " << tile;
  return success();
}

LogicalResult kernel::verifyAlignment(Operation *op, Value tile,
                                      ValueRange indices, int64_t alignment) {
  auto type = cast<MemRefType>(tile.getType());
  auto shared = tile.getDefiningOp<SharedOp>();
  if (!shared || !type.getLayout().isIdentity())
    return success();
  int64_t address = shared.getOffset();
  int64_t stride = type.getElementTypeBitWidth() / 8;
  for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
    IntegerAttr constant;
    if (matchPattern(indices[dim], m_Constant(&constant)))
      address += constant.getInt() * stride;
    else if (dim < type.getRank() - 2)
      // Any stage or block: then also the second one.
      address += stride;
    stride *= type.getDimSize(dim);
  }
  if (address % alignment)
    return op->emitOpError("expected an address in shared memory that is a "
                           "multiple of ")
           << alignment << " bytes, but got " << address;
  return success();
}

LogicalResult kernel::verifyShared(Operation *op, int64_t offset, int64_t bytes,
                                   int64_t alignment) {
  if (offset < 0 || offset % alignment)
    return op->emitOpError("expected 'offset' to be a multiple of ")
           << alignment << ", but got " << offset;
  if (offset + bytes > maxSharedBytes)
    return op->emitOpError("expected to end within the ")
           << maxSharedBytes << " bytes of shared memory, but it ends at "
           << offset + bytes;
  return success();
}
