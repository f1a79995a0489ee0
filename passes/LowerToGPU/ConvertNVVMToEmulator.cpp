//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Kernels as functions of the host: what NVVM adds to the llvm dialect becomes
// calls of the emulator, accesses of memory are checked, pointers lose their
// address spaces.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Passes.h"

#include "passes/LowerToGPU/ConvertNVVMToEmulator/CallBuilder.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/AttrTypeSubElements.h"

namespace fulgur {
#define GEN_PASS_DEF_CONVERTNVVMTOEMULATORPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static constexpr int64_t gapBytes = 16;

namespace {
/// Where shared globals lie: the static ones, then the dynamic one.
struct SharedLayout {
  /* Offsets and bytes by symbol. */
  llvm::DenseMap<Attribute, std::pair<int64_t, int64_t>> places;
  int64_t staticBytes = 0;
};

class Emulation {
public:
  Emulation(ModuleOp module, gpu::GPUModuleOp kernels)
      : module(module), kernels(kernels),
        builder(OpBuilder::atBlockEnd(module.getBody())) {}

  LogicalResult run();

private:
  void layOutShared(LLVM::LLVMFuncOp function);
  void cloneGlobals();
  LogicalResult convert(LLVM::LLVMFuncOp source);
  LLVM::LLVMFuncOp createKernel(LLVM::LLVMFuncOp source);
  void loadParameters(LLVM::LLVMFuncOp kernel, LLVM::LLVMFuncOp source);
  LogicalResult lower(LLVM::LLVMFuncOp function);
  LogicalResult lower(Operation *op, CallBuilder &calls);
  LogicalResult lowerAddress(LLVM::AddressOfOp op, CallBuilder &calls);
  void dropAddressSpaces(Operation *op);

  ModuleOp module;
  gpu::GPUModuleOp kernels;
  OpBuilder builder;
  SharedLayout shared;
};

struct ConvertNVVMToEmulatorPass final
    : fulgur::impl::ConvertNVVMToEmulatorPassBase<ConvertNVVMToEmulatorPass> {
  void runOnOperation() final {
    SmallVector<gpu::GPUModuleOp> all(
        getOperation().getOps<gpu::GPUModuleOp>());
    for (gpu::GPUModuleOp kernels : all)
      if (failed(Emulation(getOperation(), kernels).run()))
        return signalPassFailure();
  }
};
} // namespace

static std::string getName(StringRef kernel) {
  return (kernel + "_emulated").str();
}

static bool isShared(LLVM::GlobalOp global) {
  return global.getAddrSpace() == unsigned(NVVM::NVVMMemorySpace::Shared);
}

/// Static globals with a gap behind each, where the emulator finds who goes
/// beyond its end; then the dynamic one, which has no size. A function that
/// calls none has those that it uses, as ptxas counts them.
void Emulation::layOutShared(LLVM::LLVMFuncOp function) {
  DataLayout layout(kernels);
  SmallVector<LLVM::GlobalOp> dynamic;
  llvm::DenseSet<Attribute> used;
  bool hasCalls = false;
  function.walk([&](Operation *op) {
    if (auto address = dyn_cast<LLVM::AddressOfOp>(op))
      used.insert(address.getGlobalNameAttr().getAttr());
    hasCalls |= isa<LLVM::CallOp>(op);
  });
  shared = SharedLayout();
  int64_t end = 0;
  for (auto global : kernels.getOps<LLVM::GlobalOp>()) {
    if (!isShared(global) ||
        !(hasCalls || used.contains(global.getSymNameAttr())))
      continue;
    int64_t bytes = int64_t(layout.getTypeSize(global.getGlobalType()));
    if (bytes == 0) {
      dynamic.push_back(global);
      continue;
    }
    end = llvm::alignTo(
        end, std::max<int64_t>(16, global.getAlignment().value_or(16)));
    shared.places[global.getSymNameAttr()] = {end, bytes};
    end += bytes + gapBytes;
  }
  shared.staticBytes = int64_t(llvm::alignTo(end, 1024));
  for (LLVM::GlobalOp global : dynamic)
    shared.places[global.getSymNameAttr()] = {shared.staticBytes, 0};
}

void Emulation::cloneGlobals() {
  for (auto global : kernels.getOps<LLVM::GlobalOp>()) {
    if (isShared(global))
      continue;
    auto copy = cast<LLVM::GlobalOp>(builder.clone(*global));
    copy.setSymName(getName(global.getSymName()));
    copy.setLinkage(LLVM::Linkage::Internal);
    copy.setAddrSpace(0);
    dropAddressSpaces(copy);
  }
}

void Emulation::dropAddressSpaces(Operation *op) {
  AttrTypeReplacer replacer;
  replacer.addReplacement([](LLVM::LLVMPointerType type) -> Type {
    return LLVM::LLVMPointerType::get(type.getContext());
  });
  replacer.recursivelyReplaceElementsIn(op, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
}

/// void kernel(void *const *args), with the parameters of the source behind.
LLVM::LLVMFuncOp Emulation::createKernel(LLVM::LLVMFuncOp source) {
  auto pointer = LLVM::LLVMPointerType::get(source.getContext());
  auto function = LLVM::LLVMFuncOp::create(
      builder, source.getLoc(), getName(source.getName()),
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(source.getContext()),
                                  {pointer}));
  IRMapping mapping;
  source.getBody().cloneInto(&function.getBody(), mapping);
  function.getBody().front().insertArgument(0u, pointer, source.getLoc());
  return function;
}

/// A parameter that is passed by value stays where args points.
void Emulation::loadParameters(LLVM::LLVMFuncOp kernel,
                               LLVM::LLVMFuncOp source) {
  Location loc = kernel.getLoc();
  Block &entry = kernel.getBody().front();
  Type pointer = entry.getArgument(0).getType();
  OpBuilder inside = OpBuilder::atBlockBegin(&entry);
  for (unsigned i = 0, n = source.getNumArguments(); i < n; ++i) {
    BlockArgument parameter = entry.getArgument(1 + i);
    Value at =
        LLVM::GEPOp::create(inside, loc, pointer, pointer, entry.getArgument(0),
                            ArrayRef<LLVM::GEPArg>{int32_t(i)});
    at = LLVM::LoadOp::create(inside, loc, pointer, at);
    if (!source.getArgAttr(i, LLVM::LLVMDialect::getByValAttrName()))
      at = LLVM::LoadOp::create(inside, loc, parameter.getType(), at);
    parameter.replaceAllUsesWith(at);
  }
  entry.eraseArguments(1, source.getNumArguments());
}

LogicalResult Emulation::convert(LLVM::LLVMFuncOp source) {
  if (source.isExternal()) {
    if (SymbolTable::symbolKnownUseEmpty(source, kernels))
      return success();
    return source.emitOpError("has no body, so that it can not be emulated");
  }
  if (source->hasAttr(gpu::GPUDialect::getKernelFuncAttrName()) ||
      source->hasAttr(NVVM::NVVMDialect::getKernelFuncAttrName())) {
    LLVM::LLVMFuncOp kernel = createKernel(source);
    if (failed(lower(kernel)))
      return failure();
    loadParameters(kernel, source);
    dropAddressSpaces(kernel);
    return success();
  }
  auto copy = cast<LLVM::LLVMFuncOp>(builder.clone(*source));
  copy.setSymName(getName(source.getName()));
  copy.setLinkage(LLVM::Linkage::Internal);
  if (failed(lower(copy)))
    return failure();
  dropAddressSpaces(copy);
  return success();
}

LogicalResult Emulation::lowerAddress(LLVM::AddressOfOp op,
                                      CallBuilder &calls) {
  auto found = shared.places.find(op.getGlobalNameAttr().getAttr());
  if (found == shared.places.end()) {
    op.setGlobalName(getName(op.getGlobalName()));
    return success();
  }
  auto [offset, bytes] = found->second;
  op.replaceAllUsesWith(calls.call(
      "shared",
      {calls.i64(offset), calls.i64(bytes), calls.i64(shared.staticBytes)},
      calls.getPointer()));
  op.erase();
  return success();
}

LogicalResult Emulation::lower(Operation *op, CallBuilder &calls) {
  if (auto address = dyn_cast<LLVM::AddressOfOp>(op))
    return lowerAddress(address, calls);
  if (auto call = dyn_cast<LLVM::CallOp>(op)) {
    if (auto callee = call.getCallee())
      call.setCallee(getName(*callee));
    return success();
  }
  if (succeeded(checkMemory(op, calls)))
    return success();
  if (auto cast = dyn_cast<LLVM::AddrSpaceCastOp>(op)) {
    cast.replaceAllUsesWith(cast.getArg());
    cast.erase();
    return success();
  }
  bool isIntrinsic = isa<LLVM::CallIntrinsicOp>(op);
  if (isa<LLVM::LLVMDialect>(op->getDialect()) && !isIntrinsic &&
      !isa<LLVM::InlineAsmOp, LLVM::MaskedLoadOp, LLVM::MaskedStoreOp,
           LLVM::masked_gather, LLVM::masked_scatter>(op))
    return success();
  if (succeeded(lowerRegister(op, calls)) ||
      succeeded(lowerSynchronisation(op, calls)) ||
      succeeded(lowerCopy(op, calls)) || succeeded(lowerMatrix(op, calls)) ||
      succeeded(lowerNumber(op, calls))) {
    op->erase();
    return success();
  }
  return op->emitOpError("in this form is not known to the emulator");
}

LogicalResult Emulation::lower(LLVM::LLVMFuncOp function) {
  layOutShared(function);
  CallBuilder calls(module, function);
  SmallVector<Operation *> all;
  function.getBody().walk([&](Operation *op) { all.push_back(op); });
  for (Operation *op : all) {
    // Registers, numbers and arithmetic have no site: numbers are of the
    // operations that the function had.
    calls.setOperation(op);
    if (failed(lower(op, calls)))
      return failure();
  }
  return success();
}

LogicalResult Emulation::run() {
  OpBuilder start = OpBuilder::atBlockBegin(module.getBody());
  if (!module.lookupSymbol("fulgur_emu_registers"))
    LLVM::GlobalOp::create(start, module.getLoc(),
                           LLVM::LLVMPointerType::get(module.getContext()),
                           /*isConstant=*/false, LLVM::Linkage::External,
                           "fulgur_emu_registers", Attribute());
  cloneGlobals();
  SmallVector<LLVM::LLVMFuncOp> functions(kernels.getOps<LLVM::LLVMFuncOp>());
  for (LLVM::LLVMFuncOp function : functions)
    if (failed(convert(function)))
      return failure();
  return success();
}
