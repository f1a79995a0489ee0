// RUN: fulgur-opt %s --fulgur-raise-experts --cse | FileCheck %s

// Weights gathered for each row and each of its experts, gate before up.
// CHECK-LABEL: @batched
// CHECK-SAME: (%[[X:[a-z0-9]+]]: tensor<?x8xf32> {{.*}}, %{{.*}}: tensor<?x4xf32> {{.*}}, %[[GU:.*]]: tensor<4x12x8xf32>, %[[D:.*]]: tensor<4x8x6xf32>)
// CHECK-NOT: onnx.GatherND
// CHECK: %[[R:.*]], %[[W:.*]] = fulgur.route
// CHECK: %[[ROWS:.*]], %[[SOURCES:.*]], %[[OFFSETS:.*]] = fulgur.dispatch %[[X]] to %[[R]] of 4 : tensor<?x8xf32>, tensor<?x2xi32> -> tensor<?x8xf32>, tensor<?xi32>, tensor<5xi32>
// CHECK: %[[P:.*]] = fulgur.grouped_matmul %[[ROWS]], %[[GU]] transposed offsets %[[OFFSETS]] : tensor<?x8xf32>, tensor<4x12x8xf32>, tensor<5xi32> -> tensor<?x12xf32>
// CHECK: %[[GATE:.*]] = onnx.Slice(%[[P]],
// CHECK: %[[UP:.*]] = onnx.Slice(%[[P]],
// CHECK: %[[H:.*]] = fulgur.swiglu %[[GATE]], %[[UP]]
// CHECK: %[[Y:.*]] = fulgur.grouped_matmul %[[H]], %[[D]] transposed offsets %[[OFFSETS]]
// CHECK: %[[Z:.*]] = fulgur.combine %[[Y]] from %[[SOURCES]] weights %[[W]] : tensor<?x8xf32>, tensor<?xi32>, tensor<?x2xf32> -> tensor<?x8xf32>
// CHECK: return %[[Z]]
func.func @batched(%x: tensor<?x8xf32> {fulgur.dims = ["n", ""]}, %l: tensor<?x4xf32> {fulgur.dims = ["n", ""]}, %gu: tensor<4x12x8xf32>, %d: tensor<4x8x6xf32>) -> tensor<?x8xf32> {
  %one = arith.constant dense<1> : tensor<1xi64>
  %last = arith.constant dense<-1> : tensor<1xi64>
  %rows = arith.constant dense<[-1, 8]> : tensor<2xi64>
  %copies = arith.constant dense<[1, 2, 1]> : tensor<3xi64>
  %back = arith.constant dense<[-1, 2, 8]> : tensor<3xi64>
  %r, %w = fulgur.route %l sigmoid k 2 normalize : tensor<?x4xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
  %e = onnx.Cast(%r) {to = 7 : i64} : (tensor<?x2xi32>) -> tensor<?x2xi64>
  %x0 = onnx.Unsqueeze(%x, %one) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1x8xf32>
  %x1 = onnx.Expand(%x0, %copies) : (tensor<?x1x8xf32>, tensor<3xi64>) -> tensor<?x2x8xf32>
  %x2 = onnx.Reshape(%x1, %rows) : (tensor<?x2x8xf32>, tensor<2xi64>) -> tensor<?x8xf32>
  %wf = onnx.Reshape(%w, %last) : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?xf32>
  %flat = onnx.Reshape(%e, %last) : (tensor<?x2xi64>, tensor<1xi64>) -> tensor<?xi64>
  %ids = onnx.Unsqueeze(%flat, %last) : (tensor<?xi64>, tensor<1xi64>) -> tensor<?x1xi64>
  %wgu = onnx.GatherND(%gu, %ids) {batch_dims = 0 : i64} : (tensor<4x12x8xf32>, tensor<?x1xi64>) -> tensor<?x12x8xf32>
  %xc = onnx.Unsqueeze(%x2, %last) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x8x1xf32>
  %p0 = onnx.MatMul(%wgu, %xc) : (tensor<?x12x8xf32>, tensor<?x8x1xf32>) -> tensor<?x12x1xf32>
  %p = onnx.Squeeze(%p0, %last) : (tensor<?x12x1xf32>, tensor<1xi64>) -> tensor<?x12xf32>
  %s:2 = onnx.Split(%p) {axis = 1 : i64, num_outputs = 2 : i64} : (tensor<?x12xf32>) -> (tensor<?x6xf32>, tensor<?x6xf32>)
  %h = fulgur.swiglu %s#0, %s#1 : tensor<?x6xf32>
  %wd = onnx.GatherND(%d, %ids) {batch_dims = 0 : i64} : (tensor<4x8x6xf32>, tensor<?x1xi64>) -> tensor<?x8x6xf32>
  %hc = onnx.Unsqueeze(%h, %last) : (tensor<?x6xf32>, tensor<1xi64>) -> tensor<?x6x1xf32>
  %y0 = onnx.MatMul(%wd, %hc) : (tensor<?x8x6xf32>, tensor<?x6x1xf32>) -> tensor<?x8x1xf32>
  %y = onnx.Squeeze(%y0, %last) : (tensor<?x8x1xf32>, tensor<1xi64>) -> tensor<?x8xf32>
  %wc = onnx.Unsqueeze(%wf, %last) : (tensor<?xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %yw = onnx.Mul(%y, %wc) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %z0 = onnx.Reshape(%yw, %back) : (tensor<?x8xf32>, tensor<3xi64>) -> tensor<?x2x8xf32>
  %z = onnx.ReduceSum(%z0, %one) {keepdims = 0 : i64} : (tensor<?x2x8xf32>, tensor<1xi64>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// Other exporters' words for the same, and up before gate.
// CHECK-LABEL: @tiled_up_first
// CHECK: %[[P:.*]] = fulgur.grouped_matmul %{{.*}}, %{{.*}} transposed offsets
// CHECK-DAG: %[[SIX:.*]] = arith.constant dense<6>
// CHECK: %[[GATE:.*]] = onnx.Slice(%[[P]], %[[SIX]],
// CHECK: %[[UP:.*]] = onnx.Slice(%[[P]],
// CHECK: fulgur.swiglu %[[GATE]], %[[UP]]
// CHECK: fulgur.combine
func.func @tiled_up_first(%x: tensor<?x8xf32> {fulgur.dims = ["n", ""]}, %l: tensor<?x4xf32> {fulgur.dims = ["n", ""]}, %gu: tensor<4x12x8xf32>, %d: tensor<4x8x6xf32>) -> tensor<?x8xf32> {
  %one = arith.constant dense<1> : tensor<1xi64>
  %last = arith.constant dense<-1> : tensor<1xi64>
  %rows = arith.constant dense<[-1, 8]> : tensor<2xi64>
  %copies = arith.constant dense<[1, 2, 1]> : tensor<3xi64>
  %back = arith.constant dense<[-1, 2, 8]> : tensor<3xi64>
  %r, %w = fulgur.route %l sigmoid k 2 normalize : tensor<?x4xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
  %e = onnx.Cast(%r) {to = 7 : i64} : (tensor<?x2xi32>) -> tensor<?x2xi64>
  %x0 = onnx.Unsqueeze(%x, %one) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1x8xf32>
  %x1 = onnx.Tile(%x0, %copies) : (tensor<?x1x8xf32>, tensor<3xi64>) -> tensor<?x2x8xf32>
  %x2 = onnx.Reshape(%x1, %rows) : (tensor<?x2x8xf32>, tensor<2xi64>) -> tensor<?x8xf32>
  %wf = onnx.Reshape(%w, %last) : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?xf32>
  %flat = onnx.Reshape(%e, %last) : (tensor<?x2xi64>, tensor<1xi64>) -> tensor<?xi64>
  %ids = onnx.Unsqueeze(%flat, %last) : (tensor<?xi64>, tensor<1xi64>) -> tensor<?x1xi64>
  %wgu = onnx.Gather(%gu, %flat) {axis = 0 : i64} : (tensor<4x12x8xf32>, tensor<?xi64>) -> tensor<?x12x8xf32>
  %xc = onnx.Unsqueeze(%x2, %last) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x8x1xf32>
  %p0 = onnx.MatMul(%wgu, %xc) : (tensor<?x12x8xf32>, tensor<?x8x1xf32>) -> tensor<?x12x1xf32>
  %p = onnx.Squeeze(%p0, %last) : (tensor<?x12x1xf32>, tensor<1xi64>) -> tensor<?x12xf32>
  %s:2 = onnx.Split(%p) {axis = 1 : i64, num_outputs = 2 : i64} : (tensor<?x12xf32>) -> (tensor<?x6xf32>, tensor<?x6xf32>)
  %h = fulgur.swiglu %s#1, %s#0 : tensor<?x6xf32>
  %wd = onnx.Gather(%d, %flat) {axis = 0 : i64} : (tensor<4x8x6xf32>, tensor<?xi64>) -> tensor<?x8x6xf32>
  %hc = onnx.Unsqueeze(%h, %last) : (tensor<?x6xf32>, tensor<1xi64>) -> tensor<?x6x1xf32>
  %y0 = onnx.MatMul(%wd, %hc) : (tensor<?x8x6xf32>, tensor<?x6x1xf32>) -> tensor<?x8x1xf32>
  %y = onnx.Squeeze(%y0, %last) : (tensor<?x8x1xf32>, tensor<1xi64>) -> tensor<?x8xf32>
  %wc = onnx.Unsqueeze(%wf, %last) : (tensor<?xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %yw = onnx.Mul(%y, %wc) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %z0 = onnx.Reshape(%yw, %back) : (tensor<?x8xf32>, tensor<3xi64>) -> tensor<?x2x8xf32>
  %z = onnx.ReduceSum(%z0, %one) {keepdims = 0 : i64} : (tensor<?x2x8xf32>, tensor<1xi64>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// Gate and up by themselves, weights that multiply rows, products that repeat
// the rows, and a sum in f32 of halves.
// CHECK-LABEL: @broadcast
// CHECK-SAME: (%[[X:[a-z0-9]+]]: tensor<3x8xf16>, %{{.*}}: tensor<3x4xf32>, %[[G:[a-z0-9]+]]: tensor<4x8x6xf16>, %[[U:[a-z0-9]+]]: tensor<4x8x6xf16>, %[[D:.*]]: tensor<4x6x8xf16>)
// CHECK: %[[ROWS:.*]], %{{.*}}, %[[OFFSETS:.*]] = fulgur.dispatch %[[X]] to %{{.*}} of 4 : tensor<3x8xf16>, tensor<3x2xi32> -> tensor<6x8xf16>, tensor<6xi32>, tensor<5xi32>
// CHECK: %[[GATE:.*]] = fulgur.grouped_matmul %[[ROWS]], %[[G]] offsets %[[OFFSETS]]
// CHECK: %[[UP:.*]] = fulgur.grouped_matmul %[[ROWS]], %[[U]] offsets %[[OFFSETS]]
// CHECK: %[[H:.*]] = fulgur.swiglu %[[GATE]], %[[UP]]
// CHECK: fulgur.grouped_matmul %[[H]], %[[D]] offsets
// CHECK: %[[Z:.*]] = fulgur.combine {{.*}} -> tensor<3x8xf16>
// CHECK: onnx.Cast(%[[Z]]) : (tensor<3x8xf16>) -> tensor<3x8xf32>
func.func @broadcast(%x: tensor<3x8xf16>, %l: tensor<3x4xf32>, %g: tensor<4x8x6xf16>, %u: tensor<4x8x6xf16>, %d: tensor<4x6x8xf16>) -> tensor<3x8xf32> {
  %one = arith.constant dense<1> : tensor<1xi64>
  %both = arith.constant dense<[1, 2]> : tensor<2xi64>
  %last = arith.constant dense<-1> : tensor<1xi64>
  %row = arith.constant dense<-2> : tensor<1xi64>
  %e, %w = fulgur.route %l softmax k 2 : tensor<3x4xf32> -> tensor<3x2xi32>, tensor<3x2xf32>
  %x0 = onnx.Unsqueeze(%x, %both) : (tensor<3x8xf16>, tensor<2xi64>) -> tensor<3x1x1x8xf16>
  %wg = onnx.Gather(%g, %e) {axis = 0 : i64} : (tensor<4x8x6xf16>, tensor<3x2xi32>) -> tensor<3x2x8x6xf16>
  %wu = onnx.Gather(%u, %e) {axis = 0 : i64} : (tensor<4x8x6xf16>, tensor<3x2xi32>) -> tensor<3x2x8x6xf16>
  %wd = onnx.Gather(%d, %e) {axis = 0 : i64} : (tensor<4x6x8xf16>, tensor<3x2xi32>) -> tensor<3x2x6x8xf16>
  %pg = onnx.MatMul(%x0, %wg) : (tensor<3x1x1x8xf16>, tensor<3x2x8x6xf16>) -> tensor<3x2x1x6xf16>
  %pu = onnx.MatMul(%x0, %wu) : (tensor<3x1x1x8xf16>, tensor<3x2x8x6xf16>) -> tensor<3x2x1x6xf16>
  %h = fulgur.swiglu %pg, %pu : tensor<3x2x1x6xf16>
  %y0 = onnx.MatMul(%h, %wd) : (tensor<3x2x1x6xf16>, tensor<3x2x6x8xf16>) -> tensor<3x2x1x8xf16>
  %y1 = onnx.Squeeze(%y0, %row) : (tensor<3x2x1x8xf16>, tensor<1xi64>) -> tensor<3x2x8xf16>
  %y = onnx.Cast(%y1) {to = 1 : i64} : (tensor<3x2x8xf16>) -> tensor<3x2x8xf32>
  %wc = onnx.Unsqueeze(%w, %last) : (tensor<3x2xf32>, tensor<1xi64>) -> tensor<3x2x1xf32>
  %yw = onnx.Mul(%y, %wc) : (tensor<3x2x8xf32>, tensor<3x2x1xf32>) -> tensor<3x2x8xf32>
  %z = onnx.ReduceSum(%yw, %one) {keepdims = 0 : i64} : (tensor<3x2x8xf32>, tensor<1xi64>) -> tensor<3x8xf32>
  return %z : tensor<3x8xf32>
}
