//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verifiers of pipelines and of the roles that they connect.
//
//===----------------------------------------------------------------------===//
#include "dialects/Kernel/IR/Tiles.h"

using namespace mlir;
using namespace fulgur::kernel;

LogicalResult PipelineCreateOp::verify() {
  // pipeline_create (C1)
  if (failed(verifyShared(*this, getOffset(), getType().getStages() * 16, 8)))
    return failure();
  // pipeline_create (C2)
  for (auto [name, count] :
       {std::pair("producers", static_cast<int32_t>(getProducers())),
        std::pair("consumers", static_cast<int32_t>(getConsumers()))})
    if (count < 1)
      return emitOpError("expected '")
             << name << "' to be positive, but got " << count;
  return success();
}

/// pipeline_… (C1)
template <typename Op> static LogicalResult verifyStages(Op op) {
  int64_t stages = op.getPipeline().getType().getStages();
  int64_t got = op.getState().getType().getStages();
  if (stages != got)
    return op.emitOpError("expected a state of ")
           << stages << " stages, but got " << got;
  return success();
}

LogicalResult PipelineAcquireOp::verify() {
  if (failed(verifyStages(*this)))
    return failure();
  // pipeline_acquire (C2)
  if (!getBytes())
    return success();
  int64_t loaded = 0;
  for (Operation *user : getFull().getUsers()) {
    auto load = dyn_cast<TmaLoadOp>(user);
    if (!load || load->getBlock() != (*this)->getBlock())
      return success();
    int64_t copies =
        load.getMulticast() ? getPipeline().getType().getCluster() : 1;
    loaded += load.getMap().getType().getBytes() * copies;
  }
  if (loaded && loaded != static_cast<int32_t>(*getBytes()))
    return emitOpError("expected 'bytes' to be what the copies on the stage "
                       "bring, ")
           << loaded << ", but got " << *getBytes();
  return success();
}

LogicalResult PipelineCommitOp::verify() { return verifyStages(*this); }
LogicalResult PipelineWaitOp::verify() { return verifyStages(*this); }
LogicalResult PipelineReleaseOp::verify() { return verifyStages(*this); }

/// roles (C5): what a role takes from a pipeline it gives back.
static LogicalResult verifyPipelines(RolesOp op, Region &role) {
  llvm::SetVector<Value> waited, acquired;
  llvm::DenseSet<Value> released, committed;
  role.walk([&](Operation *nested) {
    if (auto wait = dyn_cast<PipelineWaitOp>(nested))
      waited.insert(wait.getPipeline());
    if (auto release = dyn_cast<PipelineReleaseOp>(nested))
      released.insert(release.getPipeline());
    if (auto acquire = dyn_cast<PipelineAcquireOp>(nested);
        acquire && !acquire.getBytes())
      acquired.insert(acquire.getPipeline());
    if (auto commit = dyn_cast<PipelineCommitOp>(nested))
      committed.insert(commit.getPipeline());
  });
  for (Value pipeline : waited)
    if (!released.contains(pipeline))
      return op.emitOpError("expected role ")
             << role.getRegionNumber()
             << " to release the pipeline that it waits for";
  for (Value pipeline : acquired)
    if (!committed.contains(pipeline))
      return op.emitOpError("expected role ")
             << role.getRegionNumber()
             << " to commit the pipeline that it acquires";
  return success();
}

LogicalResult RolesOp::verify() {
  // roles (C1)
  size_t roles = getBodies().size();
  if (getGroups().size() != roles || getRegisters().size() != roles)
    return emitOpError("expected 'groups' and 'registers' to have ")
           << roles << " values, one for each region, but got "
           << getGroups().size() << " and " << getRegisters().size();
  int64_t groups = 0, budget = 0;
  for (auto [count, registers] : llvm::zip_equal(getGroups(), getRegisters())) {
    if (count < 1)
      return emitOpError("expected 'groups' to be positive, but got ") << count;
    // roles (C2)
    if (registers % 8 || registers < 24 || registers > 256)
      return emitOpError("expected 'registers' to be a multiple of 8, 24 to "
                         "256, but got ")
             << registers;
    groups += count;
    budget += int64_t(count) * registers * warpGroupThreads;
  }
  // roles (C3)
  int64_t threads = groups * warpGroupThreads;
  int64_t launched = blockRegisters / threads / 8 * 8 * threads;
  if (budget > launched)
    return emitOpError("expected registers of all threads to fit in the ")
           << launched << " of the launch, but got " << budget;
  // roles (C4)
  auto function = (*this)->getParentOfType<gpu::GPUFuncOp>();
  if (function) {
    auto size = function.getKnownBlockSize();
    if (size && (*size)[0] != threads)
      return emitOpError("expected warp groups of ")
             << (*size)[0] << " threads, the block, but got " << threads;
  }
  for (Region &role : getBodies()) {
    // roles (C6)
    if (role.getNumArguments() != 2 ||
        !llvm::all_of(role.getArgumentTypes(),
                      [](Type type) { return type.isInteger(32); }))
      return emitOpError("expected role ")
             << role.getRegionNumber() << " to have two arguments of i32";
    if (failed(verifyPipelines(*this, role)))
      return failure();
  }
  return success();
}
