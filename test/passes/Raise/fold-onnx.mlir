// RUN: fulgur-opt %s --fulgur-fold-onnx --canonicalize | FileCheck %s

// Shapes are numbers where they can be, and index arithmetic elsewhere.
// CHECK-LABEL: @shape
// CHECK: %[[S:.*]] = fulgur.dim "seq"
// CHECK: %[[C:.*]] = arith.index_cast %[[S]] : index to i64
// CHECK: tensor.from_elements %{{.*}}, %[[C]] : tensor<2xi64>
func.func @shape(%x: tensor<?x?x8xf32> {fulgur.dims = ["batch", "seq", ""]}) -> tensor<2xi64> {
  %0 = onnx.Shape(%x) {start = 1 : i64} : (tensor<?x?x8xf32>) -> tensor<2xi64>
  %r = arith.constant dense<[1, 0]> : tensor<2xi64>
  %1 = onnx.Gather(%0, %r) {axis = 0 : i64} : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  return %1 : tensor<2xi64>
}

// The total of past and new tokens is their sum: the types say what is static.
// CHECK-LABEL: @total
// CHECK: onnx.Concat(%{{.*}}, %{{.*}}) {axis = 1 : i64} : (tensor<2x?xf32>, tensor<2x3xf32>) -> tensor<2x?xf32>
// CHECK: %[[P:.*]] = arith.addi %{{.*}}, %{{.*}} : index
// CHECK-NOT: onnx.Shape
func.func @total(%past: tensor<2x?xf32> {fulgur.dims = ["", "past"]}, %new: tensor<2x3xf32>) -> (tensor<?x?xf32>, tensor<1xi64>) {
  %0 = onnx.Concat(%past, %new) {axis = 1 : i64} : (tensor<2x?xf32>, tensor<2x3xf32>) -> tensor<?x?xf32>
  %1 = onnx.Shape(%0) {start = 1 : i64, end = 2 : i64} : (tensor<?x?xf32>) -> tensor<1xi64>
  return %0, %1 : tensor<?x?xf32>, tensor<1xi64>
}

// A reshape that only adds and removes extents of 1 does not need sizes.
// CHECK-LABEL: @unit_dims
// CHECK: onnx.Unsqueeze(%{{.*}}) : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?x1x4xf32>
// CHECK-NOT: onnx.Reshape
func.func @unit_dims(%x: tensor<?x4xf32> {fulgur.dims = ["n", ""]}) -> tensor<?x1x4xf32> {
  %s = arith.constant dense<[-1, 1, 4]> : tensor<3xi64>
  %0 = onnx.Reshape(%x, %s) : (tensor<?x4xf32>, tensor<3xi64>) -> tensor<?x1x4xf32>
  return %0 : tensor<?x1x4xf32>
}

// A reshape to the same shape goes, whatever computes the shape.
// CHECK-LABEL: @same_shape
// CHECK-SAME: (%[[X:.*]]: tensor<?x?xf32>
// CHECK-NEXT: return %[[X]]
func.func @same_shape(%x: tensor<?x?xf32> {fulgur.dims = ["a", "b"]}) -> tensor<?x?xf32> {
  %s = onnx.Shape(%x) : (tensor<?x?xf32>) -> tensor<2xi64>
  %0 = onnx.Reshape(%x, %s) : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// An operand that is expanded to what the result is anyway.
// CHECK-LABEL: @expand
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32> {{.*}}, %[[B:.*]]: tensor<4xf32>)
// CHECK-NEXT: onnx.Add(%[[X]], %[[B]])
func.func @expand(%x: tensor<?x4xf32> {fulgur.dims = ["n", ""]}, %b: tensor<4xf32>) -> tensor<?x4xf32> {
  %s = onnx.Shape(%x) : (tensor<?x4xf32>) -> tensor<2xi64>
  %0 = onnx.Expand(%b, %s) : (tensor<4xf32>, tensor<2xi64>) -> tensor<?x4xf32>
  %1 = onnx.Add(%x, %0) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// Transposes meet, and move through the parts of a concatenation.
// CHECK-LABEL: @transposes
// CHECK-SAME: (%[[A:.*]]: tensor<2x3x4xf32>, %[[B:.*]]: tensor<2x3x4xf32>)
// CHECK-NEXT: %[[C:.*]] = onnx.Concat(%[[A]], %[[B]]) {axis = 2 : i64}
// CHECK-NEXT: return %[[C]]
func.func @transposes(%a: tensor<2x3x4xf32>, %b: tensor<2x3x4xf32>) -> tensor<2x3x8xf32> {
  %0 = onnx.Transpose(%a) {perm = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %1 = onnx.Transpose(%b) {perm = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %2 = onnx.Concat(%0, %1) {axis = 0 : i64} : (tensor<4x2x3xf32>, tensor<4x2x3xf32>) -> tensor<8x2x3xf32>
  %3 = onnx.Transpose(%2) {perm = array<i64: 1, 2, 0>} : (tensor<8x2x3xf32>) -> tensor<2x3x8xf32>
  return %3 : tensor<2x3x8xf32>
}

// A slice of a concatenation that is one of its parts.
// CHECK-LABEL: @part
// CHECK-SAME: %[[B:[a-z0-9]*]]: tensor<3x4xf32>)
// CHECK-NEXT: return %[[B]]
func.func @part(%a: tensor<2x4xf32>, %b: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %i0 = arith.constant dense<0> : tensor<1xi64>
  %i2 = arith.constant dense<2> : tensor<1xi64>
  %i5 = arith.constant dense<5> : tensor<1xi64>
  %0 = onnx.Concat(%a, %b) {axis = 0 : i64} : (tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<5x4xf32>
  %1 = onnx.Slice(%0, %i2, %i5, %i0) : (tensor<5x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3x4xf32>
  return %1 : tensor<3x4xf32>
}

// Neutral operands and casts that change nothing.
// CHECK-LABEL: @neutral
// CHECK-SAME: (%[[X:.*]]: tensor<4xi1>, %[[Y:.*]]: tensor<4xf32>)
// CHECK-NEXT: return %[[X]], %[[Y]]
func.func @neutral(%x: tensor<4xi1>, %y: tensor<4xf32>) -> (tensor<4xi1>, tensor<4xf32>) {
  %true = arith.constant dense<true> : tensor<i1>
  %one = arith.constant dense<1.0> : tensor<f32>
  %0 = onnx.And(%true, %x) : (tensor<i1>, tensor<4xi1>) -> tensor<4xi1>
  %1 = onnx.Cast(%y) {to = 1 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = onnx.Mul(%1, %one) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %0, %2 : tensor<4xi1>, tensor<4xf32>
}

// Casts and transposes of constants.
// CHECK-LABEL: @constants
// CHECK: arith.constant dense<{{\[}}[1.000000e+00, 3.000000e+00], [2.000000e+00, 4.000000e+00]]> : tensor<2x2xf32>
// CHECK-NEXT: return
func.func @constants() -> tensor<2x2xf32> {
  %c = arith.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi64>
  %0 = onnx.Cast(%c) {to = 1 : i64} : (tensor<2x2xi64>) -> tensor<2x2xf32>
  %1 = onnx.Transpose(%0) {perm = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// A batch of 1 was one dimension with the heads.
// CHECK-LABEL: @transpose_of_one_batch
// CHECK-SAME: %[[X:.*]]: tensor<1x4x?x24xf32>
// CHECK-NEXT: %[[Y:.*]] = onnx.Transpose(%[[X]]) {perm = array<i64: 0, 1, 3, 2>}
// CHECK-NEXT: return %[[Y]]
func.func @transpose_of_one_batch(%x: tensor<1x4x?x24xf32>) -> tensor<1x4x24x?xf32> {
  %zero = arith.constant dense<0> : tensor<1xi64>
  %0 = onnx.Squeeze(%x, %zero) : (tensor<1x4x?x24xf32>, tensor<1xi64>) -> tensor<4x?x24xf32>
  %1 = onnx.Transpose(%0) {perm = array<i64: 0, 2, 1>} : (tensor<4x?x24xf32>) -> tensor<4x24x?xf32>
  %2 = onnx.Unsqueeze(%1, %zero) : (tensor<4x24x?xf32>, tensor<1xi64>) -> tensor<1x4x24x?xf32>
  return %2 : tensor<1x4x24x?xf32>
}

// One is removed and two are inserted.
// CHECK-LABEL: @transpose_of_other_ranks
// CHECK: onnx.Squeeze
// CHECK: onnx.Transpose
// CHECK: onnx.Unsqueeze
func.func @transpose_of_other_ranks(%x: tensor<1x4x?x24xf32>) -> tensor<1x1x4x24x?xf32> {
  %zero = arith.constant dense<0> : tensor<1xi64>
  %both = arith.constant dense<[0, 1]> : tensor<2xi64>
  %0 = onnx.Squeeze(%x, %zero) : (tensor<1x4x?x24xf32>, tensor<1xi64>) -> tensor<4x?x24xf32>
  %1 = onnx.Transpose(%0) {perm = array<i64: 0, 2, 1>} : (tensor<4x?x24xf32>) -> tensor<4x24x?xf32>
  %2 = onnx.Unsqueeze(%1, %both) : (tensor<4x24x?xf32>, tensor<2xi64>) -> tensor<1x1x4x24x?xf32>
  return %2 : tensor<1x1x4x24x?xf32>
}
