//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Bufferization lets an operation write straight into a part of a later one's
// result, as long as a reader in between sees no difference. A check in between
// would: it says that the part is large enough. So checks come first.
//
//===----------------------------------------------------------------------===//
#include "passes/Bufferize/Passes.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

namespace fulgur {
#define GEN_PASS_DEF_HOISTCHECKSPASS
#include "passes/Bufferize/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

/// Whether the operation computes numbers from numbers, and can do so earlier.
static bool isMovable(Operation *op) {
  auto isNumber = [](Type type) { return type.isIntOrIndexOrFloat(); };
  return op->getNumRegions() == 0 && isPure(op) &&
         llvm::all_of(op->getOperandTypes(), isNumber) &&
         llvm::all_of(op->getResultTypes(), isNumber);
}

namespace {
/// The checks of one block.
class CheckHoister {
public:
  explicit CheckHoister(Block &block) : block(block) {}

  void run() {
    for (auto check : llvm::to_vector(block.getOps<cf::AssertOp>())) {
      moving.clear();
      anchor = nullptr;
      collect(check.getArg());
      moving.insert(check);
      move();
    }
  }

private:
  /// Adds what computes `value` to `moving`, operands first.
  void collect(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != &block || moving.contains(op))
      return;
    if (!isMovable(op)) {
      if (!anchor || anchor->isBeforeInBlock(op))
        anchor = op;
      return;
    }
    for (Value operand : op->getOperands())
      collect(operand);
    moving.insert(op);
  }

  /// Moves them behind the anchor, and behind what is there already.
  void move() {
    Operation *&last = lastMoved.try_emplace(anchor, anchor).first->second;
    for (Operation *op : moving) {
      Operation *next = last ? last->getNextNode() : &block.front();
      if (op != next && op->isBeforeInBlock(next))
        continue;
      if (op != next)
        op->moveBefore(next);
      last = op;
    }
  }

  Block &block;
  /// What a check needs and can not be moved, the last such operation; null if
  /// there is none.
  Operation *anchor = nullptr;
  llvm::SetVector<Operation *> moving;
  /// By anchor, so that checks keep their order.
  llvm::DenseMap<Operation *, Operation *> lastMoved;
};

struct HoistChecksPass final
    : fulgur::impl::HoistChecksPassBase<HoistChecksPass> {
  void runOnOperation() final {
    getOperation().walk([](Block *block) { CheckHoister(*block).run(); });
  }
};
} // namespace
