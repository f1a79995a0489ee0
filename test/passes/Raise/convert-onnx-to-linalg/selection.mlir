// RUN: fulgur-opt %s --fulgur-convert-onnx-to-linalg --split-input-file | FileCheck %s

// A place that is not kept is overwritten by the next, and the number of those
// that are is the size of the result.

// CHECK-LABEL: func @compress(
// CHECK-SAME:    %[[X:.*]]: tensor<4x?xf32>, %[[C:.*]]: tensor<3xi1>
func.func @compress(%x: tensor<4x?xf32>, %c: tensor<3xi1>) -> tensor<?x?xf32> {
  // CHECK: %[[KEPT:.*]]:2 = scf.for
  // CHECK:   tensor.extract %[[C]]
  // CHECK:   tensor.insert
  // CHECK:   arith.select
  // CHECK: linalg.generic
  // CHECK:   tensor.extract %[[KEPT]]#0
  // CHECK:   tensor.extract %[[X]]
  %0 = onnx.Compress(%x, %c) {axis = 0 : i64} : (tensor<4x?xf32>, tensor<3xi1>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// A place in all elements is taken apart into one index for each dimension.

// CHECK-LABEL: func @non_zero(
func.func @non_zero(%x: tensor<3x4xf32>) -> tensor<2x?xi64> {
  // CHECK: tensor.collapse_shape
  // CHECK: %[[KEPT:.*]]:2 = scf.for
  // CHECK: linalg.generic
  // CHECK:   arith.divui
  // CHECK:   arith.remui
  %0 = onnx.NonZero(%x) : (tensor<3x4xf32>) -> tensor<2x?xi64>
  return %0 : tensor<2x?xi64>
}
