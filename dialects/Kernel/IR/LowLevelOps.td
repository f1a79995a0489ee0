//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What stays of the dialect at NVVM level, on LLVM-compatible types: it becomes
// inline PTX for a GPU, and calls for the emulator.
//
//===----------------------------------------------------------------------===//
#ifndef KERNEL_LOW_LEVEL_OPS_TD
#define KERNEL_LOW_LEVEL_OPS_TD

include "dialects/Kernel/IR/KernelDialect.td"

def Kernel_AccumulatorVector : VectorOfRankAndType<[1], [F32]>;
def Kernel_RegistersVector : VectorOfRankAndType<[1], [I32]>;

def Kernel_WgmmaIssueOp : Kernel_Op<"wgmma_issue", [AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "one wgmma.mma_async: D[64, n] = scale_d · D + A[64, k] · B[k, n]";
  let description = [{
    `wgmma.mma_async.sync.aligned.m64n<n>k<k>.f32.<type>.<type>`. `a` is a matrix
    descriptor (i64) or the four registers of a fragment (`vector<4xi32>`); `b` is
    a descriptor. The accumulator is a fragment of n/2 values. `scale_d` false
    ignores the accumulator; if it is absent it is true. `transpose_b`: B lies with
    its rows along n (MN-major).

    Not nvvm.wgmma.mma_async, which has no form for A in registers, no `scale_d`
    at run time, and lets the accumulator live in a struct.

    - (C1) n, twice the size of the accumulator, is a multiple of 8, 8 to 256.
    - (C2) `element` is bf16 or f16 (k is 16), or f8E4M3FN (k is 32, and B is not
      transposed).
    - (C3) `a` is i64 or `vector<4xi32>`.
  }];
  let arguments = (ins Kernel_AccumulatorVector:$accumulator,
                       AnyTypeOf<[I64, Kernel_RegistersVector]>:$a, I64:$b,
                       Optional<I1>:$scaleD, TypeAttr:$element, UnitAttr:$transposeB);
  let results = (outs Kernel_AccumulatorVector:$result);
  let assemblyFormat = [{
    $accumulator `,` $a `,` $b (`scale_d` $scaleD^)? `element` $element
    (`transpose_b` $transposeB^)? attr-dict `:` type($accumulator) `,` type($a)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getN() { return getAccumulator().getType().getNumElements() * 2; }
    int64_t getK() { return getElement().getIntOrFloatBitWidth() == 8 ? 32 : 16; }
  }];
}

def Kernel_WgmmaWaitOp
    : Kernel_Op<"wgmma_wait", [DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "waits until at most `pending` groups of wgmma are under way";
  let description = [{
    `wgmma.wait_group.sync.aligned <pending>`. Results are the accumulators, which
    may be read only after it; nothing but these results orders reads behind the
    wait, which is why nvvm.wgmma.wait.group.sync.aligned does not suffice. Also
    accumulators still under way can be passed, to keep them in their registers.

    - (C1) Types of results are those of operands.
    - (C2) `pending` is 0 to 7.
  }];
  let arguments = (ins I32Attr:$pending, Variadic<Kernel_AccumulatorVector>:$accumulators);
  let results = (outs Variadic<Kernel_AccumulatorVector>:$results);
  let assemblyFormat = "$pending `,` $accumulators attr-dict `:` type($accumulators)";
  let hasVerifier = 1;
}

def Kernel_PinOp : Kernel_Op<"pin", [SameOperandsAndResultType]> {
  let summary = "a value that is not known to be the same as before";
  let description = [{
    An empty volatile asm. LLVM hoists what descriptors are computed from out of
    loops, one 64-bit register pair for each, until accumulators spill; what comes
    from a pinned value stays where it is.
  }];
  let arguments = (ins I32:$value);
  let results = (outs I32:$result);
  let assemblyFormat = "$value attr-dict";
}

#endif // KERNEL_LOW_LEVEL_OPS_TD
