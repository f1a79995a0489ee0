// RUN: fulgur-opt %s --fulgur-raise-experts --cse | FileCheck %s

// Rows sorted by expert, a histogram, and a product for each expert.
// CHECK-LABEL: @grouped
// CHECK-SAME: (%[[X:[a-z0-9]+]]: tensor<?x8xf32> {{.*}}, %{{.*}}: tensor<?x2xf32> {{.*}}, %[[GU:.*]]: tensor<2x8x12xf32>, %[[D:.*]]: tensor<2x6x8xf32>)
// CHECK-NOT: onnx.TopK
// CHECK: %[[R:.*]], %[[W:.*]] = fulgur.route
// CHECK: %[[ROWS:.*]], %[[SOURCES:.*]], %[[OFFSETS:.*]] = fulgur.dispatch %[[X]] to %[[R]] of 2
// CHECK: fulgur.grouped_matmul %[[ROWS]], %[[GU]] offsets %[[OFFSETS]] : tensor<?x8xf32>, tensor<2x8x12xf32>, tensor<3xi32> -> tensor<?x12xf32>
// CHECK: %[[H:.*]] = fulgur.swiglu
// CHECK: %[[Y:.*]] = fulgur.grouped_matmul %[[H]], %[[D]] offsets %[[OFFSETS]]
// CHECK: %[[Z:.*]] = fulgur.combine %[[Y]] from %[[SOURCES]] weights %[[W]]
// CHECK: return %[[Z]]
func.func @grouped(%x: tensor<?x8xf32> {fulgur.dims = ["n", ""]}, %l: tensor<?x2xf32> {fulgur.dims = ["n", ""]}, %gu: tensor<2x8x12xf32>, %d: tensor<2x6x8xf32>) -> tensor<?x8xf32> {
  %zero = arith.constant dense<0> : tensor<i64>
  %one = arith.constant dense<1> : tensor<i64>
  %k = arith.constant dense<2> : tensor<i64>
  %three = arith.constant dense<3> : tensor<i64>
  %true = arith.constant dense<true> : tensor<i1>
  %axis0 = arith.constant dense<0> : tensor<1xi64>
  %axis1 = arith.constant dense<1> : tensor<1xi64>
  %last = arith.constant dense<-1> : tensor<1xi64>
  %back = arith.constant dense<[-1, 2, 8]> : tensor<3xi64>
  %bin = arith.constant dense<0.5> : tensor<f32>
  %f1 = arith.constant dense<1.0> : tensor<f32>
  %none = arith.constant dense<0.0> : tensor<2xf32>
  %c2 = arith.constant 2 : index
  %n = fulgur.dim "n"
  %nk = arith.muli %n, %c2 : index
  %nk64 = arith.index_cast %nk : index to i64
  %count = tensor.from_elements %nk64 : tensor<i64>
  %counts = tensor.from_elements %nk64 : tensor<1xi64>
  %r, %w = fulgur.route %l sigmoid k 2 normalize : tensor<?x2xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
  %e = onnx.Cast(%r) {to = 7 : i64} : (tensor<?x2xi32>) -> tensor<?x2xi64>
  %wf = onnx.Reshape(%w, %last) : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?xf32>
  %flat = onnx.Reshape(%e, %last) : (tensor<?x2xi64>, tensor<1xi64>) -> tensor<?xi64>
  %o:2 = onnx.TopK(%flat, %counts) {axis = -1 : i64, largest = 0 : i64, sorted = 1 : i64} : (tensor<?xi64>, tensor<1xi64>) -> (tensor<?xi64>, tensor<?xi64>)
  %lt = onnx.Less(%o#1, %zero) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi1>
  %eq = onnx.Equal(%lt, %true) : (tensor<?xi1>, tensor<i1>) -> tensor<?xi1>
  %mod = onnx.Mod(%o#1, %k) {fmod = 0 : i64} : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
  %odd = onnx.Cast(%mod) {to = 9 : i64} : (tensor<?xi64>) -> tensor<?xi1>
  %and = onnx.And(%eq, %odd) : (tensor<?xi1>, tensor<?xi1>) -> tensor<?xi1>
  %fix = onnx.Cast(%and) {to = 7 : i64} : (tensor<?xi1>) -> tensor<?xi64>
  %div = onnx.Div(%o#1, %k) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
  %token = onnx.Sub(%div, %fix) : (tensor<?xi64>, tensor<?xi64>) -> tensor<?xi64>
  %tc = onnx.Unsqueeze(%token, %last) : (tensor<?xi64>, tensor<1xi64>) -> tensor<?x1xi64>
  %rows = onnx.GatherND(%x, %tc) : (tensor<?x8xf32>, tensor<?x1xi64>) -> tensor<?x8xf32>
  %oc = onnx.Unsqueeze(%o#1, %last) : (tensor<?xi64>, tensor<1xi64>) -> tensor<?x1xi64>
  %ow = onnx.GatherND(%wf, %oc) : (tensor<?xf32>, tensor<?x1xi64>) -> tensor<?xf32>
  %b0 = onnx.Cast(%o#0) {to = 1 : i64} : (tensor<?xi64>) -> tensor<?xf32>
  %b1 = onnx.Div(%b0, %bin) : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %b2 = onnx.Cast(%b1) {to = 7 : i64} : (tensor<?xf32>) -> tensor<?xi64>
  %b3 = onnx.Clip(%b2, %zero, %one) : (tensor<?xi64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %ones = onnx.Expand(%f1, %counts) : (tensor<f32>, tensor<1xi64>) -> tensor<?xf32>
  %hist = onnx.ScatterElements(%none, %b3, %ones) {axis = 0 : i64, reduction = "add"} : (tensor<2xf32>, tensor<?xi64>, tensor<?xf32>) -> tensor<2xf32>
  %h32 = onnx.Cast(%hist) {to = 6 : i64} : (tensor<2xf32>) -> tensor<2xi32>
  %sum = onnx.CumSum(%h32, %zero) {exclusive = 0 : i64, reverse = 0 : i64} : (tensor<2xi32>, tensor<i64>) -> tensor<2xi32>
  %s64 = onnx.Cast(%sum) {to = 7 : i64} : (tensor<2xi32>) -> tensor<2xi64>
  %end:2 = onnx.Split(%s64) {axis = 0 : i64, num_outputs = 2 : i64} : (tensor<2xi64>) -> (tensor<1xi64>, tensor<1xi64>)
  %end0 = onnx.Squeeze(%end#0, %axis0) : (tensor<1xi64>, tensor<1xi64>) -> tensor<i64>
  %end1 = onnx.Squeeze(%end#1, %axis0) : (tensor<1xi64>, tensor<1xi64>) -> tensor<i64>
  %r0 = onnx.Range(%zero, %end0, %one) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %r1 = onnx.Range(%end0, %end1, %one) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %ps:2 = onnx.Split(%gu) {axis = 0 : i64, num_outputs = 2 : i64} : (tensor<2x8x12xf32>) -> (tensor<1x8x12xf32>, tensor<1x8x12xf32>)
  %px0 = onnx.Gather(%rows, %r0) {axis = 0 : i64} : (tensor<?x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
  %pw0 = onnx.Squeeze(%ps#0, %axis0) : (tensor<1x8x12xf32>, tensor<1xi64>) -> tensor<8x12xf32>
  %py0 = onnx.MatMul(%px0, %pw0) : (tensor<?x8xf32>, tensor<8x12xf32>) -> tensor<?x12xf32>
  %px1 = onnx.Gather(%rows, %r1) {axis = 0 : i64} : (tensor<?x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
  %pw1 = onnx.Squeeze(%ps#1, %axis0) : (tensor<1x8x12xf32>, tensor<1xi64>) -> tensor<8x12xf32>
  %py1 = onnx.MatMul(%px1, %pw1) : (tensor<?x8xf32>, tensor<8x12xf32>) -> tensor<?x12xf32>
  %p = onnx.Concat(%py0, %py1) {axis = 0 : i64} : (tensor<?x12xf32>, tensor<?x12xf32>) -> tensor<?x12xf32>
  %g:2 = onnx.Split(%p) {axis = 1 : i64, num_outputs = 2 : i64} : (tensor<?x12xf32>) -> (tensor<?x6xf32>, tensor<?x6xf32>)
  %h = fulgur.swiglu %g#0, %g#1 : tensor<?x6xf32>
  %ds:2 = onnx.Split(%d) {axis = 0 : i64, num_outputs = 2 : i64} : (tensor<2x6x8xf32>) -> (tensor<1x6x8xf32>, tensor<1x6x8xf32>)
  %dx0 = onnx.Gather(%h, %r0) {axis = 0 : i64} : (tensor<?x6xf32>, tensor<?xi64>) -> tensor<?x6xf32>
  %dw0 = onnx.Squeeze(%ds#0, %axis0) : (tensor<1x6x8xf32>, tensor<1xi64>) -> tensor<6x8xf32>
  %dy0 = onnx.MatMul(%dx0, %dw0) : (tensor<?x6xf32>, tensor<6x8xf32>) -> tensor<?x8xf32>
  %dx1 = onnx.Gather(%h, %r1) {axis = 0 : i64} : (tensor<?x6xf32>, tensor<?xi64>) -> tensor<?x6xf32>
  %dw1 = onnx.Squeeze(%ds#1, %axis0) : (tensor<1x6x8xf32>, tensor<1xi64>) -> tensor<6x8xf32>
  %dy1 = onnx.MatMul(%dx1, %dw1) : (tensor<?x6xf32>, tensor<6x8xf32>) -> tensor<?x8xf32>
  %y = onnx.Concat(%dy0, %dy1) {axis = 0 : i64} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %wc = onnx.Unsqueeze(%ow, %last) : (tensor<?xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %yw = onnx.Mul(%y, %wc) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %empty = onnx.Expand(%zero, %counts) : (tensor<i64>, tensor<1xi64>) -> tensor<?xi64>
  %iota = onnx.Range(%zero, %count, %one) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %inverse = onnx.ScatterND(%empty, %oc, %iota) : (tensor<?xi64>, tensor<?x1xi64>, tensor<?xi64>) -> tensor<?xi64>
  %ic = onnx.Unsqueeze(%inverse, %last) : (tensor<?xi64>, tensor<1xi64>) -> tensor<?x1xi64>
  %z0 = onnx.GatherND(%yw, %ic) : (tensor<?x8xf32>, tensor<?x1xi64>) -> tensor<?x8xf32>
  %z1 = onnx.Reshape(%z0, %back) : (tensor<?x8xf32>, tensor<3xi64>) -> tensor<?x2x8xf32>
  %z = onnx.ReduceSum(%z1, %axis1) {keepdims = 0 : i64} : (tensor<?x2x8xf32>, tensor<1xi64>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

