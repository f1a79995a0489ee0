// RUN: fulgur-opt %s --fulgur-copy-strided-results | FileCheck %s

// Rows of a part of the columns are not dense.
// CHECK-LABEL: func.func @columns
// CHECK: %[[V:.*]] = memref.subview
// CHECK-DAG: %[[N:.*]] = memref.dim %[[V]], %c0
// CHECK-DAG: %[[K:.*]] = memref.dim %[[V]], %c1
// CHECK: %[[Y:.*]] = memref.alloc(%[[N]], %[[K]]) : memref<?x?xf32>
// CHECK: memref.copy %[[V]], %[[Y]]
// CHECK: return %[[Y]]
func.func @columns(%x: memref<?x?xf32>, %n: index, %k: index) -> memref<?x?xf32> {
  %v = memref.subview %x[0, 0] [%n, %k] [1, 1] : memref<?x?xf32> to memref<?x?xf32, strided<[?, 1]>>
  %y = memref.cast %v : memref<?x?xf32, strided<[?, 1]>> to memref<?x?xf32>
  return %y : memref<?x?xf32>
}

// CHECK-LABEL: func.func @dense
// CHECK-NOT: memref.alloc
func.func @dense(%x: memref<?x4xf32>) -> memref<?x?xf32> {
  %y = memref.cast %x : memref<?x4xf32> to memref<?x?xf32>
  return %y : memref<?x?xf32>
}
