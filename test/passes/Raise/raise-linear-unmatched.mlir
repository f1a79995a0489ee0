// RUN: fulgur-opt %s --fulgur-raise-linear | FileCheck %s

// CHECK-NOT: fulgur.linear

// A matrix for each of the batch.
func.func @batch(%x: tensor<2x3x8xf32>, %w: tensor<2x8x4xf32>) -> tensor<2x3x4xf32> {
  %0 = onnx.MatMul(%x, %w) : (tensor<2x3x8xf32>, tensor<2x8x4xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// Products of integers wrap around.
func.func @integers(%x: tensor<3x8xi32>, %w: tensor<8x4xi32>) -> tensor<3x4xi32> {
  %0 = onnx.MatMul(%x, %w) : (tensor<3x8xi32>, tensor<8x4xi32>) -> tensor<3x4xi32>
  return %0 : tensor<3x4xi32>
}

// Columns times one matrix.
func.func @columns(%x: tensor<8x3xf32>, %w: tensor<8x4xf32>) -> tensor<3x4xf32> {
  %0 = onnx.Gemm(%x, %w) {transA = 1 : i64} : (tensor<8x3xf32>, tensor<8x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// A factor.
func.func @alpha(%x: tensor<3x8xf32>, %w: tensor<8x4xf32>) -> tensor<3x4xf32> {
  %0 = onnx.Gemm(%x, %w) {alpha = 0.5 : f32} : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}
