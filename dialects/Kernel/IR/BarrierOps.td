//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// mbarriers: objects in shared memory that count arrivals of threads and bytes
// of copies. Pipelines use them by themselves; these are for what is no ring.
//
//===----------------------------------------------------------------------===//
#ifndef KERNEL_BARRIER_OPS_TD
#define KERNEL_BARRIER_OPS_TD

include "dialects/Kernel/IR/KernelDialect.td"

def Kernel_MBarrierOp : Kernel_Op<"mbarrier", [Pure]> {
  let summary = "an mbarrier at a byte offset of dynamic shared memory";
  let description = [{
    With `index`, the mbarrier of that number in an array that starts at `offset`.
    nvgpu.mbarrier.create takes static shared memory, which must not be mixed with
    dynamic shared memory (it may be given the same addresses).

    - (C1) `offset` is a multiple of 8.
    - (C2) The mbarrier lies within the 232448 bytes that a block may have.

    ```mlir
    %b = kernel.mbarrier at 196608
    ```
  }];
  let arguments = (ins I64Attr:$offset, Optional<I32>:$index);
  let results = (outs Kernel_MBarrierType:$result);
  let assemblyFormat = "`at` custom<Offset>($offset) (`[` $index^ `]`)? attr-dict";
  let hasVerifier = 1;
}

def Kernel_MBarrierInitOp : Kernel_Op<"mbarrier_init"> {
  let summary = "sets the number of arrivals that complete a phase";
  let description = [{
    `mbarrier.init`, by one thread; other threads may use the mbarrier after a
    `nvvm.fence.mbarrier.init` (if copies or other blocks use it) and a barrier.

    - (C1) `count` is 1 to 1048575.
  }];
  let arguments = (ins Kernel_MBarrierType:$barrier, I32Attr:$count);
  let assemblyFormat = "$barrier `count` $count attr-dict";
  let hasVerifier = 1;
}

def Kernel_MBarrierArriveOp : Kernel_Op<"mbarrier_arrive"> {
  let summary = "arrives, and may announce bytes of copies";
  let description = [{
    `mbarrier.arrive`, with `bytes` `mbarrier.arrive.expect_tx`: the phase is
    complete when all have arrived and all announced bytes have come. With `rank`
    it arrives at the mbarrier of that block of the cluster (`mapa`,
    `mbarrier.arrive.release.cluster.shared::cluster`).

    - (C1) `bytes` is 1 to 1048575 and not with `rank`.
  }];
  let arguments = (ins Kernel_MBarrierType:$barrier, Optional<I32>:$rank,
                       OptionalAttr<I32Attr>:$bytes);
  let assemblyFormat = "$barrier (`rank` $rank^)? (`bytes` $bytes^)? attr-dict";
  let hasVerifier = 1;
}

def Kernel_MBarrierWaitOp : Kernel_Op<"mbarrier_wait"> {
  let summary = "waits until the phase of a parity is complete";
  let description = [{
    A loop over `mbarrier.try_wait.parity`. The first phase has parity 0; a wait
    for parity 1 returns at once on a fresh mbarrier. With `cluster` what other
    blocks wrote before they arrived is visible after it (`.acquire.cluster`).
  }];
  let arguments = (ins Kernel_MBarrierType:$barrier, I32:$parity, UnitAttr:$cluster);
  let assemblyFormat = "$barrier `parity` $parity (`cluster` $cluster^)? attr-dict";
}

#endif // KERNEL_BARRIER_OPS_TD
