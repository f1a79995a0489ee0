//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Copies of boxes of tensors by the tensor memory accelerator (TMA).
//
//===----------------------------------------------------------------------===//
#ifndef KERNEL_TENSOR_MAP_OPS_TD
#define KERNEL_TENSOR_MAP_OPS_TD

include "dialects/Kernel/IR/KernelDialect.td"

def Kernel_TensorMapOp : Kernel_Op<"tensor_map", [Pure]> {
  let summary = "describes a buffer to the TMA; on the host";
  let description = [{
    `cuTensorMapEncodeTiled`, by `fulgur_tensor_map` of the runtime, whose result a
    kernel takes as an argument, by value. Elements outside of the buffer are read
    as zeros and not written. The address is a multiple of 16 bytes.

    - (C1) `source` has the rank and element type of the box.
    - (C2) The innermost dimension is contiguous.
    - (C3) Other strides, where known, are multiples of 16 bytes.

    ```mlir
    %m = kernel.tensor_map %x : memref<?x4096xbf16> to !kernel.tensor_map<128x64xbf16, 128>
    ```
  }];
  let arguments = (ins AnyMemRef:$source);
  let results = (outs Kernel_TensorMapType:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `to` qualified(type($result))";
  let hasVerifier = 1;
}

def Kernel_TensorMapPrefetchOp : Kernel_Op<"tensor_map_prefetch"> {
  let summary = "brings a tensor map into the cache, by one thread";
  let description = [{ `prefetch.tensormap`. }];
  let arguments = (ins Kernel_TensorMapType:$map);
  let assemblyFormat = "$map attr-dict `:` qualified(type($map))";
}

class Kernel_TmaOp<string mnemonic> : Kernel_Op<mnemonic, [AttrSizedOperandSegments]> {
  string rules = [{
    - (C1) One i32 coordinate for each size of the box, outermost first.
    - (C2) Tile and map have one element type.
    - (C3) One index for each dimension of the tile, which has an identity layout.
    - (C4) A row of a swizzled box is a row of the tile, and the box is not larger
      than the tile.
    - (C5) The address in shared memory, where known, is a multiple of 128 bytes; with
      a swizzle of 8 times its bytes, after which the pattern repeats.
  }];
  let hasVerifier = 1;
}

def Kernel_TmaLoadOp : Kernel_TmaOp<"tma_load"> {
  let summary = "one thread starts a copy of a box to shared memory";
  let description = [{
    `cp.async.bulk.tensor.<rank>d.shared::cluster.global.tile.mbarrier::complete_tx`.
    The bytes of a whole box, also of one over the edge, arrive at the mbarrier.
    With `multicast` (i16) at that address, and that mbarrier, of each block of the
    cluster whose bit is set. `hint` is a policy of the L2 cache (`createpolicy`).
    nvgpu.tma.async.load demands rows of 128 bytes and a map in device memory.

  }] # rules # [{

    ```mlir
    kernel.tma_load %m[%row, %column] to %a[%stage, %0, %0], %full
        : !kernel.tensor_map<128x64xbf16, 128>,
          memref<4x128x64xbf16, #gpu.address_space<workgroup>>
    ```
  }];
  let arguments = (ins Kernel_TensorMapType:$map, Variadic<I32>:$coordinates,
                       Kernel_Tile:$tile, Variadic<Index>:$indices,
                       Kernel_MBarrierType:$barrier, Optional<I16>:$multicast,
                       Optional<I64>:$hint);
  let assemblyFormat = [{
    $map `[` $coordinates `]` `to` $tile `[` $indices `]` `,` $barrier
    (`multicast` $multicast^)? (`hint` $hint^)? attr-dict `:` qualified(type($map)) `,` type($tile)
  }];
}

def Kernel_TmaStoreOp : Kernel_TmaOp<"tma_store"> {
  let summary = "one thread starts a copy of a box to global memory";
  let description = [{
    `cp.async.bulk.tensor.<rank>d.global.shared::cta.tile.bulk_group`. Writes of
    threads to the tile are visible to it after `nvvm.fence.proxy` of each of them
    and a barrier. `nvvm.cp.async.bulk.commit.group` and
    `nvvm.cp.async.bulk.wait_group` of the same thread wait for it.

  }] # rules;
  let arguments = (ins Kernel_Tile:$tile, Variadic<Index>:$indices,
                       Kernel_TensorMapType:$map, Variadic<I32>:$coordinates);
  let assemblyFormat = [{
    $tile `[` $indices `]` `to` $map `[` $coordinates `]` attr-dict `:` type($tile) `,` qualified(type($map))
  }];
}

#endif // KERNEL_TENSOR_MAP_OPS_TD
