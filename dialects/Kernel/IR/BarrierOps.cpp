//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verifiers of mbarriers.
//
//===----------------------------------------------------------------------===//
#include "dialects/Kernel/IR/Tiles.h"

using namespace mlir;
using namespace fulgur::kernel;

/// What an mbarrier can count of arrivals, and of bytes (PTX, mbarrier.init).
static constexpr int64_t maxCount = (1 << 20) - 1;

static LogicalResult verifyCount(Operation *op, StringRef name, int64_t count) {
  if (count < 1 || count > maxCount)
    return op->emitOpError("expected '")
           << name << "' to be 1 to " << maxCount << ", but got " << count;
  return success();
}

LogicalResult MBarrierOp::verify() {
  // mbarrier (C1) (C2)
  return verifyShared(*this, getOffset(), 8, 8);
}

LogicalResult MBarrierInitOp::verify() {
  // mbarrier_init (C1)
  return verifyCount(*this, "count", static_cast<int32_t>(getCount()));
}

LogicalResult MBarrierArriveOp::verify() {
  // mbarrier_arrive (C1)
  if (!getBytes())
    return success();
  if (getRank())
    return emitOpError("expected either 'rank' or 'bytes', but got both");
  return verifyCount(*this, "bytes", static_cast<int32_t>(*getBytes()));
}
