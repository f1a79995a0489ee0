//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A kernel is a copy of the code that it takes the place of. What differs on
// the device is changed afterwards: loops inside of it have one thread, scratch
// buffers are local memory, and a condition that does not hold is a number that
// the runtime finds after the step.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/OutlineKernels/KernelOutliner.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/LowerToGPU/Kernels/KernelBuilder.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace fulgur;

/// Threads of a block.
static constexpr int64_t blockThreads = 256;

/// Scratch buffers of a thread up to this size are its local memory.
static constexpr int64_t maxLocalBytes = 16 * 1024;

KernelOutliner::KernelOutliner(ModuleOp module)
    : module(module), context(module.getContext()), types(context),
      pointer(LLVM::LLVMPointerType::get(context)),
      i64(IntegerType::get(context, 64)) {
  if (auto known = module->getAttrOfType<ArrayAttr>("fulgur.failures"))
    for (Attribute text : known)
      getFailureNumber(cast<StringAttr>(text));
}

/// Bytes of an element in memory.
static int64_t getElementBytes(Type element) {
  return element.isIndex()
             ? 8
             : int64_t(llvm::divideCeil(element.getIntOrFloatBitWidth(), 8));
}

static bool isLocal(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  return type.hasStaticShape() && type.getLayout().isIdentity() &&
         type.getNumElements() * getElementBytes(type.getElementType()) <=
             maxLocalBytes;
}

/// Whether a kernel can take `type` as a parameter.
static bool canPass(Type type) {
  if (auto memref = dyn_cast<MemRefType>(type)) {
    SmallVector<int64_t> strides;
    int64_t offset;
    return succeeded(memref.getStridesAndOffset(strides, offset));
  }
  if (type.isIntOrFloat())
    return type.getIntOrFloatBitWidth() <= 64;
  return type.isIndex() || isa<LLVM::LLVMPointerType>(type);
}

bool KernelOutliner::canContain(Operation *op, Operation *root) {
  for (Value operand : op->getOperands())
    if (!root->isAncestor(operand.getParentRegion()->getParentOp()) &&
        !canPass(operand.getType()))
      return false;
  if (auto alloc = dyn_cast<memref::AllocOp>(op))
    return isLocal(alloc);
  // The runtime's values are asked for outside.
  if (isa<DimOp, GetWeightOp, SelectWeightOp>(op))
    return false;
  if (auto loop = dyn_cast<scf::ParallelOp>(op))
    return loop.getNumResults() == 0;
  return !isa<func::CallOp, memref::CopyOp, gpu::LaunchFuncOp>(op);
}

LLVM::LLVMFuncOp KernelOutliner::declare(StringRef name, Type result,
                                         ArrayRef<Type> inputs) {
  if (auto known = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return known;
  auto builder = OpBuilder::atBlockBegin(module.getBody());
  return LLVM::LLVMFuncOp::create(builder, module.getLoc(), name,
                                  LLVM::LLVMFunctionType::get(result, inputs));
}

Value KernelOutliner::getFailureFlag(func::FuncOp function) {
  Value &flag = flags[function];
  if (!flag) {
    auto builder = OpBuilder::atBlockBegin(&function.getBody().front());
    flag = LLVM::CallOp::create(builder, function.getLoc(),
                                declare("fulgur_failure_flag", pointer, {}),
                                ValueRange{})
               .getResult();
  }
  return flag;
}

/// From 1: 0 is a step that has not failed.
IntegerAttr KernelOutliner::getFailureNumber(StringAttr text) {
  auto [it, isNew] = failureNumbers.try_emplace(text, failures.size() + 1);
  if (isNew)
    failures.push_back(text);
  return IntegerAttr::get(IntegerType::get(context, 32), it->second);
}

/// A kernel whose parameters stand for the values of `used`; constants are in
/// it.
KernelOutliner::Kernel KernelOutliner::begin(Location loc,
                                             ArrayRef<Value> used) {
  Kernel kernel;
  SmallVector<Operation *> constants;
  SmallVector<Type> inputs;
  for (Value value : used) {
    Operation *op = value.getDefiningOp();
    if (op && op->hasTrait<OpTrait::ConstantLike>()) {
      constants.push_back(op);
      continue;
    }
    kernel.operands.push_back(value);
    inputs.push_back(value.getType());
  }
  OpBuilder builder(context);
  kernel.function = gpu::GPUFuncOp::create(builder, loc, "kernel",
                                           builder.getFunctionType(inputs, {}));
  kernel.function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                           builder.getUnitAttr());
  Block &entry = kernel.function.getBody().front();
  for (auto [value, argument] :
       llvm::zip_equal(kernel.operands, entry.getArguments()))
    kernel.mapping.map(value, argument);
  builder.setInsertionPointToStart(&entry);
  for (Operation *constant : constants)
    builder.clone(*constant, kernel.mapping);
  gpu::ReturnOp::create(builder, loc);
  return kernel;
}

/// One thread runs the turns of `loop`.
static void makeSerial(scf::ParallelOp loop) {
  OpBuilder builder(loop);
  SmallVector<Value> turns;
  for (auto [low, high, step] : llvm::zip_equal(
           loop.getLowerBound(), loop.getUpperBound(), loop.getStep())) {
    auto inner = scf::ForOp::create(builder, loop.getLoc(), low, high, step);
    turns.push_back(inner.getInductionVar());
    builder.setInsertionPointToStart(inner.getBody());
  }
  IRMapping mapping;
  mapping.map(loop.getInductionVars(), turns);
  for (Operation &op : loop.getBody()->without_terminator())
    builder.clone(op, mapping);
  loop.erase();
}

/// Makes the copied code that of a device.
void KernelOutliner::finishBody(Kernel &kernel) {
  Block &entry = kernel.function.getBody().front();
  SmallVector<scf::ParallelOp> loops;
  kernel.function.walk<WalkOrder::PostOrder>(
      [&](scf::ParallelOp loop) { loops.push_back(loop); });
  for (scf::ParallelOp loop : loops)
    makeSerial(loop);

  SmallVector<Operation *> work;
  kernel.function.walk([&](Operation *op) {
    if (isa<memref::AllocOp, memref::DeallocOp, cf::AssertOp>(op))
      work.push_back(op);
  });
  Value flag;
  for (Operation *op : work) {
    OpBuilder builder(op);
    Location loc = op->getLoc();
    if (auto alloc = dyn_cast<memref::AllocOp>(op)) {
      builder.setInsertionPointToStart(&entry);
      Value local = memref::AllocaOp::create(builder, loc, alloc.getType(),
                                             alloc.getAlignmentAttr());
      alloc.replaceAllUsesWith(local);
    } else if (auto assertion = dyn_cast<cf::AssertOp>(op)) {
      if (!flag)
        flag = entry.addArgument(pointer, loc);
      Value yes =
          arith::ConstantOp::create(builder, loc, builder.getBoolAttr(true));
      Value broken =
          arith::XOrIOp::create(builder, loc, assertion.getArg(), yes);
      auto test = scf::IfOp::create(builder, loc, broken, /*withElse=*/false);
      builder.setInsertionPointToStart(test.thenBlock());
      Value none =
          LLVM::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(0));
      Value number = LLVM::ConstantOp::create(
          builder, loc, getFailureNumber(assertion.getMsgAttr()));
      LLVM::AtomicCmpXchgOp::create(builder, loc, flag, none, number,
                                    LLVM::AtomicOrdering::monotonic,
                                    LLVM::AtomicOrdering::monotonic);
    }
    op->erase();
  }
  if (flag)
    kernel.function.setFunctionType(
        FunctionType::get(context, entry.getArgumentTypes(), {}));
}

void KernelOutliner::launch(OpBuilder &builder, Kernel &kernel,
                            func::FuncOp caller, Value blocks, Value threads) {
  Location loc = kernel.function.getLoc();
  finishBody(kernel);
  if (kernel.function.getNumArguments() > kernel.operands.size())
    kernel.operands.push_back(getFailureFlag(caller));
  // Equal code must be found equal wherever it was.
  std::string text;
  llvm::raw_string_ostream os(text);
  kernel.function->print(os, OpPrintingFlags().useLocalScope());
  auto [it, isNew] = kernels.try_emplace(text, kernel.function);
  if (isNew) {
    unplaced.push_back(kernel.function);
    kernel.function.setName(("kernel_" + Twine(unplaced.size() - 1)).str());
  } else {
    kernel.function.erase();
  }
  auto name =
      SymbolRefAttr::get(StringAttr::get(context, "kernels"),
                         {FlatSymbolRefAttr::get(it->second.getNameAttr())});
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  gpu::LaunchFuncOp::create(
      builder, loc, name, gpu::KernelDim3{blocks, one, one},
      gpu::KernelDim3{threads, one, one},
      /*dynamicSharedMemorySize=*/Value(), kernel.operands);
}

static void setBlock(gpu::GPUFuncOp function, int32_t threads) {
  OpBuilder builder(function.getContext());
  function.setKnownBlockSizeAttr(builder.getDenseI32ArrayAttr({threads, 1, 1}));
  function->setDiscardableAttr("fulgur.independent", builder.getUnitAttr());
}

void KernelOutliner::outlineLoop(scf::ParallelOp loop) {
  SetVector<Value> used;
  getUsedValuesDefinedAbove(loop->getRegions(), used);
  used.insert(loop.getLowerBound().begin(), loop.getLowerBound().end());
  used.insert(loop.getUpperBound().begin(), loop.getUpperBound().end());
  used.insert(loop.getStep().begin(), loop.getStep().end());
  Location loc = loop.getLoc();
  Kernel kernel = begin(loc, used.getArrayRef());
  setBlock(kernel.function, blockThreads);

  auto countTurns = [&](OpBuilder &builder, unsigned i,
                        function_ref<Value(Value)> get) -> Value {
    Value turns = get(loop.getUpperBound()[i]);
    if (!isConstantIntValue(loop.getLowerBound()[i], 0))
      turns = arith::SubIOp::create(builder, loc, turns,
                                    get(loop.getLowerBound()[i]));
    if (!isConstantIntValue(loop.getStep()[i], 1))
      turns = arith::CeilDivSIOp::create(builder, loc, turns,
                                         get(loop.getStep()[i]));
    return turns;
  };
  auto countAll = [&](OpBuilder &builder, function_ref<Value(Value)> get,
                      SmallVectorImpl<Value> &counts) {
    Value total;
    for (unsigned i = 0; i < loop.getNumLoops(); ++i) {
      counts.push_back(countTurns(builder, i, get));
      total = total ? arith::MulIOp::create(builder, loc, total, counts.back())
                    : counts.back();
    }
    return total;
  };

  // The number of the thread is that of its turn.
  Block &entry = kernel.function.getBody().front();
  OpBuilder builder(entry.getTerminator());
  auto get = [&](Value value) { return kernel.mapping.lookupOrDefault(value); };
  Value block = gpu::BlockIdOp::create(builder, loc, gpu::Dimension::x);
  Value thread = gpu::ThreadIdOp::create(builder, loc, gpu::Dimension::x);
  Value size = arith::ConstantIndexOp::create(builder, loc, blockThreads);
  Value first = arith::MulIOp::create(builder, loc, block, size);
  Value rest = arith::AddIOp::create(builder, loc, first, thread);
  SmallVector<Value> counts;
  Value total = countAll(builder, get, counts);
  Value isTurn = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt,
                                       rest, total);
  auto test = scf::IfOp::create(builder, loc, isTurn, /*withElse=*/false);
  builder.setInsertionPointToStart(test.thenBlock());
  for (unsigned i = loop.getNumLoops(); i-- > 0;) {
    Value turn = rest;
    if (i > 0) {
      turn = arith::RemUIOp::create(builder, loc, rest, counts[i]);
      rest = arith::DivUIOp::create(builder, loc, rest, counts[i]);
    }
    if (!isConstantIntValue(loop.getStep()[i], 1))
      turn = arith::MulIOp::create(builder, loc, turn, get(loop.getStep()[i]));
    if (!isConstantIntValue(loop.getLowerBound()[i], 0))
      turn = arith::AddIOp::create(builder, loc, turn,
                                   get(loop.getLowerBound()[i]));
    kernel.mapping.map(loop.getInductionVars()[i], turn);
  }
  for (Operation &op : loop.getBody()->without_terminator())
    builder.clone(op, kernel.mapping);

  OpBuilder host(loop);
  SmallVector<Value> hostCounts;
  Value turns = countAll(host, [](Value value) { return value; }, hostCounts);
  Value threads = arith::ConstantIndexOp::create(host, loc, blockThreads);
  Value blocks = arith::CeilDivSIOp::create(host, loc, turns, threads);
  launch(host, kernel, loop->getParentOfType<func::FuncOp>(), blocks, threads);
  loop.erase();
}

Value KernelOutliner::getAddress(OpBuilder &builder, Location loc, Value memref,
                                 ValueRange indices) {
  auto type = cast<MemRefType>(memref.getType());
  Value descriptor = UnrealizedConversionCastOp::create(
                         builder, loc, types.convertType(type), memref)
                         .getResult(0);
  SmallVector<Value> integers;
  for (Value index : indices)
    integers.push_back(
        UnrealizedConversionCastOp::create(builder, loc, i64, index)
            .getResult(0));
  return LLVM::getStridedElementPtr(builder, loc, types, type, descriptor,
                                    integers);
}

void KernelOutliner::callRead(OpBuilder &builder, Location loc, Value host,
                              Value device, int64_t bytes) {
  auto read = declare("fulgur_device_read", LLVM::LLVMVoidType::get(context),
                      {pointer, pointer, i64});
  Value size =
      LLVM::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(bytes));
  LLVM::CallOp::create(builder, loc, read, ValueRange{host, device, size});
}

/// Room in the frame of `function`.
Value KernelOutliner::getHostRoom(func::FuncOp function, Type word,
                                  int64_t words) {
  auto builder = OpBuilder::atBlockBegin(&function.getBody().front());
  Value count = LLVM::ConstantOp::create(builder, function.getLoc(),
                                         builder.getI64IntegerAttr(words));
  return LLVM::AllocaOp::create(builder, function.getLoc(), pointer, word,
                                count);
}

/// What holds a value of `type` on its way to the host.
static Type getWord(OpBuilder &builder, Type type) {
  bool isWide = type.isIntOrFloat() && type.getIntOrFloatBitWidth() > 64;
  return builder.getIntegerType(isWide ? 128 : 64);
}

void KernelOutliner::readBack(memref::LoadOp load) {
  OpBuilder builder(load);
  Location loc = load.getLoc();
  Type element = load.getMemRefType().getElementType();
  Value host = getHostRoom(load->getParentOfType<func::FuncOp>(),
                           getWord(builder, element), 1);
  callRead(builder, loc, host,
           getAddress(builder, loc, load.getMemRef(), load.getIndices()),
           getElementBytes(element));
  Value value =
      LLVM::LoadOp::create(builder, loc, types.convertType(element), host);
  if (value.getType() != element)
    value = UnrealizedConversionCastOp::create(builder, loc, element, value)
                .getResult(0);
  load.replaceAllUsesWith(value);
  load.erase();
}

/// The bits of `value` in an integer of 64 bits.
static Value toBits(OpBuilder &builder, Location loc, Value value, Type word) {
  Type type = value.getType();
  if (type.isIndex())
    return arith::IndexCastOp::create(builder, loc, word, value);
  Type integer = builder.getIntegerType(type.getIntOrFloatBitWidth());
  if (isa<FloatType>(type))
    value = arith::BitcastOp::create(builder, loc, integer, value);
  if (integer == word)
    return value;
  return arith::ExtUIOp::create(builder, loc, word, value);
}

static Value fromBits(OpBuilder &builder, Location loc, Value bits, Type type) {
  if (type.isIndex())
    return arith::IndexCastOp::create(builder, loc, type, bits);
  Type integer = builder.getIntegerType(type.getIntOrFloatBitWidth());
  if (integer != bits.getType())
    bits = arith::TruncIOp::create(builder, loc, integer, bits);
  return isa<FloatType>(type)
             ? arith::BitcastOp::create(builder, loc, type, bits).getResult()
             : bits;
}

void KernelOutliner::outlineSerial(ArrayRef<Operation *> ops,
                                   Operation *place) {
  llvm::SmallPtrSet<Operation *, 16> inside(ops.begin(), ops.end());
  auto isInside = [&](Operation *op) {
    for (; op; op = op->getParentOp())
      if (inside.contains(op))
        return true;
    return false;
  };
  SetVector<Value> used, escaping;
  for (Operation *op : ops) {
    auto use = [&](Value value) {
      Operation *def = value.getDefiningOp();
      if (!(def ? isInside(def)
                : isInside(value.getParentBlock()->getParentOp())))
        used.insert(value);
    };
    llvm::for_each(op->getOperands(), use);
    SetVector<Value> above;
    getUsedValuesDefinedAbove(op->getRegions(), above);
    llvm::for_each(above, use);
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(),
                       [&](Operation *user) { return !isInside(user); }))
        escaping.insert(result);
  }
  Location loc = ops.front()->getLoc();
  auto function = place->getParentOfType<func::FuncOp>();
  Value mailbox;
  Type word = i64;
  if (!escaping.empty()) {
    auto entry = OpBuilder::atBlockBegin(&function.getBody().front());
    for (Value value : escaping)
      if (getWord(entry, value.getType()) != i64)
        word = getWord(entry, value.getType());
    mailbox = memref::AllocOp::create(
        entry, loc, MemRefType::get({int64_t(escaping.size())}, word));
    used.insert(mailbox);
  }
  Kernel kernel = begin(loc, used.getArrayRef());
  setBlock(kernel.function, 1);
  OpBuilder builder(kernel.function.getBody().front().getTerminator());
  for (Operation *op : ops)
    builder.clone(*op, kernel.mapping);
  for (auto [i, value] : llvm::enumerate(escaping)) {
    Value index = arith::ConstantIndexOp::create(builder, loc, i);
    memref::StoreOp::create(
        builder, loc, toBits(builder, loc, kernel.mapping.lookup(value), word),
        kernel.mapping.lookup(mailbox), index);
  }
  OpBuilder host(place);
  Value one = arith::ConstantIndexOp::create(host, loc, 1);
  launch(host, kernel, function, one, one);
  if (mailbox) {
    Value room = getHostRoom(function, word, escaping.size());
    Value zero = arith::ConstantIndexOp::create(host, loc, 0);
    callRead(host, loc, room, getAddress(host, loc, mailbox, zero),
             word.getIntOrFloatBitWidth() / 8 * escaping.size());
    for (auto [i, result] : llvm::enumerate(escaping)) {
      Value value = result;
      Value at = LLVM::GEPOp::create(host, loc, pointer, word, room,
                                     ArrayRef<LLVM::GEPArg>{int32_t(i)});
      Value bits = LLVM::LoadOp::create(host, loc, word, at);
      Value read = fromBits(host, loc, bits, value.getType());
      value.replaceUsesWithIf(
          read, [&](OpOperand &use) { return !isInside(use.getOwner()); });
    }
  }
  for (Operation *op : llvm::reverse(ops))
    op->erase();
}

void KernelOutliner::copy(memref::CopyOp op) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  auto type = cast<MemRefType>(op.getSource().getType());
  Value bytes = LLVM::ConstantOp::create(
      builder, loc,
      builder.getI64IntegerAttr(getElementBytes(type.getElementType())));
  Value source = UnrealizedConversionCastOp::create(
                     builder, loc, types.convertType(type), op.getSource())
                     .getResult(0);
  MemRefDescriptor descriptor(source);
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    bytes = LLVM::MulOp::create(builder, loc, bytes,
                                descriptor.size(builder, loc, axis));
  Value target = UnrealizedConversionCastOp::create(
                     builder, loc, types.convertType(op.getTarget().getType()),
                     op.getTarget())
                     .getResult(0);
  LLVM::CallOp::create(
      builder, loc,
      declare("fulgur_device_copy", LLVM::LLVMVoidType::get(context),
              {pointer, pointer, i64}),
      ValueRange{MemRefDescriptor(target).alignedPtr(builder, loc),
                 descriptor.alignedPtr(builder, loc), bytes});
  op.erase();
}

void KernelOutliner::finish() {
  if (!failures.empty())
    module->setAttr("fulgur.failures", ArrayAttr::get(context, failures));
  if (unplaced.empty())
    return;
  auto builder = OpBuilder::atBlockEnd(getOrCreateKernels(module).getBody());
  for (gpu::GPUFuncOp function : unplaced)
    builder.insert(function);
}
