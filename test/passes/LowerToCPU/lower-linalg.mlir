// RUN: fulgur-opt %s --fulgur-lower-linalg | FileCheck %s

// A sum along a contiguous row is carried by its loop and may be reordered.
// CHECK-LABEL: func.func @row_sum(
func.func @row_sum(%x: memref<?x64xf32>, %s: memref<?xf32>) {
  // CHECK: scf.parallel
  // CHECK: scf.for {{.*}} iter_args({{.*}}) -> (f32)
  // CHECK: arith.addf {{.*}} fastmath<reassoc,contract>
  // CHECK: memref.store
  linalg.reduce ins(%x : memref<?x64xf32>) outs(%s : memref<?xf32>) dimensions = [1]
    (%in: f32, %out: f32) {
      %0 = arith.addf %in, %out : f32
      linalg.yield %0 : f32
    }
  return
}

// Elementwise operations on whole buffers are one loop.
// CHECK-LABEL: func.func @elementwise(
func.func @elementwise(%x: memref<?x?xf32>, %y: memref<?x?xf32>) {
  // CHECK-COUNT-2: memref.collapse_shape
  // CHECK: scf.parallel (%{{[^,]*}}) =
  // CHECK-NOT: scf.for
  // CHECK: arith.negf
  linalg.negf ins(%x : memref<?x?xf32>) outs(%y : memref<?x?xf32>)
  return
}

// A copy into a part of a buffer is loops; a dense one stays, for memcpy.
// CHECK-LABEL: func.func @copies(
func.func @copies(%x: memref<4x8xf32>, %y: memref<4x8xf32, strided<[16, 1], offset: 3>>, %z: memref<4x8xf32>) {
  // CHECK: scf.parallel
  memref.copy %x, %y : memref<4x8xf32> to memref<4x8xf32, strided<[16, 1], offset: 3>>
  // CHECK: memref.copy
  memref.copy %x, %z : memref<4x8xf32> to memref<4x8xf32>
  return
}
