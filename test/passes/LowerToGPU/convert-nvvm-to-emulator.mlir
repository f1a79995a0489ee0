// RUN: fulgur-opt %s --fulgur-convert-nvvm-to-emulator | FileCheck %s

// Calls say which operation of the kernel they were.
// CHECK-DAG: llvm.mlir.global internal constant @k_emulated_site_4("nvvm.barrier #4 ({{.*}}.mlir:[[#@LINE + 29]])\00")
// CHECK-DAG: llvm.mlir.global external @fulgur_emu_registers()
// CHECK-DAG: llvm.func @fulgur_emu_access(!llvm.ptr, !llvm.ptr, i64, i32, i32)

// The kernel stays for its assembly.
// CHECK: gpu.module @kernels
// CHECK: nvvm.barrier

gpu.module @kernels {
  llvm.mlir.global internal @tile() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<32 x f32>
  llvm.mlir.global external @smem() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
  llvm.mlir.global internal constant @table(dense<1.0> : tensor<4xf32>) : !llvm.array<4 x f32>

  // Parameters come by the addresses of their values.
  // CHECK-LABEL: llvm.func @k_emulated(%arg0: !llvm.ptr)
  // CHECK: %[[P1:.*]] = llvm.getelementptr %arg0[1]
  // CHECK: %[[A1:.*]] = llvm.load %[[P1]] : !llvm.ptr -> !llvm.ptr
  // CHECK: %[[X:.*]] = llvm.load %[[A1]] : !llvm.ptr -> !llvm.ptr
  llvm.func @k(%map: !llvm.ptr {llvm.byval = !llvm.array<128 x i8>}, %x: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    // CHECK: %[[REGISTERS:.*]] = llvm.load %{{.*}} : !llvm.ptr -> !llvm.ptr
    // CHECK: llvm.getelementptr %[[REGISTERS]][7]
    %y = nvvm.read.ptx.sreg.ctaid.y : i32
    // Dynamic shared memory lies behind the static one.
    // CHECK: %[[BYTES:.*]] = llvm.mlir.constant(1024 : i64)
    // CHECK: llvm.call @fulgur_emu_shared(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) : (!llvm.ptr, i64, i64, i64) -> !llvm.ptr
    %tile = llvm.mlir.addressof @tile : !llvm.ptr<3>
    // CHECK: %[[DYNAMIC:.*]] = llvm.call @fulgur_emu_shared
    %smem = llvm.mlir.addressof @smem : !llvm.ptr<3>
    // CHECK: llvm.call @fulgur_emu_barrier
    nvvm.barrier
    // CHECK: llvm.call @fulgur_emu_access(%{{.*}}, %[[X]]
    // CHECK: llvm.load %[[X]] {{.*}}: !llvm.ptr -> i32
    %v = llvm.load %x : !llvm.ptr<1> -> i32
    // CHECK: llvm.call @fulgur_emu_access(%{{.*}}, %[[DYNAMIC]]
    // CHECK: llvm.store %{{.*}}, %[[DYNAMIC]] {{.*}}: i32, !llvm.ptr
    llvm.store %y, %smem : i32, !llvm.ptr<3>
    // Constants need no check.
    // CHECK: llvm.mlir.addressof @table_emulated
    // CHECK-NOT: fulgur_emu_access
    %table = llvm.mlir.addressof @table : !llvm.ptr
    %t = llvm.load %table : !llvm.ptr -> f32
    // CHECK: llvm.call @fulgur_emu_tma_load
    %c0 = llvm.mlir.constant(0 : i32) : i32
    %cluster = llvm.addrspacecast %tile : !llvm.ptr<3> to !llvm.ptr<7>
    nvvm.cp.async.bulk.tensor.shared.cluster.global %cluster, %map, %smem, box[%c0, %v] : !llvm.ptr<7>, !llvm.ptr
    // CHECK: llvm.call @helper_emulated
    llvm.call @helper(%t) : (f32) -> ()
    llvm.return
  }

  // CHECK-LABEL: llvm.func internal @helper_emulated(%arg0: f32)
  // CHECK: llvm.call @fulgur_emu_ex2(%arg0) : (f32) -> f32
  llvm.func @helper(%x: f32) {
    %0 = llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f"(%x) : (f32) -> f32
    llvm.return
  }
}
