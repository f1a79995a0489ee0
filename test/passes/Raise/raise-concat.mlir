// RUN: fulgur-opt %s --fulgur-raise-concat | FileCheck %s

// Two ranges that cover the axis, the second written first.
// CHECK-LABEL: @cover
// CHECK-SAME: (%{{.*}}: tensor<5x?xf32>, %[[A:.*]]: tensor<2x?xf32>, %[[B:.*]]: tensor<3x?xf32>)
// CHECK: %[[C:.*]] = onnx.Concat(%[[A]], %[[B]]) {axis = 0 : i64} : (tensor<2x?xf32>, tensor<3x?xf32>) -> tensor<5x?xf32>
// CHECK: return %[[C]]
func.func @cover(%empty: tensor<5x?xf32>, %a: tensor<2x?xf32>, %b: tensor<3x?xf32>) -> tensor<5x?xf32> {
  %first = arith.constant dense<[[0], [1]]> : tensor<2x1xi64>
  %second = arith.constant dense<[[2], [3], [4]]> : tensor<3x1xi64>
  %0 = onnx.ScatterND(%empty, %second, %b) {reduction = "none"} : (tensor<5x?xf32>, tensor<3x1xi64>, tensor<3x?xf32>) -> tensor<5x?xf32>
  %1 = onnx.ScatterND(%0, %first, %a) : (tensor<5x?xf32>, tensor<2x1xi64>, tensor<2x?xf32>) -> tensor<5x?xf32>
  return %1 : tensor<5x?xf32>
}

// One range is the whole axis.
// CHECK-LABEL: @whole
// CHECK-SAME: %[[A:[a-z0-9]*]]: tensor<2x?xf32>) ->
// CHECK-NEXT: return %[[A]]
func.func @whole(%empty: tensor<2x?xf32>, %a: tensor<2x?xf32>) -> tensor<2x?xf32> {
  %rows = arith.constant dense<[[0], [1]]> : tensor<2x1xi64>
  %0 = onnx.ScatterND(%empty, %rows, %a) : (tensor<2x?xf32>, tensor<2x1xi64>, tensor<2x?xf32>) -> tensor<2x?xf32>
  return %0 : tensor<2x?xf32>
}

// The axis was moved to the front for the scatters: the transposes cancel.
// CHECK-LABEL: @transposed
// CHECK-SAME: (%{{.*}}: tensor<4x?xf32>, %[[A:.*]]: tensor<?x2xf32>, %[[B:.*]]: tensor<?x2xf32>)
// CHECK-NOT: onnx.Transpose
// CHECK: onnx.Concat(%[[A]], %[[B]]) {axis = 1 : i64} : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x4xf32>
func.func @transposed(%empty: tensor<4x?xf32>, %a: tensor<?x2xf32>, %b: tensor<?x2xf32>) -> tensor<?x4xf32> {
  %first = arith.constant dense<[[0], [1]]> : tensor<2x1xi64>
  %second = arith.constant dense<[[2], [3]]> : tensor<2x1xi64>
  %ta = onnx.Transpose(%a) {perm = array<i64: 1, 0>} : (tensor<?x2xf32>) -> tensor<2x?xf32>
  %tb = onnx.Transpose(%b) {perm = array<i64: 1, 0>} : (tensor<?x2xf32>) -> tensor<2x?xf32>
  %0 = onnx.ScatterND(%empty, %first, %ta) : (tensor<4x?xf32>, tensor<2x1xi64>, tensor<2x?xf32>) -> tensor<4x?xf32>
  %1 = onnx.ScatterND(%0, %second, %tb) : (tensor<4x?xf32>, tensor<2x1xi64>, tensor<2x?xf32>) -> tensor<4x?xf32>
  %2 = onnx.Transpose(%1) {perm = array<i64: 1, 0>} : (tensor<4x?xf32>) -> tensor<?x4xf32>
  return %2 : tensor<?x4xf32>
}

// Indices that name every element by all of its coordinates.
// CHECK-LABEL: @coordinates
// CHECK-SAME: (%{{.*}}: tensor<?x5xf32>{{.*}}, %[[A:.*]]: tensor<?x2xf32>{{.*}}, %[[B:.*]]: tensor<?x3xf32>{{.*}})
// CHECK: %[[C:.*]] = onnx.Concat(%[[A]], %[[B]]) {axis = 1 : i64} : (tensor<?x2xf32>, tensor<?x3xf32>) -> tensor<?x5xf32>
// CHECK: return %[[C]]
func.func @coordinates(%empty: tensor<?x5xf32> {fulgur.dims = ["rows", ""]}, %a: tensor<?x2xf32> {fulgur.dims = ["rows", ""]}, %b: tensor<?x3xf32> {fulgur.dims = ["rows", ""]}) -> tensor<?x5xf32> {
  %c0 = arith.constant dense<0> : tensor<i64>
  %c1 = arith.constant dense<1> : tensor<i64>
  %second = arith.constant dense<[1, 2]> : tensor<2xi64>
  %rows = fulgur.dim "rows"
  %n = arith.index_cast %rows : index to i64
  %two = arith.constant 2 : i64
  %three = arith.constant 3 : i64
  %all = tensor.from_elements %n : tensor<i64>
  %r = onnx.Range(%c0, %all, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %column = onnx.Unsqueeze(%r, %second) : (tensor<?xi64>, tensor<2xi64>) -> tensor<?x1x1xi64>
  %firsts = arith.constant dense<[[[0], [1]]]> : tensor<1x2x1xi64>
  %lasts = arith.constant dense<[[[2], [3], [4]]]> : tensor<1x3x1xi64>
  %one = arith.constant 1 : i64
  %sa = tensor.from_elements %n, %two, %one : tensor<3xi64>
  %sb = tensor.from_elements %n, %three, %one : tensor<3xi64>
  %ra = onnx.Expand(%column, %sa) : (tensor<?x1x1xi64>, tensor<3xi64>) -> tensor<?x2x1xi64>
  %rb = onnx.Expand(%column, %sb) : (tensor<?x1x1xi64>, tensor<3xi64>) -> tensor<?x3x1xi64>
  %ca = onnx.Expand(%firsts, %sa) : (tensor<1x2x1xi64>, tensor<3xi64>) -> tensor<?x2x1xi64>
  %cb = onnx.Expand(%lasts, %sb) : (tensor<1x3x1xi64>, tensor<3xi64>) -> tensor<?x3x1xi64>
  %ia = onnx.Concat(%ra, %ca) {axis = -1 : i64} : (tensor<?x2x1xi64>, tensor<?x2x1xi64>) -> tensor<?x2x2xi64>
  %ib = onnx.Concat(%rb, %cb) {axis = -1 : i64} : (tensor<?x3x1xi64>, tensor<?x3x1xi64>) -> tensor<?x3x2xi64>
  %0 = onnx.ScatterND(%empty, %ia, %a) : (tensor<?x5xf32>, tensor<?x2x2xi64>, tensor<?x2xf32>) -> tensor<?x5xf32>
  %1 = onnx.ScatterND(%0, %ib, %b) : (tensor<?x5xf32>, tensor<?x3x2xi64>, tensor<?x3xf32>) -> tensor<?x5xf32>
  return %1 : tensor<?x5xf32>
}
