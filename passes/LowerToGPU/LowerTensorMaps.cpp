//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tensor maps: the host has the runtime write one, and the kernel gets its 128
// bytes by value.
//
//===----------------------------------------------------------------------===//
#include "dialects/Kernel/IR/KernelDialect.h"
#include "lib/Support/TypeCode.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace fulgur {
#define GEN_PASS_DEF_LOWERTENSORMAPSPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;
using namespace fulgur::kernel;

/// CUtensorMap.
static constexpr int64_t mapBytes = 128, mapAlignment = 64;

namespace {
class TensorMapLowering {
public:
  explicit TensorMapLowering(ModuleOp module)
      : module(module),
        pointer(LLVM::LLVMPointerType::get(module.getContext())),
        i32(IntegerType::get(module.getContext(), 32)),
        i64(IntegerType::get(module.getContext(), 64)) {}

  LogicalResult lower(TensorMapOp op);
  /// Makes parameters of `kernel` that are tensor maps addresses of values.
  void lower(gpu::GPUFuncOp kernel);

private:
  LLVM::LLVMFuncOp getFunction();
  Value constant(OpBuilder &builder, Location loc, Type type, int64_t value) {
    return LLVM::ConstantOp::create(builder, loc, type,
                                    builder.getIntegerAttr(type, value));
  }
  /// An array in the frame of `function`, with `values`.
  Value store(OpBuilder &builder, Location loc, FunctionOpInterface function,
              Type element, ValueRange values);

  ModuleOp module;
  Type pointer, i32, i64;
};

struct LowerTensorMapsPass final
    : fulgur::impl::LowerTensorMapsPassBase<LowerTensorMapsPass> {
  void runOnOperation() final;
};
} // namespace

LLVM::LLVMFuncOp TensorMapLowering::getFunction() {
  StringRef name = "fulgur_tensor_map";
  if (auto known = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return known;
  auto builder = OpBuilder::atBlockBegin(module.getBody());
  return LLVM::LLVMFuncOp::create(
      builder, module.getLoc(), name,
      LLVM::LLVMFunctionType::get(
          LLVM::LLVMVoidType::get(module.getContext()),
          {pointer, pointer, i32, i32, pointer, pointer, pointer, i32}));
}

Value TensorMapLowering::store(OpBuilder &builder, Location loc,
                               FunctionOpInterface function, Type element,
                               ValueRange values) {
  auto entry = OpBuilder::atBlockBegin(&function.getFunctionBody().front());
  Value array = LLVM::AllocaOp::create(entry, loc, pointer, element,
                                       constant(entry, loc, i64, values.size()),
                                       /*alignment=*/8);
  for (auto [i, value] : llvm::enumerate(values)) {
    Value slot = LLVM::GEPOp::create(builder, loc, pointer, element, array,
                                     ArrayRef<LLVM::GEPArg>{int32_t(i)});
    LLVM::StoreOp::create(builder, loc, value, slot);
  }
  return array;
}

LogicalResult TensorMapLowering::lower(TensorMapOp op) {
  for (Operation *user : op->getUsers())
    if (!isa<gpu::LaunchFuncOp>(user))
      return op.emitOpError("expected launches of kernels to be all that uses "
                            "it, but '")
             << user->getName() << "' does too";
  int32_t type = getTypeCode(op.getType().getElement());
  if (!type)
    return op.emitOpError("expected elements that the runtime knows, but got ")
           << op.getType().getElement();
  OpBuilder builder(op);
  Location loc = op.getLoc();
  auto function = op->getParentOfType<FunctionOpInterface>();
  int64_t bytes = op.getType().getElement().getIntOrFloatBitWidth() / 8;
  auto toInteger = [&](Value index) -> Value {
    return arith::IndexCastOp::create(builder, loc, i64, index);
  };
  auto toBytes = [&](Value elements) -> Value {
    return LLVM::MulOp::create(builder, loc, toInteger(elements),
                               constant(builder, loc, i64, bytes));
  };
  auto metadata =
      memref::ExtractStridedMetadataOp::create(builder, loc, op.getSource());
  Value address = LLVM::AddOp::create(
      builder, loc,
      toInteger(memref::ExtractAlignedPointerAsIndexOp::create(builder, loc,
                                                               op.getSource())),
      toBytes(metadata.getOffset()));
  Value data = LLVM::IntToPtrOp::create(builder, loc, pointer, address);
  SmallVector<Value> sizes, strides, box;
  // The driver takes no empty tensor, nor will a kernel read it.
  for (Value size : llvm::reverse(metadata.getSizes()))
    sizes.push_back(LLVM::UMaxOp::create(builder, loc, toInteger(size),
                                         constant(builder, loc, i64, 1)));
  for (Value stride : llvm::reverse(metadata.getStrides()))
    strides.push_back(toBytes(stride));
  for (int64_t size : llvm::reverse(op.getType().getBox()))
    box.push_back(constant(builder, loc, i32, size));
  auto entry = OpBuilder::atBlockBegin(&function.getFunctionBody().front());
  Value map =
      LLVM::AllocaOp::create(entry, loc, pointer, entry.getI8Type(),
                             constant(entry, loc, i64, mapBytes), mapAlignment);
  LLVM::CallOp::create(
      builder, loc, getFunction(),
      ValueRange{map, data, constant(builder, loc, i32, type),
                 constant(builder, loc, i32, sizes.size()),
                 store(builder, loc, function, i64, sizes),
                 store(builder, loc, function, i64, strides),
                 store(builder, loc, function, i32, box),
                 constant(builder, loc, i32, op.getType().getSwizzle())});
  op.replaceAllUsesWith(map);
  op.erase();
  return success();
}

void TensorMapLowering::lower(gpu::GPUFuncOp kernel) {
  auto builder = OpBuilder::atBlockBegin(&kernel.getBody().front());
  for (BlockArgument argument : kernel.getArguments()) {
    Type type = argument.getType();
    if (!isa<TensorMapType>(type))
      continue;
    argument.setType(pointer);
    auto cast = UnrealizedConversionCastOp::create(builder, kernel.getLoc(),
                                                   type, argument);
    argument.replaceAllUsesExcept(cast.getResult(0), cast);
    unsigned number = argument.getArgNumber();
    kernel.setArgAttr(
        number, LLVM::LLVMDialect::getByValAttrName(),
        TypeAttr::get(LLVM::LLVMArrayType::get(builder.getI8Type(), mapBytes)));
    kernel.setArgAttr(number, LLVM::LLVMDialect::getAlignAttrName(),
                      builder.getI64IntegerAttr(mapAlignment));
  }
  unsigned count = kernel.getFunctionType().getNumInputs();
  kernel.setFunctionType(builder.getFunctionType(
      TypeRange(kernel.getBody().front().getArgumentTypes()).take_front(count),
      {}));
}

void LowerTensorMapsPass::runOnOperation() {
  TensorMapLowering lowering(getOperation());
  WalkResult result = getOperation().walk([&](TensorMapOp op) {
    return failed(lowering.lower(op)) ? WalkResult::interrupt()
                                      : WalkResult::advance();
  });
  if (result.wasInterrupted())
    return signalPassFailure();
  getOperation().walk([&](gpu::GPUFuncOp kernel) { lowering.lower(kernel); });
}
