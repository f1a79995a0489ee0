// RUN: fulgur-opt %s --fulgur-raise-attention --canonicalize | FileCheck %s
// RUN: fulgur-opt %s --fulgur-raise-attention --remarks-filter=raise --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

// What looks like attention and is not what the operation does stays as it is,
// and the reason is told.

// The weights are a result too.
// REMARK: an attention is not raised: the weights are read by more than one product with values
// CHECK-LABEL: @weights_read(
// CHECK: onnx.Softmax
func.func @weights_read(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]}) -> (tensor<?x2x?x4xf32>, tensor<?x2x?x?xf32>) {
  %kt = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x8x?xf32>
  %qk = onnx.MatMul(%q, %kt) : (tensor<?x2x?x8xf32>, tensor<?x2x8x?xf32>) -> tensor<?x2x?x?xf32>
  %w = onnx.Softmax(%qk) {axis = -1 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %o = onnx.MatMul(%w, %v) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  %two = onnx.Exp(%w) : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  return %o, %two : tensor<?x2x?x4xf32>, tensor<?x2x?x?xf32>
}

// Scores that are capped.
// REMARK: an attention is not raised: the scores are no masked, scaled product of queries and keys
// CHECK-LABEL: @capped(
// CHECK: onnx.Softmax
func.func @capped(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]}) -> tensor<?x2x?x4xf32> {
  %kt = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x8x?xf32>
  %qk = onnx.MatMul(%q, %kt) : (tensor<?x2x?x8xf32>, tensor<?x2x8x?xf32>) -> tensor<?x2x?x?xf32>
  %cap = onnx.Tanh(%qk) : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %w = onnx.Softmax(%cap) {axis = -1 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %o = onnx.MatMul(%w, %v) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  return %o : tensor<?x2x?x4xf32>
}

// A mask whose batch may be 1 when that of the scores is not.
// REMARK: an attention is not raised: a mask does not have the sizes of the scores
// CHECK-LABEL: @unknown_batch(
// CHECK: onnx.Softmax
func.func @unknown_batch(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %a: tensor<?x1x?x?xf32> {fulgur.dims = ["other", "", "seq", "seq"]}) -> tensor<?x2x?x4xf32> {
  %kt = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x8x?xf32>
  %qk = onnx.MatMul(%q, %kt) : (tensor<?x2x?x8xf32>, tensor<?x2x8x?xf32>) -> tensor<?x2x?x?xf32>
  %s1 = onnx.Add(%qk, %a) : (tensor<?x2x?x?xf32>, tensor<?x1x?x?xf32>) -> tensor<?x2x?x?xf32>
  %w = onnx.Softmax(%s1) {axis = -1 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %o = onnx.MatMul(%w, %v) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  return %o : tensor<?x2x?x4xf32>
}

// A softmax over the queries.
// REMARK: an attention is not raised: the softmax is not over the last of four axes
// CHECK-LABEL: @wrong_axis(
// CHECK: onnx.Softmax
func.func @wrong_axis(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]}) -> tensor<?x2x?x4xf32> {
  %kt = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x?x8xf32>) -> tensor<?x2x8x?xf32>
  %qk = onnx.MatMul(%q, %kt) : (tensor<?x2x?x8xf32>, tensor<?x2x8x?xf32>) -> tensor<?x2x?x?xf32>
  %w = onnx.Softmax(%qk) {axis = 2 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
  %o = onnx.MatMul(%w, %v) : (tensor<?x2x?x?xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  return %o : tensor<?x2x?x4xf32>
}

// The operator with a soft cap.
// REMARK: an attention is not raised: the scores are capped
// CHECK-LABEL: @operator_capped(
// CHECK: onnx.Attention
func.func @operator_capped(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]}) -> tensor<?x2x?x4xf32> {
  %o = onnx.Attention(%q, %k, %v) {softcap = 2.000000e+01 : f32} : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  return %o : tensor<?x2x?x4xf32>
}

// The operator with a window on both sides.
// REMARK: an attention is not raised: the operator sees a window of tokens
// CHECK-LABEL: @operator_window(
// CHECK: onnx.Attention
func.func @operator_window(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]}) -> tensor<?x2x?x4xf32> {
  %o = onnx.Attention(%q, %k, %v) {left_window_size = 1 : i64, right_window_size = 2 : i64} : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  return %o : tensor<?x2x?x4xf32>
}

// The operator is causal from the first token: other tokens than from the last.
// REMARK: an attention is not raised: the operator is causal over a number of tokens that may not be that of its queries
// CHECK-LABEL: @operator_causal_over_cache(
// CHECK: onnx.Attention
func.func @operator_causal_over_cache(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %past: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "past", ""]}) -> tensor<?x2x?x8xf32> {
  %more = onnx.Concat(%past, %k) {axis = 2 : i64} : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32>
  %o = onnx.Attention(%q, %more, %more) {is_causal = 1 : i64} : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}

// The operator, plain but for a mask whose batch may be 1: the generic path gets
// the chain.
// REMARK: an attention is not raised: a mask does not have the sizes of the scores
// CHECK-LABEL: @operator_expanded(
// CHECK: %[[K:.*]] = onnx.Transpose(%arg1) {perm = array<i64: 0, 1, 3, 2>}
// CHECK: %[[QK:.*]] = onnx.MatMul(%arg0, %[[K]])
// CHECK: %[[S:.*]] = onnx.Mul(%[[QK]], %
// CHECK: %[[M:.*]] = onnx.Where(%arg3, %[[S]], %
// CHECK: %[[W:.*]] = onnx.Softmax(%[[M]])
// CHECK: onnx.MatMul(%[[W]], %arg2)
func.func @operator_expanded(%q: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %k: tensor<?x2x?x8xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %v: tensor<?x2x?x4xf32> {fulgur.dims = ["batch", "", "seq", ""]},
                %m: tensor<?x1x?x?xi1> {fulgur.dims = ["other", "", "seq", "seq"]}) -> tensor<?x2x?x4xf32> {
  %o = onnx.Attention(%q, %k, %v, %m) {scale = 5.000000e-01 : f32} : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x4xf32>, tensor<?x1x?x?xi1>) -> tensor<?x2x?x4xf32>
  return %o : tensor<?x2x?x4xf32>
}
