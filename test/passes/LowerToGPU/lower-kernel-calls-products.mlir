// RUN: fulgur-opt %s --split-input-file --fulgur-lower-kernel-calls --canonicalize --cse | FileCheck %s

// The residual is where the sums start; the result is rounded where it is stored.
// All dimensions but the last are rows.
// CHECK-LABEL: func.func @linear(
// CHECK-SAME: %[[X:.*]]: memref<2x128x64xbf16>, %[[W:.*]]: memref<256x64xbf16>, %[[R:.*]]: memref<2x128x256xbf16>, %[[Y:.*]]: memref<2x128x256xbf16>
// CHECK-DAG: %[[ROWS:.*]] = memref.collapse_shape %[[X]] {{\[\[}}0, 1], [2]] : memref<2x128x64xbf16> into memref<256x64xbf16>
// CHECK-DAG: %[[OUT:.*]] = memref.collapse_shape %[[Y]]
// CHECK-DAG: kernel.tensor_map %[[ROWS]] : memref<256x64xbf16> to !kernel.tensor_map<128x64xbf16, 128>
// CHECK-DAG: kernel.tensor_map %[[OUT]] : memref<256x256xbf16> to !kernel.tensor_map<64x64xbf16, 128>
// CHECK: gpu.launch_func @kernels::@matmul_transposed_bf16_128x256x64_to_bf16_residual
func.func @linear(%x: memref<2x128x64xbf16>, %w: memref<256x64xbf16>, %r: memref<2x128x256xbf16>,
                  %y: memref<2x128x256xbf16>) {
  fulgur.call_kernel "linear"(%x, %w, %r) into(%y) config {transposed}
      : (memref<2x128x64xbf16>, memref<256x64xbf16>, memref<2x128x256xbf16>) into (memref<2x128x256xbf16>)
  return
}
// CHECK: gpu.func @matmul_transposed_bf16_128x256x64_to_bf16_residual(
// CHECK: vector.load {{.*}} vector<2xbf16>
// CHECK: arith.extf
// CHECK: kernel.wgmma {{.*}} k 64
// CHECK: arith.truncf {{.*}} : vector<2xf32> to vector<2xbf16>
// CHECK: kernel.tma_store

// -----

// Before sm_90a, pairs of sums are stored as they are in registers.
module attributes {fulgur.target = "sm_80"} {
  // CHECK-LABEL: func.func @sm_80(
  // CHECK: gpu.launch_func @kernels::@mma_matmul_f16_16x64x256_to_f16
  func.func @sm_80(%x: memref<9x72xf16>, %w: memref<72x40xf16>, %y: memref<9x40xf16>) {
    fulgur.call_kernel "linear"(%x, %w) into(%y) config {}
        : (memref<9x72xf16>, memref<72x40xf16>) into (memref<9x40xf16>)
    return
  }
}
// CHECK: gpu.func @mma_matmul_f16_16x64x256_to_f16(
// CHECK: kernel.mma_sync
// CHECK: arith.truncf {{.*}} : vector<2xf32> to vector<2xf16>
// CHECK: vector.store {{.*}} {alignment = 4 : i64} : memref<9x40xf16>, vector<2xf16>

// -----

// Rows that begin anywhere: a thread for each element.
// CHECK-LABEL: func.func @unaligned(
// CHECK-NOT: gpu.launch_func
// CHECK: linalg.generic
// CHECK: scf.for
func.func @unaligned(%x: memref<300x64xbf16, strided<[67, 1], offset: ?>>, %w: memref<64x40xbf16>, %y: memref<300x40xbf16>) {
  fulgur.call_kernel "linear"(%x, %w) into(%y) config {}
      : (memref<300x64xbf16, strided<[67, 1], offset: ?>>, memref<64x40xbf16>) into (memref<300x40xbf16>)
  return
}

// -----

// Products of 128 k are scaled before they are added to the sums.
// CHECK-LABEL: func.func @scaled(
// CHECK: gpu.launch_func @kernels::@matmul_transposed_f8E4M3FN_128x128x128_to_bf16 {{.*}} : memref<?x?xf32, strided<[?, 1], offset: ?>>, %{{.*}} : memref<?x?xf32, strided<[?, 1], offset: ?>>)
func.func @scaled(%x: memref<?x256xf8E4M3FN>, %xs: memref<?x2xf32>, %w: memref<384x256xf8E4M3FN>, %ws: memref<3x2xf32>,
                  %y: memref<?x384xbf16>) {
  fulgur.call_kernel "scaled_matmul"(%x, %xs, %w, %ws) into(%y) config {block = array<i64: 1, 128, 128>}
      : (memref<?x256xf8E4M3FN>, memref<?x2xf32>, memref<384x256xf8E4M3FN>, memref<3x2xf32>) into (memref<?x384xbf16>)
  return
}
// CHECK: gpu.func @matmul_transposed_f8E4M3FN_128x128x128_to_bf16(
// CHECK: kernel.roles groups [1, 2] registers [40, 232]
// CHECK: memref.load {{.*}} : memref<?x?xf32, strided<[?, 1], offset: ?>>
// CHECK: kernel.wgmma {{.*}} k 128 accumulate %false
// CHECK: kernel.wgmma_wait 0
// CHECK: kernel.pipeline_release
// CHECK: vector.fma {{.*}} : vector<64xf32>
