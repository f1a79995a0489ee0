//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_PASSES_TD
#define PASSES_LOWERTOGPU_PASSES_TD

include "mlir/Pass/PassBase.td"
include "passes/LowerToGPU/KernelPasses.td"

def ExpandMathPass : Pass<"fulgur-expand-math", "::mlir::ModuleOp"> {
  let summary = "Write mathematical functions in kernels as arithmetic";
  let description = [{
    PTX has no instruction for most functions, and the library that NVIDIA's
    compiler takes them from is not part of LLVM. In each `gpu.module`, functions
    of f32 that models call often (`exp`, `log`, `log1p`, `tanh`, `erf`, `erfc`)
    become polynomials with an error of a few units in the last place; other
    functions, and those of f64, are computed in double precision.

    Before:

    ```mlir
    %e = math.exp %x : f32
    ```

    After:

    ```mlir
    %n = math.floor %scaled : f32
    …
    %e = arith.mulf %polynomial, %power : f32
    ```

    Does not touch code outside of kernels, nor what LLVM knows an instruction
    for, such as `sqrt` and `floor`. Vectors of other functions are an error.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def GlobalsToWeightsPass : Pass<"fulgur-globals-to-weights", "::mlir::ModuleOp"> {
  let summary = "Make constant buffers weights";
  let description = [{
    Constants that the compiler has made are in the memory of the host; as
    weights, the runtime copies them to the device with the others. Does not
    accept buffers that are written.

    Before:

    ```mlir
    memref.global "private" constant @scale : memref<2xf32> = dense<[1.0, 2.0]>
    %0 = memref.get_global @scale : memref<2xf32>
    ```

    After:

    ```mlir
    fulgur.weight @scale in "" at 0
      {fulgur.value = dense<[1.0, 2.0]> : tensor<2xf32>} : tensor<2xf32>
    %0 = fulgur.get_weight @scale : memref<2xf32>
    ```
  }];
  let dependentDialects = ["::fulgur::FulgurDialect"];
}

def LowerKernelCallsPass : Pass<"fulgur-lower-kernel-calls", "::mlir::ModuleOp"> {
  let summary = "Write the kernels that are called, and launch them";
  let description = [{
    Each `fulgur.call_kernel` becomes the launch of a kernel that the table in
    `passes/LowerToGPU/Kernels` writes, once for all calls of equal types and
    configurations.

    Before:

    ```mlir
    fulgur.call_kernel "rms_norm"(%x, %w) into(%y) config {eps = 1.0e-06 : f64}
        : (memref<?x7168xf32>, memref<7168xf32>) into(memref<?x7168xf32>)
    ```

    After:

    ```mlir
    gpu.launch_func @kernels::@rms_norm blocks in (%rows, %c1, %c1)
        threads in (%c256, %c1, %c1) args(%x : …, %w : …, %y : …)

    gpu.module @kernels {
      gpu.func @rms_norm(%x: memref<?x7168xf32>, …) workgroup(…) kernel {
        …
    ```

    Does not touch code that is no call: the loops of other operations become
    kernels by another pass.
  }];
  let dependentDialects = ["::fulgur::kernel::KernelDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::gpu::GPUDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::NVVM::NVVMDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def ForallToHostLoopPass : Pass<"fulgur-forall-to-host-loop", "::mlir::ModuleOp"> {
  let summary = "Let the host run blocks of rows whose operations have threads";
  let description = [{
    An `scf.forall` in which structured operations do all the work becomes a loop.
    Each of these operations then gets a kernel with a thread for each element,
    instead of all together one thread a block.

    Before:

    ```mlir
    scf.forall (%block) in (%blocks) {
      …
      linalg.fill ins(%zero : f32) outs(%part : memref<?x512xf32, …>)
    }
    ```

    After:

    ```mlir
    scf.for %block = %c0 to %blocks step %c1 {
      …
      linalg.fill ins(%zero : f32) outs(%part : memref<?x512xf32, …>)
    }
    ```

    Does not touch blocks that store elements by themselves: the turns of these are
    the threads.
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect"];
}

def OutlineKernelsPass : Pass<"fulgur-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "Move the work of the step to kernels";
  let description = [{
    Each outermost `scf.parallel` becomes a kernel with a thread for each turn,
    in blocks of 256; parallel loops inside of it are run by one thread. Code
    around the loops that touches memory becomes kernels of one thread; scalars
    of it that the host needs for sizes and control flow are read back. A
    condition that a kernel finds broken stores its number, an index from 1 into
    the module's `fulgur.failures`, where `fulgur_failure_flag` says. Dense
    copies become `fulgur_device_copy`. Kernels that are equal are one.

    Before:

    ```mlir
    scf.parallel (%i) = (%c0) to (%n) step (%c1) {
      memref.store %f, %x[%i] : memref<?xf32>
    }
    ```

    After:

    ```mlir
    gpu.launch_func @kernels::@kernel_0 blocks in (%blocks, %c1, %c1)
      threads in (%c256, %c1, %c1) args(%f : f32, %x : memref<?xf32>, %n : index)

    gpu.module @kernels {
      gpu.func @kernel_0(%f: f32, %x: memref<?xf32>, %n: index) kernel {
        …
        %in = arith.cmpi slt, %thread, %n : index
        scf.if %in {
          memref.store %f, %x[%thread] : memref<?xf32>
        }
    ```

    A parallel loop that calls functions, or whose scratch buffers are larger
    than local memory should be, is run by the host, turn after turn. Does not
    share the work of a turn among threads, nor use shared memory.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::gpu::GPUDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def FlattenParametersPass : Pass<"fulgur-flatten-parameters", "::mlir::ModuleOp"> {
  let summary = "Pass buffers to kernels as scalars";
  let description = [{
    A buffer becomes its address and those of its offset, extents and strides
    that its type does not say. Does not touch other parameters.

    Before:

    ```mlir
    gpu.launch_func @kernels::@k … args(%x : memref<?x64xf32>)
    ```

    After:

    ```mlir
    gpu.launch_func @kernels::@k … args(%pointer : !llvm.ptr, %rows : i64)
    ```
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect",
                           "::mlir::LLVM::LLVMDialect"];
}

def DropUnusedParametersPass : Pass<"fulgur-drop-unused-parameters", "::mlir::ModuleOp"> {
  let summary = "Remove parameters that kernels do not use";
  let description = [{
    Does not look at how a parameter is used. Expects kernels in the `llvm`
    dialect, where extents that nothing needs have gone.

    Before:

    ```mlir
    gpu.launch_func @kernels::@k … args(%x : !llvm.ptr, %n : i64)
    llvm.func @k(%x: !llvm.ptr, %n: i64) attributes {gpu.kernel} {
      llvm.store %zero, %x : f32, !llvm.ptr
    ```

    After:

    ```mlir
    gpu.launch_func @kernels::@k … args(%x : !llvm.ptr)
    llvm.func @k(%x: !llvm.ptr) attributes {gpu.kernel} {
      llvm.store %zero, %x : f32, !llvm.ptr
    ```
  }];
}

def LowerLaunchesPass : Pass<"fulgur-lower-launches", "::mlir::ModuleOp"> {
  let summary = "Launch kernels through the runtime";
  let description = [{
    A kernel's number is its place among the kernels of the module. Parameters
    are passed as an array of their addresses. The kernel gets the most dynamic
    shared memory that a launch asks for, as `fulgur.shared_bytes`. Does not
    check parameters against the kernel.

    Before:

    ```mlir
    gpu.launch_func @kernels::@k blocks in (%n, %c1, %c1)
      threads in (%c256, %c1, %c1) args(%x : !llvm.ptr)
    ```

    After:

    ```mlir
    llvm.store %n, %grid : i64, !llvm.ptr
    …
    llvm.store %x, %value : !llvm.ptr, !llvm.ptr
    llvm.store %value, %parameters : !llvm.ptr, !llvm.ptr
    llvm.call @fulgur_launch(%number, %grid, %shared_bytes, %parameters)
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def ConvertGPUToNVVMPass : Pass<"fulgur-convert-gpu-to-nvvm", "::mlir::ModuleOp"> {
  let summary = "Lower kernels to the llvm and nvvm dialects";
  let description = [{
    Converts each `gpu.module`: `gpu`, `arith`, `cf`, `math`, `memref` and
    `vector`. Unlike upstream's `convert-gpu-to-nvvm` it calls no library.
    Functions that PTX has no instruction for must have been expanded; does not
    lower `scf`.

    Before:

    ```mlir
    gpu.func @k(%x: !llvm.ptr) kernel {
      %0 = gpu.thread_id x
      …
      %2 = math.sqrt %1 : f32
    ```

    After:

    ```mlir
    llvm.func @k(%x: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
      %0 = nvvm.read.ptx.sreg.tid.x : i32
      …
      %2 = llvm.intr.sqrt(%1) : (f32) -> f32
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect",
                           "::mlir::NVVM::NVVMDialect"];
}

def ConvertNVVMToEmulatorPass
    : Pass<"fulgur-convert-nvvm-to-emulator", "::mlir::ModuleOp"> {
  let summary = "Make functions of the host from kernels, for the emulator";
  let description = [{
    Gives the host module a function `<kernel>_emulated(args)` for every kernel of
    its `gpu.module`s, where args[i] points to parameter i, as in
    FulgurKernel::emulated (fulgur/Runtime/Model.h). It computes what one thread
    does: registers of the GPU are those of the thread that the emulator runs,
    operations of the `nvvm` dialect are calls of lib/Emulator/Calls.h, and each
    access of memory is checked before it. Calls say which operation they were.

    Before:

    ```mlir
    gpu.module @kernels {
      llvm.func @k(%x: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
        nvvm.barrier
        llvm.store %zero, %x : f32, !llvm.ptr<1>
    ```

    After:

    ```mlir
    llvm.func @k_emulated(%args: !llvm.ptr) {
      %p = llvm.load %args : !llvm.ptr -> !llvm.ptr
      %x = llvm.load %p : !llvm.ptr -> !llvm.ptr
      llvm.call @fulgur_emu_barrier(%site0, …)
      llvm.call @fulgur_emu_access(%site1, %x, …)
      llvm.store %zero, %x : f32, !llvm.ptr
    ```

    Kernels must be at the level of the `llvm` and `nvvm` dialects, with
    `kernel.wgmma_issue`, `kernel.wgmma_wait` and `kernel.pin`. They stay where
    they are, too: assembly is made from them. An operation that the emulator does
    not know, and any inline assembly, is an error. Arrays of a thread and
    constants are not checked.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // PASSES_LOWERTOGPU_PASSES_TD
