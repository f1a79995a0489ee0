// RUN: fulgur-opt %s --fulgur-raise-norm | FileCheck %s

// CHECK-NOT: fulgur.rms_norm
// CHECK-NOT: fulgur.layer_norm

// The mean over two axes.
func.func @two_axes(%x: tensor<2x4x8xf32>, %w: tensor<8xf32>) -> tensor<2x4x8xf32> {
  %two = arith.constant dense<2.0> : tensor<f32>
  %eps = arith.constant dense<1.0e-6> : tensor<f32>
  %axes = arith.constant dense<[1, 2]> : tensor<2xi64>
  %0 = onnx.Pow(%x, %two) : (tensor<2x4x8xf32>, tensor<f32>) -> tensor<2x4x8xf32>
  %1 = onnx.ReduceMean(%0, %axes) {keepdims = 1 : i64} : (tensor<2x4x8xf32>, tensor<2xi64>) -> tensor<2x1x1xf32>
  %2 = onnx.Add(%1, %eps) : (tensor<2x1x1xf32>, tensor<f32>) -> tensor<2x1x1xf32>
  %3 = onnx.Sqrt(%2) : (tensor<2x1x1xf32>) -> tensor<2x1x1xf32>
  %4 = onnx.Div(%x, %3) : (tensor<2x4x8xf32>, tensor<2x1x1xf32>) -> tensor<2x4x8xf32>
  %5 = onnx.Mul(%4, %w) : (tensor<2x4x8xf32>, tensor<8xf32>) -> tensor<2x4x8xf32>
  return %5 : tensor<2x4x8xf32>
}

// The root of another row.
func.func @other_row(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>, %w: tensor<8xf32>) -> tensor<4x8xf32> {
  %two = arith.constant dense<2.0> : tensor<f32>
  %eps = arith.constant dense<1.0e-6> : tensor<f32>
  %last = arith.constant dense<-1> : tensor<1xi64>
  %0 = onnx.Pow(%y, %two) : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %1 = onnx.ReduceMean(%0, %last) {keepdims = 1 : i64} : (tensor<4x8xf32>, tensor<1xi64>) -> tensor<4x1xf32>
  %2 = onnx.Add(%1, %eps) : (tensor<4x1xf32>, tensor<f32>) -> tensor<4x1xf32>
  %3 = onnx.Sqrt(%2) : (tensor<4x1xf32>) -> tensor<4x1xf32>
  %4 = onnx.Div(%x, %3) : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  %5 = onnx.Mul(%4, %w) : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  return %5 : tensor<4x8xf32>
}

// One scale for each row, not for each element.
func.func @row_scale(%x: tensor<4x8xf32>, %w: tensor<4x1xf32>) -> tensor<4x8xf32> {
  %two = arith.constant dense<2.0> : tensor<f32>
  %eps = arith.constant dense<1.0e-6> : tensor<f32>
  %last = arith.constant dense<-1> : tensor<1xi64>
  %0 = onnx.Pow(%x, %two) : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  %1 = onnx.ReduceMean(%0, %last) {keepdims = 1 : i64} : (tensor<4x8xf32>, tensor<1xi64>) -> tensor<4x1xf32>
  %2 = onnx.Add(%1, %eps) : (tensor<4x1xf32>, tensor<f32>) -> tensor<4x1xf32>
  %3 = onnx.Sqrt(%2) : (tensor<4x1xf32>) -> tensor<4x1xf32>
  %4 = onnx.Div(%x, %3) : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  %5 = onnx.Mul(%4, %w) : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  return %5 : tensor<4x8xf32>
}

// From an axis in the middle on.
func.func @middle_axis(%x: tensor<2x4x8xf32>, %w: tensor<4x8xf32>) -> tensor<2x4x8xf32> {
  %0 = onnx.RMSNormalization(%x, %w) {axis = 1 : i64, epsilon = 1.0e-6 : f32} : (tensor<2x4x8xf32>, tensor<4x8xf32>) -> tensor<2x4x8xf32>
  return %0 : tensor<2x4x8xf32>
}

// The mean is a result too.
func.func @statistics(%x: tensor<4x8xf32>, %w: tensor<8xf32>, %b: tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4x1xf32>) {
  %0:2 = onnx.LayerNormalization(%x, %w, %b) : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4x1xf32>)
  return %0#0, %0#1 : tensor<4x8xf32>, tensor<4x1xf32>
}
