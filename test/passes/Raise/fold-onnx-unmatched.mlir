// RUN: fulgur-opt %s --fulgur-fold-onnx --canonicalize | FileCheck %s

// x + 0 is not x where x is -0.
// CHECK-LABEL: @add_zero
// CHECK: onnx.Add
func.func @add_zero(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %0 = onnx.Add(%x, %zero) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// A factor of 1 that broadcasts changes the shape.
// CHECK-LABEL: @mul_one
// CHECK: onnx.Mul
func.func @mul_one(%x: tensor<4xf32>) -> tensor<2x4xf32> {
  %one = arith.constant dense<1.0> : tensor<2x4xf32>
  %0 = onnx.Mul(%x, %one) : (tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// Reversing keeps the type, not the elements.
// CHECK-LABEL: @reverse
// CHECK: onnx.Slice
func.func @reverse(%x: tensor<4xf32>) -> tensor<4xf32> {
  %first = arith.constant dense<-1> : tensor<1xi64>
  %end = arith.constant dense<-9223372036854775807> : tensor<1xi64>
  %axis = arith.constant dense<0> : tensor<1xi64>
  %0 = onnx.Slice(%x, %first, %end, %axis, %first) : (tensor<4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// Two dimensions of different names may differ.
// CHECK-LABEL: @swapped
// CHECK: onnx.Reshape
func.func @swapped(%x: tensor<?x?xf32> {fulgur.dims = ["a", "b"]}, %y: tensor<?x?xf32> {fulgur.dims = ["b", "a"]}) -> tensor<?x?xf32> {
  %s = onnx.Shape(%y) : (tensor<?x?xf32>) -> tensor<2xi64>
  %0 = onnx.Reshape(%x, %s) : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// A transposed cache would be a second copy of it.
// CHECK-LABEL: @cache
// CHECK: %[[C:.*]] = onnx.Concat
// CHECK: onnx.Transpose(%[[C]])
func.func @cache(%past: tensor<?x8xf32> {fulgur.dims = ["past", ""]}, %new: tensor<2x8xf32>) -> (tensor<?x8xf32>, tensor<8x?xf32>) {
  %x = onnx.Relu(%new) : (tensor<2x8xf32>) -> tensor<2x8xf32>
  %0 = onnx.Concat(%past, %x) {axis = 0 : i64} : (tensor<?x8xf32>, tensor<2x8xf32>) -> tensor<?x8xf32>
  %1 = onnx.Transpose(%0) {perm = array<i64: 1, 0>} : (tensor<?x8xf32>) -> tensor<8x?xf32>
  return %0, %1 : tensor<?x8xf32>, tensor<8x?xf32>
}

// An integer that does not fit is not what it was.
// CHECK-LABEL: @narrow
// CHECK-COUNT-2: onnx.Cast
func.func @narrow(%x: tensor<4xi64>) -> tensor<4xi64> {
  %0 = onnx.Cast(%x) {to = 6 : i64} : (tensor<4xi64>) -> tensor<4xi32>
  %1 = onnx.Cast(%0) {to = 7 : i64} : (tensor<4xi32>) -> tensor<4xi64>
  return %1 : tensor<4xi64>
}

// Where not even a rank is known, two shapes that look alike may differ.
// CHECK-LABEL: @unranked
// CHECK-COUNT-2: onnx.Reshape
// CHECK: onnx.Expand
// CHECK: onnx.Add
// CHECK: onnx.Slice
func.func @unranked(%x: tensor<?xf32> {fulgur.dims = ["n"]}, %s: tensor<?xi64> {fulgur.dims = ["r"]}, %t: tensor<?xi64> {fulgur.dims = ["q"]}) -> tensor<*xf32> {
  %0 = onnx.Reshape(%x, %s) : (tensor<?xf32>, tensor<?xi64>) -> tensor<*xf32>
  %1 = onnx.Sigmoid(%0) : (tensor<*xf32>) -> tensor<*xf32>
  %2 = onnx.Reshape(%1, %t) : (tensor<*xf32>, tensor<?xi64>) -> tensor<*xf32>
  %3 = onnx.Expand(%2, %s) : (tensor<*xf32>, tensor<?xi64>) -> tensor<*xf32>
  %4 = onnx.Add(%3, %1) : (tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  %5 = onnx.Slice(%4, %s, %t) : (tensor<*xf32>, tensor<?xi64>, tensor<?xi64>) -> tensor<*xf32>
  return %5 : tensor<*xf32>
}
