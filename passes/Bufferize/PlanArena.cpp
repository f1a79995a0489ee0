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
// the buffers of the branch that does not run have no size.
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
/// An allocation that gets a place in the arena.
struct Buffer {
  memref::AllocOp alloc;
  int64_t first;
  int64_t last;
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

class ArenaPlanner {
public:
  ArenaPlanner(ModuleOp module, func::FuncOp main)
      : module(module), main(main), aliases(main) {}

  LogicalResult run();

private:
  void numberOperations(Block &block, int64_t &position);
  int64_t positionOf(Operation *op);
  void replaceExtentsOfArguments();
  bool isKnownFromDims(Value value);
  bool isReusable(memref::AllocOp alloc, Buffer &buffer);
  void findConditions(Buffer &buffer);
  void placeBuffers();
  LogicalResult writeSizes();
  Value whereUsed(OpBuilder &builder, const Buffer &buffer, Value bytes,
                  IRMapping &mapping, Value dims);
  Value cloneSize(OpBuilder &builder, Value value, IRMapping &mapping,
                  Value dims);

  ModuleOp module;
  func::FuncOp main;
  BufferViewFlowAnalysis aliases;
  llvm::DenseMap<Operation *, int64_t> positions;
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

void ArenaPlanner::numberOperations(Block &block, int64_t &position) {
  for (Operation &op : block) {
    positions[&op] = position++;
    if (isa<scf::IfOp>(op))
      for (Region &branch : op.getRegions())
        for (Block &inner : branch)
          numberOperations(inner, position);
  }
}

/// The position of `op`, or of the operation around it that has one.
int64_t ArenaPlanner::positionOf(Operation *op) {
  while (!positions.contains(op))
    op = op->getParentOp();
  return positions.lookup(op);
}

/// After bufferization an extent of an argument can appear again; it is a named
/// dimension all the same.
void ArenaPlanner::replaceExtentsOfArguments() {
  OpBuilder builder(main.getContext());
  main.walk([&](memref::DimOp dim) {
    auto argument = dyn_cast<BlockArgument>(dim.getSource());
    std::optional<int64_t> axis = dim.getConstantIndex();
    if (!argument || argument.getOwner() != &main.getBody().front() || !axis)
      return;
    auto names = main.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
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
bool ArenaPlanner::isReusable(memref::AllocOp alloc, Buffer &buffer) {
  for (Operation *op = alloc->getParentOp(); op != main;
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
  buffer.first = std::numeric_limits<int64_t>::max();
  buffer.last = -1;
  for (Value alias : aliases.resolve(alloc.getResult())) {
    for (Operation *user : alias.getUsers()) {
      // The next turn of a loop would overwrite what this one hands to it.
      if (user->hasTrait<OpTrait::IsTerminator>() &&
          user->getParentOp() != main &&
          isa<LoopLikeOpInterface>(user->getParentOp()) &&
          user->getParentOp()->isProperAncestor(alloc))
        return false;
      // Making a view touches no memory.
      if (isa<ViewLikeOpInterface>(user) && isMemoryEffectFree(user))
        continue;
      int64_t position = positionOf(user);
      buffer.first = std::min(buffer.first, position);
      buffer.last = std::max(buffer.last, position);
    }
  }
  buffer.alloc = alloc;
  return true;
}

/// The branches that `buffer` is allocated in, where dimensions decide.
void ArenaPlanner::findConditions(Buffer &buffer) {
  for (Operation *op = buffer.alloc; op != main; op = op->getParentOp())
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

/// Replaces the allocations by views of two new arguments of @main.
void ArenaPlanner::placeBuffers() {
  OpBuilder builder(main.getContext());
  auto arenaType = MemRefType::get(ShapedType::kDynamic, builder.getI8Type());
  auto offsetsType =
      MemRefType::get(ShapedType::kDynamic, builder.getI64Type());
  unsigned count = main.getNumArguments();
  (void)main.insertArgument(count, arenaType, {}, main.getLoc());
  (void)main.insertArgument(count + 1, offsetsType, {}, main.getLoc());
  main.setArgAttr(count, "fulgur.arena", builder.getUnitAttr());
  main.setArgAttr(count + 1, "fulgur.offsets", builder.getUnitAttr());
  Value arena = main.getArgument(count), offsets = main.getArgument(count + 1);

  for (auto [number, buffer] : llvm::enumerate(buffers)) {
    memref::AllocOp alloc = buffer.alloc;
    Location loc = alloc.getLoc();
    SmallVector<OpFoldResult> turns;
    for (scf::ForallOp loop : buffer.loops)
      llvm::append_range(turns, loop.getMixedUpperBound());
    extents.push_back({loc, alloc.getType(),
                       llvm::to_vector(alloc.getDynamicSizes()), turns});
    builder.setInsertionPoint(alloc);
    Value index = arith::ConstantIndexOp::create(builder, loc, number);
    Value offset = memref::LoadOp::create(builder, loc, offsets, index);
    offset = arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                        offset);
    if (!buffer.loops.empty()) {
      Value place = emitTurn(builder, loc, buffer.loops);
      Value bytes = emitBytes(builder, loc, alloc.getType(),
                              alloc.getDynamicSizes(), true);
      place = arith::MulIOp::create(builder, loc, place, bytes);
      offset = arith::AddIOp::create(builder, loc, offset, place);
    }
    Value view = memref::ViewOp::create(builder, loc, alloc.getType(), arena,
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
      func::FuncOp::create(builder, main.getLoc(), "fulgur_buffer_sizes",
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
  func::ReturnOp::create(builder, main.getLoc());
  return success();
}

LogicalResult ArenaPlanner::run() {
  if (!main.getBody().hasOneBlock())
    return main.emitError("expected 'main' to be one block, but got ")
           << main.getBody().getBlocks().size();
  replaceExtentsOfArguments();
  int64_t position = 0;
  numberOperations(main.getBody().front(), position);
  main.walk([&](memref::AllocOp alloc) {
    Buffer buffer;
    if (alloc.getType().getLayout().isIdentity() &&
        alloc.getSymbolOperands().empty() &&
        llvm::all_of(alloc.getDynamicSizes(),
                     [&](Value size) { return isKnownFromDims(size); }) &&
        isReusable(alloc, buffer) && buffer.last >= 0) {
      findConditions(buffer);
      buffers.push_back(buffer);
    }
  });
  OpBuilder builder(main.getContext());
  SmallVector<Attribute> lives;
  for (const Buffer &buffer : buffers)
    lives.push_back(builder.getDenseI64ArrayAttr({buffer.first, buffer.last}));
  module->setAttr("fulgur.buffers", builder.getArrayAttr(lives));
  placeBuffers();
  return writeSizes();
}
