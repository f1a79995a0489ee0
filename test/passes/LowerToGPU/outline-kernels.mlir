// RUN: fulgur-opt %s --split-input-file --fulgur-outline-kernels | FileCheck %s

// Two equal loops are one kernel; the host computes the blocks.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[N:.*]]: index, %[[X:.*]]: memref<?xf32>, %[[Y:.*]]: memref<?xf32>)
// CHECK: %[[BLOCKS:.*]] = arith.ceildivsi %[[N]], %[[C256:.*]] :
// CHECK: gpu.launch_func @kernels::@kernel_0 blocks in (%[[BLOCKS]], %{{.*}}) threads in (%[[C256]],
// CHECK-SAME: args(%[[X]] : memref<?xf32>, %[[N]] : index)
// CHECK: gpu.launch_func @kernels::@kernel_0
// CHECK-SAME: args(%[[Y]] : memref<?xf32>, %[[N]] : index)
// CHECK: gpu.module @kernels
// CHECK: gpu.func @kernel_0(%[[A:.*]]: memref<?xf32>, %[[COUNT:.*]]: index) kernel attributes {fulgur.independent, known_block_size = array<i32: 256, 1, 1>}
// CHECK: %[[BLOCK:.*]] = gpu.block_id
// CHECK: %[[FIRST:.*]] = arith.muli %[[BLOCK]],
// CHECK: %[[I:.*]] = arith.addi %[[FIRST]],
// CHECK: %[[IN:.*]] = arith.cmpi slt, %[[I]], %[[COUNT]]
// CHECK: scf.if %[[IN]]
// The loop inside of it has one thread.
// CHECK: scf.for
// CHECK-NOT: gpu.func
func.func @main(%n: index, %x: memref<?xf32>, %y: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %f = arith.constant 0.0 : f32
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    scf.parallel (%j) = (%c0) to (%c4) step (%c1) {
      memref.store %f, %x[%i] : memref<?xf32>
    }
  }
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    scf.parallel (%j) = (%c0) to (%c4) step (%c1) {
      memref.store %f, %y[%i] : memref<?xf32>
    }
  }
  return
}

// -----

// Several loops in one: the last one goes fastest.
// CHECK-LABEL: func.func @main(
// CHECK: gpu.func @kernel_0(
// CHECK: %[[ROW:.*]] = arith.divui
// CHECK: memref.store %{{.*}}, %{{.*}}[%[[ROW]], %{{.*}}]
func.func @main(%n: index, %m: index, %x: memref<?x?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %f = arith.constant 0.0 : f32
  scf.parallel (%i, %j) = (%c0, %c0) to (%n, %m) step (%c1, %c1) {
    memref.store %f, %x[%i, %j] : memref<?x?xf32>
  }
  return
}

// -----

// A broken condition: the kernel stores the number of the failure.
// CHECK: fulgur.failures = ["out of range"]
// CHECK-LABEL: func.func @main(
// CHECK: %[[FLAG:.*]] = llvm.call @fulgur_failure_flag()
// CHECK: gpu.launch_func {{.*}} args(%{{.*}} : memref<i1>, %[[FLAG]] : !llvm.ptr)
// CHECK: gpu.func @kernel_0(%{{.*}}: memref<i1>, %[[AT:.*]]: !llvm.ptr)
// CHECK: scf.if
// CHECK: %[[ONE:.*]] = llvm.mlir.constant(1 : i32)
// CHECK: llvm.cmpxchg %[[AT]], %{{.*}}, %[[ONE]] monotonic monotonic
func.func @main(%ok: memref<i1>) {
  %0 = memref.load %ok[] : memref<i1>
  cf.assert %0, "out of range"
  return
}

// -----

// What the host needs is read back: a value alone, without a kernel.
// CHECK-LABEL: func.func @main(
// CHECK: llvm.call @fulgur_device_read
// CHECK: gpu.launch_func @kernels::@kernel_0
func.func @main(%count: memref<i64>, %x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %f = arith.constant 0.0 : f32
  %0 = memref.load %count[] : memref<i64>
  %n = arith.index_cast %0 : i64 to index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %f, %x[%i] : memref<?xf32>
  }
  return
}

// -----

// A loop that threads can not share is a kernel of one thread; its result
// comes back through memory.
// CHECK-LABEL: func.func @main(
// CHECK: %[[BOX:.*]] = memref.alloc() : memref<1xi64>
// CHECK: gpu.launch_func @kernels::@kernel_0 {{.*}} args({{.*}}%[[BOX]] : memref<1xi64>
// CHECK: llvm.call @fulgur_device_read
// CHECK: gpu.launch_func @kernels::@kernel_1
// CHECK: gpu.func @kernel_0(
// CHECK: scf.for
// CHECK: memref.store %{{.*}}, %{{.*}}[%{{.*}}] : memref<1xi64>
func.func @main(%m: index, %counts: memref<?xindex>, %x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %f = arith.constant 0.0 : f32
  %n = scf.for %i = %c0 to %m step %c1 iter_args(%sum = %c0) -> index {
    %0 = memref.load %counts[%i] : memref<?xindex>
    %1 = arith.addi %0, %sum : index
    scf.yield %1 : index
  }
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %f, %x[%i] : memref<?xf32>
  }
  return
}
