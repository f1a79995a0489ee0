// RUN: fulgur-opt %s --fulgur-parallelize | FileCheck %s

// Equal loops share one function, which gets a range of iterations.
// CHECK-LABEL: func.func @equal(
func.func @equal(%x: memref<?xf32>, %y: memref<?xf32>, %n: index, %f: f32) {
  // CHECK: call @fulgur_parallel_for(
  // CHECK: call @fulgur_parallel_for(
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %f, %x[%i] : memref<?xf32>
    scf.reduce
  }
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %f, %y[%i] : memref<?xf32>
    scf.reduce
  }
  return
}

// Unmatched: a loop that reduces stays.
// CHECK-LABEL: func.func @reduces(
func.func @reduces(%n: index, %f: f32) -> f32 {
  // CHECK: scf.parallel
  // CHECK-NOT: fulgur_parallel_for
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = scf.parallel (%i) = (%c0) to (%n) step (%c1) init (%f) -> f32 {
    scf.reduce(%f : f32) {
    ^bb0(%a: f32, %b: f32):
      %1 = arith.addf %a, %b : f32
      scf.reduce.return %1 : f32
    }
  }
  return %0 : f32
}

// A loop inside of a loop is a function that the outer one calls: that one has
// all threads if the outer loop is a single turn.
// CHECK-LABEL: func.func @nested(
func.func @nested(%x: memref<?x?xf32>, %m: index, %n: index, %f: f32) {
  // CHECK: call @fulgur_parallel_for(
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%m) step (%c1) {
    scf.parallel (%j) = (%c0) to (%n) step (%c1) {
      memref.store %f, %x[%i, %j] : memref<?x?xf32>
      scf.reduce
    }
    scf.reduce
  }
  return
}

// CHECK: func.func private @kernel_0(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64)
// CHECK: scf.for
// CHECK: memref.store
// CHECK: func.func private @kernel_1(
// CHECK: scf.for
// CHECK: call @fulgur_parallel_for(
// CHECK-NOT: scf.parallel
// CHECK: func.func private @kernel_2(
// CHECK: scf.for
// CHECK: memref.store
// CHECK-NOT: @kernel_3
