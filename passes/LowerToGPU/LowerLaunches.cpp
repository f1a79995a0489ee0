//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Launches kernels through the runtime, which knows them by their numbers: the
// order of the kernels in their module (fulgur/Runtime/Model.h).
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Matchers.h"

namespace fulgur {
#define GEN_PASS_DEF_LOWERLAUNCHESPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
/// The frame of a function that launches: the extents of a grid, the values of
/// parameters, and the addresses of these. Launches follow each other, and each
/// writes all that is read of it.
struct Frame {
  LLVM::AllocaOp grid, values, addresses;
  int64_t maxOperands = 0;
};

class LaunchLowering {
public:
  explicit LaunchLowering(ModuleOp module)
      : module(module), types(module.getContext()),
        pointer(LLVM::LLVMPointerType::get(module.getContext())),
        i64(IntegerType::get(module.getContext(), 64)),
        word(IntegerType::get(module.getContext(), 128)) {}

  LogicalResult run();

private:
  void numberKernels();
  LogicalResult lower(gpu::LaunchFuncOp launch);
  LogicalResult allowShared(gpu::LaunchFuncOp launch, Value bytes);
  Frame &getFrame(Operation *launch);
  LLVM::LLVMFuncOp getLaunch();
  Value constant(OpBuilder &builder, Location loc, int64_t value) {
    return LLVM::ConstantOp::create(builder, loc, i64,
                                    builder.getI64IntegerAttr(value));
  }

  ModuleOp module;
  LLVMTypeConverter types;
  /// `word` has room for any scalar.
  Type pointer, i64, word;
  llvm::DenseMap<Attribute, int64_t> numbers;
  llvm::MapVector<Operation *, Frame> frames;
};

struct LowerLaunchesPass final
    : fulgur::impl::LowerLaunchesPassBase<LowerLaunchesPass> {
  void runOnOperation() final {
    if (failed(LaunchLowering(getOperation()).run()))
      signalPassFailure();
  }
};
} // namespace

void LaunchLowering::numberKernels() {
  for (auto kernels : module.getOps<gpu::GPUModuleOp>())
    for (Operation &op : kernels.getOps()) {
      if (!op.hasAttr(gpu::GPUDialect::getKernelFuncAttrName()))
        continue;
      auto name = SymbolRefAttr::get(
          kernels.getNameAttr(),
          {FlatSymbolRefAttr::get(SymbolTable::getSymbolName(&op))});
      numbers.try_emplace(name, numbers.size());
    }
}

Frame &LaunchLowering::getFrame(Operation *launch) {
  auto function = launch->getParentOfType<FunctionOpInterface>();
  Frame &frame = frames[function];
  if (frame.grid)
    return frame;
  auto builder = OpBuilder::atBlockBegin(&function.getFunctionBody().front());
  auto allocate = [&](Type element, int64_t count) {
    return LLVM::AllocaOp::create(builder, function.getLoc(), pointer, element,
                                  constant(builder, function.getLoc(), count),
                                  element == word ? 16 : 8);
  };
  frame.grid = allocate(i64, 3);
  // As many as the launch with the most; known in the end.
  frame.values = allocate(word, 0);
  frame.addresses = allocate(pointer, 0);
  return frame;
}

LLVM::LLVMFuncOp LaunchLowering::getLaunch() {
  StringRef name = "fulgur_launch";
  if (auto known = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return known;
  auto builder = OpBuilder::atBlockBegin(module.getBody());
  return LLVM::LLVMFuncOp::create(
      builder, module.getLoc(), name,
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(module.getContext()),
                                  {i64, pointer, i64, pointer}));
}

/// The kernel says how many bytes a launch may ask for.
LogicalResult LaunchLowering::allowShared(gpu::LaunchFuncOp launch,
                                          Value bytes) {
  constexpr StringLiteral name = "fulgur.shared_bytes";
  Operation *kernel = module.lookupSymbol(launch.getKernelAttr());
  auto known = kernel->getAttrOfType<IntegerAttr>(name);
  APInt size;
  if (matchPattern(bytes, m_ConstantInt(&size))) {
    int64_t most = std::max(known ? known.getInt() : 0, size.getSExtValue());
    kernel->setAttr(name, IntegerAttr::get(i64, most));
    return success();
  }
  if (known)
    return success();
  return launch.emitOpError("expected the kernel to have '")
         << name << "', as the size of dynamic shared memory is not constant";
}

LogicalResult LaunchLowering::lower(gpu::LaunchFuncOp launch) {
  auto number = numbers.find(launch.getKernelAttr());
  if (number == numbers.end())
    return launch.emitOpError("expected '")
           << launch.getKernelAttr() << "' to be a kernel of the module";
  OpBuilder builder(launch);
  Location loc = launch.getLoc();
  Frame &frame = getFrame(launch);
  auto slot = [&](Value base, Type element, int64_t index) -> Value {
    return LLVM::GEPOp::create(builder, loc, pointer, element, base,
                               ArrayRef<LLVM::GEPArg>{int32_t(index)});
  };
  auto convert = [&](Value value) -> Value {
    Type type = types.convertType(value.getType());
    if (type == value.getType())
      return value;
    return UnrealizedConversionCastOp::create(builder, loc, type, value)
        .getResult(0);
  };
  Value extents[] = {launch.getGridSizeX(), launch.getGridSizeY(),
                     launch.getGridSizeZ()};
  for (auto [axis, extent] : llvm::enumerate(extents))
    LLVM::StoreOp::create(builder, loc, convert(extent),
                          slot(frame.grid, i64, axis));
  auto kernel = dyn_cast_or_null<FunctionOpInterface>(
      module.lookupSymbol(launch.getKernelAttr()));
  int64_t count = launch.getNumKernelOperands();
  frame.maxOperands = std::max(frame.maxOperands, count);
  for (auto [i, operand] : llvm::enumerate(launch.getKernelOperands())) {
    Value converted = convert(operand);
    if (!converted.getType().isIntOrFloat() && converted.getType() != pointer)
      return launch.emitOpError("expected operand ")
             << i << " to be a scalar or an address, but got "
             << operand.getType();
    // What goes by value is where its address says.
    Value at = converted;
    if (!kernel ||
        !kernel.getArgAttr(i, LLVM::LLVMDialect::getByValAttrName())) {
      at = slot(frame.values, word, i);
      LLVM::StoreOp::create(builder, loc, converted, at);
    }
    LLVM::StoreOp::create(builder, loc, at, slot(frame.addresses, pointer, i));
  }
  Value shared = constant(builder, loc, 0);
  if (Value bytes = launch.getDynamicSharedMemorySize()) {
    shared = LLVM::ZExtOp::create(builder, loc, i64, bytes);
    if (failed(allowShared(launch, bytes)))
      return failure();
  }
  LLVM::CallOp::create(builder, loc, getLaunch(),
                       ValueRange{constant(builder, loc, number->second),
                                  frame.grid, shared, frame.addresses});
  launch.erase();
  return success();
}

LogicalResult LaunchLowering::run() {
  numberKernels();
  SmallVector<gpu::LaunchFuncOp> launches;
  module.walk([&](gpu::LaunchFuncOp launch) { launches.push_back(launch); });
  for (gpu::LaunchFuncOp launch : launches)
    if (failed(lower(launch)))
      return failure();
  for (auto &[function, frame] : frames)
    for (LLVM::AllocaOp room : {frame.values, frame.addresses})
      room.getArraySize().getDefiningOp<LLVM::ConstantOp>().setValueAttr(
          IntegerAttr::get(i64, frame.maxOperands));
  return success();
}
