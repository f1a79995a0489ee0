//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Moves parallel loops to functions of their own, for the runtime's threads.
// Even a loop that is not worth a second thread moves: LLVM's passes are not
// linear in the size of a function, and the layers of a model have equal loops,
// which then are one function.
//
// What a loop uses from outside goes through memory, 8 bytes a value; of a
// buffer only what its type does not say.
//
//===----------------------------------------------------------------------===//
#include "lib/Support/MemRefFields.h"
#include "passes/LowerToCPU/Passes.h"

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/StringMap.h"

namespace fulgur {
#define GEN_PASS_DEF_PARALLELIZEPASS
#include "passes/LowerToCPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

/// Buffers inside of a kernel up to this size are on the stack of its thread.
static constexpr int64_t maxStackBytes = 256 * 1024;

namespace {
/// Sends values through the context of a kernel.
class ContextWriter {
public:
  ContextWriter(OpBuilder &builder, Location loc,
                const LLVMTypeConverter &types, Value context)
      : builder(builder), loc(loc), types(types), context(context) {}

  void write(Value value);
  int64_t getBytes() const { return bytes; }

private:
  void writeSlot(Value value);

  OpBuilder &builder;
  Location loc;
  const LLVMTypeConverter &types;
  Value context;
  int64_t bytes = 0;
};

/// Reads them in the same order.
class ContextReader {
public:
  ContextReader(OpBuilder &builder, Location loc,
                const LLVMTypeConverter &types, Value context)
      : builder(builder), loc(loc), types(types), context(context) {}

  Value read(Type type);

private:
  Value readSlot(Type type);

  OpBuilder &builder;
  Location loc;
  const LLVMTypeConverter &types;
  Value context;
  int64_t bytes = 0;
};

class Outliner {
public:
  Outliner(ModuleOp module, int64_t minWork)
      : module(module), types(module.getContext()), minWork(minWork) {}

  void outline(scf::ParallelOp loop);
  void finish();

private:
  func::FuncOp makeKernel(scf::ParallelOp loop, ArrayRef<Value> captures,
                          ArrayRef<Operation *> constants);
  func::FuncOp getOrInsert(func::FuncOp kernel);
  Value getContext(func::FuncOp function);
  LLVM::LLVMFuncOp getParallelFor();
  Value countWork(OpBuilder &builder, Block &body, Operation *outside);

  ModuleOp module;
  LLVMTypeConverter types;
  int64_t minWork;
  llvm::StringMap<func::FuncOp> kernels;
  llvm::MapVector<Operation *, LLVM::AllocaOp> contexts;
  int64_t contextBytes = 8;
  SmallVector<func::FuncOp> unplaced;
};

struct ParallelizePass final
    : fulgur::impl::ParallelizePassBase<ParallelizePass> {
  using Base::Base;
  void runOnOperation() final;
};
} // namespace

static Value castTo(OpBuilder &builder, Location loc, Value value, Type type) {
  if (value.getType() == type)
    return value;
  return UnrealizedConversionCastOp::create(builder, loc, type, value)
      .getResult(0);
}

static Value getSlot(OpBuilder &builder, Location loc, Value context,
                     int64_t offset) {
  if (!offset)
    return context;
  return LLVM::GEPOp::create(builder, loc, context.getType(),
                             builder.getI8Type(), context,
                             ArrayRef<LLVM::GEPArg>{int32_t(offset)});
}

void ContextWriter::writeSlot(Value value) {
  LLVM::StoreOp::create(builder, loc, value,
                        getSlot(builder, loc, context, bytes));
  bytes += 8;
}

Value ContextReader::readSlot(Type type) {
  Value slot = getSlot(builder, loc, context, bytes);
  bytes += 8;
  auto load = LLVM::LoadOp::create(builder, loc, type, slot);
  load.setInvariant(true);
  return load;
}

void ContextWriter::write(Value value) {
  if (isa<MemRefType>(value.getType())) {
    for (Value field : getMemRefFields(builder, loc, types, value))
      writeSlot(field);
    return;
  }
  writeSlot(castTo(builder, loc, value, types.convertType(value.getType())));
}

Value ContextReader::read(Type original) {
  if (auto memref = dyn_cast<MemRefType>(original))
    return makeMemRef(builder, loc, types, memref,
                      [&](Type type) { return readSlot(type); });
  return castTo(builder, loc, readSlot(types.convertType(original)), original);
}

/// Whether a kernel can take `type` through its context.
static bool canCapture(Type type) {
  if (auto memref = dyn_cast<MemRefType>(type)) {
    SmallVector<int64_t> strides;
    int64_t offset;
    return succeeded(memref.getStridesAndOffset(strides, offset));
  }
  if (type.isIntOrFloat())
    return type.getIntOrFloatBitWidth() <= 64;
  return type.isIndex() || isa<LLVM::LLVMPointerType>(type);
}

/// One buffer for all turns of a kernel's loop, on the stack if it is small.
/// The turns of a loop inside of it have buffers of their own kernel.
static void hoistStackBuffers(func::FuncOp kernel) {
  Block &entry = kernel.getBody().front();
  kernel.walk([&](memref::AllocOp alloc) {
    if (alloc->getParentOfType<scf::ParallelOp>())
      return;
    MemRefType type = alloc.getType();
    if (!type.hasStaticShape() || !type.getLayout().isIdentity())
      return;
    Type element = type.getElementType();
    int64_t bits = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
    if (type.getNumElements() * llvm::divideCeil(bits, 8) > maxStackBytes)
      return;
    OpBuilder builder = OpBuilder::atBlockBegin(&entry);
    auto stack = memref::AllocaOp::create(builder, alloc.getLoc(), type,
                                          alloc.getAlignmentAttr());
    alloc.replaceAllUsesWith(stack.getResult());
    alloc.erase();
  });
}

/// Writes the loop over [begin, end) of the linearised iterations of `loop`.
func::FuncOp Outliner::makeKernel(scf::ParallelOp loop,
                                  ArrayRef<Value> captures,
                                  ArrayRef<Operation *> constants) {
  MLIRContext *context = module.getContext();
  OpBuilder builder(context);
  // Equal loops must be found equal wherever they were.
  Location loc = loop.getLoc();
  auto pointer = LLVM::LLVMPointerType::get(context);
  Type i64 = builder.getI64Type();
  auto kernel = func::FuncOp::create(
      loc, "kernel", builder.getFunctionType({pointer, i64, i64}, {}));
  kernel.setPrivate();
  Block *entry = kernel.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  IRMapping mapping;
  for (Operation *constant : constants)
    builder.clone(*constant, mapping);
  ContextReader reader(builder, loc, types, entry->getArgument(0));
  for (Value capture : captures)
    mapping.map(capture, reader.read(capture.getType()));

  auto index = [&](Value value) -> Value {
    return arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                      value);
  };
  Value begin = index(entry->getArgument(1));
  Value end = index(entry->getArgument(2));
  unsigned rank = loop.getNumLoops();
  SmallVector<Value> counts(rank);
  for (unsigned i = 1; i < rank; ++i) {
    Value span = arith::SubIOp::create(
        builder, loc, mapping.lookupOrDefault(loop.getUpperBound()[i]),
        mapping.lookupOrDefault(loop.getLowerBound()[i]));
    counts[i] = arith::CeilDivSIOp::create(
        builder, loc, span, mapping.lookupOrDefault(loop.getStep()[i]));
  }
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  auto range = scf::ForOp::create(builder, loc, begin, end, one);
  builder.setInsertionPointToStart(range.getBody());
  Value rest = range.getInductionVar();
  for (unsigned i = rank; i-- > 0;) {
    Value turn = rest;
    if (i > 0) {
      turn = arith::RemUIOp::create(builder, loc, rest, counts[i]);
      rest = arith::DivUIOp::create(builder, loc, rest, counts[i]);
    }
    Value step = mapping.lookupOrDefault(loop.getStep()[i]);
    Value low = mapping.lookupOrDefault(loop.getLowerBound()[i]);
    if (!isConstantIntValue(step, 1))
      turn = arith::MulIOp::create(builder, loc, turn, step);
    if (!isConstantIntValue(low, 0))
      turn = arith::AddIOp::create(builder, loc, turn, low);
    mapping.map(loop.getInductionVars()[i], turn);
  }
  for (Operation &op : loop.getBody()->without_terminator())
    builder.clone(op, mapping);
  builder.setInsertionPointToEnd(entry);
  func::ReturnOp::create(builder, loc);
  hoistStackBuffers(kernel);
  return kernel;
}

/// The function that does what `kernel` does, which may be another one.
func::FuncOp Outliner::getOrInsert(func::FuncOp kernel) {
  std::string text;
  llvm::raw_string_ostream os(text);
  kernel->print(os, OpPrintingFlags().useLocalScope());
  auto [it, isNew] = kernels.try_emplace(text, kernel);
  if (!isNew) {
    kernel.erase();
    return it->second;
  }
  unplaced.push_back(kernel);
  kernel.setName(("kernel_" + Twine(unplaced.size() - 1)).str());
  return kernel;
}

/// Room for the context of one call at a time, in the frame of `function`.
Value Outliner::getContext(func::FuncOp function) {
  LLVM::AllocaOp &room = contexts[function];
  if (!room) {
    OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
    Value size = LLVM::ConstantOp::create(builder, function.getLoc(),
                                          builder.getI64Type(),
                                          builder.getI64IntegerAttr(0));
    room =
        LLVM::AllocaOp::create(builder, function.getLoc(),
                               LLVM::LLVMPointerType::get(module.getContext()),
                               builder.getI64Type(), size, /*alignment=*/16);
  }
  return room;
}

LLVM::LLVMFuncOp Outliner::getParallelFor() {
  StringRef name = "fulgur_parallel_for";
  if (auto known = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return known;
  MLIRContext *context = module.getContext();
  auto builder = OpBuilder::atBlockBegin(module.getBody());
  auto pointer = LLVM::LLVMPointerType::get(context);
  Type i64 = builder.getI64Type();
  return LLVM::LLVMFuncOp::create(
      builder, module.getLoc(), name,
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context),
                                  {pointer, pointer, i64, i64}));
}

/// About how many simple operations `body` is, in terms of what is known where
/// `outside` is.
Value Outliner::countWork(OpBuilder &builder, Block &body, Operation *outside) {
  Location loc = outside->getLoc();
  int64_t own = 0;
  Value total;
  auto add = [&](Value more) {
    total = total ? arith::AddIOp::create(builder, loc, total, more).getResult()
                  : more;
  };
  for (Operation &op : body.without_terminator()) {
    // Transcendental functions are loops in disguise.
    own += op.getName().getDialectNamespace() == "math" ? 10 : 1;
    for (Region &region : op.getRegions()) {
      for (Block &block : region) {
        Value inside = countWork(builder, block, outside);
        auto loop = dyn_cast<scf::ForOp>(op);
        if (!loop) {
          add(inside);
          continue;
        }
        auto isKnown = [&](Value v) {
          return !outside->isAncestor(v.getParentRegion()->getParentOp());
        };
        auto get = [&](Value v, int64_t otherwise) -> Value {
          if (isKnown(v))
            return v;
          if (std::optional<int64_t> constant = getConstantIntValue(v))
            otherwise = *constant;
          return arith::ConstantIndexOp::create(builder, loc, otherwise);
        };
        Value span =
            arith::SubIOp::create(builder, loc, get(loop.getUpperBound(), 64),
                                  get(loop.getLowerBound(), 0));
        Value turns = arith::CeilDivSIOp::create(builder, loc, span,
                                                 get(loop.getStep(), 1));
        add(arith::MulIOp::create(builder, loc, turns, inside));
      }
    }
  }
  add(arith::ConstantIndexOp::create(builder, loc, own + 1));
  return total;
}

void Outliner::outline(scf::ParallelOp loop) {
  if (loop.getNumResults())
    return;
  SetVector<Value> used;
  getUsedValuesDefinedAbove(loop->getRegions(), used);
  used.insert(loop.getLowerBound().begin(), loop.getLowerBound().end());
  used.insert(loop.getUpperBound().begin(), loop.getUpperBound().end());
  used.insert(loop.getStep().begin(), loop.getStep().end());
  SmallVector<Value> captures;
  SmallVector<Operation *> constants;
  for (Value value : used) {
    Operation *op = value.getDefiningOp();
    if (op &&
        (op->hasTrait<OpTrait::ConstantLike>() || isa<memref::GetGlobalOp>(op)))
      constants.push_back(op);
    else if (canCapture(value.getType()))
      captures.push_back(value);
    else
      return;
  }

  OpBuilder builder(loop);
  Location loc = loop.getLoc();
  auto caller = loop->getParentOfType<func::FuncOp>();
  Value context = getContext(caller);
  Value count;
  for (auto [low, high, step] : llvm::zip_equal(
           loop.getLowerBound(), loop.getUpperBound(), loop.getStep())) {
    Value turns = high;
    if (!isConstantIntValue(low, 0))
      turns = arith::SubIOp::create(builder, loc, turns, low);
    if (!isConstantIntValue(step, 1))
      turns = arith::CeilDivSIOp::create(builder, loc, turns, step);
    count = count ? arith::MulIOp::create(builder, loc, count, turns) : turns;
  }
  // A range should be worth a thread, and in single elements not share cache
  // lines with the next.
  bool hasLoops = !loop.getBody()->getOps<LoopLikeOpInterface>().empty();
  Value work = countWork(builder, *loop.getBody(), loop);
  Value grain = arith::CeilDivSIOp::create(
      builder, loc, arith::ConstantIndexOp::create(builder, loc, minWork),
      arith::MaxSIOp::create(builder, loc, work,
                             arith::ConstantIndexOp::create(builder, loc, 1)));
  if (!hasLoops) {
    Value line = arith::ConstantIndexOp::create(builder, loc, 64);
    grain = arith::MulIOp::create(
        builder, loc, arith::CeilDivSIOp::create(builder, loc, grain, line),
        line);
  }

  func::FuncOp kernel = getOrInsert(makeKernel(loop, captures, constants));
  ContextWriter writer(builder, loc, types, context);
  for (Value capture : captures)
    writer.write(capture);
  contextBytes = std::max(contextBytes, writer.getBytes());
  auto toInteger = [&](Value value) -> Value {
    return arith::IndexCastOp::create(builder, loc, builder.getI64Type(),
                                      value);
  };
  Value function = func::ConstantOp::create(
      builder, loc, kernel.getFunctionType(), kernel.getName());
  function = castTo(builder, loc, function, context.getType());
  LLVM::CallOp::create(
      builder, loc, getParallelFor(),
      ValueRange{function, context, toInteger(count), toInteger(grain)});
  loop.erase();
}

/// The loops of `op` that are in no other.
static SmallVector<scf::ParallelOp> getOutermostLoops(Operation *op) {
  SmallVector<scf::ParallelOp> loops;
  op->walk<WalkOrder::PreOrder>([&](scf::ParallelOp loop) {
    loops.push_back(loop);
    return WalkResult::skip();
  });
  return loops;
}

void Outliner::finish() {
  // Loops inside of loops: where the outer one is a single turn, or runs on one
  // thread, they are shared. The list grows on the way.
  for (size_t i = 0; i < unplaced.size(); ++i)
    for (scf::ParallelOp loop : getOutermostLoops(unplaced[i]))
      outline(loop);
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  for (func::FuncOp kernel : unplaced)
    builder.insert(kernel);
  for (auto &[function, room] : contexts)
    room.getArraySize().getDefiningOp<LLVM::ConstantOp>().setValueAttr(
        builder.getI64IntegerAttr(contextBytes / 8));
}

void ParallelizePass::runOnOperation() {
  Outliner outliner(getOperation(), minWork);
  for (scf::ParallelOp loop : getOutermostLoops(getOperation()))
    if (loop->getParentOfType<func::FuncOp>())
      outliner.outline(loop);
  outliner.finish();
}
