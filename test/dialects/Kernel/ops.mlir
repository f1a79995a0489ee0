// RUN: fulgur-opt %s | fulgur-opt | FileCheck %s

#ws = #gpu.address_space<workgroup>

// CHECK-LABEL: @host
// CHECK: kernel.tensor_map %{{.*}} : memref<?x4096xbf16> to !kernel.tensor_map<128x64xbf16, 128>
func.func @host(%x: memref<?x4096xbf16>) -> !kernel.tensor_map<128x64xbf16, 128> {
  %m = kernel.tensor_map %x : memref<?x4096xbf16> to !kernel.tensor_map<128x64xbf16, 128>
  return %m : !kernel.tensor_map<128x64xbf16, 128>
}

gpu.module @kernels {
  // CHECK-LABEL: gpu.func @barriers
  gpu.func @barriers(%i: i32, %parity: i32) {
    // CHECK: kernel.mbarrier at 64{{$}}
    %a = kernel.mbarrier at 64
    // CHECK: kernel.mbarrier at 72[%{{.*}}]{{$}}
    %b = kernel.mbarrier at 72[%i]
    // CHECK: kernel.mbarrier_init %{{.*}} count 2
    kernel.mbarrier_init %a count 2
    // CHECK: kernel.mbarrier_arrive %{{[^ ]*$}}
    kernel.mbarrier_arrive %a
    // CHECK: kernel.mbarrier_arrive %{{.*}} rank %{{.*}}
    kernel.mbarrier_arrive %b rank %i
    // CHECK: kernel.mbarrier_arrive %{{.*}} bytes 4096
    kernel.mbarrier_arrive %b bytes 4096
    // CHECK: kernel.mbarrier_wait %{{.*}} parity %{{.*}} cluster
    kernel.mbarrier_wait %b parity %parity cluster
    // CHECK: kernel.mbarrier_wait %{{.*}} parity %{{[^ ]*$}}
    kernel.mbarrier_wait %a parity %parity
    gpu.return
  }

  // CHECK-LABEL: gpu.func @memory
  gpu.func @memory(%x: memref<?x64xbf16>, %i: index, %n: i32) {
    // CHECK: kernel.shared at 1024 : memref<2x16x64xbf16, #gpu.address_space<workgroup>>
    %t = kernel.shared at 1024 : memref<2x16x64xbf16, #ws>
    // CHECK: kernel.copy_async %{{.*}}[%{{.*}}, %{{.*}}] to %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] bytes %{{.*}} : memref<?x64xbf16> to memref<2x16x64xbf16, #gpu.address_space<workgroup>>
    kernel.copy_async %x[%i, %i] to %t[%i, %i, %i] bytes %n : memref<?x64xbf16> to memref<2x16x64xbf16, #ws>
    // CHECK: kernel.ldmatrix %{{.*}}[%{{.*}}] transpose : memref<2x16x64xbf16, #gpu.address_space<workgroup>> -> vector<8xbf16>
    %v = kernel.ldmatrix %t[%i, %i, %i] transpose : memref<2x16x64xbf16, #ws> -> vector<8xbf16>
    // CHECK: kernel.stmatrix %{{.*}}, %{{.*}}[%{{.*}}] : vector<8xbf16>, memref<2x16x64xbf16, #gpu.address_space<workgroup>>
    kernel.stmatrix %v, %t[%i, %i, %i] : vector<8xbf16>, memref<2x16x64xbf16, #ws>
    gpu.return
  }

  // CHECK-LABEL: gpu.func @pipeline
  gpu.func @pipeline(%m: !kernel.tensor_map<64x64xbf16, 128>, %c: i32, %mask: i16, %hint: i64) kernel
      attributes {known_block_size = array<i32: 256, 1, 1>} {
    %c0 = arith.constant 0 : index
    %t = kernel.shared at 0 : memref<2x64x64xbf16, #ws>
    // CHECK: kernel.tensor_map_prefetch %{{.*}} : !kernel.tensor_map<64x64xbf16, 128>
    kernel.tensor_map_prefetch %m : !kernel.tensor_map<64x64xbf16, 128>
    // CHECK: kernel.pipeline_create at 16384 producers 1 consumers 1 : !kernel.pipeline<2, cluster = 2>
    %p = kernel.pipeline_create at 16384 producers 1 consumers 1 : !kernel.pipeline<2, cluster = 2>
    // CHECK: kernel.roles groups [1, 1] registers [40, 216] {
    // CHECK-NEXT: ^bb0(%{{.*}}: i32, %{{.*}}: i32):
    kernel.roles groups [1, 1] registers [40, 216] {
    ^bb0(%group: i32, %thread: i32):
      // CHECK: kernel.pipeline_start : !kernel.pipeline_state<2>
      %s = kernel.pipeline_start : !kernel.pipeline_state<2>
      // CHECK: kernel.pipeline_acquire %{{.*}}, %{{.*}} bytes 24576 : !kernel.pipeline<2, cluster = 2>, !kernel.pipeline_state<2>
      %stage, %full = kernel.pipeline_acquire %p, %s bytes 24576 : !kernel.pipeline<2, cluster = 2>, !kernel.pipeline_state<2>
      // CHECK: kernel.tma_load %{{.*}}[%{{.*}}, %{{.*}}] to %{{.*}}[%{{.*}}], %{{.*}} multicast %{{.*}} hint %{{.*}} : !kernel.tensor_map<64x64xbf16, 128>, memref<2x64x64xbf16, #gpu.address_space<workgroup>>
      kernel.tma_load %m[%c, %c] to %t[%stage, %c0, %c0], %full multicast %mask hint %hint : !kernel.tensor_map<64x64xbf16, 128>, memref<2x64x64xbf16, #ws>
      // CHECK: kernel.tma_load %{{.*}}[%{{.*}}, %{{.*}}] to %{{.*}}[%{{.*}}], %{{.*}} : !kernel
      kernel.tma_load %m[%c, %c] to %t[%stage, %c0, %c0], %full : !kernel.tensor_map<64x64xbf16, 128>, memref<2x64x64xbf16, #ws>
    }, {
    ^bb0(%group: i32, %thread: i32):
      %s = kernel.pipeline_start : !kernel.pipeline_state<2>
      // CHECK: kernel.pipeline_wait
      %stage = kernel.pipeline_wait %p, %s : !kernel.pipeline<2, cluster = 2>, !kernel.pipeline_state<2>
      // CHECK: kernel.tma_store %{{.*}}[%{{.*}}] to %{{.*}}[%{{.*}}] : memref<2x64x64xbf16, #gpu.address_space<workgroup>>, !kernel.tensor_map<64x64xbf16, 128>
      kernel.tma_store %t[%stage, %c0, %c0] to %m[%c, %c] : memref<2x64x64xbf16, #ws>, !kernel.tensor_map<64x64xbf16, 128>
      // CHECK: kernel.pipeline_release
      kernel.pipeline_release %p, %s : !kernel.pipeline<2, cluster = 2>, !kernel.pipeline_state<2>
      // CHECK: kernel.pipeline_advance %{{.*}} : !kernel.pipeline_state<2>
      %n = kernel.pipeline_advance %s : !kernel.pipeline_state<2>
      // CHECK: kernel.pipeline_acquire %{{.*}}, %{{.*}} : !kernel
      %st, %f = kernel.pipeline_acquire %p, %n : !kernel.pipeline<2, cluster = 2>, !kernel.pipeline_state<2>
      // CHECK: kernel.pipeline_commit %{{.*}}, %{{.*}} copies : !kernel
      kernel.pipeline_commit %p, %n copies : !kernel.pipeline<2, cluster = 2>, !kernel.pipeline_state<2>
    }
    gpu.return
  }

  // CHECK-LABEL: gpu.func @matrices
  gpu.func @matrices(%acc: vector<32xf32>, %frag: vector<32xbf16>, %i: index, %on: i1) {
    %c0 = arith.constant 0 : index
    %a = kernel.shared at 0 : memref<2x64x64xbf16, #ws>
    // CHECK: kernel.wgmma %{{.*}}, %{{.*}}[%{{.*}}], %{{.*}}[%{{.*}}] k 64 accumulate %{{.*}} : vector<32xf32>, memref<2x64x64xbf16, #gpu.address_space<workgroup>>, memref
    %r = kernel.wgmma %acc, %a[%i, %c0, %c0], %a[%i, %c0, %c0] k 64 accumulate %on : vector<32xf32>, memref<2x64x64xbf16, #ws>, memref<2x64x64xbf16, #ws>
    // CHECK: kernel.wgmma %{{.*}}, %{{.*}}, %{{.*}}[%{{.*}}] k 64 transpose_b : vector<32xf32>, vector<32xbf16>, memref
    %s = kernel.wgmma %r, %frag, %a[%i, %c0, %c0] k 64 transpose_b : vector<32xf32>, vector<32xbf16>, memref<2x64x64xbf16, #ws>
    // CHECK: kernel.wgmma_wait 0, %{{.*}}, %{{.*}} : vector<32xf32>, vector<32xf32>
    %w:2 = kernel.wgmma_wait 0, %r, %s : vector<32xf32>, vector<32xf32>
    gpu.return
  }

  // CHECK-LABEL: gpu.func @low_level
  gpu.func @low_level(%acc: vector<32xf32>, %ad: i64, %ar: vector<4xi32>, %x: i32, %on: i1) {
    // CHECK: kernel.wgmma_issue %{{.*}}, %{{.*}}, %{{.*}} scale_d %{{.*}} element bf16 transpose_b : vector<32xf32>, i64
    %r = kernel.wgmma_issue %acc, %ad, %ad scale_d %on element bf16 transpose_b : vector<32xf32>, i64
    // CHECK: kernel.wgmma_issue %{{.*}}, %{{.*}}, %{{.*}} element f8E4M3FN : vector<32xf32>, vector<4xi32>
    %s = kernel.wgmma_issue %r, %ar, %ad element f8E4M3FN : vector<32xf32>, vector<4xi32>
    // CHECK: kernel.pin
    %p = kernel.pin %x
    gpu.return
  }

  // CHECK-LABEL: gpu.func @mma_sync
  gpu.func @mma_sync(%a: vector<8xbf16>, %b: vector<4xbf16>, %c: vector<4xf32>) {
    // CHECK: kernel.mma_sync %{{.*}}, %{{.*}}, %{{.*}} : vector<8xbf16>, vector<4xbf16>, vector<4xf32>
    %d = kernel.mma_sync %a, %b, %c : vector<8xbf16>, vector<4xbf16>, vector<4xf32>
    gpu.return
  }
}
