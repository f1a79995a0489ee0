// RUN: fulgur-opt %s --split-input-file --fulgur-fold-onnx --fulgur-raise-attention --canonicalize | FileCheck %s

// TorchScript reads the padding by one number for batch and token, and gives
// the shape of an expansion as a choice between sizes and ones.
module {
  // CHECK-LABEL: @flat_padding(
  func.func @flat_padding(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %past: tensor<?xf32> {fulgur.dims = ["past"]},
    %attend: tensor<?x?xi64> {fulgur.dims = ["batch", "past + seq"]}) -> tensor<?x2x?x4xf32> {
    %c0 = arith.constant dense<0> : tensor<i64>
    %c1 = arith.constant dense<1> : tensor<i64>
    %batch = fulgur.dim "batch"
    %b = arith.index_cast %batch : index to i64
    %seq = fulgur.dim "seq"
    %s = arith.index_cast %seq : index to i64
    %old = fulgur.dim "past"
    %p = arith.index_cast %old : index to i64
    %t = arith.addi %p, %s : i64
    %bs = tensor.from_elements %b : tensor<i64>
    %ss = tensor.from_elements %s : tensor<i64>
    %ps = tensor.from_elements %p : tensor<i64>
    %ts = tensor.from_elements %t : tensor<i64>
    %one = arith.constant 1 : i64
    %zero = arith.constant dense<0.0> : tensor<f32>
    %low = arith.constant dense<0xFF800000> : tensor<f32>
    %last = arith.constant dense<-1> : tensor<1xi64>
    %x012 = arith.constant dense<[0, 1, 2]> : tensor<3xi64>
    %x013 = arith.constant dense<[0, 1, 3]> : tensor<3xi64>
    %x123 = arith.constant dense<[1, 2, 3]> : tensor<3xi64>
    %rt = onnx.Range(%c0, %ts, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %now = onnx.Add(%rs, %ps) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
    %tok = onnx.Unsqueeze(%rt, %x012) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x1x?xi64>
    %pos = onnx.Unsqueeze(%now, %x013) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x?x1xi64>
    %mc = onnx.LessOrEqual(%tok, %pos) : (tensor<1x1x1x?xi64>, tensor<1x1x?x1xi64>) -> tensor<1x1x?x?xi1>
    %rb = onnx.Range(%c0, %bs, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %ub = onnx.Unsqueeze(%rb, %x123) : (tensor<?xi64>, tensor<3xi64>) -> tensor<?x1x1x1xi64>
    %real = onnx.Cast(%attend) {to = 9 : i64} : (tensor<?x?xi64>) -> tensor<?x?xi1>
    %flat = onnx.Flatten(%real) {axis = 2 : i64} : (tensor<?x?xi1>) -> tensor<?x1xi1>
    %stride = onnx.Mul(%ub, %ts) : (tensor<?x1x1x1xi64>, tensor<i64>) -> tensor<?x1x1x1xi64>
    %at = onnx.Add(%tok, %stride) : (tensor<1x1x1x?xi64>, tensor<?x1x1x1xi64>) -> tensor<?x1x1x?xi64>
    %g5 = onnx.Gather(%flat, %at) {axis = 0 : i64} : (tensor<?x1xi1>, tensor<?x1x1x?xi64>) -> tensor<?x1x1x?x1xi1>
    %g1 = onnx.Reshape(%g5, %last) {allowzero = 0 : i64} : (tensor<?x1x1x?x1xi1>, tensor<1xi64>) -> tensor<?xi1>
    %s4 = tensor.from_elements %b, %one, %one, %t : tensor<4xi64>
    %g = onnx.Reshape(%g1, %s4) {allowzero = 0 : i64} : (tensor<?xi1>, tensor<4xi64>) -> tensor<?x1x1x?xi1>
    %m = onnx.And(%mc, %g) : (tensor<1x1x?x?xi1>, tensor<?x1x1x?xi1>) -> tensor<?x1x?x?xi1>
    %minus = arith.constant -1 : i64
    %wanted = tensor.from_elements %b, %minus, %s, %t : tensor<4xi64>
    %keep = arith.constant dense<-1> : tensor<4xi64>
    %ones = arith.constant dense<1> : tensor<4xi64>
    %kept = onnx.Equal(%wanted, %keep) : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi1>
    %to = onnx.Where(%kept, %ones, %wanted) : (tensor<4xi1>, tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
    %e = onnx.Expand(%m, %to) : (tensor<?x1x?x?xi1>, tensor<4xi64>) -> tensor<?x?x?x?xi1>
    %f = onnx.Where(%e, %zero, %low) : (tensor<?x?x?x?xi1>, tensor<f32>, tensor<f32>) -> tensor<?x?x?x?xf32>
    %kt = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x8x?xf32>
    %qk = onnx.MatMul(%q, %kt) : (tensor<?x2x?x8xf32>, tensor<?x2x8x?xf32>) -> tensor<?x2x?x?xf32>
    %sm = onnx.Add(%qk, %f) : (tensor<?x2x?x?xf32>, tensor<?x?x?x?xf32>) -> tensor<?x2x?x?xf32>
    %w = onnx.Softmax(%sm) {axis = -1 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
    %o = onnx.MatMul(%w, %v) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
    return %o : tensor<?x2x?x4xf32>
  }
  // CHECK: %[[REAL:.*]] = onnx.Cast
  // CHECK: %[[MASK:.*]] = onnx.Unsqueeze(%[[REAL]], %{{.*}} -> tensor<?x1x1x?xi1>
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} mask %[[MASK]] scale 1.{{.*}} causal :
  // CHECK-NOT: onnx.Where
}

// -----

// A finite number hides: where it hides all tokens from a query, the mean of
// all is meant, which only the mask as it is gives.
module {
  // CHECK-LABEL: @finite(
  func.func @finite(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %past: tensor<?xf32> {fulgur.dims = ["past"]},
    %attend: tensor<?x?xi64> {fulgur.dims = ["batch", "past + seq"]}) -> tensor<?x2x?x4xf32> {
    %c0 = arith.constant dense<0> : tensor<i64>
    %c1 = arith.constant dense<1> : tensor<i64>
    %batch = fulgur.dim "batch"
    %b = arith.index_cast %batch : index to i64
    %seq = fulgur.dim "seq"
    %s = arith.index_cast %seq : index to i64
    %old = fulgur.dim "past"
    %p = arith.index_cast %old : index to i64
    %t = arith.addi %p, %s : i64
    %bs = tensor.from_elements %b : tensor<i64>
    %ss = tensor.from_elements %s : tensor<i64>
    %ps = tensor.from_elements %p : tensor<i64>
    %ts = tensor.from_elements %t : tensor<i64>
    %one = arith.constant 1 : i64
    %zero = arith.constant dense<0.0> : tensor<f32>
    %low = arith.constant dense<-3.40282347E+38> : tensor<f32>
    %last = arith.constant dense<-1> : tensor<1xi64>
    %x012 = arith.constant dense<[0, 1, 2]> : tensor<3xi64>
    %x013 = arith.constant dense<[0, 1, 3]> : tensor<3xi64>
    %x123 = arith.constant dense<[1, 2, 3]> : tensor<3xi64>
    %rt = onnx.Range(%c0, %ts, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %now = onnx.Add(%rs, %ps) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
    %tok = onnx.Unsqueeze(%rt, %x012) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x1x?xi64>
    %pos = onnx.Unsqueeze(%now, %x013) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x?x1xi64>
    %mc = onnx.LessOrEqual(%tok, %pos) : (tensor<1x1x1x?xi64>, tensor<1x1x?x1xi64>) -> tensor<1x1x?x?xi1>
    %rb = onnx.Range(%c0, %bs, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %ub = onnx.Unsqueeze(%rb, %x123) : (tensor<?xi64>, tensor<3xi64>) -> tensor<?x1x1x1xi64>
    %real = onnx.Cast(%attend) {to = 9 : i64} : (tensor<?x?xi64>) -> tensor<?x?xi1>
    %flat = onnx.Flatten(%real) {axis = 2 : i64} : (tensor<?x?xi1>) -> tensor<?x1xi1>
    %stride = onnx.Mul(%ub, %ts) : (tensor<?x1x1x1xi64>, tensor<i64>) -> tensor<?x1x1x1xi64>
    %at = onnx.Add(%tok, %stride) : (tensor<1x1x1x?xi64>, tensor<?x1x1x1xi64>) -> tensor<?x1x1x?xi64>
    %g5 = onnx.Gather(%flat, %at) {axis = 0 : i64} : (tensor<?x1xi1>, tensor<?x1x1x?xi64>) -> tensor<?x1x1x?x1xi1>
    %g1 = onnx.Reshape(%g5, %last) {allowzero = 0 : i64} : (tensor<?x1x1x?x1xi1>, tensor<1xi64>) -> tensor<?xi1>
    %s4 = tensor.from_elements %b, %one, %one, %t : tensor<4xi64>
    %g = onnx.Reshape(%g1, %s4) {allowzero = 0 : i64} : (tensor<?xi1>, tensor<4xi64>) -> tensor<?x1x1x?xi1>
    %m = onnx.And(%mc, %g) : (tensor<1x1x?x?xi1>, tensor<?x1x1x?xi1>) -> tensor<?x1x?x?xi1>
    %minus = arith.constant -1 : i64
    %wanted = tensor.from_elements %b, %minus, %s, %t : tensor<4xi64>
    %keep = arith.constant dense<-1> : tensor<4xi64>
    %ones = arith.constant dense<1> : tensor<4xi64>
    %kept = onnx.Equal(%wanted, %keep) : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi1>
    %to = onnx.Where(%kept, %ones, %wanted) : (tensor<4xi1>, tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
    %e = onnx.Expand(%m, %to) : (tensor<?x1x?x?xi1>, tensor<4xi64>) -> tensor<?x?x?x?xi1>
    %f = onnx.Where(%e, %zero, %low) : (tensor<?x?x?x?xi1>, tensor<f32>, tensor<f32>) -> tensor<?x?x?x?xf32>
    %kt = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x8x?xf32>
    %qk = onnx.MatMul(%q, %kt) : (tensor<?x2x?x8xf32>, tensor<?x2x8x?xf32>) -> tensor<?x2x?x?xf32>
    %sm = onnx.Add(%qk, %f) : (tensor<?x2x?x?xf32>, tensor<?x?x?x?xf32>) -> tensor<?x2x?x?xf32>
    %w = onnx.Softmax(%sm) {axis = -1 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
    %o = onnx.MatMul(%w, %v) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
    return %o : tensor<?x2x?x4xf32>
  }
  // CHECK: %[[MASK:.*]] = onnx.Where(%{{.*}} -> tensor<?x1x?x?xf32>
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} mask %[[MASK]] scale 1.0e+00 :
}
