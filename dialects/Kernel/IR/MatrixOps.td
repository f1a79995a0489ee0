//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products of tiles by tensor cores.
//
//===----------------------------------------------------------------------===//
#ifndef KERNEL_MATRIX_OPS_TD
#define KERNEL_MATRIX_OPS_TD

include "dialects/Kernel/IR/LowLevelOps.td"

def Kernel_WgmmaOp : Kernel_Op<"wgmma", [AttrSizedOperandSegments,
                                         AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "a warp group multiplies a tile of 64 rows with a tile";
  let description = [{
    `result[64, n] = accumulator + a[64, k] · b`, as `k / 16` (8-bit: `k / 32`)
    instructions `wgmma.mma_async`, in one order of k. By all 128 threads of a warp
    group, which agree on all operands. Runs on until `kernel.wgmma_wait`, after a
    `nvvm.wgmma.commit.group.sync.aligned`. The author puts a
    `nvvm.wgmma.fence.aligned` before the first one and after accesses of
    registers.

    - `a`: a tile in shared memory at `a_indices`, its rows along k; or a fragment
      `vector<(k/2)xT>`.
    - `b`: a tile at `b_indices`, `[n, k]`; with `transpose_b` `[k, n]`.
    - Rows of tiles in shared memory are 128 bytes, as a tensor map with a swizzle
      of 128 writes them; what is longer is in the next block of rows: of a tile
      `[…, R, 128 bytes]` block i starts `i · R · 128` bytes behind.
    - `accumulate`: without it, or if true, the accumulator counts; if false it
      does not.

    nvgpu.warpgroup.mma takes no fragment, waits by itself, and always adds.

    - (C1) `a` and `b` have one element type: bf16, f16 or f8E4M3FN.
    - (C2) n, twice the size of the accumulator, is a multiple of 8, 8 to 256; of
      64 with `transpose_b`.
    - (C3) `k` is a positive multiple of 16 (8-bit: 32).
    - (C4) Tiles in shared memory have at least two dimensions, an identity layout
      and rows of 128 bytes; and one index for each dimension.
    - (C5) A fragment `a` has k/2 values and no indices.
    - (C6) `transpose_b` takes 16-bit elements.
    - (C7) Rows of a block of tiles are a multiple of 8.
    - (C8) The tile starts at a multiple of 1024 bytes where that is known.

    ```mlir
    %d = kernel.wgmma %c, %a[%s, %row, %0], %b[%s, %0, %0] k 64
        : vector<128xf32>, memref<4x128x64xbf16, #gpu.address_space<workgroup>>,
          memref<4x256x64xbf16, #gpu.address_space<workgroup>>
    ```
  }];
  let arguments = (ins Kernel_AccumulatorVector:$accumulator,
                       AnyTypeOf<[Kernel_Tile, VectorOfRankAndType<[1], [BF16, F16, F8E4M3FN]>]>:$a,
                       Variadic<Index>:$aIndices, Kernel_Tile:$b,
                       Variadic<Index>:$bIndices, Optional<I1>:$accumulate,
                       I64Attr:$k, UnitAttr:$transposeB);
  let results = (outs Kernel_AccumulatorVector:$result);
  let assemblyFormat = [{
    $accumulator `,` $a (`[` $aIndices^ `]`)? `,` $b `[` $bIndices `]`
    `k` custom<Offset>($k) (`accumulate` $accumulate^)? (`transpose_b` $transposeB^)? attr-dict
    `:` type($accumulator) `,` type($a) `,` type($b)
  }];
  let hasVerifier = 1;
}

def Kernel_MmaSyncOp : Kernel_Op<"mma_sync", [Pure, AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "a warp multiplies fragments of 16×16 and 16×8";
  let description = [{
    `mma.sync.aligned.m16n8k16.row.col.f32.<type>.<type>.f32`, sm_80. `b` is
    `[n, k]` as `kernel.ldmatrix` reads it. nvgpu.mma.sync does not lower with bf16.

    - (C1) `a` is `vector<8xT>`, `b` is `vector<4xT>` with one T, bf16 or f16; the
      accumulator is `vector<4xf32>`.
  }];
  let arguments = (ins VectorOfRankAndType<[1], [BF16, F16]>:$a,
                       VectorOfRankAndType<[1], [BF16, F16]>:$b,
                       Kernel_AccumulatorVector:$accumulator);
  let results = (outs Kernel_AccumulatorVector:$result);
  let assemblyFormat = "$a `,` $b `,` $accumulator attr-dict `:` type($a) `,` type($b) `,` type($accumulator)";
  let hasVerifier = 1;
}

#endif // KERNEL_MATRIX_OPS_TD
