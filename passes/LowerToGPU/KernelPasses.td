//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The passes of this stage that make or lower the kernel dialect.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELPASSES_TD
#define PASSES_LOWERTOGPU_KERNELPASSES_TD

include "mlir/Pass/PassBase.td"

def LowerMatmulToKernelPass : Pass<"fulgur-lower-matmul-to-kernel", "::mlir::ModuleOp"> {
  let summary = "Launch kernels with tensor cores for matrix products";
  let description = [{
    Each product of bf16 or f16 buffers with sums in f32 becomes the launch of a
    kernel that the pass writes once for each configuration. Any contraction of one
    dimension of rows, one of columns, one of depth and at most one of a batch is a
    product, wherever these are in its operands, as long as rows of the result and
    of the left side are contiguous, and rows or columns of the right side. A fill of
    the result with zeros just before becomes part of it. No size has to be a
    multiple of anything.

    - Up to 64 rows, on sm_80, and where the TMA can not write the result: tiles of
      16, 64 or 128 rows, `cp.async`, `ldmatrix` and `mma.sync`. For few rows the
      warps share the depth.
    - On sm_90a: TMA, wgmma, one warp group that loads and two that multiply tiles of
      128 rows and 128 or 256 columns.

    If the rows are not known, the kernel is chosen when they are.

    Before:

    ```mlir
    linalg.matmul ins(%x, %w : memref<512x4096xbf16>, memref<4096x2048xbf16>)
                  outs(%y : memref<512x2048xf32>)
    ```

    After:

    ```mlir
    %a = kernel.tensor_map %x : memref<512x4096xbf16> to !kernel.tensor_map<128x64xbf16, 128>
    …
    gpu.launch_func @kernels::@matmul_bf16_128x256x64_add blocks in (%blocks, %c1, %c1)
        threads in (%c384, %c1, %c1) dynamic_shared_memory_size %shared args(%a : …)
    ```

    Does not touch products whose operands have rows that do not start at multiples
    of 16 bytes that their types tell.
  }];
  let options = [
    Option<"processors", "processors", "int64_t", "0",
           "Multiprocessors of the GPU, each of which works on one tile at a time; "
           "0: those of the machine that the module is compiled for">,
    Option<"cluster", "cluster", "int64_t", "1",
           "Blocks, 1 or 2, that load the right side for each other">];
  let dependentDialects = ["::fulgur::kernel::KernelDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::gpu::GPUDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::NVVM::NVVMDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def LowerReductionToKernelPass : Pass<"fulgur-lower-reduction-to-kernel", "::mlir::ModuleOp"> {
  let summary = "Launch kernels in which a warp or a block reduces a row";
  let description = [{
    A reduction whose last loop is along contiguous rows of all that it reads, with
    an operation that threads can combine the results of, becomes a kernel: a warp
    for each row, or a block if rows are long or of unknown size. Also ArgMax and
    ArgMin, whose body compares an element with the best one.

    Before:

    ```mlir
    linalg.generic {indexing_maps = [(d0, d1) -> (d0, d1), (d0, d1) -> (d0)],
                    iterator_types = ["parallel", "reduction"]}
        ins(%x : memref<?x?xf32>) outs(%s : memref<?xf32>) {
      ^bb0(%in: f32, %out: f32):
        %0 = arith.addf %in, %out : f32
        linalg.yield %0 : f32
    }
    ```

    After:

    ```mlir
    gpu.launch_func @kernels::@reduction blocks in (%rows, %c1, %c1)
        threads in (%c256, %c1, %c1) args(%x : memref<?x?xf32>, %s : memref<?xf32>)
    ```

    Does not touch products, whose rows are read again and again, rows that are known
    to be shorter than a warp, and what one thread runs.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::gpu::GPUDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def LowerTensorMapsPass : Pass<"fulgur-lower-tensor-maps", "::mlir::ModuleOp"> {
  let summary = "Have the runtime write tensor maps, and pass them by value";
  let description = [{
    On the host `kernel.tensor_map` becomes a call of the runtime with 128 bytes in
    the frame of the function. Parameters of kernels become addresses of constants
    of that size.

    Before:

    ```mlir
    %m = kernel.tensor_map %x : memref<512x4096xbf16> to !kernel.tensor_map<128x64xbf16, 128>
    gpu.launch_func @kernels::@gemm … args(%m : !kernel.tensor_map<128x64xbf16, 128>)
    ```

    After:

    ```mlir
    llvm.call @fulgur_tensor_map(%map, %data, %type, %rank, %sizes, %strides, %box, %swizzle)
    gpu.launch_func @kernels::@gemm … args(%map : !llvm.ptr)
    ```

    Does not lower what kernels do with tensor maps; that is
    `fulgur-convert-kernel-to-nvvm`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::memref::MemRefDialect"];
}

def ConvertKernelToNVVMPass : Pass<"fulgur-convert-kernel-to-nvvm", "::mlir::ModuleOp"> {
  let summary = "Lower what kernels are built of to the nvvm dialect";
  let description = [{
    Operations of the `kernel` dialect in each `gpu.module` become those of `nvvm`
    and `llvm`, and loops and branches of `scf`. Buffers keep their types for
    `fulgur-convert-gpu-to-nvvm`. Shared memory is one external symbol, `smem`.

    Before:

    ```mlir
    %stage = kernel.pipeline_wait %p, %s : !kernel.pipeline<4>, !kernel.pipeline_state<4>
    ```

    After:

    ```mlir
    scf.while : () -> () {
      %done = nvvm.mbarrier.try_wait %full, %phase : !llvm.ptr<3>, i32 -> i1
      …
    ```

    Does not lower `kernel.wgmma_issue`, `kernel.wgmma_wait` and `kernel.pin`, which
    NVVM lacks: they become PTX (`fulgur-convert-kernel-to-ptx`) or calls of the
    emulator. Does not touch the host.
  }];
  let dependentDialects = ["::fulgur::kernel::KernelDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::NVVM::NVVMDialect",
                           "::mlir::scf::SCFDialect"];
}

def ConvertKernelToPTXPass : Pass<"fulgur-convert-kernel-to-ptx", "::mlir::ModuleOp"> {
  let summary = "Write what NVVM lacks as inline PTX";
  let description = [{
    Accumulators of `kernel.wgmma_issue` and `kernel.wgmma_wait` are read and written
    in place, so that no access to them moves over a wait.

    Before:

    ```mlir
    %r = kernel.wgmma_issue %acc, %a, %b element bf16 : vector<128xf32>, i64
    ```

    After:

    ```mlir
    %s = llvm.inline_asm has_side_effects "…wgmma.mma_async.sync.aligned.m64n256k16…",
        "=f,…,0,…,l,l" %acc0, …, %a, %b : (f32, …, i64, i64) -> !llvm.struct<(f32, …)>
    ```

    Does not mark the statements as convergent, for which the llvm dialect has no
    attribute.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect"];
}

#endif // PASSES_LOWERTOGPU_KERNELPASSES_TD
