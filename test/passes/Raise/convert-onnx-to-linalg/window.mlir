// RUN: fulgur-opt %s --fulgur-convert-onnx-to-linalg --split-input-file | FileCheck %s

// Padding never is a maximum.

// CHECK-LABEL: func @max_pool(
func.func @max_pool(%x: tensor<1x2x8xf32>) -> tensor<1x2x4xf32> {
  // CHECK: %[[LOWEST:.*]] = arith.constant 0xFF800000 : f32
  // CHECK: linalg.fill ins(%[[LOWEST]] : f32) outs(%{{.*}} : tensor<1x2x10xf32>)
  // CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "reduction"]
  // CHECK: arith.maximumf
  %0 = onnx.MaxPool(%x) {kernel_shape = array<i64: 3>, strides = array<i64: 2>, pads = array<i64: 1, 1>} : (tensor<1x2x8xf32>) -> tensor<1x2x4xf32>
  return %0 : tensor<1x2x4xf32>
}

// -----

// Padding does not count in an average: the divisor is summed as well.

// CHECK-LABEL: func @average_pool(
func.func @average_pool(%x: tensor<1x2x?xf32>) -> tensor<1x2x?xf32> {
  // CHECK: arith.addf
  // CHECK: %[[COUNTS:.*]] = linalg.generic {{.*}}iterator_types = ["parallel", "reduction"]
  // CHECK: arith.addf
  // CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[COUNTS]] : tensor<1x2x?xf32>, tensor<?xf32>)
  // CHECK: arith.divf
  %0 = onnx.AveragePool(%x) {kernel_shape = array<i64: 3>, pads = array<i64: 1, 1>} : (tensor<1x2x?xf32>) -> tensor<1x2x?xf32>
  return %0 : tensor<1x2x?xf32>
}

// -----

// The window of a global pool is the image.

// CHECK-LABEL: func @global_average_pool(
func.func @global_average_pool(%x: tensor<?x3x?x?xf32>) -> tensor<?x3x1x1xf32> {
  // CHECK: iterator_types = ["parallel", "parallel", "reduction", "reduction"]
  // CHECK: tensor.expand_shape {{.*}} {{\[}}[0], [1, 2, 3]]
  // CHECK: arith.divf
  %0 = onnx.GlobalAveragePool(%x) : (tensor<?x3x?x?xf32>) -> tensor<?x3x1x1xf32>
  return %0 : tensor<?x3x1x1xf32>
}

// -----

// A linear resize reads two neighbours along each axis that changes.

// CHECK-LABEL: func @resize(
// CHECK-SAME:    %[[X:.*]]: tensor<1x1x4xf32>
func.func @resize(%x: tensor<1x1x4xf32>) -> tensor<1x1x8xf32> {
  %none = onnx.None : none
  %scales = arith.constant dense<[1.0, 1.0, 2.0]> : tensor<3xf32>
  // CHECK-COUNT-2: tensor.extract %[[X]]
  // CHECK-NOT: tensor.extract %[[X]]
  // CHECK: return
  %0 = onnx.Resize(%x, %none, %scales) {mode = "linear"} : (tensor<1x1x4xf32>, none, tensor<3xf32>) -> tensor<1x1x8xf32>
  return %0 : tensor<1x1x8xf32>
}
