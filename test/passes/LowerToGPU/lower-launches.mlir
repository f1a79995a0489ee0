// RUN: fulgur-opt %s --split-input-file --fulgur-lower-launches --verify-diagnostics | FileCheck %s

module attributes {gpu.container_module} {
  // CHECK: llvm.func @fulgur_launch(i64, !llvm.ptr, i64, !llvm.ptr)
  // The second kernel of the module has the number 1.
  // CHECK-LABEL: func.func @launch(
  // CHECK-SAME: %[[X:.*]]: !llvm.ptr, %[[S:.*]]: f32, %[[N:.*]]: index, %[[SHARED:.*]]: i32)
  // CHECK-DAG: %[[GRID:.*]] = llvm.alloca %{{.*}} x i64 {alignment = 8 : i64}
  // CHECK: %[[BLOCKS:.*]] = builtin.unrealized_conversion_cast %[[N]] : index to i64
  // CHECK: llvm.store %[[BLOCKS]], %{{.*}} : i64, !llvm.ptr
  // CHECK: llvm.store %[[X]], %[[AT:.*]] : !llvm.ptr, !llvm.ptr
  // CHECK: llvm.store %[[AT]], %{{.*}} : !llvm.ptr, !llvm.ptr
  // CHECK: llvm.store %[[S]], %{{.*}} : f32, !llvm.ptr
  // CHECK: %[[BYTES:.*]] = llvm.zext %[[SHARED]] : i32 to i64
  // CHECK: %[[NUMBER:.*]] = llvm.mlir.constant(1 : i64)
  // CHECK: llvm.call @fulgur_launch(%[[NUMBER]], %{{.*}}, %[[BYTES]], %{{.*}})
  func.func @launch(%x: !llvm.ptr, %s: f32, %n: index, %shared: i32) {
    %c1 = arith.constant 1 : index
    gpu.launch_func @kernels::@second blocks in (%n, %c1, %c1) threads in (%c1, %c1, %c1)
      dynamic_shared_memory_size %shared args(%x : !llvm.ptr, %s : f32)
    return
  }
  gpu.module @kernels {
    llvm.func @first() attributes {gpu.kernel} {
      llvm.return
    }
    llvm.func @helper() {
      llvm.return
    }
    llvm.func @second(%x: !llvm.ptr, %s: f32) attributes {fulgur.shared_bytes = 4096 : i64, gpu.kernel} {
      llvm.return
    }
  }
}

// -----

module attributes {gpu.container_module} {
  // The most that a launch asks for.
  func.func @launch() {
    %c1 = arith.constant 1 : index
    %0 = arith.constant 2048 : i32
    %1 = arith.constant 1024 : i32
    gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) dynamic_shared_memory_size %0
    gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) dynamic_shared_memory_size %1
    return
  }
  gpu.module @kernels {
    // CHECK: llvm.func @k() attributes {fulgur.shared_bytes = 2048 : i64, gpu.kernel}
    llvm.func @k() attributes {gpu.kernel} {
      llvm.return
    }
  }
}

// -----

module attributes {gpu.container_module} {
  func.func @launch(%shared: i32) {
    %c1 = arith.constant 1 : index
    // expected-error @below {{expected the kernel to have 'fulgur.shared_bytes', as the size of dynamic shared memory is not constant}}
    gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) dynamic_shared_memory_size %shared
    return
  }
  gpu.module @kernels {
    llvm.func @k() attributes {gpu.kernel} {
      llvm.return
    }
  }
}

// -----

module attributes {gpu.container_module} {
  func.func @launch(%x: memref<4xf32>) {
    %c1 = arith.constant 1 : index
    // expected-error @below {{expected operand 0 to be a scalar or an address, but got 'memref<4xf32>'}}
    gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%x : memref<4xf32>)
    return
  }
  gpu.module @kernels {
    gpu.func @k(%x: memref<4xf32>) kernel {
      gpu.return
    }
  }
}
