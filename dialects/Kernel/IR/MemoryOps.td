//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Dynamic shared memory, and what moves between it, global memory and registers
// other than tensor maps.
//
//===----------------------------------------------------------------------===//
#ifndef KERNEL_MEMORY_OPS_TD
#define KERNEL_MEMORY_OPS_TD

include "dialects/Kernel/IR/KernelDialect.td"

def Kernel_SharedOp : Kernel_Op<"shared", [Pure]> {
  let summary = "a slice of dynamic shared memory at a byte offset";
  let description = [{
    Dynamic shared memory of a kernel is one symbol, aligned to 1024 bytes, as
    swizzled tiles need it. gpu.dynamic_shared_memory is aligned to 16, and static:
    other static shared memory gets the same addresses. Slices may share bytes.

    - (C1) `offset` is a multiple of 16.
    - (C2) The type is static, with an identity layout.
    - (C3) The slice ends within the 232448 bytes that a block may have.

    ```mlir
    %a = kernel.shared at 0 : memref<4x128x64xbf16, #gpu.address_space<workgroup>>
    ```
  }];
  let arguments = (ins I64Attr:$offset);
  let results = (outs Kernel_Tile:$result);
  let assemblyFormat = "`at` custom<Offset>($offset) attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Kernel_CopyAsyncOp : Kernel_Op<"copy_async", [AttrSizedOperandSegments]> {
  let summary = "copies 16 bytes from global to shared memory, without waiting";
  let description = [{
    `cp.async.cg.shared.global [dst], [src], 16`, sm_80. With `bytes` (0 to 16)
    only so many are read, and zeros written for the rest: rows that are not there
    have 0, and are not accessed. Groups are `nvvm.cp.async.commit.group` and
    `nvvm.cp.async.wait.group`. nvgpu.device_async_copy counts elements and makes
    tokens that its lowering ignores.

    Both addresses are multiples of 16 bytes.

    - (C1) One index for each dimension, and one element type.
    - (C2) The innermost dimensions are contiguous.
  }];
  let arguments = (ins AnyMemRef:$source, Variadic<Index>:$sourceIndices,
                       Kernel_Tile:$target, Variadic<Index>:$targetIndices,
                       Optional<I32>:$bytes);
  let assemblyFormat = [{
    $source `[` $sourceIndices `]` `to` $target `[` $targetIndices `]`
    (`bytes` $bytes^)? attr-dict `:` type($source) `to` type($target)
  }];
  let hasVerifier = 1;
}

class Kernel_MatrixTransfer<string mnemonic, list<Trait> traits = []> : Kernel_Op<mnemonic, traits> {
  string rules = [{
    - (C1) The fragment has 2, 4 or 8 values: 1, 2 or 4 matrices.
    - (C2) Tile and fragment have one element type, of 16 bits.
    - (C3) One index for each dimension, and the innermost one is contiguous.
  }];
  let hasVerifier = 1;
}

def Kernel_LdmatrixOp : Kernel_MatrixTransfer<"ldmatrix", [MemoryEffects<[MemRead]>]> {
  let summary = "a warp reads matrices of 8×8 as a fragment";
  let description = [{
    `ldmatrix.sync.aligned.m8n8.x<1, 2, 4>(.trans).shared.b16`. Lane l gives the
    address of row `l % 8` of matrix `l / 8`, 16 bytes. nvgpu.ldmatrix computes no
    swizzle either, and has results that nvgpu.mma.sync alone takes.

  }] # rules;
  let arguments = (ins Kernel_Tile:$source, Variadic<Index>:$indices, UnitAttr:$transpose);
  let results = (outs VectorOfRankAndType<[1], [BF16, F16]>:$result);
  let assemblyFormat = [{
    $source `[` $indices `]` (`transpose` $transpose^)? attr-dict
    `:` type($source) `->` type($result)
  }];
}

def Kernel_StmatrixOp : Kernel_MatrixTransfer<"stmatrix", [MemoryEffects<[MemWrite]>]> {
  let summary = "a warp writes a fragment as matrices of 8×8";
  let description = [{
    `stmatrix.sync.aligned.m8n8.x<1, 2, 4>.shared.b16`, sm_90. Lane l gives the
    address of row `l % 8` of matrix `l / 8`, 16 bytes.

  }] # rules;
  let arguments = (ins VectorOfRankAndType<[1], [BF16, F16]>:$value, Kernel_Tile:$target,
                       Variadic<Index>:$indices);
  let assemblyFormat = "$value `,` $target `[` $indices `]` attr-dict `:` type($value) `,` type($target)";
}

#endif // KERNEL_MEMORY_OPS_TD
