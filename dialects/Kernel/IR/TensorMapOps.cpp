//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verifiers of tensor maps and the copies that use them.
//
//===----------------------------------------------------------------------===//
#include "dialects/Kernel/IR/Tiles.h"

using namespace mlir;
using namespace fulgur::kernel;

LogicalResult TensorMapOp::verify() {
  MemRefType source = getSource().getType();
  TensorMapType map = getType();
  // tensor_map (C1)
  if (source.getRank() != static_cast<int64_t>(map.getBox().size()) ||
      source.getElementType() != map.getElement())
    return emitOpError("expected a box of rank ")
           << source.getRank() << " and elements of " << source.getElementType()
           << ", but got " << map;
  // tensor_map (C2)
  if (failed(verifyContiguous(*this, "source", source)))
    return failure();
  // tensor_map (C3)
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  (void)source.getStridesAndOffset(strides, offset);
  for (int64_t stride : ArrayRef<int64_t>(strides).drop_back()) {
    int64_t bits = stride * source.getElementTypeBitWidth();
    if (!ShapedType::isDynamic(stride) && bits % 128)
      return emitOpError("expected strides to be multiples of 16 bytes, but "
                         "got ")
             << bits / 8;
  }
  return success();
}

/// tma_load and tma_store (C1) to (C5)
template <typename Op> static LogicalResult verifyCopy(Op op) {
  TensorMapType map = op.getMap().getType();
  MemRefType tile = op.getTile().getType();
  // tma_… (C1)
  if (op.getCoordinates().size() != map.getBox().size())
    return op.emitOpError("expected a coordinate for each size of the box, ")
           << map.getBox().size() << ", but got " << op.getCoordinates().size();
  // tma_… (C2)
  if (tile.getElementType() != map.getElement())
    return op.emitOpError("expected elements of the tile to be ")
           << map.getElement() << ", but got " << tile.getElementType();
  // tma_… (C3)
  if (!tile.hasStaticShape() || tile.getRank() == 0 ||
      !tile.getLayout().isIdentity())
    return op.emitOpError("expected the tile to have a static shape and an "
                          "identity layout, but got ")
           << tile;
  if (failed(verifyIndices(op, "tile", tile, op.getIndices())))
    return failure();
  // tma_… (C4)
  int64_t elementBytes = tile.getElementTypeBitWidth() / 8;
  if (int64_t row = tile.getShape().back() * elementBytes;
      map.getSwizzle() && row != map.getRowBytes())
    return op.emitOpError("expected rows of the tile to be the ")
           << map.getRowBytes() << " bytes of a row of the box, but got "
           << row;
  if (int64_t bytes = tile.getNumElements() * elementBytes;
      map.getBytes() > bytes)
    return op.emitOpError("expected the box to fit in the tile, but it has ")
           << map.getBytes() << " bytes, and the tile " << bytes;
  // tma_… (C5)
  int64_t alignment = std::max<int64_t>(128, map.getSwizzle() * 8);
  return verifyAlignment(op, op.getTile(), op.getIndices(), alignment);
}

LogicalResult TmaLoadOp::verify() { return verifyCopy(*this); }
LogicalResult TmaStoreOp::verify() { return verifyCopy(*this); }
