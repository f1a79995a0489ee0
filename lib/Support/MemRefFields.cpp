//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The order of the fields is in one place: both functions walk over it.
//
//===----------------------------------------------------------------------===//
#include "lib/Support/MemRefFields.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace fulgur;

static Value castTo(OpBuilder &builder, Location loc, Value value, Type type) {
  return UnrealizedConversionCastOp::create(builder, loc, type, value)
      .getResult(0);
}

SmallVector<Value> fulgur::getMemRefFields(OpBuilder &builder, Location loc,
                                           const LLVMTypeConverter &types,
                                           Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  MemRefDescriptor descriptor(
      castTo(builder, loc, memref, types.convertType(type)));
  auto [strides, offset] = type.getStridesAndOffset();
  SmallVector<Value> fields = {descriptor.alignedPtr(builder, loc)};
  if (ShapedType::isDynamic(offset))
    fields.push_back(descriptor.offset(builder, loc));
  for (auto [axis, extent] : llvm::enumerate(type.getShape()))
    if (ShapedType::isDynamic(extent))
      fields.push_back(descriptor.size(builder, loc, axis));
  if (!type.getLayout().isIdentity())
    for (auto [axis, stride] : llvm::enumerate(strides))
      if (ShapedType::isDynamic(stride))
        fields.push_back(descriptor.stride(builder, loc, axis));
  return fields;
}

Value fulgur::makeMemRef(OpBuilder &builder, Location loc,
                         const LLVMTypeConverter &types, MemRefType type,
                         function_ref<Value(Type)> next) {
  auto descriptor =
      MemRefDescriptor::poison(builder, loc, types.convertType(type));
  auto [strides, offset] = type.getStridesAndOffset();
  Value pointer = next(descriptor.getElementPtrType());
  descriptor.setAllocatedPtr(builder, loc, pointer);
  descriptor.setAlignedPtr(builder, loc, pointer);
  Type index = types.getIndexType();
  if (ShapedType::isDynamic(offset))
    descriptor.setOffset(builder, loc, next(index));
  else
    descriptor.setConstantOffset(builder, loc, offset);
  SmallVector<Value> sizes;
  for (int64_t extent : type.getShape())
    sizes.push_back(
        ShapedType::isDynamic(extent)
            ? next(index)
            : LLVM::ConstantOp::create(builder, loc, index,
                                       builder.getIntegerAttr(index, extent)));
  for (auto [axis, size] : llvm::enumerate(sizes))
    descriptor.setSize(builder, loc, axis, size);
  bool isIdentity = type.getLayout().isIdentity();
  Value running;
  for (int64_t axis = type.getRank() - 1; axis >= 0 && isIdentity; --axis) {
    if (!ShapedType::isDynamic(strides[axis])) {
      descriptor.setConstantStride(builder, loc, axis, strides[axis]);
      running = LLVM::ConstantOp::create(
          builder, loc, index, builder.getIntegerAttr(index, strides[axis]));
    } else {
      descriptor.setStride(builder, loc, axis, running);
    }
    running = LLVM::MulOp::create(builder, loc, running, sizes[axis]);
  }
  for (int64_t axis = 0; axis < type.getRank() && !isIdentity; ++axis) {
    if (!ShapedType::isDynamic(strides[axis]))
      descriptor.setConstantStride(builder, loc, axis, strides[axis]);
    else
      descriptor.setStride(builder, loc, axis, next(index));
  }
  return castTo(builder, loc, descriptor, type);
}
