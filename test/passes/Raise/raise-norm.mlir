// RUN: fulgur-opt %s --fulgur-raise-norm --canonicalize | FileCheck %s

// CHECK-LABEL: @written_out
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: tensor<8xf32>)
// CHECK-NEXT: fulgur.rms_norm %[[X]], %[[W]] eps 1.0e-06 : tensor<?x8xf32>, tensor<8xf32>
// CHECK-NEXT: return
func.func @written_out(%x: tensor<?x8xf32>, %w: tensor<8xf32>) -> tensor<?x8xf32> {
  %two = arith.constant dense<2.0> : tensor<f32>
  %eps = arith.constant dense<1.0e-6> : tensor<f32>
  %last = arith.constant dense<-1> : tensor<1xi64>
  %0 = onnx.Pow(%x, %two) : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %1 = onnx.ReduceMean(%0, %last) {keepdims = 1 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %2 = onnx.Add(%1, %eps) : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %3 = onnx.Sqrt(%2) : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %4 = onnx.Reciprocal(%3) : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %5 = onnx.Mul(%x, %4) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %6 = onnx.Mul(%w, %5) : (tensor<8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %6 : tensor<?x8xf32>
}

// The mean is taken in f32, the square is a product, the root is divided by.
// CHECK-LABEL: @half
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf16>, %[[W:.*]]: tensor<8xf16>)
// CHECK-NEXT: fulgur.rms_norm %[[X]], %[[W]] eps 1.0e-05 : tensor<?x8xf16>, tensor<8xf16>
// CHECK-NEXT: return
func.func @half(%x: tensor<?x8xf16>, %w: tensor<8xf16>) -> tensor<?x8xf16> {
  %eps = arith.constant dense<1.0e-5> : tensor<f32>
  %last = arith.constant dense<1> : tensor<1xi64>
  %0 = onnx.Cast(%x) {to = 1 : i64} : (tensor<?x8xf16>) -> tensor<?x8xf32>
  %1 = onnx.Mul(%0, %0) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %2 = onnx.ReduceMean(%1, %last) {keepdims = 1 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %3 = onnx.Add(%eps, %2) : (tensor<f32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %4 = onnx.Sqrt(%3) : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %5 = onnx.Div(%0, %4) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %6 = onnx.Cast(%5) {to = 10 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf16>
  %7 = onnx.Mul(%6, %w) : (tensor<?x8xf16>, tensor<8xf16>) -> tensor<?x8xf16>
  return %7 : tensor<?x8xf16>
}

// CHECK-LABEL: @operators
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: tensor<8xf32>, %[[B:.*]]: tensor<8xf32>)
// CHECK-NEXT: %[[N:.*]] = fulgur.rms_norm %[[X]], %[[W]] eps 1.0e-06 : tensor<?x8xf32>, tensor<8xf32>
// CHECK-NEXT: fulgur.layer_norm %[[N]], %[[W]], %[[B]] eps 1.0e-05 : tensor<?x8xf32>, tensor<8xf32>
func.func @operators(%x: tensor<?x8xf32>, %w: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %0 = onnx.RMSNormalization(%x, %w) {axis = -1 : i64, epsilon = 1.0e-6 : f32, stash_type = 1 : i64} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %1 = onnx.LayerNormalization(%0, %w, %b) : (tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// CHECK-LABEL: @layer_norm_written_out
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: tensor<8xf32>, %[[B:.*]]: tensor<8xf32>)
// CHECK-NEXT: fulgur.layer_norm %[[X]], %[[W]], %[[B]] eps 1.0e-06 : tensor<?x8xf32>, tensor<8xf32>
// CHECK-NEXT: return
func.func @layer_norm_written_out(%x: tensor<?x8xf32>, %w: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %two = arith.constant dense<2.0> : tensor<f32>
  %eps = arith.constant dense<1.0e-6> : tensor<f32>
  %last = arith.constant dense<-1> : tensor<1xi64>
  %m = onnx.ReduceMean(%x, %last) {keepdims = 1 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %c = onnx.Sub(%x, %m) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %0 = onnx.Pow(%c, %two) : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %1 = onnx.ReduceMean(%0, %last) {keepdims = 1 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %2 = onnx.Add(%1, %eps) : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %3 = onnx.Sqrt(%2) : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %4 = onnx.Div(%c, %3) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %5 = onnx.Mul(%4, %w) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %6 = onnx.Add(%5, %b) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %6 : tensor<?x8xf32>
}
