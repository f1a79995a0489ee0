// RUN: fulgur-opt %s --fulgur-lower-matmul-to-kernel=processors=132 --split-input-file | FileCheck %s

// Sizes that nothing divides: the TMA clips. Zeros become part of the product. Rows
// are counted when it runs: few of them are a product by mma.sync.
// CHECK-LABEL: func.func @plain(
// CHECK-SAME: %[[X:.*]]: memref<?x72xbf16>, %[[W:.*]]: memref<72x200xbf16>, %[[Y:.*]]: memref<?x200xf32>
func.func @plain(%x: memref<?x72xbf16>, %w: memref<72x200xbf16>, %y: memref<?x200xf32>) {
  %zero = arith.constant 0.0 : f32
  // CHECK-NOT: linalg.fill
  linalg.fill ins(%zero : f32) outs(%y : memref<?x200xf32>)
  // CHECK: %[[FEW:.*]] = arith.cmpi ule, %{{.*}}, %c16
  // CHECK: scf.if %[[FEW]]
  // CHECK: gpu.launch_func @kernels::@mma_matmul_bf16_16x64x256 blocks in {{.*}} threads in (%c256{{.*}}) dynamic_shared_memory_size %{{.*}} args(%[[X]] : memref<?x72xbf16>, %[[W]] : memref<72x200xbf16>, %[[Y]] : memref<?x200xf32>)
  // CHECK: } else {
  // CHECK: scf.if
  // CHECK: gpu.launch_func @kernels::@mma_matmul_bf16_64x64x128
  // CHECK: } else {
  // CHECK-DAG: %[[SHARED:.*]] = arith.constant 229440 : i32
  // CHECK-DAG: %[[A:.*]] = kernel.tensor_map %[[X]] : memref<?x72xbf16> to !kernel.tensor_map<128x64xbf16, 128>
  // CHECK-DAG: %[[B:.*]] = kernel.tensor_map %[[W]] : memref<72x200xbf16> to !kernel.tensor_map<64x64xbf16, 128>
  // CHECK-DAG: %[[C:.*]] = kernel.tensor_map %[[Y]] : memref<?x200xf32> to !kernel.tensor_map<64x32xf32, 128>
  // CHECK: gpu.launch_func @kernels::@matmul_bf16_128x256x64 blocks in {{.*}} dynamic_shared_memory_size %[[SHARED]] args(%[[A]] : {{.*}}, %[[B]] : {{.*}}, %[[C]] : {{.*}}, %{{.*}} : i32, %{{.*}} : i32, %{{.*}} : i32, %{{.*}} : i32)
  linalg.matmul ins(%x, %w : memref<?x72xbf16>, memref<72x200xbf16>) outs(%y : memref<?x200xf32>)
  return
}
// The warps share the depth of a step, and add up their sums.
// CHECK: gpu.func @mma_matmul_bf16_16x64x256(
// CHECK-SAME: kernel attributes {known_block_size = array<i32: 256, 1, 1>, nvvm.minctasm = 1 : i32}
// CHECK: kernel.copy_async
// CHECK: nvvm.cp.async.commit.group
// CHECK: scf.for
// CHECK: nvvm.cp.async.wait.group 1
// CHECK: gpu.barrier
// CHECK: kernel.ldmatrix
// CHECK: kernel.ldmatrix {{.*}} transpose
// CHECK: kernel.mma_sync
// CHECK: nvvm.cp.async.wait.group 0
// CHECK: arith.addf
// CHECK: gpu.func @mma_matmul_bf16_64x64x128(
// CHECK: gpu.func @matmul_bf16_128x256x64(
// CHECK-SAME: kernel attributes {known_block_size = array<i32: 384, 1, 1>, nvvm.minctasm = 1 : i32}
// CHECK: kernel.pipeline_create at 229376 producers 1 consumers 2 : !kernel.pipeline<4>
// CHECK: kernel.roles groups [1, 2] registers [40, 232]
// CHECK: kernel.pipeline_acquire {{.*}} bytes 49152
// CHECK: kernel.tma_load
// CHECK-COUNT-4: kernel.tma_load
// CHECK: kernel.wgmma {{.*}} k 64 transpose_b
// CHECK: kernel.wgmma_wait 1
// CHECK: kernel.wgmma_wait 0
// CHECK-COUNT-8: kernel.tma_store
// CHECK-NOT: kernel.tma_store

// -----

// The right side as stored by rows of the result's columns, two results by one
// kernel, which adds to what is there.
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
// CHECK-LABEL: func.func @transposed(
func.func @transposed(%x: memref<256x512xf16>, %w: memref<384x512xf16>, %y: memref<256x384xf32>, %z: memref<256x384xf32>) {
  // CHECK: gpu.launch_func @kernels::@matmul_transposed_f16_128x128x64_add {{.*}} : memref<?x?xf32, strided<[?, 1], offset: ?>>
  linalg.matmul indexing_maps = [#x, #w, #y] ins(%x, %w : memref<256x512xf16>, memref<384x512xf16>) outs(%y : memref<256x384xf32>)
  // CHECK: gpu.launch_func @kernels::@matmul_transposed_f16_128x128x64_add
  linalg.matmul indexing_maps = [#x, #w, #y] ins(%x, %w : memref<256x512xf16>, memref<384x512xf16>) outs(%z : memref<256x384xf32>)
  return
}
// CHECK-COUNT-1: gpu.func @matmul_transposed_f16_128x128x64_add(
// CHECK: vector.load
// CHECK: kernel.wgmma {{.*}} k 64 : vector<64xf32>
// CHECK-NOT: gpu.func

// -----

// CHECK-LABEL: func.func @batch(
func.func @batch(%x: memref<4x80x64xbf16>, %w: memref<4x64x256xbf16>, %y: memref<4x80x256xf32>) {
  // CHECK: kernel.tensor_map %{{.*}} : memref<4x80x64xbf16> to !kernel.tensor_map<1x128x64xbf16, 128>
  // CHECK: gpu.launch_func @kernels::@batch_matmul_bf16_128x256x64_add
  linalg.batch_matmul ins(%x, %w : memref<4x80x64xbf16>, memref<4x64x256xbf16>) outs(%y : memref<4x80x256xf32>)
  return
}

// -----

// What is written in between counts: the zeros are not what the product adds to.
// CHECK-LABEL: func.func @between(
func.func @between(%x: memref<8x64xbf16>, %w: memref<64x64xbf16>, %y: memref<8x64xf32>, %z: memref<8x64xf32>) {
  %zero = arith.constant 0.0 : f32
  // CHECK: linalg.fill
  linalg.fill ins(%zero : f32) outs(%y : memref<8x64xf32>)
  memref.copy %z, %y : memref<8x64xf32> to memref<8x64xf32>
  // CHECK: @mma_matmul_bf16_16x64x256_add
  linalg.matmul ins(%x, %w : memref<8x64xbf16>, memref<64x64xbf16>) outs(%y : memref<8x64xf32>)
  return
}

// -----

// Heads in the middle of activations and weights are a batch; nothing is copied.
#x = affine_map<(h, m, n, k) -> (m, h, k)>
#w = affine_map<(h, m, n, k) -> (n, h, k)>
#y = affine_map<(h, m, n, k) -> (m, h, n)>
// CHECK-LABEL: func.func @heads(
func.func @heads(%x: memref<256x16x128xbf16>, %w: memref<512x16x128xbf16, strided<[4096, 256, 1], offset: 128>>, %y: memref<256x16x512xf32>) {
  // CHECK-DAG: memref.transpose %{{.*}} (d0, d1, d2) -> (d1, d0, d2) : memref<256x16x128xbf16> to memref<16x256x128xbf16, strided<[128, 2048, 1]>>
  // CHECK-DAG: memref.transpose %{{.*}} (d0, d1, d2) -> (d1, d0, d2) : memref<512x16x128xbf16, {{.*}}> to memref<16x512x128xbf16, strided<[256, 4096, 1], offset: 128>>
  // CHECK: gpu.launch_func @kernels::@batch_matmul_transposed_bf16_128x256x64_add
  linalg.contract indexing_maps = [#x, #w, #y] ins(%x, %w : memref<256x16x128xbf16>, memref<512x16x128xbf16, strided<[4096, 256, 1], offset: 128>>) outs(%y : memref<256x16x512xf32>)
  return
}

// -----

// The result of a product by mma.sync may start anywhere.
// CHECK-LABEL: func.func @unaligned_result(
func.func @unaligned_result(%x: memref<256x64xbf16>, %w: memref<64x40xbf16>, %y: memref<256x40xf32, strided<[47, 1], offset: ?>>) {
  // CHECK: gpu.launch_func @kernels::@mma_matmul_bf16_128x128x64_add
  linalg.matmul ins(%x, %w : memref<256x64xbf16>, memref<64x40xbf16>) outs(%y : memref<256x40xf32, strided<[47, 1], offset: ?>>)
  return
}

// -----

// Before sm_90a there is no wgmma.
module attributes {fulgur.target = "sm_80"} {
  // CHECK-LABEL: func.func @sm_80(
  func.func @sm_80(%x: memref<256x64xf16>, %w: memref<64x256xf16>, %y: memref<256x256xf32>) {
    // CHECK: gpu.launch_func @kernels::@mma_matmul_f16_128x128x64_add
    linalg.matmul ins(%x, %w : memref<256x64xf16>, memref<64x256xf16>) outs(%y : memref<256x256xf32>)
    return
  }
}

// -----

// Near misses: rows of 140 bytes, an unknown offset, other elements, other sums.
// CHECK-LABEL: func.func @misses(
// CHECK-NOT: gpu.launch_func
// CHECK-COUNT-4: linalg.matmul
func.func @misses(%a: memref<8x70xbf16>, %b: memref<70x64xbf16>, %y: memref<8x64xf32>,
                  %c: memref<8x64xbf16, strided<[64, 1], offset: ?>>, %d: memref<64x64xbf16>,
                  %e: memref<8x64xf32>, %f: memref<64x64xf32>, %g: memref<8x64xbf16>, %h: memref<8x64xbf16>) {
  linalg.matmul ins(%a, %b : memref<8x70xbf16>, memref<70x64xbf16>) outs(%y : memref<8x64xf32>)
  linalg.matmul ins(%c, %d : memref<8x64xbf16, strided<[64, 1], offset: ?>>, memref<64x64xbf16>) outs(%y : memref<8x64xf32>)
  linalg.matmul ins(%e, %f : memref<8x64xf32>, memref<64x64xf32>) outs(%y : memref<8x64xf32>)
  linalg.matmul ins(%g, %d : memref<8x64xbf16>, memref<64x64xbf16>) outs(%h : memref<8x64xbf16>)
  return
}
