// RUN: fulgur-opt %s --fulgur-raise-rotary --canonicalize --cse | FileCheck %s

// Pairs are read side by side and written as halves; the heads stand before the
// sequence, and the first elements of each row pass through. The transpose
// moves behind the rotation, where it meets its inverse.
// CHECK-LABEL: @deinterleaved
// CHECK-SAME: (%[[X:.*]]: tensor<?x?x4x24xf32> {{.*}}, %[[P:.*]]: tensor<?x?xi64> {{.*}})
// CHECK: %[[F:.*]] = arith.constant dense<[1.000000e+00, 2.500000e-01, 2.500000e-02, 2.500000e-03]>
// CHECK: %[[COS:.*]], %[[SIN:.*]] = fulgur.rotary_table %[[P]], %[[F]] : tensor<?x?xi64>, tensor<4xf32> -> tensor<?x?x4xf32>
// CHECK: %[[R:.*]] = fulgur.rotary_embedding %[[X]], %[[COS]], %[[SIN]] deinterleaved trailing : tensor<?x?x4x24xf32>, tensor<?x?x4xf32>
// CHECK-NEXT: return %[[R]]
func.func @deinterleaved(%x: tensor<?x?x4x24xf32> {fulgur.dims = ["batch", "seq", "", ""]}, %p: tensor<?x?xi64> {fulgur.dims = ["batch", "seq"]}) -> tensor<?x?x4x24xf32> {
  %freq = arith.constant dense<[1.0, 0.25, 0.025, 0.0025]> : tensor<4xf32>
  %sizes = arith.constant dense<[16, 8]> : tensor<2xi64>
  %n1 = arith.constant dense<-1> : tensor<1xi64>
  %i0 = arith.constant dense<0> : tensor<1xi64>
  %i1 = arith.constant dense<1> : tensor<1xi64>
  %i2 = arith.constant dense<2> : tensor<1xi64>
  %i4 = arith.constant dense<4> : tensor<1xi64>
  %end = arith.constant dense<9223372036854775807> : tensor<1xi64>
  %p1 = onnx.Unsqueeze(%p, %n1) : (tensor<?x?xi64>, tensor<1xi64>) -> tensor<?x?x1xi64>
  %p2 = onnx.Cast(%p1) {to = 1 : i64} : (tensor<?x?x1xi64>) -> tensor<?x?x1xf32>
  %angle = onnx.Mul(%p2, %freq) : (tensor<?x?x1xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  %twice = onnx.Concat(%angle, %angle) {axis = -1 : i64} : (tensor<?x?x4xf32>, tensor<?x?x4xf32>) -> tensor<?x?x8xf32>
  %cos8 = onnx.Cos(%twice) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %sin8 = onnx.Sin(%twice) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %cos4 = onnx.Slice(%cos8, %i0, %i4, %i2, %i1) : (tensor<?x?x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?x4xf32>
  %sin4 = onnx.Slice(%sin8, %i0, %i4, %i2, %i1) : (tensor<?x?x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?x4xf32>
  %cos = onnx.Unsqueeze(%cos4, %i1) : (tensor<?x?x4xf32>, tensor<1xi64>) -> tensor<?x1x?x4xf32>
  %sin = onnx.Unsqueeze(%sin4, %i1) : (tensor<?x?x4xf32>, tensor<1xi64>) -> tensor<?x1x?x4xf32>
  %t = onnx.Transpose(%x) {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x4x24xf32>) -> tensor<?x4x?x24xf32>
  %s:2 = onnx.Split(%t, %sizes) {axis = 3 : i64} : (tensor<?x4x?x24xf32>, tensor<2xi64>) -> (tensor<?x4x?x16xf32>, tensor<?x4x?x8xf32>)
  %three = arith.constant dense<3> : tensor<1xi64>
  %a = onnx.Slice(%s#1, %i0, %end, %three, %i2) : (tensor<?x4x?x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x4x?x4xf32>
  %b = onnx.Slice(%s#1, %i1, %end, %three, %i2) : (tensor<?x4x?x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x4x?x4xf32>
  %ac = onnx.Mul(%a, %cos) : (tensor<?x4x?x4xf32>, tensor<?x1x?x4xf32>) -> tensor<?x4x?x4xf32>
  %bs = onnx.Mul(%b, %sin) : (tensor<?x4x?x4xf32>, tensor<?x1x?x4xf32>) -> tensor<?x4x?x4xf32>
  %bc = onnx.Mul(%b, %cos) : (tensor<?x4x?x4xf32>, tensor<?x1x?x4xf32>) -> tensor<?x4x?x4xf32>
  %as = onnx.Mul(%a, %sin) : (tensor<?x4x?x4xf32>, tensor<?x1x?x4xf32>) -> tensor<?x4x?x4xf32>
  %oa = onnx.Sub(%ac, %bs) : (tensor<?x4x?x4xf32>, tensor<?x4x?x4xf32>) -> tensor<?x4x?x4xf32>
  %ob = onnx.Add(%bc, %as) : (tensor<?x4x?x4xf32>, tensor<?x4x?x4xf32>) -> tensor<?x4x?x4xf32>
  %rope = onnx.Concat(%oa, %ob) {axis = -1 : i64} : (tensor<?x4x?x4xf32>, tensor<?x4x?x4xf32>) -> tensor<?x4x?x8xf32>
  %row = onnx.Concat(%s#0, %rope) {axis = -1 : i64} : (tensor<?x4x?x16xf32>, tensor<?x4x?x8xf32>) -> tensor<?x4x?x24xf32>
  %back = onnx.Transpose(%row) {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x4x?x24xf32>) -> tensor<?x?x4x24xf32>
  return %back : tensor<?x?x4x24xf32>
}

// One key that all heads share: its axis of 1 goes, and the result of the split
// that holds the key is the operand. The table has a scale.
// CHECK-LABEL: @half_split_shared_key
// CHECK: %[[S:.*]]:2 = onnx.Split
// CHECK: fulgur.rotary_table %{{.*}}, %{{.*}} scale 1.5e+00 : tensor<1x5xi64>, tensor<2xf32> -> tensor<1x5x2xf32>
// CHECK: fulgur.rotary_embedding %[[S]]#1, %{{.*}}, %{{.*}} half_split leading : tensor<3x5x4xf32>, tensor<1x5x2xf32>
func.func @half_split_shared_key(%x: tensor<3x5x10xf32>, %p: tensor<5xi64>) -> (tensor<3x1x5x4xf32>, tensor<3x5x6xf32>) {
  %freq = arith.constant dense<[1.0, 0.01, 1.0, 0.01]> : tensor<4xf32>
  %scale = arith.constant dense<1.5> : tensor<f32>
  %sizes = arith.constant dense<[6, 4]> : tensor<2xi64>
  %axes = arith.constant dense<[0, 1, 3]> : tensor<3xi64>
  %i0 = arith.constant dense<0> : tensor<1xi64>
  %i1 = arith.constant dense<1> : tensor<1xi64>
  %i2 = arith.constant dense<2> : tensor<1xi64>
  %i3 = arith.constant dense<3> : tensor<1xi64>
  %i4 = arith.constant dense<4> : tensor<1xi64>
  %p1 = onnx.Unsqueeze(%p, %axes) : (tensor<5xi64>, tensor<3xi64>) -> tensor<1x1x5x1xi64>
  %p2 = onnx.Cast(%p1) {to = 1 : i64} : (tensor<1x1x5x1xi64>) -> tensor<1x1x5x1xf32>
  %angle = onnx.Mul(%p2, %freq) : (tensor<1x1x5x1xf32>, tensor<4xf32>) -> tensor<1x1x5x4xf32>
  %c = onnx.Cos(%angle) : (tensor<1x1x5x4xf32>) -> tensor<1x1x5x4xf32>
  %s = onnx.Sin(%angle) : (tensor<1x1x5x4xf32>) -> tensor<1x1x5x4xf32>
  %cos = onnx.Mul(%c, %scale) : (tensor<1x1x5x4xf32>, tensor<f32>) -> tensor<1x1x5x4xf32>
  %sin = onnx.Mul(%s, %scale) : (tensor<1x1x5x4xf32>, tensor<f32>) -> tensor<1x1x5x4xf32>
  %part:2 = onnx.Split(%x, %sizes) {axis = 2 : i64} : (tensor<3x5x10xf32>, tensor<2xi64>) -> (tensor<3x5x6xf32>, tensor<3x5x4xf32>)
  %k = onnx.Unsqueeze(%part#1, %i1) : (tensor<3x5x4xf32>, tensor<1xi64>) -> tensor<3x1x5x4xf32>
  %a = onnx.Slice(%k, %i0, %i2, %i3, %i1) : (tensor<3x1x5x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3x1x5x2xf32>
  %b = onnx.Slice(%k, %i2, %i4, %i3, %i1) : (tensor<3x1x5x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3x1x5x2xf32>
  %minus = onnx.Neg(%b) : (tensor<3x1x5x2xf32>) -> tensor<3x1x5x2xf32>
  %half = onnx.Concat(%minus, %a) {axis = -1 : i64} : (tensor<3x1x5x2xf32>, tensor<3x1x5x2xf32>) -> tensor<3x1x5x4xf32>
  %0 = onnx.Mul(%k, %cos) : (tensor<3x1x5x4xf32>, tensor<1x1x5x4xf32>) -> tensor<3x1x5x4xf32>
  %1 = onnx.Mul(%half, %sin) : (tensor<3x1x5x4xf32>, tensor<1x1x5x4xf32>) -> tensor<3x1x5x4xf32>
  %y = onnx.Add(%0, %1) : (tensor<3x1x5x4xf32>, tensor<3x1x5x4xf32>) -> tensor<3x1x5x4xf32>
  return %y, %part#0 : tensor<3x1x5x4xf32>, tensor<3x5x6xf32>
}

// Complex numbers as a last axis of 2, the table multiplied with 1 + 0i.
// CHECK-LABEL: @complex
// CHECK-SAME: (%[[X:.*]]: tensor<2x5x3x4xf32>
// CHECK: fulgur.rotary_embedding %[[X]], %{{.*}}, %{{.*}} interleaved leading : tensor<2x5x3x4xf32>, tensor<2x5x2xf32>
func.func @complex(%x: tensor<2x5x3x4xf32>, %p: tensor<2x5xi64>) -> tensor<2x3x5x4xf32> {
  %freq = arith.constant dense<[1.0, 0.01]> : tensor<2xf32>
  %zero = arith.constant dense<0.0> : tensor<1xf32>
  %pairs = arith.constant dense<[2, 3, 5, 2, 2]> : tensor<5xi64>
  %rows = arith.constant dense<[2, 3, 5, 4]> : tensor<4xi64>
  %two = arith.constant dense<2> : tensor<1xi64>
  %inner = arith.constant dense<[1, 4]> : tensor<2xi64>
  %re = arith.constant dense<0> : tensor<i64>
  %im = arith.constant dense<1> : tensor<i64>
  %n1 = arith.constant dense<-1> : tensor<1xi64>
  %p1 = onnx.Unsqueeze(%p, %two) : (tensor<2x5xi64>, tensor<1xi64>) -> tensor<2x5x1xi64>
  %p2 = onnx.Cast(%p1) {to = 1 : i64} : (tensor<2x5x1xi64>) -> tensor<2x5x1xf32>
  %angle = onnx.Mul(%p2, %freq) : (tensor<2x5x1xf32>, tensor<2xf32>) -> tensor<2x5x2xf32>
  %c = onnx.Cos(%angle) : (tensor<2x5x2xf32>) -> tensor<2x5x2xf32>
  %s = onnx.Sin(%angle) : (tensor<2x5x2xf32>) -> tensor<2x5x2xf32>
  %c0 = onnx.Mul(%c, %zero) : (tensor<2x5x2xf32>, tensor<1xf32>) -> tensor<2x5x2xf32>
  %s0 = onnx.Mul(%s, %zero) : (tensor<2x5x2xf32>, tensor<1xf32>) -> tensor<2x5x2xf32>
  %cs = onnx.Sub(%c, %s0) : (tensor<2x5x2xf32>, tensor<2x5x2xf32>) -> tensor<2x5x2xf32>
  %sc = onnx.Add(%c0, %s) : (tensor<2x5x2xf32>, tensor<2x5x2xf32>) -> tensor<2x5x2xf32>
  %cos = onnx.Unsqueeze(%cs, %inner) : (tensor<2x5x2xf32>, tensor<2xi64>) -> tensor<2x1x5x2x1xf32>
  %sin = onnx.Unsqueeze(%sc, %inner) : (tensor<2x5x2xf32>, tensor<2xi64>) -> tensor<2x1x5x2x1xf32>
  %t = onnx.Transpose(%x) {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x5x3x4xf32>) -> tensor<2x3x5x4xf32>
  %z = onnx.Reshape(%t, %pairs) : (tensor<2x3x5x4xf32>, tensor<5xi64>) -> tensor<2x3x5x2x2xf32>
  %a0 = onnx.Gather(%z, %re) {axis = 4 : i64} : (tensor<2x3x5x2x2xf32>, tensor<i64>) -> tensor<2x3x5x2xf32>
  %b0 = onnx.Gather(%z, %im) {axis = 4 : i64} : (tensor<2x3x5x2x2xf32>, tensor<i64>) -> tensor<2x3x5x2xf32>
  %a = onnx.Unsqueeze(%a0, %n1) : (tensor<2x3x5x2xf32>, tensor<1xi64>) -> tensor<2x3x5x2x1xf32>
  %b = onnx.Unsqueeze(%b0, %n1) : (tensor<2x3x5x2xf32>, tensor<1xi64>) -> tensor<2x3x5x2x1xf32>
  %ac = onnx.Mul(%a, %cos) : (tensor<2x3x5x2x1xf32>, tensor<2x1x5x2x1xf32>) -> tensor<2x3x5x2x1xf32>
  %bs = onnx.Mul(%b, %sin) : (tensor<2x3x5x2x1xf32>, tensor<2x1x5x2x1xf32>) -> tensor<2x3x5x2x1xf32>
  %as = onnx.Mul(%a, %sin) : (tensor<2x3x5x2x1xf32>, tensor<2x1x5x2x1xf32>) -> tensor<2x3x5x2x1xf32>
  %bc = onnx.Mul(%b, %cos) : (tensor<2x3x5x2x1xf32>, tensor<2x1x5x2x1xf32>) -> tensor<2x3x5x2x1xf32>
  %oa = onnx.Sub(%ac, %bs) : (tensor<2x3x5x2x1xf32>, tensor<2x3x5x2x1xf32>) -> tensor<2x3x5x2x1xf32>
  %ob = onnx.Add(%as, %bc) : (tensor<2x3x5x2x1xf32>, tensor<2x3x5x2x1xf32>) -> tensor<2x3x5x2x1xf32>
  %o = onnx.Concat(%oa, %ob) {axis = -1 : i64} : (tensor<2x3x5x2x1xf32>, tensor<2x3x5x2x1xf32>) -> tensor<2x3x5x2x2xf32>
  %y = onnx.Reshape(%o, %rows) : (tensor<2x3x5x2x2xf32>, tensor<4xi64>) -> tensor<2x3x5x4xf32>
  return %y : tensor<2x3x5x4xf32>
}

// Rotated in single precision between halves that pass through: the row is
// widened and narrowed, which changes nothing in those.
// CHECK-LABEL: @widened
// CHECK-SAME: (%[[X:.*]]: tensor<3x5x6xf16>
// CHECK: %[[W:.*]] = onnx.Cast(%[[X]]) {{.*}} -> tensor<3x5x6xf32>
// CHECK: %[[R:.*]] = fulgur.rotary_embedding %[[W]], %{{.*}}, %{{.*}} interleaved trailing : tensor<3x5x6xf32>, tensor<3x5x1xf32>
// CHECK: %[[Y:.*]] = onnx.Cast(%[[R]]) {{.*}} -> tensor<3x5x6xf16>
// CHECK: return %[[Y]]
func.func @widened(%x: tensor<3x5x6xf16>, %p: tensor<3x5x1xi64>) -> tensor<3x5x6xf16> {
  %freq = arith.constant dense<0.25> : tensor<1xf32>
  %sizes = arith.constant dense<[4, 1, 1]> : tensor<3xi64>
  %p2 = onnx.Cast(%p) {to = 1 : i64} : (tensor<3x5x1xi64>) -> tensor<3x5x1xf32>
  %angle = onnx.Mul(%p2, %freq) : (tensor<3x5x1xf32>, tensor<1xf32>) -> tensor<3x5x1xf32>
  %c = onnx.Cos(%angle) : (tensor<3x5x1xf32>) -> tensor<3x5x1xf32>
  %s = onnx.Sin(%angle) : (tensor<3x5x1xf32>) -> tensor<3x5x1xf32>
  %part:3 = onnx.Split(%x, %sizes) {axis = -1 : i64} : (tensor<3x5x6xf16>, tensor<3xi64>) -> (tensor<3x5x4xf16>, tensor<3x5x1xf16>, tensor<3x5x1xf16>)
  %a = onnx.Cast(%part#1) {to = 1 : i64} : (tensor<3x5x1xf16>) -> tensor<3x5x1xf32>
  %b = onnx.Cast(%part#2) {to = 1 : i64} : (tensor<3x5x1xf16>) -> tensor<3x5x1xf32>
  %ac = onnx.Mul(%a, %c) : (tensor<3x5x1xf32>, tensor<3x5x1xf32>) -> tensor<3x5x1xf32>
  %bs = onnx.Mul(%b, %s) : (tensor<3x5x1xf32>, tensor<3x5x1xf32>) -> tensor<3x5x1xf32>
  %bc = onnx.Mul(%b, %c) : (tensor<3x5x1xf32>, tensor<3x5x1xf32>) -> tensor<3x5x1xf32>
  %as = onnx.Mul(%a, %s) : (tensor<3x5x1xf32>, tensor<3x5x1xf32>) -> tensor<3x5x1xf32>
  %oa = onnx.Sub(%ac, %bs) : (tensor<3x5x1xf32>, tensor<3x5x1xf32>) -> tensor<3x5x1xf32>
  %ob = onnx.Add(%bc, %as) : (tensor<3x5x1xf32>, tensor<3x5x1xf32>) -> tensor<3x5x1xf32>
  %o = onnx.Concat(%oa, %ob) {axis = -1 : i64} : (tensor<3x5x1xf32>, tensor<3x5x1xf32>) -> tensor<3x5x2xf32>
  %n = onnx.Cast(%o) {to = 10 : i64} : (tensor<3x5x2xf32>) -> tensor<3x5x2xf16>
  %y = onnx.Concat(%part#0, %n) {axis = -1 : i64} : (tensor<3x5x4xf16>, tensor<3x5x2xf16>) -> tensor<3x5x6xf16>
  return %y : tensor<3x5x6xf16>
}
