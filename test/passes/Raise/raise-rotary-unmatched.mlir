// RUN: fulgur-opt %s --fulgur-raise-rotary --verify-diagnostics --remark-format=emitRemark --remarks-filter=raise | FileCheck %s

// CHECK-NOT: fulgur.rotary_embedding

// The second half of each pair is rotated the other way round.
func.func @wrong_sign(%x: tensor<3x5x4xf32>, %p: tensor<3x5x1xi64>) -> tensor<3x5x4xf32> {
  %freq = arith.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %sizes = arith.constant dense<2> : tensor<2xi64>
  %p2 = onnx.Cast(%p) {to = 1 : i64} : (tensor<3x5x1xi64>) -> tensor<3x5x1xf32>
  %angle = onnx.Mul(%p2, %freq) : (tensor<3x5x1xf32>, tensor<2xf32>) -> tensor<3x5x2xf32>
  %c = onnx.Cos(%angle) : (tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %s = onnx.Sin(%angle) : (tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %part:2 = onnx.Split(%x, %sizes) {axis = -1 : i64} : (tensor<3x5x4xf32>, tensor<2xi64>) -> (tensor<3x5x2xf32>, tensor<3x5x2xf32>)
  %ac = onnx.Mul(%part#0, %c) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %bs = onnx.Mul(%part#1, %s) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %bc = onnx.Mul(%part#1, %c) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %as = onnx.Mul(%part#0, %s) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %oa = onnx.Add(%ac, %bs) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %ob = onnx.Add(%bc, %as) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  // expected-remark @below {{the rotated pairs have no layout that the operation knows}}
  %y = onnx.Concat(%oa, %ob) {axis = -1 : i64} : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x4xf32>
  return %y : tensor<3x5x4xf32>
}

// The halves are written in the other order.
func.func @wrong_order(%x: tensor<3x5x4xf32>, %p: tensor<3x5x1xi64>) -> tensor<3x5x4xf32> {
  %freq = arith.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %sizes = arith.constant dense<2> : tensor<2xi64>
  %p2 = onnx.Cast(%p) {to = 1 : i64} : (tensor<3x5x1xi64>) -> tensor<3x5x1xf32>
  %angle = onnx.Mul(%p2, %freq) : (tensor<3x5x1xf32>, tensor<2xf32>) -> tensor<3x5x2xf32>
  %c = onnx.Cos(%angle) : (tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %s = onnx.Sin(%angle) : (tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %part:2 = onnx.Split(%x, %sizes) {axis = -1 : i64} : (tensor<3x5x4xf32>, tensor<2xi64>) -> (tensor<3x5x2xf32>, tensor<3x5x2xf32>)
  %ac = onnx.Mul(%part#0, %c) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %bs = onnx.Mul(%part#1, %s) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %bc = onnx.Mul(%part#1, %c) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %as = onnx.Mul(%part#0, %s) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %oa = onnx.Sub(%ac, %bs) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %ob = onnx.Add(%bc, %as) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  // expected-remark @below {{the rotated pairs have no layout that the operation knows}}
  %y = onnx.Concat(%ob, %oa) {axis = -1 : i64} : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x4xf32>
  return %y : tensor<3x5x4xf32>
}

// Cosines of one position, sines of another.
func.func @two_positions(%x: tensor<3x5x4xf32>, %p: tensor<3x5x1xi64>, %q: tensor<3x5x1xi64>) -> tensor<3x5x4xf32> {
  %freq = arith.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %sizes = arith.constant dense<2> : tensor<2xi64>
  %p2 = onnx.Cast(%p) {to = 1 : i64} : (tensor<3x5x1xi64>) -> tensor<3x5x1xf32>
  %q2 = onnx.Cast(%q) {to = 1 : i64} : (tensor<3x5x1xi64>) -> tensor<3x5x1xf32>
  %angle = onnx.Mul(%p2, %freq) : (tensor<3x5x1xf32>, tensor<2xf32>) -> tensor<3x5x2xf32>
  %other = onnx.Mul(%q2, %freq) : (tensor<3x5x1xf32>, tensor<2xf32>) -> tensor<3x5x2xf32>
  %c = onnx.Cos(%angle) : (tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %s = onnx.Sin(%other) : (tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %part:2 = onnx.Split(%x, %sizes) {axis = -1 : i64} : (tensor<3x5x4xf32>, tensor<2xi64>) -> (tensor<3x5x2xf32>, tensor<3x5x2xf32>)
  %ac = onnx.Mul(%part#0, %c) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %bs = onnx.Mul(%part#1, %s) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %bc = onnx.Mul(%part#1, %c) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %as = onnx.Mul(%part#0, %s) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %oa = onnx.Sub(%ac, %bs) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %ob = onnx.Add(%bc, %as) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  // expected-remark @below {{the rotated pairs have no layout that the operation knows}}
  %y = onnx.Concat(%oa, %ob) {axis = -1 : i64} : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x4xf32>
  return %y : tensor<3x5x4xf32>
}

// Elements between those that are rotated.
func.func @middle(%x: tensor<3x5x6xf32>, %p: tensor<3x5x1xi64>) -> tensor<3x5x6xf32> {
  %freq = arith.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %sizes = arith.constant dense<2> : tensor<3xi64>
  %p2 = onnx.Cast(%p) {to = 1 : i64} : (tensor<3x5x1xi64>) -> tensor<3x5x1xf32>
  %angle = onnx.Mul(%p2, %freq) : (tensor<3x5x1xf32>, tensor<2xf32>) -> tensor<3x5x2xf32>
  %c = onnx.Cos(%angle) : (tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %s = onnx.Sin(%angle) : (tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %part:3 = onnx.Split(%x, %sizes) {axis = -1 : i64} : (tensor<3x5x6xf32>, tensor<3xi64>) -> (tensor<3x5x2xf32>, tensor<3x5x2xf32>, tensor<3x5x2xf32>)
  %ac = onnx.Mul(%part#0, %c) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %bs = onnx.Mul(%part#2, %s) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %bc = onnx.Mul(%part#2, %c) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %as = onnx.Mul(%part#0, %s) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %oa = onnx.Sub(%ac, %bs) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  %ob = onnx.Add(%bc, %as) : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x2xf32>
  // expected-remark @below {{the rotated pairs have no layout that the operation knows}}
  %y = onnx.Concat(%oa, %part#1, %ob) {axis = -1 : i64} : (tensor<3x5x2xf32>, tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x6xf32>
  return %y : tensor<3x5x6xf32>
}

// The halves of a constant table differ in one number.
func.func @unequal_halves(%x: tensor<3x2x4xf32>) -> tensor<3x2x4xf32> {
  %cos = arith.constant dense<[[1.0, 1.0, 1.0, 1.0], [0.5, 0.25, 0.5, 0.125]]> : tensor<2x4xf32>
  %sin = arith.constant dense<[[0.0, 0.0, 0.0, 0.0], [0.75, 0.875, 0.75, 0.875]]> : tensor<2x4xf32>
  %sizes = arith.constant dense<2> : tensor<2xi64>
  %part:2 = onnx.Split(%x, %sizes) {axis = -1 : i64} : (tensor<3x2x4xf32>, tensor<2xi64>) -> (tensor<3x2x2xf32>, tensor<3x2x2xf32>)
  %minus = onnx.Neg(%part#1) : (tensor<3x2x2xf32>) -> tensor<3x2x2xf32>
  %half = onnx.Concat(%minus, %part#0) {axis = -1 : i64} : (tensor<3x2x2xf32>, tensor<3x2x2xf32>) -> tensor<3x2x4xf32>
  %0 = onnx.Mul(%x, %cos) : (tensor<3x2x4xf32>, tensor<2x4xf32>) -> tensor<3x2x4xf32>
  %1 = onnx.Mul(%half, %sin) : (tensor<3x2x4xf32>, tensor<2x4xf32>) -> tensor<3x2x4xf32>
  %y = onnx.Add(%0, %1) : (tensor<3x2x4xf32>, tensor<3x2x4xf32>) -> tensor<3x2x4xf32>
  return %y : tensor<3x2x4xf32>
}
