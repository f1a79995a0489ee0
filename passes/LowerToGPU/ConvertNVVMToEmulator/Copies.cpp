//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Asynchronous copies, and accesses of memory.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/ConvertNVVMToEmulator/CallBuilder.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fulgur;

static LogicalResult
lowerTensorLoad(NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp op,
                CallBuilder &calls) {
  if (op.getMode() != NVVM::TMALoadMode::TILE || op.getPredicate())
    return failure();
  Value mask = op.getMulticastMask();
  calls.call("tma_load", {op.getDstMem(), op.getTmaDescriptor(), op.getMbar(),
                          calls.spill(op.getCoordinates(), calls.getI32()),
                          calls.i32(op.getCoordinates().size()),
                          calls.i32(mask != nullptr), calls.extend(mask)});
  return success();
}

static LogicalResult lowerTensorStore(Operation *op, Value map, Value source,
                                      ValueRange coordinates, bool add,
                                      CallBuilder &calls) {
  calls.call("tma_store",
             {map, source, calls.spill(coordinates, calls.getI32()),
              calls.i32(coordinates.size()), calls.i32(add)});
  return success();
}

LogicalResult fulgur::lowerCopy(Operation *operation, CallBuilder &calls) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(operation)
      .Case([&](NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp op) {
        return lowerTensorLoad(op, calls);
      })
      .Case([&](NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp op) {
        if (op.getMode() != NVVM::TMAStoreMode::TILE || op.getPredicate())
          return failure();
        return lowerTensorStore(op, op.getTmaDescriptor(), op.getSrcMem(),
                                op.getCoordinates(), false, calls);
      })
      .Case([&](NVVM::CpAsyncBulkTensorReduceOp op) {
        if (op.getMode() != NVVM::TMAStoreMode::TILE ||
            op.getRedKind() != NVVM::TMAReduxKind::ADD)
          return failure();
        return lowerTensorStore(op, op.getTmaDescriptor(), op.getSrcMem(),
                                op.getCoordinates(), true, calls);
      })
      .Case([&](NVVM::CpAsyncBulkGlobalToSharedClusterOp op) {
        Value mask = op.getMulticastMask();
        calls.call("bulk_load",
                   {op.getDstMem(), op.getSrcMem(), op.getSize(), op.getMbar(),
                    calls.i32(mask != nullptr), calls.extend(mask)});
        return success();
      })
      .Case([&](NVVM::CpAsyncBulkSharedCTAToSharedClusterOp op) {
        calls.call("bulk_copy_to_cluster", {op.getDstMem(), op.getSrcMem(),
                                            op.getSize(), op.getMbar()});
        return success();
      })
      .Case([&](NVVM::CpAsyncBulkSharedCTAToGlobalOp op) {
        if (op.getByteMask())
          return failure();
        calls.call("bulk_store",
                   {op.getDstMem(), op.getSrcMem(), op.getSize()});
        return success();
      })
      .Case([&](NVVM::CpAsyncBulkCommitGroupOp) {
        calls.call("bulk_commit", {});
        return success();
      })
      .Case([&](NVVM::CpAsyncBulkWaitGroupOp op) {
        calls.call("bulk_wait", {calls.i32(op.getGroup()),
                                 calls.i32(op.getRead().value_or(false))});
        return success();
      })
      .Case([&](NVVM::CpAsyncOp op) {
        calls.call("cp_async",
                   {op.getDst(), op.getSrc(), calls.i32(op.getSize()),
                    op.getCpSize() ? op.getCpSize() : calls.i32(op.getSize())});
        return success();
      })
      .Case([&](NVVM::CpAsyncCommitGroupOp) {
        calls.call("cp_async_commit", {});
        return success();
      })
      .Case([&](NVVM::CpAsyncWaitGroupOp op) {
        calls.call("cp_async_wait", {calls.i32(op.getN())});
        return success();
      })
      .Case([&](NVVM::CpAsyncMBarrierArriveOp op) {
        calls.call("cp_async_mbarrier",
                   {op.getAddr(), calls.i32(op.getNoinc())});
        return success();
      })
      .Default([](Operation *) { return failure(); });
}

namespace {
enum AccessKind { Read, Write, Modify, Poll };
} // namespace

/// Memory that can not be wrong: a constant, or an array of the thread, whose
/// bounds are not checked.
static bool isPrivate(Value address) {
  while (true) {
    if (auto gep = address.getDefiningOp<LLVM::GEPOp>())
      address = gep.getBase();
    else if (auto cast = address.getDefiningOp<LLVM::AddrSpaceCastOp>())
      address = cast.getArg();
    else
      break;
  }
  if (address.getDefiningOp<LLVM::AllocaOp>())
    return true;
  auto global = address.getDefiningOp<LLVM::AddressOfOp>();
  return global &&
         cast<LLVM::LLVMPointerType>(global.getType()).getAddressSpace() !=
             unsigned(NVVM::NVVMMemorySpace::Shared);
}

static LogicalResult checkAccess(Operation *op, Value address, Value bytes,
                                 AccessKind kind, int64_t alignment,
                                 CallBuilder &calls) {
  if (!isPrivate(address))
    calls.call("access",
               {address, bytes, calls.i32(kind), calls.i32(alignment)});
  return success();
}

/// Of a value of `type`; alignment as the operation says, else that of PTX,
/// which is the size.
static LogicalResult checkAccess(Operation *op, Value address, Type type,
                                 AccessKind kind,
                                 std::optional<uint64_t> alignment,
                                 CallBuilder &calls) {
  auto layout = DataLayout::closest(op);
  int64_t bytes =
      isa<LLVM::LLVMPointerType>(type) ? 8 : int64_t(layout.getTypeSize(type));
  int64_t natural = 1;
  while (natural < bytes && natural < 16)
    natural *= 2;
  if (isa<LLVM::LLVMStructType, LLVM::LLVMArrayType>(type))
    natural = 1;
  int64_t needed = alignment ? int64_t(*alignment) : natural;
  return checkAccess(op, address, calls.i64(bytes), kind,
                     std::min(needed, natural), calls);
}

LogicalResult fulgur::checkMemory(Operation *operation, CallBuilder &calls) {
  auto extend = [&](Value length) -> Value {
    Type i64 = calls.getBuilder().getI64Type();
    if (length.getType() == i64)
      return length;
    return LLVM::ZExtOp::create(calls.getBuilder(), operation->getLoc(), i64,
                                length);
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(operation)
      .Case([&](LLVM::LoadOp op) {
        bool atomic = op.getOrdering() != LLVM::AtomicOrdering::not_atomic ||
                      op.getVolatile_();
        return checkAccess(op, op.getAddr(), op.getType(), atomic ? Poll : Read,
                           op.getAlignment(), calls);
      })
      .Case([&](LLVM::StoreOp op) {
        bool atomic = op.getOrdering() != LLVM::AtomicOrdering::not_atomic;
        return checkAccess(op, op.getAddr(), op.getValue().getType(),
                           atomic ? Modify : Write, op.getAlignment(), calls);
      })
      .Case([&](LLVM::AtomicRMWOp op) {
        return checkAccess(op, op.getPtr(), op.getType(), Modify, std::nullopt,
                           calls);
      })
      .Case([&](LLVM::AtomicCmpXchgOp op) {
        return checkAccess(op, op.getPtr(), op.getVal().getType(), Poll,
                           std::nullopt, calls);
      })
      .Case<LLVM::MemcpyOp, LLVM::MemmoveOp>([&](auto op) {
        (void)checkAccess(op, op.getSrc(), extend(op.getLen()), Read, 1, calls);
        return checkAccess(op, op.getDst(), extend(op.getLen()), Write, 1,
                           calls);
      })
      .Case([&](LLVM::MemsetOp op) {
        return checkAccess(op, op.getDst(), extend(op.getLen()), Write, 1,
                           calls);
      })
      .Default([](Operation *) { return failure(); });
}
