//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rings of stages between the roles of a kernel.
//
//===----------------------------------------------------------------------===//
#ifndef KERNEL_PIPELINE_OPS_TD
#define KERNEL_PIPELINE_OPS_TD

include "dialects/Kernel/IR/KernelDialect.td"

class Kernel_PipelineOp<string mnemonic, list<Trait> traits = []> : Kernel_Op<mnemonic, traits> {
  let hasVerifier = 1;
}

def Kernel_PipelineCreateOp : Kernel_PipelineOp<"pipeline_create"> {
  let summary = "sets up the barriers of a pipeline";
  let description = [{
    By all threads of the block, before roles part; a barrier of the block (with
    `cluster` of the cluster) has to follow. The barriers take `stages · 16` bytes
    of dynamic shared memory at `offset`: *full*, then *empty*.

    A stage is full when `producers` have committed (one that acquires with `bytes`
    counts as one), and empty when `consumers` warp groups of each block of the
    cluster have released it.

    - (C1) `offset` is a multiple of 8, and the barriers end within the 232448 bytes
      that a block may have.
    - (C2) `producers` and `consumers` are positive.

    ```mlir
    %p = kernel.pipeline_create at 196608 producers 1 consumers 2 : !kernel.pipeline<4>
    ```
  }];
  let arguments = (ins I64Attr:$offset, I32Attr:$producers, I32Attr:$consumers);
  let results = (outs Kernel_PipelineType:$result);
  let assemblyFormat = [{
    `at` custom<Offset>($offset) `producers` custom<Count>($producers)
    `consumers` custom<Count>($consumers) attr-dict `:` qualified(type($result))
  }];
}

def Kernel_PipelineStartOp : Kernel_Op<"pipeline_start", [Pure]> {
  let summary = "the state of a role that has not passed a stage";
  let results = (outs Kernel_PipelineStateType:$result);
  let assemblyFormat = "attr-dict `:` qualified(type($result))";
}

def Kernel_PipelineAdvanceOp : Kernel_Op<"pipeline_advance", [Pure, SameOperandsAndResultType]> {
  let summary = "the state at the next stage";
  let arguments = (ins Kernel_PipelineStateType:$state);
  let results = (outs Kernel_PipelineStateType:$result);
  let assemblyFormat = "$state attr-dict `:` qualified(type($state))";
}

def Kernel_PipelineAcquireOp : Kernel_PipelineOp<"pipeline_acquire"> {
  let summary = "a producer waits until a stage is empty";
  let description = [{
    `mbarrier.try_wait.parity` on *empty*. The first round of stages is empty from
    the start. With `bytes`, by one thread: announces (`mbarrier.arrive.expect_tx`)
    what copies by tensor maps on the result `full` will bring, and counts as a
    commit. Without, every producer has to commit.

    - (C1) State and pipeline have one number of stages.
    - (C2) `bytes` is the bytes of the `kernel.tma_load` on `full`, if all stand in
      the block of the operation and nothing else uses it; those with a mask count
      once for each block of the cluster. Other totals never complete.

    ```mlir
    %stage, %full = kernel.pipeline_acquire %p, %s bytes 49152
        : !kernel.pipeline<4>, !kernel.pipeline_state<4>
    ```
  }];
  let arguments = (ins Kernel_PipelineType:$pipeline, Kernel_PipelineStateType:$state,
                       OptionalAttr<I32Attr>:$bytes);
  let results = (outs Index:$stage, Kernel_MBarrierType:$full);
  let assemblyFormat = [{
    $pipeline `,` $state (`bytes` custom<Count>($bytes)^)? attr-dict
    `:` qualified(type($pipeline)) `,` qualified(type($state))
  }];
}

def Kernel_PipelineCommitOp : Kernel_PipelineOp<"pipeline_commit"> {
  let summary = "a producer has filled its part of a stage";
  let description = [{
    `mbarrier.arrive` on *full*; with `copies` `cp.async.mbarrier.arrive.noinc`,
    which arrives when the `kernel.copy_async` of the thread are done. By each of
    the `producers`.

    - (C1) State and pipeline have one number of stages.
  }];
  let arguments = (ins Kernel_PipelineType:$pipeline, Kernel_PipelineStateType:$state,
                       UnitAttr:$copies);
  let assemblyFormat = [{
    $pipeline `,` $state (`copies` $copies^)? attr-dict `:` qualified(type($pipeline)) `,` qualified(type($state))
  }];
}

def Kernel_PipelineWaitOp : Kernel_PipelineOp<"pipeline_wait"> {
  let summary = "a consumer waits until a stage is full";
  let description = [{
    `mbarrier.try_wait.parity` on *full*.

    - (C1) State and pipeline have one number of stages.
  }];
  let arguments = (ins Kernel_PipelineType:$pipeline, Kernel_PipelineStateType:$state);
  let results = (outs Index:$stage);
  let assemblyFormat = "$pipeline `,` $state attr-dict `:` qualified(type($pipeline)) `,` qualified(type($state))";
}

def Kernel_PipelineReleaseOp : Kernel_PipelineOp<"pipeline_release"> {
  let summary = "a consumer has read a stage";
  let description = [{
    `mbarrier.arrive` on *empty*, by all threads of a warp group, which together
    count as one of the `consumers`: thread i of it arrives at block i of the
    cluster. All of them have read what they read of the stage, products included.

    - (C1) State and pipeline have one number of stages.
  }];
  let arguments = (ins Kernel_PipelineType:$pipeline, Kernel_PipelineStateType:$state);
  let assemblyFormat = "$pipeline `,` $state attr-dict `:` qualified(type($pipeline)) `,` qualified(type($state))";
}

#endif // KERNEL_PIPELINE_OPS_TD
