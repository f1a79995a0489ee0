//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Moves buffers into one arena. The compiler says how large each buffer is as a
// function of the named dimensions and when it is used; the runtime, which
// knows the dimensions, chooses the places. Serving a step then allocates
// nothing.
//
// A buffer's life is counted in operations of the body of @main: a loop is one
// of them, so that what it allocates in each turn is one buffer. Turns that run
// at the same time have a part of it each. The branches of a condition are
// counted one after the other, as if both ran; if named dimensions decide it,
// the buffers of the branch that does not run have no size. A call
// counts as the operations of the function, whose buffers live once in each
// call.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Bufferize/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace fulgur {
#define GEN_PASS_DEF_PLANARENAPASS
#include "passes/Bufferize/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
/// An allocation that gets a place in the arena, and when it holds something.
struct Buffer {
  memref::AllocOp alloc;
  /// Pairs of a first and a last position, in order.
  SmallVector<int64_t> spans;
  /// The parallel loops around it, of which each turn has a place of its own.
  SmallVector<scf::ForallOp> loops;
  /// What has to be true or false for it to be used.
  SmallVector<std::pair<Value, bool>> conditions;
};

/// What its size is made of.
struct Extent {
  Location loc;
  MemRefType type;
  SmallVector<Value> sizes;
  SmallVector<OpFoldResult> turns;
};

/// @main, or a function that it calls.
struct Function {
  func::FuncOp op;
  /// The first and the last position of each operation, and how many there are.
  /// In @main where they are, in other functions from 0.
  llvm::DenseMap<Operation *, std::pair<int64_t, int64_t>> positions;
  int64_t size = 0;
  /// Where the calls begin; @main is called once.
  SmallVector<int64_t> starts;
  SmallVector<func::CallOp> calls;
  Value arena, offsets;

  /// The positions of `op`, or of the operation around it that has some.
  std::pair<int64_t, int64_t> positionOf(Operation *op) {
    while (!positions.contains(op))
      op = op->getParentOp();
    return positions.lookup(op);
  }
};

class ArenaPlanner {
public:
  ArenaPlanner(ModuleOp module, func::FuncOp main) : module(module) {
    functions[main].op = main;
  }

  LogicalResult run();

private:
  LogicalResult findFunctions(func::FuncOp main);
  void numberOperations(Function &function, Block &block);
  void replaceExtentsOfArguments(func::FuncOp function);
  bool isKnownFromDims(Value value);
  bool isReusable(memref::AllocOp alloc, Function &function,
                  BufferViewFlowAnalysis &aliases, Buffer &buffer);
  void findConditions(func::FuncOp function, Buffer &buffer);
  void passArena(Function &function);
  void placeBuffers();
  LogicalResult writeSizes();
  Value whereUsed(OpBuilder &builder, const Buffer &buffer, Value bytes,
                  IRMapping &mapping, Value dims);
  Value cloneSize(OpBuilder &builder, Value value, IRMapping &mapping,
                  Value dims);

  ModuleOp module;
  llvm::DenseMap<Operation *, Function *> callees;
  /// @main first.
  llvm::MapVector<Operation *, Function> functions;
  llvm::DenseMap<Value, bool> known;
  SmallVector<Buffer> buffers;
  SmallVector<Extent> extents;
};

struct PlanArenaPass final : fulgur::impl::PlanArenaPassBase<PlanArenaPass> {
  void runOnOperation() final {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main || main.isExternal())
      return;
    if (failed(ArenaPlanner(getOperation(), main).run()))
      signalPassFailure();
  }
};
} // namespace

/// Finds what @main calls, and when.
LogicalResult ArenaPlanner::findFunctions(func::FuncOp main) {
  SymbolTable symbols(module);
  for (auto call : main.getOps<func::CallOp>())
    if (auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
        callee && !callee.isExternal()) {
      functions[callee].op = callee;
      functions[callee].calls.push_back(call);
    }
  for (auto &entry : functions) {
    func::FuncOp function = entry.second.op;
    if (!function.getBody().hasOneBlock())
      return function.emitError("expected '")
             << function.getName() << "' to be one block, but got "
             << function.getBody().getBlocks().size();
    auto isInner = [&](func::CallOp call) {
      return function != main || call->getParentOp() != main;
    };
    auto result = function.walk([&](func::CallOp call) {
      if (!isInner(call))
        return WalkResult::advance();
      call.emitOpError("expected calls in the body of 'main' alone, but got "
                       "one in '")
          << function.getName() << "'";
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      return failure();
    for (func::CallOp call : entry.second.calls)
      callees[call] = &entry.second;
    if (function != main)
      numberOperations(entry.second, function.getBody().front());
  }
  Function &first = functions.front().second;
  first.starts = {0};
  numberOperations(first, main.getBody().front());
  return success();
}

void ArenaPlanner::numberOperations(Function &function, Block &block) {
  for (Operation &op : block) {
    Function *callee = callees.lookup(&op);
    if (callee)
      callee->starts.push_back(function.size);
    int64_t first = function.size;
    function.size += callee ? callee->size : 1;
    function.positions[&op] = {first, function.size - 1};
    if (isa<scf::IfOp>(op))
      for (Region &branch : op.getRegions())
        for (Block &inner : branch)
          numberOperations(function, inner);
  }
}

/// After bufferization an extent of an argument can appear again; it is a named
/// dimension all the same.
void ArenaPlanner::replaceExtentsOfArguments(func::FuncOp function) {
  OpBuilder builder(function.getContext());
  function.walk([&](memref::DimOp dim) {
    auto argument = dyn_cast<BlockArgument>(dim.getSource());
    std::optional<int64_t> axis = dim.getConstantIndex();
    if (!argument || argument.getOwner() != &function.getBody().front() ||
        !axis)
      return;
    auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                      "fulgur.dims");
    if (!names || *axis < 0 || *axis >= static_cast<int64_t>(names.size()))
      return;
    auto name = dyn_cast<StringAttr>(names[*axis]);
    if (!name || name.empty())
      return;
    builder.setInsertionPoint(dim);
    dim.replaceAllUsesWith(
        DimOp::create(builder, dim.getLoc(), name.getValue()).getResult());
    dim.erase();
  });
}

/// Whether `value` is computed from named dimensions and constants alone.
bool ArenaPlanner::isKnownFromDims(Value value) {
  auto [it, isNew] = known.try_emplace(value, false);
  if (!isNew)
    return it->second;
  Operation *op = value.getDefiningOp();
  bool result = op && (isa<DimOp>(op) ||
                       (op->getNumRegions() == 0 && isMemoryEffectFree(op) &&
                        value.getType().isIntOrIndex() &&
                        llvm::all_of(op->getOperands(), [&](Value v) {
                          return isKnownFromDims(v);
                        })));
  known[value] = result;
  return result;
}

/// Whether one place serves `alloc` however often it runs; fills in its life.
bool ArenaPlanner::isReusable(memref::AllocOp alloc, Function &function,
                              BufferViewFlowAnalysis &aliases, Buffer &buffer) {
  Operation *outermost = function.op;
  for (Operation *op = alloc->getParentOp(); op != outermost;
       op = op->getParentOp()) {
    // Turns that run at the same time need a place each.
    auto loop = dyn_cast<scf::ForallOp>(op);
    if (loop && loop.isNormalized() &&
        llvm::all_of(loop.getDynamicUpperBound(),
                     [&](Value bound) { return isKnownFromDims(bound); }))
      buffer.loops.push_back(loop);
    else if (op->hasTrait<OpTrait::HasParallelRegion>())
      return false;
  }
  int64_t first = std::numeric_limits<int64_t>::max(), last = -1;
  for (Value alias : aliases.resolve(alloc.getResult())) {
    for (Operation *user : alias.getUsers()) {
      // The next turn of a loop would overwrite what this one hands to it.
      if (user->hasTrait<OpTrait::IsTerminator>() &&
          user->getParentOp() != outermost &&
          isa<LoopLikeOpInterface>(user->getParentOp()) &&
          user->getParentOp()->isProperAncestor(alloc))
        return false;
      // So would the next call.
      if (isa<func::ReturnOp>(user) && !function.calls.empty())
        return false;
      // Making a view touches no memory.
      if (isa<ViewLikeOpInterface>(user) && isMemoryEffectFree(user))
        continue;
      auto [begin, end] = function.positionOf(user);
      first = std::min(first, begin);
      last = std::max(last, end);
    }
  }
  buffer.alloc = alloc;
  if (last < 0)
    return false;
  for (int64_t start : function.starts)
    buffer.spans.append({start + first, start + last});
  return true;
}

/// The branches that `buffer` is allocated in, where dimensions decide.
void ArenaPlanner::findConditions(func::FuncOp function, Buffer &buffer) {
  for (Operation *op = buffer.alloc; op != function; op = op->getParentOp())
    if (auto either = dyn_cast<scf::IfOp>(op->getParentOp()))
      if (isKnownFromDims(either.getCondition()))
        buffer.conditions.push_back(
            {either.getCondition(),
             op->getParentRegion() == &either.getThenRegion()});
}

static int64_t getElementBytes(Type type) {
  if (isa<IndexType>(type))
    return 8;
  if (auto vector = dyn_cast<VectorType>(type))
    return getElementBytes(vector.getElementType()) * vector.getNumElements();
  return llvm::divideCeil(type.getIntOrFloatBitWidth(), 8);
}

/// The bytes of a buffer of this type; those of one of several are whole cache
/// lines.
static Value emitBytes(OpBuilder &builder, Location loc, MemRefType type,
                       ValueRange sizes, bool isOneOfSeveral) {
  int64_t bytes = getElementBytes(type.getElementType());
  for (int64_t extent : type.getShape())
    if (!ShapedType::isDynamic(extent))
      bytes *= extent;
  Value total = arith::ConstantIndexOp::create(builder, loc, bytes);
  for (Value size : sizes)
    total = arith::MulIOp::create(builder, loc, total, size);
  if (!isOneOfSeveral)
    return total;
  Value line = arith::ConstantIndexOp::create(builder, loc, 64);
  Value lines = arith::CeilDivUIOp::create(builder, loc, total, line);
  return arith::MulIOp::create(builder, loc, lines, line);
}

/// Which turn of all the turns of `loops` this is.
static Value emitTurn(OpBuilder &builder, Location loc,
                      ArrayRef<scf::ForallOp> loops) {
  Value turn = arith::ConstantIndexOp::create(builder, loc, 0);
  for (scf::ForallOp loop : loops)
    for (auto [bound, index] :
         llvm::zip_equal(loop.getMixedUpperBound(), loop.getInductionVars())) {
      Value count = getValueOrCreateConstantIndexOp(builder, loc, bound);
      turn = builder.createOrFold<arith::MulIOp>(loc, turn, count);
      turn = builder.createOrFold<arith::AddIOp>(loc, turn, index);
    }
  return turn;
}

/// Gives a function the arena and the offsets in it.
void ArenaPlanner::passArena(Function &function) {
  func::FuncOp op = function.op;
  Builder builder(op.getContext());
  auto arenaType = MemRefType::get(ShapedType::kDynamic, builder.getI8Type());
  auto offsetsType =
      MemRefType::get(ShapedType::kDynamic, builder.getI64Type());
  unsigned count = op.getNumArguments();
  (void)op.insertArgument(count, arenaType, {}, op.getLoc());
  (void)op.insertArgument(count + 1, offsetsType, {}, op.getLoc());
  function.arena = op.getArgument(count);
  function.offsets = op.getArgument(count + 1);
  op.setArgAttr(count, "fulgur.arena", builder.getUnitAttr());
  op.setArgAttr(count + 1, "fulgur.offsets", builder.getUnitAttr());
  const Function &main = functions.front().second;
  for (func::CallOp call : function.calls)
    call.getOperandsMutable().append({main.arena, main.offsets});
}

/// Replaces the allocations by views of the arena.
void ArenaPlanner::placeBuffers() {
  OpBuilder builder(module.getContext());
  for (auto &entry : functions)
    passArena(entry.second);
  for (auto [number, buffer] : llvm::enumerate(buffers)) {
    memref::AllocOp alloc = buffer.alloc;
    const Function &function =
        functions[alloc->getParentOfType<func::FuncOp>()];
    Location loc = alloc.getLoc();
    SmallVector<OpFoldResult> turns;
    for (scf::ForallOp loop : buffer.loops)
      llvm::append_range(turns, loop.getMixedUpperBound());
    extents.push_back({loc, alloc.getType(),
                       llvm::to_vector(alloc.getDynamicSizes()), turns});
    builder.setInsertionPoint(alloc);
    Value index = arith::ConstantIndexOp::create(builder, loc, number);
    Value offset =
        memref::LoadOp::create(builder, loc, function.offsets, index);
    offset = arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                        offset);
    if (!buffer.loops.empty()) {
      Value place = emitTurn(builder, loc, buffer.loops);
      Value bytes = emitBytes(builder, loc, alloc.getType(),
                              alloc.getDynamicSizes(), true);
      place = arith::MulIOp::create(builder, loc, place, bytes);
      offset = arith::AddIOp::create(builder, loc, offset, place);
    }
    Value view =
        memref::ViewOp::create(builder, loc, alloc.getType(), function.arena,
                               offset, alloc.getDynamicSizes());
    alloc.replaceAllUsesWith(view);
    alloc.erase();
  }
}

Value ArenaPlanner::cloneSize(OpBuilder &builder, Value value,
                              IRMapping &mapping, Value dims) {
  if (Value done = mapping.lookupOrNull(value))
    return done;
  Operation *op = value.getDefiningOp();
  if (auto dim = dyn_cast<DimOp>(op)) {
    auto all = module->getAttrOfType<ArrayAttr>("fulgur.dims");
    for (auto [i, attr] : llvm::enumerate(all ? all.getValue() : //
                                              ArrayRef<Attribute>())) {
      if (cast<DictionaryAttr>(attr).get("name") != dim.getNameAttr())
        continue;
      Location loc = dim.getLoc();
      Value index = arith::ConstantIndexOp::create(builder, loc, i);
      Value load = memref::LoadOp::create(builder, loc, dims, index);
      Value size = arith::IndexCastOp::create(builder, loc,
                                              builder.getIndexType(), load);
      mapping.map(value, size);
      return size;
    }
    dim.emitOpError("expected the dimension to be in the module's "
                    "'fulgur.dims', but got '")
        << dim.getName() << "'";
    return nullptr;
  }
  for (Value operand : op->getOperands())
    if (!cloneSize(builder, operand, mapping, dims))
      return nullptr;
  builder.clone(*op, mapping);
  return mapping.lookup(value);
}

/// `bytes`, or 0 where a condition says that the buffer is not used.
Value ArenaPlanner::whereUsed(OpBuilder &builder, const Buffer &buffer,
                              Value bytes, IRMapping &mapping, Value dims) {
  for (auto [condition, isTrue] : buffer.conditions) {
    Value cloned = cloneSize(builder, condition, mapping, dims);
    if (!cloned)
      return nullptr;
    Location loc = bytes.getLoc();
    Value none = arith::ConstantIndexOp::create(builder, loc, 0);
    bytes =
        arith::SelectOp::create(builder, loc, cloned, //
                                isTrue ? bytes : none, isTrue ? none : bytes);
  }
  return bytes;
}

/// Writes @fulgur_buffer_sizes.
LogicalResult ArenaPlanner::writeSizes() {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto type = MemRefType::get(ShapedType::kDynamic, builder.getI64Type());
  auto function =
      func::FuncOp::create(builder, module.getLoc(), "fulgur_buffer_sizes",
                           builder.getFunctionType({type, type}, {}));
  Block *block = function.addEntryBlock();
  builder.setInsertionPointToStart(block);
  IRMapping mapping;
  for (auto [number, extent] : llvm::enumerate(extents)) {
    Location loc = extent.loc;
    auto clone = [&](Value size) {
      return cloneSize(builder, size, mapping, block->getArgument(0));
    };
    SmallVector<Value> sizes = llvm::map_to_vector(extent.sizes, clone);
    if (llvm::is_contained(sizes, Value()))
      return failure();
    Value total =
        emitBytes(builder, loc, extent.type, sizes, !extent.turns.empty());
    for (OpFoldResult turns : extent.turns) {
      Value count = dyn_cast<Value>(turns);
      count = count ? clone(count)
                    : getValueOrCreateConstantIndexOp(builder, loc, turns);
      if (!count)
        return failure();
      total = arith::MulIOp::create(builder, loc, total, count);
    }
    total = whereUsed(builder, buffers[number], total, mapping,
                      block->getArgument(0));
    if (!total)
      return failure();
    total = arith::IndexCastOp::create(builder, loc, builder.getI64Type(), //
                                       total);
    Value index = arith::ConstantIndexOp::create(builder, loc, number);
    memref::StoreOp::create(builder, loc, total, block->getArgument(1), index);
  }
  func::ReturnOp::create(builder, module.getLoc());
  return success();
}

LogicalResult ArenaPlanner::run() {
  if (failed(findFunctions(functions.front().second.op)))
    return failure();
  for (auto &entry : functions) {
    Function &function = entry.second;
    replaceExtentsOfArguments(function.op);
    BufferViewFlowAnalysis aliases(function.op);
    function.op.walk([&](memref::AllocOp alloc) {
      Buffer buffer;
      if (alloc.getType().getLayout().isIdentity() &&
          alloc.getSymbolOperands().empty() &&
          llvm::all_of(alloc.getDynamicSizes(),
                       [&](Value size) { return isKnownFromDims(size); }) &&
          isReusable(alloc, function, aliases, buffer)) {
        findConditions(function.op, buffer);
        buffers.push_back(buffer);
      }
    });
  }
  Builder builder(module.getContext());
  auto lives = llvm::map_to_vector(buffers, [&](const Buffer &buffer) {
    return Attribute(builder.getDenseI64ArrayAttr(buffer.spans));
  });
  module->setAttr("fulgur.buffers", builder.getArrayAttr(lives));
  placeBuffers();
  return writeSizes();
}
