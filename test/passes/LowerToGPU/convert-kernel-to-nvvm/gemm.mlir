// RUN: fulgur-opt %s --fulgur-lower-tensor-maps --fulgur-convert-kernel-to-nvvm | FileCheck %s
// A product of tiles with all that a kernel is built of, down to PTX.
// RUN: fulgur-opt %s --fulgur-lower-tensor-maps --fulgur-convert-kernel-to-nvvm --convert-scf-to-cf \
// RUN:   --fulgur-convert-gpu-to-nvvm --fulgur-convert-kernel-to-ptx --reconcile-unrealized-casts \
// RUN:   --canonicalize --cse \
// RUN:   | mlir-opt --nvvm-attach-target="chip=sm_90a features=+ptx86 O=3" --gpu-module-to-binary="format=isa" \
// RUN:   | FileCheck %s --check-prefix=PTX

#ws = #gpu.address_space<workgroup>
!map = !kernel.tensor_map<64x64xbf16, 128>
!tile = memref<4x128x64xbf16, #ws>

// CHECK: llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
// The roles are in the order in which LLVM lays the branches out.
// PTX: .extern .shared .align 1024 .b8 smem[]
// PTX: .param .align 64 .b8 gemm_param_0[128]
// PTX: .maxntid 384
// PTX: prefetch.tensormap
// PTX: mbarrier.init.shared.b64
// PTX: fence.mbarrier_init.release.cluster
// PTX: setmaxnreg.inc.sync.aligned.u32
// PTX-SAME: 232
// PTX: mbarrier.try_wait.parity
// PTX: wgmma.fence.sync.aligned
// PTX-COUNT-4: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// PTX: wgmma.commit_group.sync.aligned
// PTX: wgmma.wait_group.sync.aligned 0
// PTX: mbarrier.arrive.shared.b64
// PTX: stmatrix.sync.aligned.m8n8.x4.shared.b16
// PTX: cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group
// PTX: setmaxnreg.dec.sync.aligned.u32
// PTX-SAME: 40
// PTX: mbarrier.try_wait.parity
// PTX: mbarrier.arrive.expect_tx
// PTX: cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes
gpu.module @kernels {
  // CHECK-LABEL: gpu.func @gemm
  // CHECK-SAME: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>}
  gpu.func @gemm(%m: !map, %row: i32, %blocks: index) kernel
      attributes {known_block_size = array<i32: 384, 1, 1>, nvvm.minctasm = 1 : i32} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c64 = arith.constant 64 : i32
    %z = arith.constant 0 : i32
    %t = kernel.shared at 0 : !tile
    // CHECK: nvvm.prefetch tensormap
    kernel.tensor_map_prefetch %m : !map
    // CHECK-COUNT-8: nvvm.mbarrier.init
    // CHECK: nvvm.fence.mbarrier.init
    %p = kernel.pipeline_create at 65536 producers 1 consumers 2 : !kernel.pipeline<4>
    nvvm.barrier
    // CHECK: %[[GROUP:.*]] = nvvm.shfl.sync idx
    // CHECK: %[[FIRST:.*]] = llvm.icmp "ult" %[[GROUP]]
    // CHECK: scf.if %[[FIRST]]
    // CHECK-NEXT: nvvm.setmaxregister decrease 40
    kernel.roles groups [1, 2] registers [40, 232] {
    ^bb0(%group: i32, %thread: i32):
      %first = arith.cmpi eq, %thread, %z : i32
      scf.if %first {
        %s0 = kernel.pipeline_start : !kernel.pipeline_state<4>
        // CHECK: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}) -> (i32)
        %end = scf.for %i = %c0 to %blocks step %c1 iter_args(%s = %s0) -> !kernel.pipeline_state<4> {
          // CHECK: scf.while
          // CHECK: nvvm.mbarrier.try_wait
          // CHECK: nvvm.mbarrier.arrive.expect_tx
          %stage, %full = kernel.pipeline_acquire %p, %s bytes 8192 : !kernel.pipeline<4>, !kernel.pipeline_state<4>
          // CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global
          kernel.tma_load %m[%row, %c64] to %t[%stage, %c0, %c0], %full : !map, !tile
          %n = kernel.pipeline_advance %s : !kernel.pipeline_state<4>
          scf.yield %n : !kernel.pipeline_state<4>
        }
      }
    }, {
    ^bb0(%group: i32, %thread: i32):
      // CHECK: else
      // CHECK: nvvm.setmaxregister increase 232
      %zero = arith.constant dense<0.0> : vector<64xf32>
      %s0 = kernel.pipeline_start : !kernel.pipeline_state<4>
      %sum, %end = scf.for %i = %c0 to %blocks step %c1 iter_args(%acc = %zero, %s = %s0) -> (vector<64xf32>, !kernel.pipeline_state<4>) {
        %stage = kernel.pipeline_wait %p, %s : !kernel.pipeline<4>, !kernel.pipeline_state<4>
        nvvm.wgmma.fence.aligned
        // CHECK: kernel.pin
        // CHECK: kernel.pin
        // CHECK-COUNT-4: kernel.wgmma_issue {{.*}} element bf16 : vector<64xf32>, i64
        %d = kernel.wgmma %acc, %t[%stage, %c0, %c0], %t[%stage, %c0, %c0] k 64 : vector<64xf32>, !tile, !tile
        nvvm.wgmma.commit.group.sync.aligned
        // CHECK: kernel.wgmma_wait 0
        %w = kernel.wgmma_wait 0, %d : vector<64xf32>
        // CHECK: nvvm.mbarrier.arrive
        kernel.pipeline_release %p, %s : !kernel.pipeline<4>, !kernel.pipeline_state<4>
        %n = kernel.pipeline_advance %s : !kernel.pipeline_state<4>
        scf.yield %w, %n : vector<64xf32>, !kernel.pipeline_state<4>
      }
      %part = vector.shuffle %sum, %sum [0, 1, 2, 3, 4, 5, 6, 7] : vector<64xf32>, vector<64xf32>
      %half = arith.truncf %part : vector<8xf32> to vector<8xbf16>
      // CHECK: nvvm.stmatrix
      %column = arith.index_cast %thread : i32 to index
      kernel.stmatrix %half, %t[%c0, %column, %c0] : vector<8xbf16>, !tile
      // CHECK: nvvm.cp.async.bulk.tensor.global.shared.cta
      kernel.tma_store %t[%c0, %c0, %c0] to %m[%row, %z] : !tile, !map
    }
    gpu.return
  }
}
