// RUN: fulgur-opt %s --fulgur-convert-gpu-to-nvvm | FileCheck %s

// The kernel keeps what the runtime is told of it, and calls no library.
// CHECK-LABEL: llvm.func @k(
// CHECK-SAME: attributes {fulgur.independent, gpu.kernel
// CHECK-SAME: nvvm.kernel
// CHECK: nvvm.read.ptx.sreg.tid.x
// CHECK: llvm.intr.sqrt
// CHECK: llvm.frem
// CHECK-NOT: llvm.call
gpu.module @kernels {
  gpu.func @k(%x: f32, %y: !llvm.ptr) kernel attributes {fulgur.independent, known_block_size = array<i32: 256, 1, 1>} {
    %0 = gpu.thread_id x
    %1 = math.sqrt %x : f32
    %2 = arith.remf %1, %x : f32
    %3 = arith.index_cast %0 : index to i64
    %4 = llvm.getelementptr %y[%3] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    llvm.store %2, %4 : f32, !llvm.ptr
    gpu.return
  }
}

// Unmatched: code around kernels.
// CHECK-LABEL: func.func @host(
// CHECK: math.sqrt
func.func @host(%x: f32) -> f32 {
  %0 = math.sqrt %x : f32
  return %0 : f32
}
