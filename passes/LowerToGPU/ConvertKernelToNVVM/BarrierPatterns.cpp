//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Barriers, pipelines and roles. The state of a pipeline is one number n below
// 2 · stages: stage n mod stages, in the second half of it with the other
// phase.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/ConvertKernelToNVVM/Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace fulgur::kernel;

Value Integers::constant(int64_t value) {
  return LLVM::ConstantOp::create(builder, loc, type(),
                                  builder.getI32IntegerAttr(value));
}
Value Integers::add(Value a, Value b) {
  return LLVM::AddOp::create(builder, loc, a, b);
}
Value Integers::sub(Value a, int64_t b) {
  return LLVM::SubOp::create(builder, loc, a, constant(b));
}
Value Integers::andWith(Value a, int64_t b) {
  return LLVM::AndOp::create(builder, loc, a, constant(b));
}
Value Integers::shiftRight(Value a, int64_t b) {
  return LLVM::LShrOp::create(builder, loc, a, constant(b));
}
Value Integers::shiftLeft(Value a, int64_t b) {
  return LLVM::ShlOp::create(builder, loc, a, constant(b));
}
Value Integers::compare(LLVM::ICmpPredicate predicate, Value a, int64_t b) {
  return LLVM::ICmpOp::create(builder, loc, predicate, a, constant(b));
}
Value Integers::select(Value condition, Value a, Value b) {
  return LLVM::SelectOp::create(builder, loc, condition, a, b);
}
Value Integers::thread() {
  return NVVM::ThreadIdXOp::create(builder, loc, type());
}

Value fulgur::kernel::advance(OpBuilder &builder, Location loc, Value pointer,
                              Value bytes) {
  return LLVM::GEPOp::create(builder, loc, pointer.getType(),
                             builder.getI8Type(), pointer, bytes);
}

Value fulgur::kernel::getShared(OpBuilder &builder, Location loc,
                                int64_t offset) {
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace);
  Value base = LLVM::AddressOfOp::create(builder, loc, pointer, sharedSymbol);
  return LLVM::GEPOp::create(builder, loc, pointer, builder.getI8Type(), base,
                             ArrayRef<LLVM::GEPArg>{int32_t(offset)});
}

/// Waits for the phase of `parity`.
static void waitFor(OpBuilder &builder, Location loc, Value barrier,
                    Value parity, NVVM::MemScopeKind scope) {
  scf::WhileOp::create(
      builder, loc, TypeRange(), ValueRange(),
      [&](OpBuilder &builder, Location loc, ValueRange) {
        Value done = NVVM::MBarrierTryWaitOp::create(
            builder, loc, builder.getI1Type(), barrier, parity,
            /*ticks=*/Value(), scope);
        Value yes = LLVM::ConstantOp::create(builder, loc, builder.getI1Type(),
                                             builder.getBoolAttr(true));
        Value again = LLVM::XOrOp::create(builder, loc, done, yes);
        scf::ConditionOp::create(builder, loc, again, ValueRange());
      },
      [](OpBuilder &builder, Location loc, ValueRange) {
        scf::YieldOp::create(builder, loc);
      });
}

static void arrive(OpBuilder &builder, Location loc, Value barrier) {
  NVVM::MBarrierArriveOp::create(builder, loc, /*res=*/Type(), barrier,
                                 /*count=*/Value());
}

/// Arrives at the barrier of block `rank` of the cluster.
static void arriveAt(OpBuilder &builder, Location loc, Value barrier,
                     Value rank) {
  Value remote = NVVM::MapaOp::create(
      builder, loc,
      LLVM::LLVMPointerType::get(builder.getContext(), clusterSpace), barrier,
      rank);
  NVVM::MBarrierArriveOp::create(builder, loc, /*res=*/Type(), remote,
                                 /*count=*/Value(),
                                 NVVM::MemScopeKind::CLUSTER);
}

static void expect(OpBuilder &builder, Location loc, Value barrier,
                   int64_t bytes) {
  NVVM::MBarrierArriveExpectTxOp::create(
      builder, loc, /*res=*/Type(), barrier,
      Integers(builder, loc).constant(bytes), NVVM::MemScopeKind::CTA,
      /*relaxed=*/false, /*predicate=*/Value());
}

namespace {
/// A state in parts.
struct Stage {
  Value number, phase;

  Stage(Integers &i, Value state, PipelineStateType type) {
    int64_t stages = type.getStages();
    Value second = i.compare(LLVM::ICmpPredicate::uge, state, stages);
    number = i.select(second, i.sub(state, stages), state);
    phase = LLVM::ZExtOp::create(i.builder, i.loc, i.type(), second);
  }
  Value getFull(Integers &i, Value pipeline) {
    return advance(i.builder, i.loc, pipeline, i.shiftLeft(number, 3));
  }
  Value getEmpty(Integers &i, Value pipeline, int64_t stages) {
    return advance(i.builder, i.loc, pipeline,
                   i.shiftLeft(i.add(number, stages), 3));
  }
};

struct MBarrierLowering : ConvertOpToLLVMPattern<MBarrierOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(MBarrierOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value barrier = getShared(rewriter, loc, op.getOffset());
    if (Value index = adaptor.getIndex())
      barrier = advance(rewriter, loc, barrier,
                        Integers(rewriter, loc).shiftLeft(index, 3));
    rewriter.replaceOp(op, barrier);
    return success();
  }
};

struct MBarrierInitLowering : ConvertOpToLLVMPattern<MBarrierInitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(MBarrierInitOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<NVVM::MBarrierInitOp>(
        op, adaptor.getBarrier(),
        Integers(rewriter, op.getLoc()).constant(op.getCount()),
        /*predicate=*/Value());
    return success();
  }
};

struct MBarrierArriveLowering : ConvertOpToLLVMPattern<MBarrierArriveOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(MBarrierArriveOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    if (op.getBytes())
      expect(rewriter, loc, adaptor.getBarrier(), *op.getBytes());
    else if (Value rank = adaptor.getRank())
      arriveAt(rewriter, loc, adaptor.getBarrier(), rank);
    else
      arrive(rewriter, loc, adaptor.getBarrier());
    rewriter.eraseOp(op);
    return success();
  }
};

struct MBarrierWaitLowering : ConvertOpToLLVMPattern<MBarrierWaitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(MBarrierWaitOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    waitFor(rewriter, op.getLoc(), adaptor.getBarrier(), adaptor.getParity(),
            op.getCluster() ? NVVM::MemScopeKind::CLUSTER
                            : NVVM::MemScopeKind::CTA);
    rewriter.eraseOp(op);
    return success();
  }
};

struct PipelineCreateLowering : ConvertOpToLLVMPattern<PipelineCreateOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(PipelineCreateOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    PipelineType type = op.getType();
    int64_t stages = type.getStages();
    Integers outer(rewriter, loc);
    Value first = outer.compare(LLVM::ICmpPredicate::eq, outer.thread(), 0);
    scf::IfOp::create(
        rewriter, loc, first, [&](OpBuilder &builder, Location loc) {
          Integers i(builder, loc);
          for (int64_t number = 0; number < 2 * stages; ++number) {
            int64_t count = number < stages
                                ? op.getProducers()
                                : op.getConsumers() * type.getCluster();
            NVVM::MBarrierInitOp::create(
                builder, loc,
                getShared(builder, loc, op.getOffset() + 8 * number),
                i.constant(count), /*predicate=*/Value());
          }
          // Copies and other blocks see the counts.
          NVVM::FenceMbarrierInitOp::create(builder, loc);
          scf::YieldOp::create(builder, loc);
        });
    rewriter.replaceOp(op, getShared(rewriter, loc, op.getOffset()));
    return success();
  }
};

struct PipelineStartLowering : ConvertOpToLLVMPattern<PipelineStartOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(PipelineStartOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, Integers(rewriter, op.getLoc()).constant(0));
    return success();
  }
};

struct PipelineAdvanceLowering : ConvertOpToLLVMPattern<PipelineAdvanceOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(PipelineAdvanceOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Integers i(rewriter, op.getLoc());
    Value next = i.add(adaptor.getState(), 1);
    Value wraps =
        i.compare(LLVM::ICmpPredicate::eq, next, 2 * op.getType().getStages());
    rewriter.replaceOp(op, i.select(wraps, i.constant(0), next));
    return success();
  }
};

struct PipelineAcquireLowering : ConvertOpToLLVMPattern<PipelineAcquireOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(PipelineAcquireOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Integers i(rewriter, loc);
    PipelineStateType type = op.getState().getType();
    Stage stage(i, adaptor.getState(), type);
    Value parity =
        LLVM::XOrOp::create(rewriter, loc, stage.phase, i.constant(1));
    waitFor(rewriter, loc,
            stage.getEmpty(i, adaptor.getPipeline(), type.getStages()), parity,
            NVVM::MemScopeKind::CTA);
    Value full = stage.getFull(i, adaptor.getPipeline());
    if (op.getBytes())
      expect(rewriter, loc, full, *op.getBytes());
    Value index = LLVM::ZExtOp::create(
        rewriter, loc, getTypeConverter()->getIndexType(), stage.number);
    rewriter.replaceOp(op, ValueRange{index, full});
    return success();
  }
};

struct PipelineCommitLowering : ConvertOpToLLVMPattern<PipelineCommitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(PipelineCommitOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Integers i(rewriter, op.getLoc());
    Value full = Stage(i, adaptor.getState(), op.getState().getType())
                     .getFull(i, adaptor.getPipeline());
    if (op.getCopies())
      NVVM::CpAsyncMBarrierArriveOp::create(rewriter, op.getLoc(), full,
                                            /*noinc=*/true);
    else
      arrive(rewriter, op.getLoc(), full);
    rewriter.eraseOp(op);
    return success();
  }
};

struct PipelineWaitLowering : ConvertOpToLLVMPattern<PipelineWaitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(PipelineWaitOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Integers i(rewriter, op.getLoc());
    Stage stage(i, adaptor.getState(), op.getState().getType());
    waitFor(rewriter, op.getLoc(), stage.getFull(i, adaptor.getPipeline()),
            stage.phase, NVVM::MemScopeKind::CTA);
    rewriter.replaceOpWithNewOp<LLVM::ZExtOp>(
        op, getTypeConverter()->getIndexType(), stage.number);
    return success();
  }
};

struct PipelineReleaseLowering : ConvertOpToLLVMPattern<PipelineReleaseOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(PipelineReleaseOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Integers i(rewriter, loc);
    PipelineType type = op.getPipeline().getType();
    Value empty = Stage(i, adaptor.getState(), op.getState().getType())
                      .getEmpty(i, adaptor.getPipeline(), type.getStages());
    Value thread = i.andWith(i.thread(), warpGroupThreads - 1);
    Value arrives =
        i.compare(LLVM::ICmpPredicate::ult, thread, type.getCluster());
    scf::IfOp::create(rewriter, loc, arrives,
                      [&](OpBuilder &builder, Location loc) {
                        if (type.getCluster() == 1)
                          arrive(builder, loc, empty);
                        else
                          arriveAt(builder, loc, empty, thread);
                        scf::YieldOp::create(builder, loc);
                      });
    rewriter.eraseOp(op);
    return success();
  }
};

struct RolesLowering : ConvertOpToLLVMPattern<RolesOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(RolesOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Integers i(rewriter, loc);
    int64_t groups = llvm::sum_of(op.getGroups());
    int64_t launched = blockRegisters / (groups * warpGroupThreads) / 8 * 8;
    Value thread = i.thread();
    // From one lane, for all of a warp: LLVM and ptxas take it for uniform.
    Value group = NVVM::ShflOp::create(
        rewriter, loc, i.type(), i.constant(-1), i.shiftRight(thread, 7),
        i.constant(0), i.constant(31), NVVM::ShflKind::idx, UnitAttr());
    thread = i.andWith(thread, warpGroupThreads - 1);
    int64_t start = 0;
    for (auto [role, count, registers] :
         llvm::zip_equal(op.getBodies(), op.getGroups(), op.getRegisters())) {
      bool last = role.getRegionNumber() + 1 == op.getBodies().size();
      Block *into = rewriter.getInsertionBlock();
      Block::iterator at = rewriter.getInsertionPoint();
      scf::IfOp branch;
      if (!last) {
        Value mine = i.compare(LLVM::ICmpPredicate::ult, group, start + count);
        branch = scf::IfOp::create(rewriter, loc, mine, /*withElse=*/true);
        into = branch.thenBlock();
        at = Block::iterator(into->getTerminator());
        rewriter.setInsertionPoint(into, at);
      }
      if (registers != launched)
        NVVM::SetMaxRegisterOp::create(
            rewriter, loc, registers,
            registers < launched ? NVVM::SetMaxRegisterAction::decrease
                                 : NVVM::SetMaxRegisterAction::increase);
      Value number = i.sub(group, start);
      rewriter.inlineBlockBefore(&role.front(), into, at, {number, thread});
      if (branch)
        rewriter.setInsertionPointToStart(branch.elseBlock());
      start += count;
    }
    rewriter.eraseOp(op);
    return success();
  }
};
} // namespace

void fulgur::kernel::populateBarrierPatterns(const LLVMTypeConverter &types,
                                             RewritePatternSet &patterns) {
  patterns.add<MBarrierLowering, MBarrierInitLowering, MBarrierArriveLowering,
               MBarrierWaitLowering, PipelineCreateLowering,
               PipelineStartLowering, PipelineAdvanceLowering,
               PipelineAcquireLowering, PipelineCommitLowering,
               PipelineWaitLowering, PipelineReleaseLowering, RolesLowering>(
      types);
}
