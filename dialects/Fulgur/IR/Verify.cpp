//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The checks and shape functions that the dialect's operations share.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/Verify.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;

static int64_t fromFront(int64_t dim, int64_t rank) {
  return dim < 0 ? dim + rank : dim;
}

static bool compatible(int64_t a, int64_t b) {
  return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b;
}

LogicalResult fulgur::verifyRank(Operation *op, Named tensor, int64_t rank) {
  if (tensor.rank() == rank)
    return success();
  return op->emitOpError("expected rank of '")
         << tensor.name << "' to be " << rank << ", but got " << tensor.rank();
}

LogicalResult fulgur::verifySize(Operation *op, Named tensor, int64_t dim,
                                 Named of, int64_t ofDim) {
  if (compatible(tensor.size(dim), of.size(ofDim)))
    return success();
  return op->emitOpError("expected dimension ")
         << fromFront(dim, tensor.rank()) << " of '" << tensor.name
         << "' to be dimension " << fromFront(ofDim, of.rank()) << " of '"
         << of.name << "' (" << of.size(ofDim) << "), but got "
         << tensor.size(dim);
}

LogicalResult fulgur::verifySize(Operation *op, Named tensor, int64_t dim,
                                 int64_t size) {
  if (compatible(tensor.size(dim), size))
    return success();
  return op->emitOpError("expected dimension ")
         << fromFront(dim, tensor.rank()) << " of '" << tensor.name
         << "' to be " << size << ", but got " << tensor.size(dim);
}

LogicalResult fulgur::verifyEqualSizes(EqualSizesOpInterface op) {
  SmallVector<EqualSizes> sizes;
  op.getEqualSizes(sizes);
  for (const auto &[tensor, dim, of, ofDim, isBroadcast] : sizes) {
    if (!isBroadcast) {
      if (failed(verifySize(op, tensor, dim, of, ofDim)))
        return failure();
      continue;
    }
    int64_t size = tensor.size(dim), wanted = of.size(ofDim);
    if (size != 1 && !compatible(size, wanted))
      return op->emitOpError("expected dimension ")
             << dim << " of '" << tensor.name << "' to be 1 or " << wanted
             << ", but got " << size;
  }
  return success();
}

void fulgur::addBroadcast(SmallVectorImpl<EqualSizes> &sizes, Named mask,
                          ArrayRef<std::pair<Named, int64_t>> of) {
  if (!mask.value)
    return;
  for (auto [dim, pair] : llvm::enumerate(of))
    sizes.push_back({mask, static_cast<int64_t>(dim), pair.first, pair.second,
                     /*isBroadcast=*/true});
}

LogicalResult fulgur::verifySameElement(Operation *op, Named tensor, Named of) {
  Type type = tensor.type().getElementType();
  Type wanted = of.type().getElementType();
  if (type == wanted)
    return success();
  return op->emitOpError("expected element type of '")
         << tensor.name << "' to be that of '" << of.name << "' (" << wanted
         << "), but got " << type;
}

LogicalResult fulgur::verifyFinite(Operation *op, StringRef name,
                                   const APFloat &value) {
  if (value.isFinite())
    return success();
  SmallString<16> text;
  value.toString(text);
  return op->emitOpError("expected '")
         << name << "' to be finite, but got " << text;
}

LogicalResult fulgur::verifyPositive(Operation *op, StringRef name,
                                     int64_t value) {
  if (value > 0)
    return success();
  return op->emitOpError("expected '")
         << name << "' to be positive, but got " << value;
}

void fulgur::reifySizes(OpBuilder &builder, Value result,
                        ArrayRef<SizeOf> sizes,
                        ReifiedRankedShapedTypeDims &shapes) {
  auto type = cast<RankedTensorType>(result.getType());
  SmallVector<OpFoldResult> &shape = shapes.emplace_back();
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    if (!type.isDynamicDim(dim)) {
      shape.push_back(builder.getIndexAttr(type.getDimSize(dim)));
      continue;
    }
    if (!size.value) {
      shape.push_back(
          arith::ConstantIndexOp::create(builder, result.getLoc(), size.dim)
              .getResult());
      continue;
    }
    int64_t rank = cast<RankedTensorType>(size.value.getType()).getRank();
    shape.push_back(tensor::DimOp::create(builder, result.getLoc(), size.value,
                                          fromFront(size.dim, rank))
                        .getResult());
  }
}

void fulgur::reifySameShape(OpBuilder &builder, Value result, Value operand,
                            ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<SizeOf> sizes;
  for (int64_t i = 0, e = cast<RankedTensorType>(operand.getType()).getRank();
       i < e; ++i)
    sizes.push_back({operand, i});
  reifySizes(builder, result, sizes, shapes);
}
