// RUN: fulgur-opt %s --fulgur-expand-math | FileCheck %s

// In kernels, the exponential of f32 becomes arithmetic.
// CHECK-LABEL: gpu.func @exp(
// CHECK-NOT: math.exp
// CHECK: math.fma
// CHECK: gpu.return
gpu.module @kernels {
  gpu.func @exp(%x: f32, %y: memref<f32>) kernel {
    %0 = math.exp %x : f32
    memref.store %0, %y[] : memref<f32>
    gpu.return
  }
}

// Unmatched: the code around kernels.
// CHECK-LABEL: func.func @host(
// CHECK: math.exp
func.func @host(%x: f32) -> f32 {
  %0 = math.exp %x : f32
  return %0 : f32
}
