// RUN: fulgur-opt %s --fulgur-raise-experts --verify-diagnostics --remark-format=emitRemark --remarks-filter=raise | FileCheck %s

// One row cannot serve all pairs.
// CHECK-LABEL: @other_rows
// CHECK-NOT: fulgur.dispatch
func.func @other_rows(%x: tensor<?x8xf32> {fulgur.dims = ["n", ""]}, %l: tensor<?x4xf32> {fulgur.dims = ["n", ""]}, %gu: tensor<4x12x8xf32>, %d: tensor<4x8x6xf32>) -> tensor<?x8xf32> {
  %one = arith.constant dense<1> : tensor<1xi64>
  %last = arith.constant dense<-1> : tensor<1xi64>
  %rows = arith.constant dense<[-1, 8]> : tensor<2xi64>
  %copies = arith.constant dense<[1, 1, 1]> : tensor<3xi64>
  %back = arith.constant dense<[-1, 2, 8]> : tensor<3xi64>
  %r, %w = fulgur.route %l sigmoid k 2 normalize : tensor<?x4xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
  %e = onnx.Cast(%r) {to = 7 : i64} : (tensor<?x2xi32>) -> tensor<?x2xi64>
  %x0 = onnx.Unsqueeze(%x, %one) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1x8xf32>
  %x1 = onnx.Expand(%x0, %copies) : (tensor<?x1x8xf32>, tensor<3xi64>) -> tensor<?x1x8xf32>
  %x2 = onnx.Reshape(%x1, %rows) : (tensor<?x1x8xf32>, tensor<2xi64>) -> tensor<?x8xf32>
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
  // expected-remark @below {{the rows are not repeated for each of their experts}}
  %z = onnx.ReduceSum(%z0, %one) {keepdims = 0 : i64} : (tensor<?x2x8xf32>, tensor<1xi64>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// Another activation.
// CHECK-LABEL: @relu
// CHECK-NOT: fulgur.dispatch
func.func @relu(%x: tensor<?x8xf32> {fulgur.dims = ["n", ""]}, %l: tensor<?x4xf32> {fulgur.dims = ["n", ""]}, %gu: tensor<4x12x8xf32>, %d: tensor<4x8x6xf32>) -> tensor<?x8xf32> {
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
  %h = onnx.Relu(%s#0) : (tensor<?x6xf32>) -> tensor<?x6xf32>
  %wd = onnx.GatherND(%d, %ids) {batch_dims = 0 : i64} : (tensor<4x8x6xf32>, tensor<?x1xi64>) -> tensor<?x8x6xf32>
  %hc = onnx.Unsqueeze(%h, %last) : (tensor<?x6xf32>, tensor<1xi64>) -> tensor<?x6x1xf32>
  %y0 = onnx.MatMul(%wd, %hc) : (tensor<?x8x6xf32>, tensor<?x6x1xf32>) -> tensor<?x8x1xf32>
  %y = onnx.Squeeze(%y0, %last) : (tensor<?x8x1xf32>, tensor<1xi64>) -> tensor<?x8xf32>
  %wc = onnx.Unsqueeze(%wf, %last) : (tensor<?xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %yw = onnx.Mul(%y, %wc) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %z0 = onnx.Reshape(%yw, %back) : (tensor<?x8xf32>, tensor<3xi64>) -> tensor<?x2x8xf32>
  // expected-remark @below {{the experts are not down(swiglu(gate(x), up(x)))}}
  %z = onnx.ReduceSum(%z0, %one) {keepdims = 0 : i64} : (tensor<?x2x8xf32>, tensor<1xi64>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -1 is the last expert to a gather.
// CHECK-LABEL: @unknown_experts
// CHECK-NOT: fulgur.dispatch
func.func @unknown_experts(%x: tensor<?x8xf32> {fulgur.dims = ["n", ""]}, %l: tensor<?x4xf32> {fulgur.dims = ["n", ""]}, %gu: tensor<4x12x8xf32>, %d: tensor<4x8x6xf32>) -> tensor<?x8xf32> {
  %one = arith.constant dense<1> : tensor<1xi64>
  %last = arith.constant dense<-1> : tensor<1xi64>
  %rows = arith.constant dense<[-1, 8]> : tensor<2xi64>
  %copies = arith.constant dense<[1, 2, 1]> : tensor<3xi64>
  %back = arith.constant dense<[-1, 2, 8]> : tensor<3xi64>
  %r, %w = fulgur.route %l sigmoid k 2 normalize : tensor<?x4xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
  %wide = onnx.Cast(%r) {to = 7 : i64} : (tensor<?x2xi32>) -> tensor<?x2xi64>
  %e = onnx.Add(%wide, %last) : (tensor<?x2xi64>, tensor<1xi64>) -> tensor<?x2xi64>
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
  // expected-remark @below {{an expert is chosen that may not exist}}
  %z = onnx.ReduceSum(%z0, %one) {keepdims = 0 : i64} : (tensor<?x2x8xf32>, tensor<1xi64>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

