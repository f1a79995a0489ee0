// RUN: fulgur-opt %s --fulgur-forall-to-host-loop | FileCheck %s

// CHECK-LABEL: func.func @blocks(
// CHECK-SAME: %[[X:.*]]: memref<?x64xf32>, %[[N:.*]]: index
// CHECK-NOT: scf.forall
// CHECK: scf.for %[[I:.*]] = %{{.*}} to %[[N]] step
// CHECK: memref.subview %[[X]][%[[I]], 0]
// CHECK: linalg.fill
func.func @blocks(%x: memref<?x64xf32>, %n: index) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%i) in (%n) {
    %row = memref.subview %x[%i, 0] [1, 64] [1, 1] : memref<?x64xf32> to memref<1x64xf32, strided<[64, 1], offset: ?>>
    linalg.fill ins(%zero : f32) outs(%row : memref<1x64xf32, strided<[64, 1], offset: ?>>)
  }
  return
}

// A store by itself: the turns are all that there is for threads.
// CHECK-LABEL: func.func @stores(
// CHECK: scf.forall
// CHECK: linalg.fill
// CHECK: memref.store
func.func @stores(%x: memref<?x64xf32>, %y: memref<?xf32>, %n: index) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%i) in (%n) {
    %row = memref.subview %x[%i, 0] [1, 64] [1, 1] : memref<?x64xf32> to memref<1x64xf32, strided<[64, 1], offset: ?>>
    linalg.fill ins(%zero : f32) outs(%row : memref<1x64xf32, strided<[64, 1], offset: ?>>)
    memref.store %zero, %y[%i] : memref<?xf32>
  }
  return
}

// No operation, so nothing has threads of its own.
// CHECK-LABEL: func.func @nothing(
// CHECK: scf.forall
func.func @nothing(%n: index) {
  scf.forall (%i) in (%n) {
  }
  return
}
