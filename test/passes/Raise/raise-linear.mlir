// RUN: fulgur-opt %s --fulgur-raise-linear | FileCheck %s

// CHECK-LABEL: @matmul
// CHECK: fulgur.linear %{{.*}}, %{{.*}} : tensor<?x?x8xf32>, tensor<8x4xf32> -> tensor<?x?x4xf32>
func.func @matmul(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>) -> tensor<?x?x4xf32> {
  %0 = onnx.MatMul(%x, %w) : (tensor<?x?x8xf32>, tensor<8x4xf32>) -> tensor<?x?x4xf32>
  return %0 : tensor<?x?x4xf32>
}

// A transpose of the weight joins the operation.
// CHECK-LABEL: @transposed_weight
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: tensor<4x8xf32>)
// CHECK: fulgur.linear %[[X]], %[[W]] transposed : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
func.func @transposed_weight(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) -> tensor<?x4xf32> {
  %0 = onnx.Transpose(%w) {perm = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
  %1 = onnx.MatMul(%x, %0) : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// CHECK-LABEL: @gemm
// CHECK: fulgur.linear %{{.*}}, %{{.*}} transposed : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
// CHECK-NOT: onnx.Add
func.func @gemm(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) -> tensor<?x4xf32> {
  %0 = onnx.Gemm(%x, %w) {alpha = 1.0 : f32, transB = 1 : i64} : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// CHECK-LABEL: @gemm_bias
// CHECK-SAME: %[[B:[a-z0-9]*]]: tensor<4xf32>)
// CHECK: %[[Y:.*]] = fulgur.linear %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<8x4xf32> -> tensor<?x4xf32>
// CHECK: onnx.Add(%[[Y]], %[[B]])
func.func @gemm_bias(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>, %b: tensor<4xf32>) -> tensor<?x4xf32> {
  %0 = onnx.Gemm(%x, %w, %b) : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
