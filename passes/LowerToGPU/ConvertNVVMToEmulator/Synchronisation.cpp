//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Registers of a thread, barriers, and what warps do together.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/ConvertNVVMToEmulator/CallBuilder.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fulgur;

/// The place of a register in FulgurEmuRegisters (lib/Emulator/Machine.h), or
/// -1.
static int64_t getRegisterIndex(StringRef name) {
  StringRef groups[] = {"tid",           "ntid",          "ctaid",
                        "nctaid",        "clusterid",     "nclusterid",
                        "cluster.ctaid", "cluster.nctaid"};
  for (auto [i, group] : llvm::enumerate(groups)) {
    StringRef axis = name;
    if (axis.consume_front(group) && axis.consume_front("."))
      if (axis == "x" || axis == "y" || axis == "z")
        return int64_t(i) * 3 + (axis[0] - 'x');
  }
  return llvm::StringSwitch<int64_t>(name)
      .Case("cluster.ctarank", 24)
      .Case("cluster.nctarank", 25)
      .Case("laneid", 26)
      .Case("warpid", 27)
      .Case("nwarpid", 28)
      .Case("dynamic.smem.size", 29)
      .Default(-1);
}

LogicalResult fulgur::lowerRegister(Operation *op, CallBuilder &calls) {
  StringRef name = op->getName().getStringRef();
  if (!name.consume_front("nvvm.read.ptx.sreg."))
    return failure();
  OpBuilder &builder = calls.getBuilder();
  if (name == "warpsize") {
    op->getResult(0).replaceAllUsesWith(calls.i32(32));
    return success();
  }
  if (name == "clock" || name == "clock64" || name == "globaltimer") {
    Value now = calls.callPure("clock", {}, builder.getI64Type());
    if (op->getResult(0).getType().isInteger(32))
      now = LLVM::TruncOp::create(builder, op->getLoc(), calls.getI32(), now);
    op->getResult(0).replaceAllUsesWith(now);
    return success();
  }
  int64_t index = getRegisterIndex(name);
  if (index < 0)
    return failure();
  Value registers =
      LLVM::AddressOfOp::create(builder, op->getLoc(), calls.getPointer(),
                                StringRef("fulgur_emu_registers"));
  registers = calls.load(calls.getPointer(), registers);
  op->getResult(0).replaceAllUsesWith(calls.load(
      calls.getI32(), calls.elementAddress(registers, calls.getI32(), index)));
  return success();
}

/// Waits for or asks for a phase, named by its parity (i32) or state (i64).
static Value lowerWait(CallBuilder &calls, StringRef verb, Value address,
                       Value phase) {
  bool parity = phase.getType().isInteger(32);
  return calls.call(
      ("mbarrier_" + verb + (parity ? "_parity" : "_state")).str(),
      {address, phase}, calls.getI32());
}

static LogicalResult lowerShuffle(NVVM::ShflOp op, CallBuilder &calls) {
  int64_t kind = op.getKind() == NVVM::ShflKind::idx    ? 0
                 : op.getKind() == NVVM::ShflKind::up   ? 1
                 : op.getKind() == NVVM::ShflKind::down ? 2
                                                        : 3;
  Value valid = calls.slot(calls.getI32(), 1);
  Value moved = calls.call("shfl",
                           {calls.i32(kind), op.getThreadMask(),
                            calls.bitcast(op.getVal(), calls.getI32()),
                            op.getOffset(), op.getMaskAndClamp(), valid},
                           calls.getI32());
  Value result = calls.bitcast(moved, op.getVal().getType());
  if (op.getReturnValueAndIsValid())
    result = calls.makeStruct(
        op.getType(), {result, calls.narrow(calls.load(calls.getI32(), valid),
                                            calls.getBuilder().getI1Type())});
  op.replaceAllUsesWith(result);
  return success();
}

static LogicalResult lowerRedux(NVVM::ReduxOp op, CallBuilder &calls) {
  int64_t kind;
  switch (op.getKind()) {
  case NVVM::ReduxKind::ADD:
    kind = 0;
    break;
  case NVVM::ReduxKind::AND:
    kind = 1;
    break;
  case NVVM::ReduxKind::MAX:
    kind = 2;
    break;
  case NVVM::ReduxKind::MIN:
    kind = 3;
    break;
  case NVVM::ReduxKind::OR:
    kind = 4;
    break;
  case NVVM::ReduxKind::UMAX:
    kind = 5;
    break;
  case NVVM::ReduxKind::UMIN:
    kind = 6;
    break;
  case NVVM::ReduxKind::XOR:
    kind = 7;
    break;
  default:
    return failure();
  }
  if (!op.getVal().getType().isInteger(32))
    return failure();
  op.replaceAllUsesWith(
      calls.call("redux", {calls.i32(kind), op.getMaskAndClamp(), op.getVal()},
                 calls.getI32()));
  return success();
}

static LogicalResult lowerVote(NVVM::VoteSyncOp op, CallBuilder &calls) {
  int64_t kind = op.getKind() == NVVM::VoteSyncKind::all      ? 0
                 : op.getKind() == NVVM::VoteSyncKind::any    ? 1
                 : op.getKind() == NVVM::VoteSyncKind::ballot ? 2
                                                              : 3;
  Value result = calls.call(
      "vote", {calls.i32(kind), op.getMask(), calls.extend(op.getPred())},
      calls.getI32());
  op.replaceAllUsesWith(calls.narrow(result, op.getType()));
  return success();
}

static LogicalResult lowerMatch(NVVM::MatchSyncOp op, CallBuilder &calls) {
  bool all = op.getKind() == NVVM::MatchSyncKind::all;
  Value value = op.getVal();
  if (value.getType().isInteger(32))
    value = LLVM::ZExtOp::create(calls.getBuilder(), op.getLoc(),
                                 calls.getBuilder().getI64Type(), value);
  Value equal = calls.slot(calls.getI32(), 1);
  Value result =
      calls.call("match", {calls.i32(all), op.getThreadMask(), value, equal},
                 calls.getI32());
  if (all)
    result = calls.makeStruct(
        op.getType(), {result, calls.narrow(calls.load(calls.getI32(), equal),
                                            calls.getBuilder().getI1Type())});
  op.replaceAllUsesWith(result);
  return success();
}

static LogicalResult lowerBarrier(NVVM::BarrierOp op, CallBuilder &calls) {
  int64_t reduction = 0;
  if (auto kind = op.getReductionOp())
    reduction = *kind == NVVM::BarrierReduction::AND  ? 1
                : *kind == NVVM::BarrierReduction::OR ? 2
                                                      : 3;
  Value result = calls.call(
      "barrier",
      {calls.extend(op.getBarrierId()), calls.extend(op.getNumberOfThreads()),
       calls.i32(reduction), calls.extend(op.getReductionPredicate())},
      calls.getI32());
  if (op.getRes())
    op.getRes().replaceAllUsesWith(result);
  return success();
}

/// What only orders memory in ways that the emulator does not tell apart, or
/// hints.
static bool isFence(Operation *op) {
  return isa<NVVM::MembarOp, NVVM::FenceScClusterOp, NVVM::FenceSyncRestrictOp,
             NVVM::FenceProxySyncRestrictOp, NVVM::FenceProxyAcquireOp,
             NVVM::FenceProxyReleaseOp, NVVM::PrefetchOp, NVVM::NanosleepOp,
             NVVM::CpAsyncBulkPrefetchOp, NVVM::CpAsyncBulkTensorPrefetchOp>(
      op);
}

LogicalResult fulgur::lowerSynchronisation(Operation *operation,
                                           CallBuilder &calls) {
  if (isFence(operation))
    return success();
  auto arrive = [&](Value address, Value count, bool drop, Value bytes,
                    Value result) {
    OpBuilder &builder = calls.getBuilder();
    if (bytes)
      bytes = LLVM::ZExtOp::create(builder, operation->getLoc(),
                                   builder.getI64Type(), bytes);
    Value state = calls.call("mbarrier_arrive",
                             {address, count ? count : calls.i32(1),
                              calls.i32(drop), bytes ? bytes : calls.i64(0)},
                             builder.getI64Type());
    if (result)
      result.replaceAllUsesWith(state);
    return success();
  };
  auto bytes = [&](Value count) -> Value {
    return LLVM::ZExtOp::create(calls.getBuilder(), operation->getLoc(),
                                calls.getBuilder().getI64Type(), count);
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(operation)
      .Case([&](NVVM::MBarrierInitOp op) {
        if (op.getPredicate())
          return failure();
        calls.call("mbarrier_init", {op.getAddr(), op.getCount()});
        return success();
      })
      .Case([&](NVVM::MBarrierInvalOp op) {
        calls.call("mbarrier_inval", {op.getAddr()});
        return success();
      })
      .Case([&](NVVM::MBarrierArriveOp op) {
        return arrive(op.getAddr(), op.getCount(), false, {}, op.getRes());
      })
      .Case([&](NVVM::MBarrierArriveDropOp op) {
        return arrive(op.getAddr(), op.getCount(), true, {}, op.getRes());
      })
      .Case([&](NVVM::MBarrierArriveExpectTxOp op) {
        if (op.getPredicate())
          return failure();
        return arrive(op.getAddr(), {}, false, op.getTxcount(), op.getRes());
      })
      .Case([&](NVVM::MBarrierExpectTxOp op) {
        calls.call("mbarrier_expect_tx",
                   {op.getAddr(), bytes(op.getTxcount())});
        return success();
      })
      .Case([&](NVVM::MBarrierCompleteTxOp op) {
        calls.call("mbarrier_complete_tx",
                   {op.getAddr(), bytes(op.getTxcount())});
        return success();
      })
      .Case([&](NVVM::MBarrierTryWaitParityOp op) {
        lowerWait(calls, "wait", op.getAddr(), op.getPhase());
        return success();
      })
      .Case([&](NVVM::MBarrierTryWaitOp op) {
        Value done =
            lowerWait(calls, "wait", op.getAddr(), op.getStateOrPhase());
        op.replaceAllUsesWith(calls.narrow(done, op.getType()));
        return success();
      })
      .Case([&](NVVM::MBarrierTestWaitOp op) {
        Value done =
            lowerWait(calls, "test", op.getAddr(), op.getStateOrPhase());
        op.replaceAllUsesWith(calls.narrow(done, op.getType()));
        return success();
      })
      .Case([&](NVVM::Barrier0Op op) {
        calls.call("barrier",
                   {calls.i32(0), calls.i32(0), calls.i32(0), calls.i32(0)},
                   calls.getI32());
        return success();
      })
      .Case([&](NVVM::BarrierOp op) { return lowerBarrier(op, calls); })
      .Case([&](NVVM::BarrierArriveOp op) {
        calls.call("barrier_arrive",
                   {calls.extend(op.getBarrierId()), op.getNumberOfThreads()});
        return success();
      })
      .Case([&](NVVM::SyncWarpOp op) {
        calls.call("syncwarp", {op.getMask()});
        return success();
      })
      .Case([&](NVVM::ClusterArriveOp op) {
        calls.call("cluster_arrive",
                   {calls.i32(0), calls.i32(op.getAligned().value_or(false))});
        return success();
      })
      .Case([&](NVVM::ClusterArriveRelaxedOp op) {
        calls.call("cluster_arrive",
                   {calls.i32(1), calls.i32(op.getAligned().value_or(false))});
        return success();
      })
      .Case([&](NVVM::ClusterWaitOp op) {
        calls.call("cluster_wait",
                   {calls.i32(op.getAligned().value_or(false))});
        return success();
      })
      .Case<NVVM::FenceMbarrierInitOp, NVVM::FenceProxyOp>([&](Operation *) {
        calls.call("fence_proxy", {});
        return success();
      })
      .Case([&](NVVM::SetMaxRegisterOp op) {
        bool more = op.getAction() == NVVM::SetMaxRegisterAction::increase;
        calls.call("setmaxnreg",
                   {calls.i32(op.getRegCount()), calls.i32(more)});
        return success();
      })
      .Case([&](NVVM::GriddepcontrolOp op) {
        if (op.getKind() == NVVM::GridDepActionKind::wait)
          calls.call("grid_wait", {});
        return success();
      })
      .Case([&](NVVM::ElectSyncOp op) {
        Value mask = op.getMembermask() ? op.getMembermask() : calls.i32(-1);
        Value leads = calls.call("elect", {mask}, calls.getI32());
        op.replaceAllUsesWith(calls.narrow(leads, op.getType()));
        return success();
      })
      .Case([&](NVVM::MapaOp op) {
        op.replaceAllUsesWith(
            calls.call("mapa", {op.getA(), op.getB()}, calls.getPointer()));
        return success();
      })
      .Case([&](NVVM::ShflOp op) { return lowerShuffle(op, calls); })
      .Case([&](NVVM::VoteSyncOp op) { return lowerVote(op, calls); })
      .Case([&](NVVM::ReduxOp op) { return lowerRedux(op, calls); })
      .Case([&](NVVM::MatchSyncOp op) { return lowerMatch(op, calls); })
      .Default([](Operation *) { return failure(); });
}
