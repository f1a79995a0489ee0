//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Splits the step into what the host does and kernels. Upstream's conversion of
// parallel loops leaves memory that code around the loops reads and writes to
// the host, which can not reach it.
//
// The host keeps addresses, sizes and control flow around parallel loops. Code
// that touches memory waits in a group, with the arithmetic on what it reads,
// until something comes that needs the group done: then one kernel of one
// thread runs it.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/LowerToGPU/OutlineKernels/KernelOutliner.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/RegionUtils.h"

namespace fulgur {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
class Splitter {
public:
  explicit Splitter(ModuleOp module) : module(module), outliner(module) {}

  LogicalResult run();

private:
  void findHostBuffers(func::FuncOp main);
  void hoistHostValues(func::FuncOp function);
  bool touchesDevice(Operation *op);
  bool isHostControl(Operation *op);
  bool usesGroup(Operation *op);
  void flush(Operation *place);
  LogicalResult split(Block &block);
  LogicalResult splitLoop(scf::ParallelOp loop);

  ModuleOp module;
  KernelOutliner outliner;
  /// Buffers that are in the memory of the host.
  llvm::DenseSet<Value> hostBuffers;
  SmallVector<func::FuncOp> functions;
  /// What waits for its launch, in order.
  SmallVector<Operation *> group;
};

struct OutlineKernelsPass final
    : fulgur::impl::OutlineKernelsPassBase<OutlineKernelsPass> {
  void runOnOperation() final {
    if (failed(Splitter(getOperation()).run()))
      signalPassFailure();
  }
};
} // namespace

/// The offsets of the arena, also where a layer gets them.
void Splitter::findHostBuffers(func::FuncOp main) {
  SymbolTable symbols(module);
  functions.push_back(main);
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (main.getArgAttr(i, "fulgur.offsets"))
      hostBuffers.insert(main.getArgument(i));
  llvm::DenseSet<Operation *> known = {main};
  for (size_t i = 0; i < functions.size(); ++i)
    functions[i].walk([&](func::CallOp call) {
      auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
      if (!callee || callee.isExternal())
        return;
      for (auto [operand, argument] :
           llvm::zip_equal(call.getOperands(), callee.getArguments()))
        if (hostBuffers.contains(operand))
          hostBuffers.insert(argument);
      if (known.insert(callee).second)
        functions.push_back(callee);
    });
}

/// What kernels need of the runtime's values is asked for at the entry, or in
/// front of the loops around it.
void Splitter::hoistHostValues(func::FuncOp function) {
  Block &entry = function.getBody().front();
  Operation *front = &entry.front();
  function.walk([&](Operation *op) {
    auto load = dyn_cast<memref::LoadOp>(op);
    bool isOffset = load && hostBuffers.contains(load.getMemRef());
    if (!isOffset && !isa<DimOp, GetWeightOp, SelectWeightOp>(op))
      return;
    OpBuilder builder(front);
    for (OpOperand &operand : op->getOpOperands()) {
      Operation *def = operand.get().getDefiningOp();
      if (def && def->hasTrait<OpTrait::ConstantLike>())
        operand.set(builder.clone(*def)->getResult(0));
      else if (!isa<BlockArgument>(operand.get()) ||
               operand.get().getParentBlock() != &entry)
        return;
    }
    if (op != front)
      op->moveBefore(front);
  });
}

static bool isScalarCode(Operation *op) {
  return isMemoryEffectFree(op) && op->getNumRegions() == 0;
}

/// Whether `op`, or something in it, reads or writes memory of the device.
bool Splitter::touchesDevice(Operation *op) {
  return op
      ->walk([&](Operation *inner) {
        if (auto load = dyn_cast<memref::LoadOp>(inner))
          return hostBuffers.contains(load.getMemRef())
                     ? WalkResult::advance()
                     : WalkResult::interrupt();
        bool touches =
            isa<memref::StoreOp, memref::AtomicRMWOp,
                memref::GenericAtomicRMWOp, memref::CopyOp, gpu::LaunchFuncOp>(
                inner);
        return touches ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Whether the host runs the control flow of `op`: there are loops in it that
/// many threads share, or something that no kernel can do.
bool Splitter::isHostControl(Operation *op) {
  if (llvm::any_of(op->getResultTypes(),
                   [](Type type) { return isa<BaseMemRefType>(type); }))
    return true;
  return op
      ->walk([&](Operation *inner) {
        if (isa<scf::ParallelOp>(inner) ||
            !KernelOutliner::canContain(inner, op))
          return WalkResult::interrupt();
        for (Value operand : inner->getOperands())
          if (hostBuffers.contains(operand))
            return WalkResult::interrupt();
        return WalkResult::advance();
      })
      .wasInterrupted();
}

/// Whether `op`, or something in it, uses a result of the group.
bool Splitter::usesGroup(Operation *op) {
  auto isOfGroup = [&](Value value) {
    return llvm::is_contained(group, value.getDefiningOp());
  };
  if (llvm::any_of(op->getOperands(), isOfGroup))
    return true;
  SetVector<Value> above;
  getUsedValuesDefinedAbove(op->getRegions(), above);
  return llvm::any_of(above, isOfGroup);
}

/// The group is launched before `place`.
void Splitter::flush(Operation *place) {
  if (group.empty())
    return;
  // Reading what the host needs takes no kernel.
  bool onlyReads = llvm::all_of(group, [](Operation *op) {
    return isa<memref::LoadOp>(op) || isScalarCode(op);
  });
  if (onlyReads) {
    for (Operation *op : group)
      if (auto load = dyn_cast<memref::LoadOp>(op))
        outliner.readBack(load);
  } else {
    outliner.outlineSerial(group, place);
  }
  group.clear();
}

/// Threads share the turns of `loop`, or else the host runs them.
LogicalResult Splitter::splitLoop(scf::ParallelOp loop) {
  bool fits = !loop.getBody()
                   ->walk([&](Operation *op) {
                     bool usesHost =
                         llvm::any_of(op->getOperands(), [&](Value operand) {
                           return hostBuffers.contains(operand);
                         });
                     return usesHost || !KernelOutliner::canContain(op, loop)
                                ? WalkResult::interrupt()
                                : WalkResult::advance();
                   })
                   .wasInterrupted();
  if (fits) {
    outliner.outlineLoop(loop);
    return success();
  }
  if (loop.getNumResults())
    return loop.emitOpError("expected a parallel loop to give no results, but "
                            "got ")
           << loop.getNumResults();
  OpBuilder builder(loop);
  SmallVector<Value> turns;
  Block *body = nullptr;
  for (auto [low, high, step] : llvm::zip_equal(
           loop.getLowerBound(), loop.getUpperBound(), loop.getStep())) {
    auto inner = scf::ForOp::create(builder, loop.getLoc(), low, high, step);
    turns.push_back(inner.getInductionVar());
    body = inner.getBody();
    builder.setInsertionPointToStart(body);
  }
  loop.getBody()->getTerminator()->erase();
  for (auto [old, turn] : llvm::zip_equal(loop.getInductionVars(), turns))
    old.replaceAllUsesWith(turn);
  body->getOperations().splice(body->begin(), loop.getBody()->getOperations());
  Operation *outer = loop->getPrevNode();
  loop.erase();
  return split(outer->getRegion(0).front());
}

LogicalResult Splitter::split(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto loop = dyn_cast<scf::ParallelOp>(op)) {
      flush(loop);
      if (failed(splitLoop(loop)))
        return failure();
      continue;
    }
    if (isa<gpu::LaunchFuncOp>(op)) {
      flush(&op);
      continue;
    }
    if (auto copy = dyn_cast<memref::CopyOp>(op)) {
      flush(copy);
      outliner.copy(copy);
      continue;
    }
    // What leaves a block stays in it: its operands are read back.
    if (op.hasTrait<OpTrait::IsTerminator>()) {
      flush(&op);
      continue;
    }
    bool isScalar = llvm::none_of(op.getResultTypes(), [](Type type) {
      return isa<BaseMemRefType>(type);
    });
    if (op.getNumRegions()
            ? !isHostControl(&op) && (touchesDevice(&op) || usesGroup(&op))
            : touchesDevice(&op) ||
                  (usesGroup(&op) && isScalar &&
                   (isScalarCode(&op) || isa<cf::AssertOp>(op)))) {
      group.push_back(&op);
      continue;
    }
    bool touches = touchesDevice(&op) || isa<func::CallOp>(op);
    if (touches || usesGroup(&op))
      flush(&op);
    if (!touches)
      continue;
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        if (failed(split(inner)))
          return failure();
  }
  return success();
}

LogicalResult Splitter::run() {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal())
    return module.emitError("expected the module to define 'main', but got "
                            "none");
  findHostBuffers(main);
  for (func::FuncOp function : functions) {
    hoistHostValues(function);
    for (Block &block : function.getBody())
      if (failed(split(block)))
        return failure();
  }
  outliner.finish();
  return success();
}
