// RUN: fulgur-opt %s --split-input-file --verify-diagnostics --fulgur-lower-kernel-calls --canonicalize --cse | FileCheck %s

// A block a row; equal calls share the kernel, others get one of their own.
// CHECK-LABEL: func.func @norms(
// CHECK-SAME: %[[X:.*]]: memref<2x?x64xf32>, %[[W:.*]]: memref<64xf32>, %[[Y:.*]]: memref<2x?x64xf32>
// CHECK: %[[ROWS:.*]] = arith.muli
// CHECK: gpu.launch_func @kernels::@rms_norm blocks in (%[[ROWS]], %{{.*}}, %{{.*}}) threads in (%c256, {{.*}}) args(%[[X]] : {{.*}}, %[[W]] : {{.*}}, %[[Y]] : {{.*}})
// CHECK: gpu.launch_func @kernels::@rms_norm blocks
// CHECK: gpu.launch_func @kernels::@rms_norm_0 blocks
// CHECK-NOT: fulgur.call_kernel
func.func @norms(%x: memref<2x?x64xf32>, %w: memref<64xf32>, %y: memref<2x?x64xf32>,
                 %u: memref<?x48xbf16>, %v: memref<48xbf16>) {
  fulgur.call_kernel "rms_norm"(%x, %w) into(%y) config {eps = 1.0e-06 : f64}
      : (memref<2x?x64xf32>, memref<64xf32>) into (memref<2x?x64xf32>)
  fulgur.call_kernel "rms_norm"(%y, %w) into(%y) config {eps = 1.0e-06 : f64}
      : (memref<2x?x64xf32>, memref<64xf32>) into (memref<2x?x64xf32>)
  fulgur.call_kernel "rms_norm"(%u, %v) into(%u) config {eps = 1.0e-06 : f64}
      : (memref<?x48xbf16>, memref<48xbf16>) into (memref<?x48xbf16>)
  return
}
// CHECK: gpu.func @rms_norm(
// CHECK-SAME: workgroup(%[[SCRATCH:.*]] : memref<32xf32, #gpu.address_space<workgroup>>) kernel
// CHECK: %[[SQUARES:.*]] = scf.for %{{.*}} = %[[THREAD:.*]] to %c64 step %c256 iter_args
// CHECK: gpu.shuffle xor
// CHECK: gpu.barrier
// CHECK: math.sqrt
// CHECK: scf.for %{{.*}} to %c64 step %c256
// CHECK: memref.store
// CHECK: gpu.func @rms_norm_0(
// CHECK: arith.extf {{.*}} : bf16 to f32
// CHECK: arith.truncf {{.*}} : f32 to bf16

// -----

// Eight rounds of counting at most, then a sort of 8 keys: 6 steps.
// CHECK-LABEL: gpu.func @select_tokens(
// CHECK-SAME: memref<256xi32, #gpu.address_space<workgroup>>
// CHECK-SAME: memref<8xi64, #gpu.address_space<workgroup>>
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c1
// CHECK: scf.if
// CHECK: gpu.barrier
// CHECK: memref.atomic_rmw addi
// CHECK: gpu.barrier
// CHECK: memref.atomic_rmw addi
// CHECK-COUNT-6: arith.cmpi ult, {{.*}} : i64
// CHECK: memref.store %{{.*}} : memref<1x4x6xi32>
func.func @select(%s: memref<1x4x?xf32>, %m: memref<1x1x?xi1>, %i: memref<1x4x6xi32>) {
  fulgur.call_kernel "select_tokens"(%s, %m) into(%i) config {causal, k = 6 : i64}
      : (memref<1x4x?xf32>, memref<1x1x?xi1>) into (memref<1x4x6xi32>)
  return
}

// -----

func.func @no_kernel(%x: memref<4xf32>) {
  // expected-error @below {{expected a kernel on memrefs, but got 'swiglu' with 0 results}}
  fulgur.call_kernel "swiglu"(%x, %x) into(%x) config {} : (memref<4xf32>, memref<4xf32>) into (memref<4xf32>)
  return
}
