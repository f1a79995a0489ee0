// RUN: fulgur-opt %s --fulgur-lower-linalg=share-elements | FileCheck %s

// Every element of the result is a turn; the sum stays in one.
// CHECK-LABEL: func.func @matmul(
// CHECK: scf.parallel (%[[I:.*]]) =
// CHECK: %[[COLUMN:.*]] = arith.remui %[[I]],
// CHECK: %[[ROW:.*]] = arith.divui %[[I]],
// CHECK: scf.for %[[K:.*]] = {{.*}} iter_args
// CHECK: memref.load %{{.*}}[%[[ROW]], %[[K]]]
// CHECK: memref.load %{{.*}}[%[[K]], %[[COLUMN]]]
func.func @matmul(%x: memref<?x32xf32>, %w: memref<32x64xf32>, %y: memref<?x64xf32>) {
  linalg.matmul ins(%x, %w : memref<?x32xf32>, memref<32x64xf32>) outs(%y : memref<?x64xf32>)
  return
}

// Inside of a parallel loop it is as on the CPU; a dense copy is a loop there.
// CHECK-LABEL: func.func @inside(
// CHECK: scf.parallel
// CHECK: scf.parallel
// CHECK: scf.for
// CHECK-NOT: memref.copy
func.func @inside(%x: memref<4x8xf32>, %y: memref<4x8xf32>, %z: memref<8x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %f = arith.constant 0.0 : f32
  scf.parallel (%i) = (%c0) to (%c1) step (%c1) {
    linalg.transpose ins(%x : memref<4x8xf32>) outs(%z : memref<8x4xf32>) permutation = [1, 0]
    memref.copy %x, %y : memref<4x8xf32> to memref<4x8xf32>
  }
  return
}
