// RUN: fulgur-opt %s --fulgur-drop-unused-parameters | FileCheck %s

module attributes {gpu.container_module} {
  // CHECK-LABEL: func.func @launch(
  // CHECK-SAME: %[[X:.*]]: !llvm.ptr, %{{.*}}: i64, %[[S:.*]]: f32)
  // CHECK: args(%[[X]] : !llvm.ptr, %[[S]] : f32)
  func.func @launch(%x: !llvm.ptr, %n: i64, %s: f32) {
    %c1 = arith.constant 1 : index
    gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1)
      args(%x : !llvm.ptr, %n : i64, %s : f32)
    return
  }
  gpu.module @kernels {
    // Attributes stay with their parameters.
    // CHECK: llvm.func @k(%{{.*}}: !llvm.ptr, %{{.*}}: f32 {llvm.noundef})
    llvm.func @k(%x: !llvm.ptr, %n: i64, %s: f32 {llvm.noundef}) attributes {gpu.kernel} {
      llvm.store %s, %x : f32, !llvm.ptr
      llvm.return
    }
    // Unmatched: no kernel, whoever calls it passes everything.
    // CHECK: llvm.func @helper(%{{.*}}: i64)
    llvm.func @helper(%n: i64) {
      llvm.return
    }
  }
}
