// RUN: fulgur-opt %s --fulgur-expand-views | FileCheck %s

// One dynamic dimension becomes two, whose sizes the operation knows.
// CHECK-LABEL: func.func @two_dynamic(
// CHECK-SAME: %{{[a-z0-9]+}}: memref<?xf32>, %[[A:[a-z0-9]+]]: index, %[[B:[a-z0-9]+]]: index
func.func @two_dynamic(%x: memref<?xf32>, %a: index, %b: index) -> memref<?x?xf32> {
  // CHECK: memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [%[[A]], %[[B]]], strides: [%{{.*}}, 1]
  %0 = memref.expand_shape %x [[0, 1]] output_shape [%a, %b] : memref<?xf32> into memref<?x?xf32>
  return %0 : memref<?x?xf32>
}

// Nothing to expand: a load stays.
// CHECK-LABEL: func.func @load(
func.func @load(%x: memref<?xf32>, %i: index) -> f32 {
  // CHECK-NOT: reinterpret_cast
  // CHECK: memref.load
  %0 = memref.load %x[%i] : memref<?xf32>
  return %0 : f32
}
