// RUN: fulgur-opt %s --fulgur-flatten-parameters --canonicalize | FileCheck %s

module attributes {gpu.container_module} {
  // A dense buffer is its address and its dynamic extent, a strided one also
  // its offset; its constant stride is in the kernel. Scalars stay.
  // CHECK-LABEL: func.func @launch(
  // CHECK: gpu.launch_func @kernels::@k
  // CHECK-SAME: args(%{{.*}} : !llvm.ptr, %{{.*}} : i64, %{{.*}} : f32, %{{.*}} : !llvm.ptr, %{{.*}} : i64)
  func.func @launch(%x: memref<?x64xf32>, %s: f32, %y: memref<8xf32, strided<[2], offset: ?>>) {
    %c1 = arith.constant 1 : index
    gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1)
      args(%x : memref<?x64xf32>, %s : f32, %y : memref<8xf32, strided<[2], offset: ?>>)
    return
  }
  gpu.module @kernels {
    // CHECK: gpu.func @k(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %[[S:.*]]: f32, %{{.*}}: !llvm.ptr, %{{.*}}: i64) kernel
    // CHECK: memref.store %[[S]]
    gpu.func @k(%x: memref<?x64xf32>, %s: f32, %y: memref<8xf32, strided<[2], offset: ?>>) kernel {
      %c0 = arith.constant 0 : index
      memref.store %s, %x[%c0, %c0] : memref<?x64xf32>
      memref.store %s, %y[%c0] : memref<8xf32, strided<[2], offset: ?>>
      gpu.return
    }
  }
}
