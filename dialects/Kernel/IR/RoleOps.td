//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Warp groups of a block that do different things.
//
//===----------------------------------------------------------------------===//
#ifndef KERNEL_ROLE_OPS_TD
#define KERNEL_ROLE_OPS_TD

include "dialects/Kernel/IR/KernelDialect.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Kernel_RolesOp : Kernel_Op<"roles", [SingleBlock, NoTerminator, RecursiveMemoryEffects]> {
  let summary = "warp groups part, each with a budget of registers";
  let description = [{
    One region for each role, which the next `groups[i]` warp groups of the block
    run (128 threads each). Its arguments are the number of the warp group in the
    role, the same for all threads as far as LLVM can see (`shfl.sync.idx`), and
    the number of the thread in its warp group, both i32. A role starts with
    `setmaxnreg` to `registers[i]` for each thread, up or down from what the launch
    gave.

    - (C1) As many regions as `groups` and `registers`.
    - (C2) `registers` are multiples of 8, 24 to 256 (`setmaxnreg`).
    - (C3) Registers of all threads fit in what the launch gave, `65536 / threads` to
      each, rounded down to 8: an increase waits forever for what nobody gives back.
    - (C4) Warp groups are those of `known_block_size` of the kernel.
    - (C5) A role that waits for stages of a pipeline releases them; one that
      acquires without `bytes` commits.
    - (C6) A region has two arguments, both i32.

    ```mlir
    kernel.roles groups [1, 2] registers [40, 232] {
    ^bb0(%group: i32, %thread: i32):
      …
    }, {
    ^bb0(%group: i32, %thread: i32):
      …
    }
    ```
  }];
  let arguments = (ins DenseI32ArrayAttr:$groups, DenseI32ArrayAttr:$registers);
  let regions = (region VariadicRegion<SizedRegion<1>>:$bodies);
  let assemblyFormat = "`groups` $groups `registers` $registers $bodies attr-dict";
  let hasVerifier = 1;
}

#endif // KERNEL_ROLE_OPS_TD
