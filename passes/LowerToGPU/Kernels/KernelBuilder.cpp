//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Kernels on upstream's gpu, memref and scf dialects: what needs no feature of
// one architecture.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/KernelBuilder.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

static constexpr int64_t warpThreads = 32;

//===----------------------------------------------------------------------===//
// KernelEmitter
//===----------------------------------------------------------------------===//

Value KernelEmitter::thread() {
  return gpu::ThreadIdOp::create(builder, loc, gpu::Dimension::x);
}
Value KernelEmitter::block() {
  return gpu::BlockIdOp::create(builder, loc, gpu::Dimension::x);
}
Value KernelEmitter::addi(Value a, Value b) {
  return arith::AddIOp::create(builder, loc, a, b);
}
Value KernelEmitter::subi(Value a, Value b) {
  return arith::SubIOp::create(builder, loc, a, b);
}
Value KernelEmitter::muli(Value a, Value b) {
  return arith::MulIOp::create(builder, loc, a, b);
}
Value KernelEmitter::divui(Value a, Value b) {
  return arith::DivUIOp::create(builder, loc, a, b);
}
Value KernelEmitter::remui(Value a, Value b) {
  return arith::RemUIOp::create(builder, loc, a, b);
}
Value KernelEmitter::compare(arith::CmpIPredicate predicate, Value a, Value b) {
  return arith::CmpIOp::create(builder, loc, predicate, a, b);
}
Value KernelEmitter::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(builder, loc, condition, a, b);
}
Value KernelEmitter::toInteger(Value index) {
  return arith::IndexCastOp::create(builder, loc, builder.getI32Type(), index);
}
Value KernelEmitter::toIndex(Value integer) {
  return arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                    integer);
}
Value KernelEmitter::load(Value buffer, ValueRange indices) {
  return memref::LoadOp::create(builder, loc, buffer, indices);
}
void KernelEmitter::store(Value value, Value buffer, ValueRange indices) {
  memref::StoreOp::create(builder, loc, value, buffer, indices);
}
Value KernelEmitter::atomicAdd(Value value, Value buffer, ValueRange indices) {
  return memref::AtomicRMWOp::create(builder, loc, arith::AtomicRMWKind::addi,
                                     value, buffer, indices);
}

void KernelEmitter::ifTrue(Value condition, Code code) {
  auto op = scf::IfOp::create(builder, loc, condition, /*withElse=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(op.thenBlock()->getTerminator());
  code();
}

Values KernelEmitter::repeat(Value begin, Value end, Value step,
                             ValueRange inits, ForBody body) {
  auto op = scf::ForOp::create(
      builder, loc, begin, end, step, inits,
      [&](OpBuilder &, Location, Value i, ValueRange carried) {
        // The loop's builder is another one; its place is where code goes.
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPointToEnd(i.getParentBlock());
        scf::YieldOp::create(builder, loc, body(i, carried));
      });
  return op.getResults();
}

Values KernelEmitter::share(Value end, ValueRange inits, ForBody body) {
  return repeat(thread(), end, index(threads), inits, body);
}

void KernelEmitter::share(Value end, function_ref<void(Value)> body) {
  share(end, ValueRange(), [&](Value i, ValueRange) -> Values {
    body(i);
    return {};
  });
}

void KernelEmitter::barrier() { gpu::BarrierOp::create(builder, loc); }

Value KernelEmitter::shuffleXor(Value value, int64_t distance) {
  Type type = value.getType(), i32 = builder.getI32Type();
  auto move = [&](Value word) -> Value {
    return gpu::ShuffleOp::create(builder, loc, word, distance, warpThreads,
                                  gpu::ShuffleMode::XOR)
        .getShuffleResult();
  };
  if (type.isF32() || type.isInteger(32))
    return move(value);
  // Other types are bits in words of 32.
  if (type.isIndex()) {
    Type i64 = builder.getI64Type();
    Value bits = arith::IndexCastOp::create(builder, loc, i64, value);
    return arith::IndexCastOp::create(builder, loc, type,
                                      shuffleXor(bits, distance));
  }
  unsigned width = type.getIntOrFloatBitWidth();
  if (llvm::isa<FloatType>(type)) {
    Value bits = arith::BitcastOp::create(builder, loc,
                                          builder.getIntegerType(width), value);
    return arith::BitcastOp::create(builder, loc, type,
                                    shuffleXor(bits, distance));
  }
  if (width < 32)
    return arith::TruncIOp::create(
        builder, loc, type,
        move(arith::ExtUIOp::create(builder, loc, i32, value)));
  assert(width == 64 && "no such words");
  Value half = number(32, type);
  Value low = move(arith::TruncIOp::create(builder, loc, i32, value));
  Value high = move(arith::TruncIOp::create(
      builder, loc, i32, arith::ShRUIOp::create(builder, loc, value, half)));
  return arith::OrIOp::create(
      builder, loc, arith::ExtUIOp::create(builder, loc, type, low),
      arith::ShLIOp::create(builder, loc,
                            arith::ExtUIOp::create(builder, loc, type, high),
                            half));
}

Values KernelEmitter::combineWarp(ValueRange values, CombineAll combine) {
  Values own = llvm::to_vector(values);
  for (int64_t distance = warpThreads / 2; distance > 0; distance /= 2) {
    Values other;
    for (Value value : own)
      other.push_back(shuffleXor(value, distance));
    own = combine(own, other);
  }
  return own;
}

Values KernelEmitter::combineBlock(ValueRange values, ValueRange scratch,
                                   ValueRange neutral, CombineAll combine) {
  Values own = combineWarp(values, combine);
  if (threads == warpThreads)
    return own;
  Value width = index(warpThreads);
  Value lane = remui(thread(), width), warp = divui(thread(), width);
  ifTrue(compare(arith::CmpIPredicate::eq, lane, index(0)), [&] {
    for (auto [value, buffer] : llvm::zip_equal(own, scratch))
      store(value, buffer, warp);
  });
  barrier();
  // Every warp combines what the warps have found.
  Value known =
      compare(arith::CmpIPredicate::ult, lane, index(threads / warpThreads));
  Value slot = select(known, lane, index(0));
  for (auto [value, buffer, otherwise] : llvm::zip_equal(own, scratch, neutral))
    value = select(known, load(buffer, slot), otherwise);
  own = combineWarp(own, combine);
  // The next use of `scratch` must not come before this one is read.
  barrier();
  return own;
}

Value KernelEmitter::combineBlock(Value value, Value scratch, Value neutral,
                                  Combine combine) {
  return combineBlock(ValueRange(value), ValueRange(scratch),
                      ValueRange(neutral),
                      [&](ValueRange a, ValueRange b) -> Values {
                        return {combine(a[0], b[0])};
                      })[0];
}

Values KernelEmitter::at(Value buffer, Value row, Value column) {
  auto type = llvm::cast<MemRefType>(buffer.getType());
  Values indices(type.getRank(), column);
  for (int64_t axis = type.getRank() - 2; axis > 0; --axis) {
    Value size = memref::DimOp::create(builder, loc, buffer, axis);
    indices[axis] = remui(row, size);
    row = divui(row, size);
  }
  if (type.getRank() > 1)
    indices[0] = row;
  return indices;
}

//===----------------------------------------------------------------------===//
// KernelBuilder
//===----------------------------------------------------------------------===//

MemRefType fulgur::sharedType(ArrayRef<int64_t> shape, Type element) {
  auto space = gpu::AddressSpaceAttr::get(element.getContext(),
                                          gpu::AddressSpace::Workgroup);
  return MemRefType::get(shape, element, MemRefLayoutAttrInterface(), space);
}

Value fulgur::countRows(OpBuilder &builder, Location loc, Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  Value count = arith::ConstantIndexOp::create(builder, loc, 1);
  for (int64_t axis = 0; axis + 1 < type.getRank(); ++axis)
    count = arith::MulIOp::create(
        builder, loc, count, memref::DimOp::create(builder, loc, buffer, axis));
  return count;
}

KernelBuilder::KernelBuilder(ModuleOp module) : module(module) {}

gpu::GPUModuleOp fulgur::getOrCreateKernels(ModuleOp module) {
  if (auto known = module.lookupSymbol<gpu::GPUModuleOp>("kernels"))
    return known;
  auto builder = OpBuilder::atBlockEnd(module.getBody());
  module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(),
                  builder.getUnitAttr());
  return gpu::GPUModuleOp::create(builder, module.getLoc(), "kernels");
}

void KernelBuilder::launch(OpBuilder &builder, Location loc, StringRef name,
                           DictionaryAttr config, ValueRange arguments,
                           ArrayRef<MemRefType> shared, int64_t threads,
                           Value blocks, Body body, int64_t dynamicBytes) {
  assert(threads % warpThreads == 0 && threads <= 1024 && "no such block");
  assert((shared.empty() || !dynamicBytes) && "they would have one address");
  std::string key;
  llvm::raw_string_ostream os(key);
  os << name << config << threads;
  for (Value argument : arguments)
    os << argument.getType();
  gpu::GPUFuncOp &kernel = kernels[key];
  if (!kernel) {
    gpu::GPUModuleOp target = getOrCreateKernels(module);
    std::string symbol = name.str();
    for (unsigned i = 0; target.lookupSymbol(symbol); ++i)
      symbol = (name + "_" + Twine(i)).str();
    OpBuilder inside(module.getContext());
    inside.setInsertionPointToEnd(target.getBody());
    auto type = inside.getFunctionType(TypeRange(arguments), {});
    kernel =
        gpu::GPUFuncOp::create(inside, loc, symbol, type,
                               SmallVector<Type>(shared.begin(), shared.end()));
    kernel->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                    inside.getUnitAttr());
    kernel.setKnownBlockSizeAttr(
        inside.getDenseI32ArrayAttr({static_cast<int32_t>(threads), 1, 1}));
    // Shared memory limits how many blocks there are. Without this, ptxas
    // leaves registers for more, and spills.
    if (dynamicBytes)
      kernel->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                      inside.getI32IntegerAttr(1));
    inside.setInsertionPointToEnd(&kernel.getBody().front());
    KernelEmitter e(inside, loc, threads);
    body(e, kernel.getArguments().take_front(arguments.size()),
         kernel.getWorkgroupAttributions());
    gpu::ReturnOp::create(inside, loc);
  }
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  Value block = arith::ConstantIndexOp::create(builder, loc, threads);
  Value bytes;
  if (dynamicBytes)
    bytes = arith::ConstantIntOp::create(builder, loc, dynamicBytes, 32);
  gpu::LaunchFuncOp::create(builder, loc, kernel,
                            gpu::KernelDim3{blocks, one, one},
                            gpu::KernelDim3{block, one, one}, bytes, arguments);
}
