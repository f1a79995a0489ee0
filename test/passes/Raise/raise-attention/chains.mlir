// RUN: fulgur-opt %s --fulgur-raise-attention --canonicalize | FileCheck %s

// The spellings of scores, softmax and values. Operands come as [B, H, S, D] and
// are taken as [B, S, H, D].

// An eager model: the scale after the product, a mask that is added.
// CHECK-LABEL: @eager(
// CHECK-DAG: %[[Q:.*]] = onnx.Transpose(%arg0) {perm = array<i64: 0, 2, 1, 3>}
// CHECK-DAG: %[[K:.*]] = onnx.Transpose(%arg1) {perm = array<i64: 0, 2, 1, 3>}
// CHECK-DAG: %[[V:.*]] = onnx.Transpose(%arg2) {perm = array<i64: 0, 2, 1, 3>}
// CHECK: %[[O:.*]] = fulgur.attention %[[Q]], %[[K]], %[[V]] mask %arg3 scale 2.5e-01 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x4xf32>, tensor<?x1x?x?xf32> -> tensor<?x?x2x4xf32>
// CHECK: %[[R:.*]] = onnx.Transpose(%[[O]]) {perm = array<i64: 0, 2, 1, 3>}
// CHECK: return %[[R]]
func.func @eager(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %bias: tensor<?x1x?x?xf32> {fulgur.dims = ["batch", "", "seq", "seq"]}) -> tensor<?x2x?x4xf32> {
  %kt = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x8x?xf32>
  %qk = onnx.MatMul(%q, %kt) : (tensor<?x2x?x8xf32>, tensor<?x2x8x?xf32>) -> tensor<?x2x?x?xf32>
  %scale = arith.constant dense<0.25> : tensor<f32>
  %ss = onnx.Mul(%qk, %scale) : (tensor<?x2x?x?xf32>, tensor<f32>) -> tensor<?x2x?x?xf32>
  %sm = onnx.Add(%ss, %bias) : (tensor<?x2x?x?xf32>, tensor<?x1x?x?xf32>) -> tensor<?x2x?x?xf32>
  %w = onnx.Softmax(%sm) {axis = -1 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %o = onnx.MatMul(%w, %v) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  return %o : tensor<?x2x?x4xf32>
}

// SDPA: a scale on both operands, keys transposed with their heads in the
// batch, and zeros instead of NaN.
// CHECK-LABEL: @sdpa(
// CHECK-DAG: %[[Q:.*]] = onnx.Transpose(%arg0)
// CHECK-DAG: %[[K:.*]] = onnx.Transpose(%arg1)
// CHECK: fulgur.attention %[[Q]], %[[K]], %{{.*}} scale 2.5e-01 :
// CHECK-NOT: onnx.IsNaN
func.func @sdpa(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]}) -> tensor<?x2x?x4xf32> {
  %scale = arith.constant dense<0.5> : tensor<f32>
  %nought = arith.constant dense<0.0> : tensor<f32>
  %n8 = arith.constant 8 : i64
  %n2 = arith.constant 2 : i64
  %any = arith.constant -1 : i64
  %batch = fulgur.dim "batch"
  %b = arith.index_cast %batch : index to i64
  %seq = fulgur.dim "seq"
  %s = arith.index_cast %seq : index to i64
  %flat = tensor.from_elements %any, %s, %n8 : tensor<3xi64>
  %whole = tensor.from_elements %b, %n2, %n8, %s : tensor<4xi64>
  %k3 = onnx.Reshape(%k, %flat) {allowzero = 0 : i64} : (tensor<?x2x?x8xf32>, tensor<3xi64>) -> tensor<?x?x8xf32>
  %k3t = onnx.Transpose(%k3) {perm = array<i64: 0, 2, 1>} : (tensor<?x?x8xf32>) -> tensor<?x8x?xf32>
  %kt = onnx.Reshape(%k3t, %whole) {allowzero = 0 : i64} : (tensor<?x8x?xf32>, tensor<4xi64>) -> tensor<?x2x8x?xf32>
  %qs = onnx.Mul(%q, %scale) : (tensor<?x2x?x8xf32>, tensor<f32>) -> tensor<?x2x?x8xf32>
  %ks = onnx.Mul(%kt, %scale) : (tensor<?x2x8x?xf32>, tensor<f32>) -> tensor<?x2x8x?xf32>
  %qk = onnx.MatMul(%qs, %ks) : (tensor<?x2x?x8xf32>, tensor<?x2x8x?xf32>) -> tensor<?x2x?x?xf32>
  %w = onnx.Softmax(%qk) {axis = -1 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %nan = onnx.IsNaN(%w) : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xi1>
  %safe = onnx.Where(%nan, %nought, %w) : (tensor<?x2x?x?xi1>, tensor<f32>, tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %o = onnx.MatMul(%safe, %v) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  return %o : tensor<?x2x?x4xf32>
}

// The standard's own operator; without a scale it is 1/√D.
// CHECK-LABEL: @operator(
// CHECK: %[[M:.*]] = onnx.Unsqueeze(%arg3, %{{.*}} -> tensor<1x1x?x?xi1>
// CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} mask %[[M]] scale 3.5355339059327{{.*}}e-01 :
func.func @operator(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %m: tensor<?x?xi1> {fulgur.dims = ["seq", "seq"]}) -> tensor<?x2x?x4xf32> {
  %o = onnx.Attention(%q, %k, %v, %m) : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x?xi1>) -> tensor<?x2x?x4xf32>
  return %o : tensor<?x2x?x4xf32>
}

// The operator is causal from the first token, which is all the same here.
// CHECK-LABEL: @operator_causal(
// CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} scale 1.0e+00 causal :
func.func @operator_causal(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]}) -> tensor<?x2x?x4xf32> {
  %o = onnx.Attention(%q, %k, %v) {is_causal = 1 : i64, scale = 1.000000e+00 : f32} : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  return %o : tensor<?x2x?x4xf32>
}

// Heads of keys and values that are repeated for groups of queries.
// CHECK-LABEL: @repeated_heads(
// CHECK-NOT: onnx.Expand
// CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} scale 1.0e+00 : tensor<?x?x4x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x4xf32> -> tensor<?x?x4x4xf32>
func.func @repeated_heads(%q: tensor<?x4x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]}) -> tensor<?x4x?x4xf32> {
  %x2 = arith.constant dense<2> : tensor<1xi64>
  %twice = arith.constant dense<[1, 1, 2, 1, 1]> : tensor<5xi64>
  %n4 = arith.constant 4 : i64
  %n8 = arith.constant 8 : i64
  %batch = fulgur.dim "batch"
  %b = arith.index_cast %batch : index to i64
  %seq = fulgur.dim "seq"
  %s = arith.index_cast %seq : index to i64
  %uk = onnx.Unsqueeze(%k, %x2) : (tensor<?x2x?x8xf32>, tensor<1xi64>) -> tensor<?x2x1x?x8xf32>
  %ek = onnx.Expand(%uk, %twice) : (tensor<?x2x1x?x8xf32>, tensor<5xi64>) -> tensor<?x2x2x?x8xf32>
  %sk = tensor.from_elements %b, %n4, %s, %n8 : tensor<4xi64>
  %hk = onnx.Reshape(%ek, %sk) {allowzero = 1 : i64} : (tensor<?x2x2x?x8xf32>, tensor<4xi64>) -> tensor<?x4x?x8xf32>
  %uv = onnx.Unsqueeze(%v, %x2) : (tensor<?x2x?x4xf32>, tensor<1xi64>) -> tensor<?x2x1x?x4xf32>
  %ev = onnx.Expand(%uv, %twice) : (tensor<?x2x1x?x4xf32>, tensor<5xi64>) -> tensor<?x2x2x?x4xf32>
  %sv = tensor.from_elements %b, %n4, %s, %n4 : tensor<4xi64>
  %hv = onnx.Reshape(%ev, %sv) {allowzero = 1 : i64} : (tensor<?x2x2x?x4xf32>, tensor<4xi64>) -> tensor<?x4x?x4xf32>
  %kt = onnx.Transpose(%hk) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x4x?x8xf32>) -> tensor<?x4x8x?xf32>
  %qk = onnx.MatMul(%q, %kt) : (tensor<?x4x?x8xf32>, tensor<?x4x8x?xf32>) -> tensor<?x4x?x?xf32>
  %w = onnx.Softmax(%qk) {axis = -1 : i64} : (tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
  %o = onnx.MatMul(%w, %hv) : (tensor<?x4x?x?xf32>, tensor<?x4x?x4xf32>) -> tensor<?x4x?x4xf32>
  return %o : tensor<?x4x?x4xf32>
}

// Two masks that are no more than numbers are added up.
// CHECK-LABEL: @two_masks(
// CHECK: %[[MASK:.*]] = onnx.Add(%arg{{[34]}}, %arg{{[34]}})
// CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} mask %[[MASK]] scale
func.func @two_masks(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %a: tensor<?x1x?x?xf32> {fulgur.dims = ["batch", "", "seq", "seq"]},
                %c: tensor<?x1x?x?xf32> {fulgur.dims = ["batch", "", "seq", "seq"]}) -> tensor<?x2x?x4xf32> {
  %kt = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x8x?xf32>
  %qk = onnx.MatMul(%q, %kt) : (tensor<?x2x?x8xf32>, tensor<?x2x8x?xf32>) -> tensor<?x2x?x?xf32>
  %s1 = onnx.Add(%qk, %a) : (tensor<?x2x?x?xf32>, tensor<?x1x?x?xf32>) -> tensor<?x2x?x?xf32>
  %s2 = onnx.Add(%s1, %c) : (tensor<?x2x?x?xf32>, tensor<?x1x?x?xf32>) -> tensor<?x2x?x?xf32>
  %w = onnx.Softmax(%s2) {axis = -1 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %o = onnx.MatMul(%w, %v) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  return %o : tensor<?x2x?x4xf32>
}

// A mask of numbers, and one of which only a condition is left.
// CHECK-LABEL: @numbers_and_condition(
// CHECK: %[[MASK:.*]] = onnx.Where(%{{[^ ]*}}, %arg3, %{{.*}})
// CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} mask %[[MASK]] scale
func.func @numbers_and_condition(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %a: tensor<?x1x?x?xf32> {fulgur.dims = ["batch", "", "seq", "seq"]},
                %c: tensor<?x1x?x?xi1> {fulgur.dims = ["batch", "", "seq", "seq"]}) -> tensor<?x2x?x4xf32> {
  %kt = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x8x?xf32>
  %qk = onnx.MatMul(%q, %kt) : (tensor<?x2x?x8xf32>, tensor<?x2x8x?xf32>) -> tensor<?x2x?x?xf32>
  %s1 = onnx.Add(%qk, %a) : (tensor<?x2x?x?xf32>, tensor<?x1x?x?xf32>) -> tensor<?x2x?x?xf32>
  %low = arith.constant dense<0xFF800000> : tensor<f32>
  %s2 = onnx.Where(%c, %s1, %low) : (tensor<?x1x?x?xi1>, tensor<?x2x?x?xf32>, tensor<f32>) -> tensor<?x2x?x?xf32>
  %w = onnx.Softmax(%s2) {axis = -1 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %o = onnx.MatMul(%w, %v) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  return %o : tensor<?x2x?x4xf32>
}
