// RUN: fulgur-opt %s --fulgur-raise-rotary --canonicalize --cse | FileCheck %s

// A static export: cosines and sines are constants, both halves alike, and stay
// constants of one half.
// CHECK-LABEL: @constant
// CHECK-SAME: (%[[X:.*]]: tensor<3x2x4xf32>)
// CHECK-DAG: %[[C:.*]] = arith.constant dense<{{\[\[}}[1.000000e+00, 1.000000e+00], [5.000000e-01, 2.500000e-01]]]> : tensor<1x2x2xf32>
// CHECK-DAG: %[[S:.*]] = arith.constant dense<{{\[\[}}[0.000000e+00, 0.000000e+00], [7.500000e-01, 8.750000e-01]]]> : tensor<1x2x2xf32>
// CHECK: fulgur.rotary_embedding %[[X]], %[[C]], %[[S]] half_split leading : tensor<3x2x4xf32>, tensor<1x2x2xf32>
func.func @constant(%x: tensor<3x2x4xf32>) -> tensor<3x2x4xf32> {
  %cos = arith.constant dense<[[1.0, 1.0, 1.0, 1.0], [0.5, 0.25, 0.5, 0.25]]> : tensor<2x4xf32>
  %sin = arith.constant dense<[[0.0, 0.0, 0.0, 0.0], [0.75, 0.875, 0.75, 0.875]]> : tensor<2x4xf32>
  %i0 = arith.constant dense<0> : tensor<1xi64>
  %i2 = arith.constant dense<2> : tensor<1xi64>
  %i4 = arith.constant dense<4> : tensor<1xi64>
  %a = onnx.Slice(%x, %i0, %i2, %i2) : (tensor<3x2x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3x2x2xf32>
  %b = onnx.Slice(%x, %i2, %i4, %i2) : (tensor<3x2x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3x2x2xf32>
  %minus = onnx.Neg(%b) : (tensor<3x2x2xf32>) -> tensor<3x2x2xf32>
  %half = onnx.Concat(%minus, %a) {axis = -1 : i64} : (tensor<3x2x2xf32>, tensor<3x2x2xf32>) -> tensor<3x2x4xf32>
  %0 = onnx.Mul(%x, %cos) : (tensor<3x2x4xf32>, tensor<2x4xf32>) -> tensor<3x2x4xf32>
  %1 = onnx.Mul(%half, %sin) : (tensor<3x2x4xf32>, tensor<2x4xf32>) -> tensor<3x2x4xf32>
  %y = onnx.Add(%0, %1) : (tensor<3x2x4xf32>, tensor<3x2x4xf32>) -> tensor<3x2x4xf32>
  return %y : tensor<3x2x4xf32>
}

// Rows of a constant table, chosen by position; every row has two equal halves.
// CHECK-LABEL: @cached
// CHECK: %[[C:.*]] = onnx.Gather(%{{.*}}, %arg1)
// CHECK: %[[S:.*]] = onnx.Gather(%{{.*}}, %arg1)
// CHECK: %[[CH:.*]] = onnx.Slice(%[[C]],
// CHECK: %[[SH:.*]] = onnx.Slice(%[[S]],
// CHECK: fulgur.rotary_embedding %{{.*}}, %[[CH]], %[[SH]] half_split leading : tensor<3x5x2x4xf32>, tensor<3x5x2xf32>
func.func @cached(%x: tensor<3x2x5x4xf32>, %p: tensor<3x5xi64>) -> tensor<3x2x5x4xf32> {
  %cos = arith.constant dense<[[1.0, 1.0, 1.0, 1.0], [0.5, 0.25, 0.5, 0.25]]> : tensor<2x4xf32>
  %sin = arith.constant dense<[[0.0, 0.0, 0.0, 0.0], [0.75, 0.875, 0.75, 0.875]]> : tensor<2x4xf32>
  %sizes = arith.constant dense<2> : tensor<2xi64>
  %i1 = arith.constant dense<1> : tensor<1xi64>
  %c0 = onnx.Gather(%cos, %p) {axis = 0 : i64} : (tensor<2x4xf32>, tensor<3x5xi64>) -> tensor<3x5x4xf32>
  %s0 = onnx.Gather(%sin, %p) {axis = 0 : i64} : (tensor<2x4xf32>, tensor<3x5xi64>) -> tensor<3x5x4xf32>
  %c = onnx.Unsqueeze(%c0, %i1) : (tensor<3x5x4xf32>, tensor<1xi64>) -> tensor<3x1x5x4xf32>
  %s = onnx.Unsqueeze(%s0, %i1) : (tensor<3x5x4xf32>, tensor<1xi64>) -> tensor<3x1x5x4xf32>
  %part:2 = onnx.Split(%x, %sizes) {axis = -1 : i64} : (tensor<3x2x5x4xf32>, tensor<2xi64>) -> (tensor<3x2x5x2xf32>, tensor<3x2x5x2xf32>)
  %minus = onnx.Neg(%part#1) : (tensor<3x2x5x2xf32>) -> tensor<3x2x5x2xf32>
  %half = onnx.Concat(%minus, %part#0) {axis = -1 : i64} : (tensor<3x2x5x2xf32>, tensor<3x2x5x2xf32>) -> tensor<3x2x5x4xf32>
  %0 = onnx.Mul(%x, %c) : (tensor<3x2x5x4xf32>, tensor<3x1x5x4xf32>) -> tensor<3x2x5x4xf32>
  %1 = onnx.Mul(%half, %s) : (tensor<3x2x5x4xf32>, tensor<3x1x5x4xf32>) -> tensor<3x2x5x4xf32>
  %y = onnx.Add(%0, %1) : (tensor<3x2x5x4xf32>, tensor<3x2x5x4xf32>) -> tensor<3x2x5x4xf32>
  return %y : tensor<3x2x5x4xf32>
}

// Frequencies times positions as a product of matrices, transposed; a table in
// half precision; and the pairs brought together by a transpose, so that the
// halves of a row are rotated: pairs are read side by side, written as halves.
// CHECK-LABEL: @matmul_angle
// CHECK-SAME: (%[[X:.*]]: tensor<3x5x2x4xf16>, %[[P:.*]]: tensor<3x5xi64>)
// CHECK: %[[COS:.*]], %[[SIN:.*]] = fulgur.rotary_table %[[P]], %{{.*}} : tensor<3x5xi64>, tensor<2xf32> -> tensor<3x5x2xf32>
// CHECK: %[[C:.*]] = onnx.Cast(%[[COS]]) {{.*}} -> tensor<3x5x2xf16>
// CHECK: %[[S:.*]] = onnx.Cast(%[[SIN]]) {{.*}} -> tensor<3x5x2xf16>
// CHECK: fulgur.rotary_embedding %[[X]], %[[C]], %[[S]] deinterleaved leading : tensor<3x5x2x4xf16>, tensor<3x5x2xf16>
func.func @matmul_angle(%x: tensor<3x5x2x4xf16>, %p: tensor<3x5xi64>) -> tensor<3x5x2x4xf16> {
  %freq = arith.constant dense<[[[1.0], [0.25]]]> : tensor<1x2x1xf32>
  %batch = arith.constant dense<[3, 1, 1]> : tensor<3xi64>
  %pairs = arith.constant dense<[3, 5, 2, 2, 2]> : tensor<5xi64>
  %rows = arith.constant dense<[3, 5, 2, 4]> : tensor<4xi64>
  %sizes = arith.constant dense<2> : tensor<2xi64>
  %i1 = arith.constant dense<1> : tensor<1xi64>
  %i2 = arith.constant dense<2> : tensor<1xi64>
  %f = onnx.Expand(%freq, %batch) : (tensor<1x2x1xf32>, tensor<3xi64>) -> tensor<3x2x1xf32>
  %p1 = onnx.Unsqueeze(%p, %i1) : (tensor<3x5xi64>, tensor<1xi64>) -> tensor<3x1x5xi64>
  %p2 = onnx.Cast(%p1) {to = 1 : i64} : (tensor<3x1x5xi64>) -> tensor<3x1x5xf32>
  %a0 = onnx.MatMul(%f, %p2) : (tensor<3x2x1xf32>, tensor<3x1x5xf32>) -> tensor<3x2x5xf32>
  %a1 = onnx.Transpose(%a0) {perm = array<i64: 0, 2, 1>} : (tensor<3x2x5xf32>) -> tensor<3x5x2xf32>
  %a2 = onnx.Concat(%a1, %a1) {axis = -1 : i64} : (tensor<3x5x2xf32>, tensor<3x5x2xf32>) -> tensor<3x5x4xf32>
  %c0 = onnx.Cos(%a2) : (tensor<3x5x4xf32>) -> tensor<3x5x4xf32>
  %s0 = onnx.Sin(%a2) : (tensor<3x5x4xf32>) -> tensor<3x5x4xf32>
  %c1 = onnx.Cast(%c0) {to = 10 : i64} : (tensor<3x5x4xf32>) -> tensor<3x5x4xf16>
  %s1 = onnx.Cast(%s0) {to = 10 : i64} : (tensor<3x5x4xf32>) -> tensor<3x5x4xf16>
  %c = onnx.Unsqueeze(%c1, %i2) : (tensor<3x5x4xf16>, tensor<1xi64>) -> tensor<3x5x1x4xf16>
  %s = onnx.Unsqueeze(%s1, %i2) : (tensor<3x5x4xf16>, tensor<1xi64>) -> tensor<3x5x1x4xf16>
  %v = onnx.Reshape(%x, %pairs) : (tensor<3x5x2x4xf16>, tensor<5xi64>) -> tensor<3x5x2x2x2xf16>
  %t = onnx.Transpose(%v) {perm = array<i64: 0, 1, 2, 4, 3>} : (tensor<3x5x2x2x2xf16>) -> tensor<3x5x2x2x2xf16>
  %q = onnx.Reshape(%t, %rows) : (tensor<3x5x2x2x2xf16>, tensor<4xi64>) -> tensor<3x5x2x4xf16>
  %part:2 = onnx.Split(%q, %sizes) {axis = -1 : i64} : (tensor<3x5x2x4xf16>, tensor<2xi64>) -> (tensor<3x5x2x2xf16>, tensor<3x5x2x2xf16>)
  %minus = onnx.Neg(%part#1) : (tensor<3x5x2x2xf16>) -> tensor<3x5x2x2xf16>
  %half = onnx.Concat(%minus, %part#0) {axis = -1 : i64} : (tensor<3x5x2x2xf16>, tensor<3x5x2x2xf16>) -> tensor<3x5x2x4xf16>
  %0 = onnx.Mul(%q, %c) : (tensor<3x5x2x4xf16>, tensor<3x5x1x4xf16>) -> tensor<3x5x2x4xf16>
  %1 = onnx.Mul(%half, %s) : (tensor<3x5x2x4xf16>, tensor<3x5x1x4xf16>) -> tensor<3x5x2x4xf16>
  %y = onnx.Add(%0, %1) : (tensor<3x5x2x4xf16>, tensor<3x5x2x4xf16>) -> tensor<3x5x2x4xf16>
  return %y : tensor<3x5x2x4xf16>
}

// The operator of the standard, heads before the sequence. The elements after
// the first 4 pass through.
// CHECK-LABEL: @operator
// CHECK-SAME: (%[[X:.*]]: tensor<?x2x?x6xf32>, %[[C:.*]]: tensor<?x?x2xf32>, %[[S:.*]]: tensor<?x?x2xf32>)
// CHECK: %[[T:.*]] = onnx.Transpose(%[[X]]) {perm = array<i64: 0, 2, 1, 3>}
// CHECK: %[[Y:.*]] = fulgur.rotary_embedding %[[T]], %[[C]], %[[S]] interleaved leading : tensor<?x?x2x6xf32>, tensor<?x?x2xf32>
// CHECK: onnx.Transpose(%[[Y]]) {perm = array<i64: 0, 2, 1, 3>}
func.func @operator(%x: tensor<?x2x?x6xf32>, %c: tensor<?x?x2xf32>, %s: tensor<?x?x2xf32>) -> tensor<?x2x?x6xf32> {
  %0 = onnx.RotaryEmbedding(%x, %c, %s) {interleaved = 1 : i64, rotary_embedding_dim = 4 : i64} : (tensor<?x2x?x6xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>) -> tensor<?x2x?x6xf32>
  return %0 : tensor<?x2x?x6xf32>
}

// The same with heads in the last dimension and a row of the table for each
// position.
// CHECK-LABEL: @operator_positions
// CHECK: %[[C:.*]] = onnx.Gather(%arg1, %arg3) {axis = 0 : i64} : (tensor<9x2xf32>, tensor<?x?xi64>) -> tensor<?x?x2xf32>
// CHECK: %[[S:.*]] = onnx.Gather(%arg2, %arg3) {axis = 0 : i64}
// CHECK: %[[T:.*]] = onnx.Reshape(%arg0, %{{.*}}) : (tensor<?x?x12xf32>, tensor<4xi64>) -> tensor<?x?x3x4xf32>
// CHECK: %[[Y:.*]] = fulgur.rotary_embedding %[[T]], %[[C]], %[[S]] half_split leading : tensor<?x?x3x4xf32>, tensor<?x?x2xf32>
// CHECK: onnx.Reshape(%[[Y]], %{{.*}}) : (tensor<?x?x3x4xf32>, tensor<3xi64>) -> tensor<?x?x12xf32>
func.func @operator_positions(%x: tensor<?x?x12xf32>, %c: tensor<9x2xf32>, %s: tensor<9x2xf32>, %p: tensor<?x?xi64>) -> tensor<?x?x12xf32> {
  %0 = onnx.RotaryEmbedding(%x, %c, %s, %p) {num_heads = 3 : i64} : (tensor<?x?x12xf32>, tensor<9x2xf32>, tensor<9x2xf32>, tensor<?x?xi64>) -> tensor<?x?x12xf32>
  return %0 : tensor<?x?x12xf32>
}
