// RUN: fulgur-opt %s --split-input-file --fulgur-raise-attention --canonicalize | FileCheck %s

// What a mask means is proved from how it is made. A mask that is a little
// different is not `causal`.


// Causal, and an input that says which tokens are padding: the rest of the
// mask is read straight from the input.
module {
  // CHECK-LABEL: @padding(
  func.func @padding(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
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
    %shape = tensor.from_elements %b, %one, %one, %t : tensor<4xi64>
    %eb = onnx.Expand(%ub, %shape) : (tensor<?x1x1x1xi64>, tensor<4xi64>) -> tensor<?x1x1x?xi64>
    %ib = onnx.Unsqueeze(%eb, %last) : (tensor<?x1x1x?xi64>, tensor<1xi64>) -> tensor<?x1x1x?x1xi64>
    %et = onnx.Expand(%tok, %shape) : (tensor<1x1x1x?xi64>, tensor<4xi64>) -> tensor<?x1x1x?xi64>
    %it = onnx.Unsqueeze(%et, %last) : (tensor<?x1x1x?xi64>, tensor<1xi64>) -> tensor<?x1x1x?x1xi64>
    %at = onnx.Concat(%ib, %it) {axis = -1 : i64} : (tensor<?x1x1x?x1xi64>, tensor<?x1x1x?x1xi64>) -> tensor<?x1x1x?x2xi64>
    %real = onnx.Cast(%attend) {to = 9 : i64} : (tensor<?x?xi64>) -> tensor<?x?xi1>
    %g = onnx.GatherND(%real, %at) {batch_dims = 0 : i64} : (tensor<?x?xi1>, tensor<?x1x1x?x2xi64>) -> tensor<?x1x1x?xi1>
    %m = onnx.And(%mc, %g) : (tensor<1x1x?x?xi1>, tensor<?x1x1x?xi1>) -> tensor<?x1x?x?xi1>
    %f = onnx.Where(%m, %zero, %low) : (tensor<?x1x?x?xi1>, tensor<f32>, tensor<f32>) -> tensor<?x1x?x?xf32>
    %kt = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x8x?xf32>
    %qk = onnx.MatMul(%q, %kt) : (tensor<?x2x?x8xf32>, tensor<?x2x8x?xf32>) -> tensor<?x2x?x?xf32>
    %sm = onnx.Add(%qk, %f) : (tensor<?x2x?x?xf32>, tensor<?x1x?x?xf32>) -> tensor<?x2x?x?xf32>
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

// No cache: the exporter looks for documents that are packed into one row.
// With the default positions there is one.
module {
  // CHECK-LABEL: @packed(
  func.func @packed(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %past: tensor<?xf32> {fulgur.dims = ["past"]}) -> tensor<?x2x?x4xf32> {
    %c0 = arith.constant dense<0> : tensor<i64>
    %c1 = arith.constant dense<1> : tensor<i64>
    %batch = fulgur.dim "batch"
    %b = arith.index_cast %batch : index to i64
    %seq = fulgur.dim "seq"
    %s = arith.index_cast %seq : index to i64
    %bs = tensor.from_elements %b : tensor<i64>
    %ss = tensor.from_elements %s : tensor<i64>
    %one = arith.constant 1 : i64
    %zero = arith.constant dense<0.0> : tensor<f32>
    %low = arith.constant dense<-3.40282347E+38> : tensor<f32>
    %x0 = arith.constant dense<0> : tensor<1xi64>
    %x1 = arith.constant dense<1> : tensor<1xi64>
    %last = arith.constant dense<-1> : tensor<1xi64>
    %x012 = arith.constant dense<[0, 1, 2]> : tensor<3xi64>
    %x013 = arith.constant dense<[0, 1, 3]> : tensor<3xi64>
    %x123 = arith.constant dense<[1, 2, 3]> : tensor<3xi64>
    %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %row = onnx.Unsqueeze(%rs, %x0) : (tensor<?xi64>, tensor<1xi64>) -> tensor<1x?xi64>
    %two = tensor.from_elements %b, %one : tensor<2xi64>
    %ids = onnx.Expand(%row, %two) : (tensor<1x?xi64>, tensor<2xi64>) -> tensor<?x?xi64>
    %h = onnx.Slice(%ids, %x0, %x1, %x1, %x1) : (tensor<?x?xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x1xi64>
    %h1 = onnx.Sub(%h, %c1) : (tensor<?x1xi64>, tensor<i64>) -> tensor<?x1xi64>
    %all = onnx.Concat(%h1, %ids) {axis = -1 : i64} : (tensor<?x1xi64>, tensor<?x?xi64>) -> tensor<?x?xi64>
    %s1 = tensor.from_elements %s : tensor<1xi64>
    %before = onnx.Slice(%all, %x0, %s1, %last, %x1) : (tensor<?x?xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?xi64>
    %d = onnx.Sub(%ids, %before) : (tensor<?x?xi64>, tensor<?x?xi64>) -> tensor<?x?xi64>
    %eq = onnx.Equal(%d, %c1) : (tensor<?x?xi64>, tensor<i64>) -> tensor<?x?xi1>
    %ne = onnx.Not(%eq) : (tensor<?x?xi1>) -> tensor<?x?xi1>
    %jump = onnx.Cast(%ne) {to = 7 : i64} : (tensor<?x?xi1>) -> tensor<?x?xi64>
    %doc = onnx.CumSum(%jump, %c1) : (tensor<?x?xi64>, tensor<i64>) -> tensor<?x?xi64>
    %tok = onnx.Unsqueeze(%rs, %x012) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x1x?xi64>
    %pos = onnx.Unsqueeze(%rs, %x013) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x?x1xi64>
    %rb = onnx.Range(%c0, %bs, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %ub = onnx.Unsqueeze(%rb, %x123) : (tensor<?xi64>, tensor<3xi64>) -> tensor<?x1x1x1xi64>
    %shape = tensor.from_elements %b, %one, %one, %s : tensor<4xi64>
    %eb = onnx.Expand(%ub, %shape) : (tensor<?x1x1x1xi64>, tensor<4xi64>) -> tensor<?x1x1x?xi64>
    %ib = onnx.Unsqueeze(%eb, %last) : (tensor<?x1x1x?xi64>, tensor<1xi64>) -> tensor<?x1x1x?x1xi64>
    %et = onnx.Expand(%tok, %shape) : (tensor<1x1x1x?xi64>, tensor<4xi64>) -> tensor<?x1x1x?xi64>
    %it = onnx.Unsqueeze(%et, %last) : (tensor<?x1x1x?xi64>, tensor<1xi64>) -> tensor<?x1x1x?x1xi64>
    %at = onnx.Concat(%ib, %it) {axis = -1 : i64} : (tensor<?x1x1x?x1xi64>, tensor<?x1x1x?x1xi64>) -> tensor<?x1x1x?x2xi64>
    %dk = onnx.GatherND(%doc, %at) {batch_dims = 0 : i64} : (tensor<?x?xi64>, tensor<?x1x1x?x2xi64>) -> tensor<?x1x1x?xi64>
    %dq = onnx.Transpose(%dk) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x1x1x?xi64>) -> tensor<?x1x?x1xi64>
    %same = onnx.Equal(%dq, %dk) : (tensor<?x1x?x1xi64>, tensor<?x1x1x?xi64>) -> tensor<?x1x?x?xi1>
    %le = onnx.LessOrEqual(%tok, %pos) : (tensor<1x1x1x?xi64>, tensor<1x1x?x1xi64>) -> tensor<1x1x?x?xi1>
    %m = onnx.And(%same, %le) : (tensor<?x1x?x?xi1>, tensor<1x1x?x?xi1>) -> tensor<?x1x?x?xi1>
    %f = onnx.Where(%m, %zero, %low) : (tensor<?x1x?x?xi1>, tensor<f32>, tensor<f32>) -> tensor<?x1x?x?xf32>
    %kt = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x8x?xf32>
    %qk = onnx.MatMul(%q, %kt) : (tensor<?x2x?x8xf32>, tensor<?x2x8x?xf32>) -> tensor<?x2x?x?xf32>
    %sm = onnx.Add(%qk, %f) : (tensor<?x2x?x?xf32>, tensor<?x1x?x?xf32>) -> tensor<?x2x?x?xf32>
    %w = onnx.Softmax(%sm) {axis = -1 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
    %o = onnx.MatMul(%w, %v) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
    return %o : tensor<?x2x?x4xf32>
  }
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} scale 1.{{.*}} causal :
  // CHECK-NOT: onnx.CumSum
}

// -----

// Near miss: a first difference that is not 1 starts a second document.
module {
  // CHECK-LABEL: @two_documents(
  func.func @two_documents(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %past: tensor<?xf32> {fulgur.dims = ["past"]}) -> tensor<?x2x?x4xf32> {
    %c0 = arith.constant dense<0> : tensor<i64>
    %c1 = arith.constant dense<1> : tensor<i64>
    %batch = fulgur.dim "batch"
    %b = arith.index_cast %batch : index to i64
    %seq = fulgur.dim "seq"
    %s = arith.index_cast %seq : index to i64
    %bs = tensor.from_elements %b : tensor<i64>
    %ss = tensor.from_elements %s : tensor<i64>
    %one = arith.constant 1 : i64
    %zero = arith.constant dense<0.0> : tensor<f32>
    %low = arith.constant dense<-3.40282347E+38> : tensor<f32>
    %x0 = arith.constant dense<0> : tensor<1xi64>
    %x1 = arith.constant dense<1> : tensor<1xi64>
    %last = arith.constant dense<-1> : tensor<1xi64>
    %x012 = arith.constant dense<[0, 1, 2]> : tensor<3xi64>
    %x013 = arith.constant dense<[0, 1, 3]> : tensor<3xi64>
    %x123 = arith.constant dense<[1, 2, 3]> : tensor<3xi64>
    %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %row = onnx.Unsqueeze(%rs, %x0) : (tensor<?xi64>, tensor<1xi64>) -> tensor<1x?xi64>
    %two = tensor.from_elements %b, %one : tensor<2xi64>
    %ids = onnx.Expand(%row, %two) : (tensor<1x?xi64>, tensor<2xi64>) -> tensor<?x?xi64>
    %h = onnx.Slice(%ids, %x0, %x1, %x1, %x1) : (tensor<?x?xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x1xi64>
    %h1 = onnx.Sub(%h, %c0) : (tensor<?x1xi64>, tensor<i64>) -> tensor<?x1xi64>
    %all = onnx.Concat(%h1, %ids) {axis = -1 : i64} : (tensor<?x1xi64>, tensor<?x?xi64>) -> tensor<?x?xi64>
    %s1 = tensor.from_elements %s : tensor<1xi64>
    %before = onnx.Slice(%all, %x0, %s1, %last, %x1) : (tensor<?x?xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?xi64>
    %d = onnx.Sub(%ids, %before) : (tensor<?x?xi64>, tensor<?x?xi64>) -> tensor<?x?xi64>
    %eq = onnx.Equal(%d, %c1) : (tensor<?x?xi64>, tensor<i64>) -> tensor<?x?xi1>
    %ne = onnx.Not(%eq) : (tensor<?x?xi1>) -> tensor<?x?xi1>
    %jump = onnx.Cast(%ne) {to = 7 : i64} : (tensor<?x?xi1>) -> tensor<?x?xi64>
    %doc = onnx.CumSum(%jump, %c1) : (tensor<?x?xi64>, tensor<i64>) -> tensor<?x?xi64>
    %tok = onnx.Unsqueeze(%rs, %x012) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x1x?xi64>
    %pos = onnx.Unsqueeze(%rs, %x013) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x?x1xi64>
    %rb = onnx.Range(%c0, %bs, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %ub = onnx.Unsqueeze(%rb, %x123) : (tensor<?xi64>, tensor<3xi64>) -> tensor<?x1x1x1xi64>
    %shape = tensor.from_elements %b, %one, %one, %s : tensor<4xi64>
    %eb = onnx.Expand(%ub, %shape) : (tensor<?x1x1x1xi64>, tensor<4xi64>) -> tensor<?x1x1x?xi64>
    %ib = onnx.Unsqueeze(%eb, %last) : (tensor<?x1x1x?xi64>, tensor<1xi64>) -> tensor<?x1x1x?x1xi64>
    %et = onnx.Expand(%tok, %shape) : (tensor<1x1x1x?xi64>, tensor<4xi64>) -> tensor<?x1x1x?xi64>
    %it = onnx.Unsqueeze(%et, %last) : (tensor<?x1x1x?xi64>, tensor<1xi64>) -> tensor<?x1x1x?x1xi64>
    %at = onnx.Concat(%ib, %it) {axis = -1 : i64} : (tensor<?x1x1x?x1xi64>, tensor<?x1x1x?x1xi64>) -> tensor<?x1x1x?x2xi64>
    %dk = onnx.GatherND(%doc, %at) {batch_dims = 0 : i64} : (tensor<?x?xi64>, tensor<?x1x1x?x2xi64>) -> tensor<?x1x1x?xi64>
    %dq = onnx.Transpose(%dk) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x1x1x?xi64>) -> tensor<?x1x?x1xi64>
    %same = onnx.Equal(%dq, %dk) : (tensor<?x1x?x1xi64>, tensor<?x1x1x?xi64>) -> tensor<?x1x?x?xi1>
    %le = onnx.LessOrEqual(%tok, %pos) : (tensor<1x1x1x?xi64>, tensor<1x1x?x1xi64>) -> tensor<1x1x?x?xi1>
    %m = onnx.And(%same, %le) : (tensor<?x1x?x?xi1>, tensor<1x1x?x?xi1>) -> tensor<?x1x?x?xi1>
    %f = onnx.Where(%m, %zero, %low) : (tensor<?x1x?x?xi1>, tensor<f32>, tensor<f32>) -> tensor<?x1x?x?xf32>
    %kt = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x8x?xf32>
    %qk = onnx.MatMul(%q, %kt) : (tensor<?x2x?x8xf32>, tensor<?x2x8x?xf32>) -> tensor<?x2x?x?xf32>
    %sm = onnx.Add(%qk, %f) : (tensor<?x2x?x?xf32>, tensor<?x1x?x?xf32>) -> tensor<?x2x?x?xf32>
    %w = onnx.Softmax(%sm) {axis = -1 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
    %o = onnx.MatMul(%w, %v) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
    return %o : tensor<?x2x?x4xf32>
  }
  // CHECK: onnx.CumSum
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} mask %{{[^ ]*}} scale 1.{{.*}} :
}

// -----

// The upper triangle of −inf, from the first superdiagonal.
module {
  // CHECK-LABEL: @triangle(
  func.func @triangle(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %past: tensor<?xf32> {fulgur.dims = ["past"]}) -> tensor<?x2x?x4xf32> {
    %c1 = arith.constant dense<1> : tensor<i64>
    %seq = fulgur.dim "seq"
    %s = arith.index_cast %seq : index to i64
    %sq = tensor.from_elements %s, %s : tensor<2xi64>
    %full = onnx.ConstantOfShape(%sq) {value = dense<0xFF800000> : tensor<1xf32>} : (tensor<2xi64>) -> tensor<?x?xf32>
    %m = onnx.Trilu(%full, %c1) {upper = 1 : i64} : (tensor<?x?xf32>, tensor<i64>) -> tensor<?x?xf32>
    %o = onnx.Attention(%q, %k, %v, %m) {scale = 5.000000e-01 : f32} : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xf32>) -> tensor<?x2x?x4xf32>
    return %o : tensor<?x2x?x4xf32>
  }
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} scale 5.{{.*}} causal :
}

// -----

// Near miss: with the diagonal, no query sees itself.
module {
  // CHECK-LABEL: @triangle_from_diagonal(
  func.func @triangle_from_diagonal(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %past: tensor<?xf32> {fulgur.dims = ["past"]}) -> tensor<?x2x?x4xf32> {
    %c0 = arith.constant dense<0> : tensor<i64>
    %seq = fulgur.dim "seq"
    %s = arith.index_cast %seq : index to i64
    %sq = tensor.from_elements %s, %s : tensor<2xi64>
    %full = onnx.ConstantOfShape(%sq) {value = dense<0xFF800000> : tensor<1xf32>} : (tensor<2xi64>) -> tensor<?x?xf32>
    %m = onnx.Trilu(%full, %c0) {upper = 1 : i64} : (tensor<?x?xf32>, tensor<i64>) -> tensor<?x?xf32>
    %o = onnx.Attention(%q, %k, %v, %m) {scale = 5.000000e-01 : f32} : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xf32>) -> tensor<?x2x?x4xf32>
    return %o : tensor<?x2x?x4xf32>
  }
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} mask %{{[^ ]*}} scale 5.{{.*}}e-01 :
}

// -----

// A constant of static sizes, read element by element.
module {
  // CHECK-LABEL: @constant(
  func.func @constant(%q: tensor<1x2x3x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x4xf32>) -> tensor<1x2x3x4xf32> {
    %m = arith.constant dense<[[[[0.0, 0.0, -3.40282347E+38, -3.40282347E+38], [0.0, 0.0, 0.0, -3.40282347E+38], [0.0, 0.0, 0.0, 0.0]]]]> : tensor<1x1x3x4xf32>
    %o = onnx.Attention(%q, %k, %v, %m) {scale = 5.000000e-01 : f32} : (tensor<1x2x3x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
    return %o : tensor<1x2x3x4xf32>
  }
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} scale 5.{{.*}} causal :
}

// -----

// Near miss: the diagonal of a constant is one too high.
module {
  // CHECK-LABEL: @constant_too_wide(
  func.func @constant_too_wide(%q: tensor<1x2x3x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x4xf32>) -> tensor<1x2x3x4xf32> {
    %m = arith.constant dense<[[[[0.0, 0.0, 0.0, -3.40282347E+38], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]]> : tensor<1x1x3x4xf32>
    %o = onnx.Attention(%q, %k, %v, %m) {scale = 5.000000e-01 : f32} : (tensor<1x2x3x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
    return %o : tensor<1x2x3x4xf32>
  }
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} mask %{{[^ ]*}} scale 5.{{.*}}e-01 :
}

// -----

// Near miss: one token of a constant is hidden below the diagonal.
module {
  // CHECK-LABEL: @constant_with_hole(
  func.func @constant_with_hole(%q: tensor<1x2x3x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x4xf32>) -> tensor<1x2x3x4xf32> {
    %m = arith.constant dense<[[[[0.0, 0.0, -3.40282347E+38, -3.40282347E+38], [0.0, 0.0, 0.0, -3.40282347E+38], [-3.40282347E+38, 0.0, 0.0, 0.0]]]]> : tensor<1x1x3x4xf32>
    %o = onnx.Attention(%q, %k, %v, %m) {scale = 5.000000e-01 : f32} : (tensor<1x2x3x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
    return %o : tensor<1x2x3x4xf32>
  }
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} mask %{{[^ ]*}} scale 5.{{.*}}e-01 :
}

// -----

// A mask that hides nothing is none.
module {
  // CHECK-LABEL: @constant_of_zeros(
  func.func @constant_of_zeros(%q: tensor<1x2x3x8xf32>, %k: tensor<1x2x4x8xf32>, %v: tensor<1x2x4x4xf32>) -> tensor<1x2x3x4xf32> {
    %m = arith.constant dense<0.0> : tensor<1x1x3x4xf32>
    %o = onnx.Attention(%q, %k, %v, %m) {scale = 5.000000e-01 : f32} : (tensor<1x2x3x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
    return %o : tensor<1x2x3x4xf32>
  }
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} scale 5.{{.*}}e-01 :
}
