// RUN: fulgur-opt %s --split-input-file --fulgur-raise-attention --canonicalize | FileCheck %s

// What a mask means is proved from how it is made. A mask that is a little
// different is not `causal`.


// Past and new tokens: t ≤ past + s, and T − S = past.
module {
  // CHECK-LABEL: @cached(
  func.func @cached(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %past: tensor<?xf32> {fulgur.dims = ["past"]}) -> tensor<?x2x?x4xf32> {
    %c0 = arith.constant dense<0> : tensor<i64>
    %c1 = arith.constant dense<1> : tensor<i64>
    %seq = fulgur.dim "seq"
    %s = arith.index_cast %seq : index to i64
    %old = fulgur.dim "past"
    %p = arith.index_cast %old : index to i64
    %t = arith.addi %p, %s : i64
    %ss = tensor.from_elements %s : tensor<i64>
    %ps = tensor.from_elements %p : tensor<i64>
    %ts = tensor.from_elements %t : tensor<i64>
    %zero = arith.constant dense<0.0> : tensor<f32>
    %low = arith.constant dense<-3.40282347E+38> : tensor<f32>
    %x012 = arith.constant dense<[0, 1, 2]> : tensor<3xi64>
    %x013 = arith.constant dense<[0, 1, 3]> : tensor<3xi64>
    %rt = onnx.Range(%c0, %ts, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %now = onnx.Add(%rs, %ps) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
    %tok = onnx.Unsqueeze(%rt, %x012) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x1x?xi64>
    %pos = onnx.Unsqueeze(%now, %x013) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x?x1xi64>
    %m = onnx.LessOrEqual(%tok, %pos) : (tensor<1x1x1x?xi64>, tensor<1x1x?x1xi64>) -> tensor<1x1x?x?xi1>
    %f = onnx.Where(%m, %zero, %low) : (tensor<1x1x?x?xi1>, tensor<f32>, tensor<f32>) -> tensor<1x1x?x?xf32>
    %kt = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x8x?xf32>
    %qk = onnx.MatMul(%q, %kt) : (tensor<?x2x?x8xf32>, tensor<?x2x8x?xf32>) -> tensor<?x2x?x?xf32>
    %sm = onnx.Add(%qk, %f) : (tensor<?x2x?x?xf32>, tensor<1x1x?x?xf32>) -> tensor<?x2x?x?xf32>
    %w = onnx.Softmax(%sm) {axis = -1 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
    %o = onnx.MatMul(%w, %v) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
    return %o : tensor<?x2x?x4xf32>
  }
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} scale 1.{{.*}} causal :
  // CHECK-NOT: onnx.Where
}

// -----

// The same from the other side, as a boolean mask.
module {
  // CHECK-LABEL: @reversed(
  func.func @reversed(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %past: tensor<?xf32> {fulgur.dims = ["past"]}) -> tensor<?x2x?x4xf32> {
    %c0 = arith.constant dense<0> : tensor<i64>
    %c1 = arith.constant dense<1> : tensor<i64>
    %seq = fulgur.dim "seq"
    %s = arith.index_cast %seq : index to i64
    %old = fulgur.dim "past"
    %p = arith.index_cast %old : index to i64
    %t = arith.addi %p, %s : i64
    %ss = tensor.from_elements %s : tensor<i64>
    %ps = tensor.from_elements %p : tensor<i64>
    %ts = tensor.from_elements %t : tensor<i64>
    %x012 = arith.constant dense<[0, 1, 2]> : tensor<3xi64>
    %x013 = arith.constant dense<[0, 1, 3]> : tensor<3xi64>
    %rt = onnx.Range(%c0, %ts, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %now = onnx.Add(%rs, %ps) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
    %tok = onnx.Unsqueeze(%rt, %x012) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x1x?xi64>
    %pos = onnx.Unsqueeze(%now, %x013) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x?x1xi64>
    %m = onnx.GreaterOrEqual(%pos, %tok) : (tensor<1x1x?x1xi64>, tensor<1x1x1x?xi64>) -> tensor<1x1x?x?xi1>
    %o = onnx.Attention(%q, %k, %v, %m) {scale = 5.000000e-01 : f32} : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<1x1x?x?xi1>) -> tensor<?x2x?x4xf32>
    return %o : tensor<?x2x?x4xf32>
  }
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} scale 5.{{.*}} causal :
}

// -----

// Near miss: t < past + s leaves out the token itself.
module {
  // CHECK-LABEL: @strict(
  func.func @strict(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %past: tensor<?xf32> {fulgur.dims = ["past"]}) -> tensor<?x2x?x4xf32> {
    %c0 = arith.constant dense<0> : tensor<i64>
    %c1 = arith.constant dense<1> : tensor<i64>
    %seq = fulgur.dim "seq"
    %s = arith.index_cast %seq : index to i64
    %old = fulgur.dim "past"
    %p = arith.index_cast %old : index to i64
    %t = arith.addi %p, %s : i64
    %ss = tensor.from_elements %s : tensor<i64>
    %ps = tensor.from_elements %p : tensor<i64>
    %ts = tensor.from_elements %t : tensor<i64>
    %x012 = arith.constant dense<[0, 1, 2]> : tensor<3xi64>
    %x013 = arith.constant dense<[0, 1, 3]> : tensor<3xi64>
    %rt = onnx.Range(%c0, %ts, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %now = onnx.Add(%rs, %ps) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
    %tok = onnx.Unsqueeze(%rt, %x012) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x1x?xi64>
    %pos = onnx.Unsqueeze(%now, %x013) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x?x1xi64>
    %m = onnx.Less(%tok, %pos) : (tensor<1x1x1x?xi64>, tensor<1x1x?x1xi64>) -> tensor<1x1x?x?xi1>
    %o = onnx.Attention(%q, %k, %v, %m) {scale = 5.000000e-01 : f32} : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<1x1x?x?xi1>) -> tensor<?x2x?x4xf32>
    return %o : tensor<?x2x?x4xf32>
  }
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} mask %{{[^ ]*}} scale 5.{{.*}}e-01 :
}

// -----

// Near miss: t ≤ s, from the first token, is not causal over a past.
module {
  // CHECK-LABEL: @from_first(
  func.func @from_first(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %past: tensor<?xf32> {fulgur.dims = ["past"]}) -> tensor<?x2x?x4xf32> {
    %c0 = arith.constant dense<0> : tensor<i64>
    %c1 = arith.constant dense<1> : tensor<i64>
    %seq = fulgur.dim "seq"
    %s = arith.index_cast %seq : index to i64
    %old = fulgur.dim "past"
    %p = arith.index_cast %old : index to i64
    %t = arith.addi %p, %s : i64
    %ss = tensor.from_elements %s : tensor<i64>
    %ps = tensor.from_elements %p : tensor<i64>
    %ts = tensor.from_elements %t : tensor<i64>
    %x012 = arith.constant dense<[0, 1, 2]> : tensor<3xi64>
    %x013 = arith.constant dense<[0, 1, 3]> : tensor<3xi64>
    %rt = onnx.Range(%c0, %ts, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %now = onnx.Add(%rs, %ps) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
    %tok = onnx.Unsqueeze(%rt, %x012) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x1x?xi64>
    %pos = onnx.Unsqueeze(%rs, %x013) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x?x1xi64>
    %m = onnx.LessOrEqual(%tok, %pos) : (tensor<1x1x1x?xi64>, tensor<1x1x?x1xi64>) -> tensor<1x1x?x?xi1>
    %o = onnx.Attention(%q, %k, %v, %m) {scale = 5.000000e-01 : f32} : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<1x1x?x?xi1>) -> tensor<?x2x?x4xf32>
    return %o : tensor<?x2x?x4xf32>
  }
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} mask %{{[^ ]*}} scale 5.{{.*}}e-01 :
}

// -----

// A sliding window is a window.
module {
  // CHECK-LABEL: @window(
  func.func @window(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %past: tensor<?xf32> {fulgur.dims = ["past"]}) -> tensor<?x2x?x4xf32> {
    %c0 = arith.constant dense<0> : tensor<i64>
    %c1 = arith.constant dense<1> : tensor<i64>
    %seq = fulgur.dim "seq"
    %s = arith.index_cast %seq : index to i64
    %old = fulgur.dim "past"
    %p = arith.index_cast %old : index to i64
    %t = arith.addi %p, %s : i64
    %ss = tensor.from_elements %s : tensor<i64>
    %ps = tensor.from_elements %p : tensor<i64>
    %ts = tensor.from_elements %t : tensor<i64>
    %x012 = arith.constant dense<[0, 1, 2]> : tensor<3xi64>
    %x013 = arith.constant dense<[0, 1, 3]> : tensor<3xi64>
    %rt = onnx.Range(%c0, %ts, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %now = onnx.Add(%rs, %ps) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
    %tok = onnx.Unsqueeze(%rt, %x012) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x1x?xi64>
    %pos = onnx.Unsqueeze(%now, %x013) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x?x1xi64>
    %m = onnx.LessOrEqual(%tok, %pos) : (tensor<1x1x1x?xi64>, tensor<1x1x?x1xi64>) -> tensor<1x1x?x?xi1>
    %width = arith.constant dense<3> : tensor<i64>
    %first = onnx.Sub(%pos, %width) : (tensor<1x1x?x1xi64>, tensor<i64>) -> tensor<1x1x?x1xi64>
    %near = onnx.Greater(%tok, %first) : (tensor<1x1x1x?xi64>, tensor<1x1x?x1xi64>) -> tensor<1x1x?x?xi1>
    %mw = onnx.And(%near, %m) : (tensor<1x1x?x?xi1>, tensor<1x1x?x?xi1>) -> tensor<1x1x?x?xi1>
    %o = onnx.Attention(%q, %k, %v, %mw) {scale = 5.000000e-01 : f32} : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<1x1x?x?xi1>) -> tensor<?x2x?x4xf32>
    return %o : tensor<?x2x?x4xf32>
  }
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} scale 5.{{.*}} causal window 3 :
}

// -----

// Near miss: a prefix that all queries see.
module {
  // CHECK-LABEL: @prefix(
  func.func @prefix(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %past: tensor<?xf32> {fulgur.dims = ["past"]}) -> tensor<?x2x?x4xf32> {
    %c0 = arith.constant dense<0> : tensor<i64>
    %c1 = arith.constant dense<1> : tensor<i64>
    %seq = fulgur.dim "seq"
    %s = arith.index_cast %seq : index to i64
    %old = fulgur.dim "past"
    %p = arith.index_cast %old : index to i64
    %t = arith.addi %p, %s : i64
    %ss = tensor.from_elements %s : tensor<i64>
    %ps = tensor.from_elements %p : tensor<i64>
    %ts = tensor.from_elements %t : tensor<i64>
    %x012 = arith.constant dense<[0, 1, 2]> : tensor<3xi64>
    %x013 = arith.constant dense<[0, 1, 3]> : tensor<3xi64>
    %rt = onnx.Range(%c0, %ts, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %now = onnx.Add(%rs, %ps) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
    %tok = onnx.Unsqueeze(%rt, %x012) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x1x?xi64>
    %pos = onnx.Unsqueeze(%now, %x013) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x?x1xi64>
    %m = onnx.LessOrEqual(%tok, %pos) : (tensor<1x1x1x?xi64>, tensor<1x1x?x1xi64>) -> tensor<1x1x?x?xi1>
    %width = arith.constant dense<3> : tensor<i64>
    %early = onnx.Less(%tok, %width) : (tensor<1x1x1x?xi64>, tensor<i64>) -> tensor<1x1x1x?xi1>
    %mp = onnx.Or(%early, %m) : (tensor<1x1x1x?xi1>, tensor<1x1x?x?xi1>) -> tensor<1x1x?x?xi1>
    %o = onnx.Attention(%q, %k, %v, %mp) {scale = 5.000000e-01 : f32} : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<1x1x?x?xi1>) -> tensor<?x2x?x4xf32>
    return %o : tensor<?x2x?x4xf32>
  }
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} mask %{{[^ ]*}} scale 5.{{.*}}e-01 :
}

// -----

// Near miss: positions that are an input may be anything.
module {
  // CHECK-LABEL: @positions(
  func.func @positions(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %past: tensor<?xf32> {fulgur.dims = ["past"]},
    %ids: tensor<?xi64> {fulgur.dims = ["seq"]}) -> tensor<?x2x?x4xf32> {
    %c0 = arith.constant dense<0> : tensor<i64>
    %c1 = arith.constant dense<1> : tensor<i64>
    %seq = fulgur.dim "seq"
    %s = arith.index_cast %seq : index to i64
    %old = fulgur.dim "past"
    %p = arith.index_cast %old : index to i64
    %t = arith.addi %p, %s : i64
    %ss = tensor.from_elements %s : tensor<i64>
    %ps = tensor.from_elements %p : tensor<i64>
    %ts = tensor.from_elements %t : tensor<i64>
    %x012 = arith.constant dense<[0, 1, 2]> : tensor<3xi64>
    %x013 = arith.constant dense<[0, 1, 3]> : tensor<3xi64>
    %rt = onnx.Range(%c0, %ts, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %now = onnx.Add(%rs, %ps) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
    %tok = onnx.Unsqueeze(%rt, %x012) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x1x?xi64>
    %pos = onnx.Unsqueeze(%ids, %x013) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x?x1xi64>
    %m = onnx.LessOrEqual(%tok, %pos) : (tensor<1x1x1x?xi64>, tensor<1x1x?x1xi64>) -> tensor<1x1x?x?xi1>
    %o = onnx.Attention(%q, %k, %v, %m) {scale = 5.000000e-01 : f32} : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<1x1x?x?xi1>) -> tensor<?x2x?x4xf32>
    return %o : tensor<?x2x?x4xf32>
  }
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} mask %{{[^ ]*}} scale 5.{{.*}}e-01 :
}

// -----

// Scores are overwritten where a token is of the future or padding: De Morgan.
module {
  // CHECK-LABEL: @overwritten(
  func.func @overwritten(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
    %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "past + seq", ""]},
    %past: tensor<?xf32> {fulgur.dims = ["past"]},
    %pad: tensor<?x1x1x?xi1> {fulgur.dims = ["batch", "", "", "past + seq"]}) -> tensor<?x2x?x4xf32> {
    %c0 = arith.constant dense<0> : tensor<i64>
    %c1 = arith.constant dense<1> : tensor<i64>
    %seq = fulgur.dim "seq"
    %s = arith.index_cast %seq : index to i64
    %old = fulgur.dim "past"
    %p = arith.index_cast %old : index to i64
    %t = arith.addi %p, %s : i64
    %ss = tensor.from_elements %s : tensor<i64>
    %ps = tensor.from_elements %p : tensor<i64>
    %ts = tensor.from_elements %t : tensor<i64>
    %low = arith.constant dense<0xFF800000> : tensor<f32>
    %x012 = arith.constant dense<[0, 1, 2]> : tensor<3xi64>
    %x013 = arith.constant dense<[0, 1, 3]> : tensor<3xi64>
    %rt = onnx.Range(%c0, %ts, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %rs = onnx.Range(%c0, %ss, %c1) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    %now = onnx.Add(%rs, %ps) : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
    %tok = onnx.Unsqueeze(%rt, %x012) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x1x?xi64>
    %pos = onnx.Unsqueeze(%now, %x013) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x?x1xi64>
    %m = onnx.LessOrEqual(%tok, %pos) : (tensor<1x1x1x?xi64>, tensor<1x1x?x1xi64>) -> tensor<1x1x?x?xi1>
    %n = onnx.Not(%m) : (tensor<1x1x?x?xi1>) -> tensor<1x1x?x?xi1>
    %f = onnx.Or(%n, %pad) : (tensor<1x1x?x?xi1>, tensor<?x1x1x?xi1>) -> tensor<?x1x?x?xi1>
    %kt = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x8x?xf32>
    %qk = onnx.MatMul(%q, %kt) : (tensor<?x2x?x8xf32>, tensor<?x2x8x?xf32>) -> tensor<?x2x?x?xf32>
    %sm = onnx.Where(%f, %low, %qk) : (tensor<?x1x?x?xi1>, tensor<f32>, tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
    %w = onnx.Softmax(%sm) {axis = -1 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
    %o = onnx.MatMul(%w, %v) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
    return %o : tensor<?x2x?x4xf32>
  }
  // CHECK: %[[REAL:.*]] = onnx.Not(%{{.*}} -> tensor<?x1x1x?xi1>
  // CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} mask %[[REAL]] scale 1.{{.*}} causal :
  // CHECK-NOT: onnx.Where
}
