// RUN: fulgur-opt %s --split-input-file --fulgur-outline-kernels | FileCheck %s

// The offsets of the arena are in the host's memory, also in a layer: they are
// read there.
// CHECK-LABEL: func.func @layer(
// CHECK-SAME: %[[OFFSETS:.*]]: memref<?xi64>, %[[X:.*]]: memref<?xf32>)
// CHECK: %[[OFFSET:.*]] = memref.load %[[OFFSETS]]
// CHECK: gpu.launch_func {{.*}} args({{.*}}%[[OFFSET]] : i64
func.func @layer(%offsets: memref<?xi64>, %x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.parallel (%i) = (%c0) to (%c8) step (%c1) {
    %0 = memref.load %offsets[%c1] : memref<?xi64>
    %1 = arith.sitofp %0 : i64 to f32
    memref.store %1, %x[%i] : memref<?xf32>
  }
  return
}
// CHECK-LABEL: func.func @main(
func.func @main(%offsets: memref<?xi64> {fulgur.offsets}, %x: memref<?xf32>) {
  call @layer(%offsets, %x) : (memref<?xi64>, memref<?xf32>) -> ()
  return
}

// -----

// The host runs the control flow around parallel loops, and copies.
// CHECK-LABEL: func.func @main(
// CHECK: scf.for
// CHECK: scf.if
// CHECK: gpu.launch_func
// CHECK: llvm.call @fulgur_device_copy
func.func @main(%n: index, %b: i1, %x: memref<4xf32>, %y: memref<4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %f = arith.constant 0.0 : f32
  scf.for %i = %c0 to %n step %c1 {
    scf.if %b {
      scf.parallel (%j) = (%c0) to (%n) step (%c1) {
        memref.store %f, %x[%j] : memref<4xf32>
      }
    }
    memref.copy %x, %y : memref<4xf32> to memref<4xf32>
  }
  return
}

// -----

// Small scratch buffers are local memory of the thread.
// CHECK-LABEL: func.func @main(
// CHECK: gpu.func @kernel_0(
// CHECK-NEXT: memref.alloca() : memref<16xf32>
// A large one: the host runs the turns, and makes room for each.
// CHECK: gpu.func @kernel_1(
func.func @main(%n: index, %x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %f = arith.constant 0.0 : f32
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %0 = memref.alloc() : memref<16xf32>
    memref.store %f, %0[%c0] : memref<16xf32>
    %1 = memref.load %0[%c0] : memref<16xf32>
    memref.store %1, %x[%i] : memref<?xf32>
  }
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %0 = memref.alloc(%n) : memref<?xf32>
    memref.store %f, %0[%c0] : memref<?xf32>
    %1 = memref.load %0[%c0] : memref<?xf32>
    memref.store %1, %x[%i] : memref<?xf32>
  }
  return
}

// -----

// Unmatched: arithmetic on sizes stays on the host, and so does a condition
// that it can check.
// CHECK-LABEL: func.func @main(
// CHECK: cf.assert
// CHECK-NOT: gpu.launch_func
func.func @main(%n: index) {
  %c4 = arith.constant 4 : index
  %0 = arith.cmpi slt, %n, %c4 : index
  cf.assert %0, "too many"
  return
}
