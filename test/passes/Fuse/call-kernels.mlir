// RUN: fulgur-opt %s --fulgur-call-kernels --verify-diagnostics --remark-format=emitRemark --remarks-filter=kernel | FileCheck %s

// CHECK-LABEL: func.func @norm(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<64xf32>)
// CHECK: %[[N:.*]] = tensor.dim %[[X]]
// CHECK: %[[E:.*]] = tensor.empty(%[[N]]) : tensor<?x64xf32>
// CHECK: %[[Y:.*]] = fulgur.call_kernel "rms_norm"(%[[X]], %[[W]]) into(%[[E]]) config {eps = {{.*}} : f64}
// CHECK: return %[[Y]]
func.func @norm(%x: tensor<?x64xf32>, %w: tensor<64xf32>) -> tensor<?x64xf32> {
  // expected-remark @below {{a kernel of its own}}
  %y = fulgur.rms_norm %x, %w eps 1.0e-06 : tensor<?x64xf32>, tensor<64xf32>
  return %y : tensor<?x64xf32>
}

// More keys than fit into shared memory: the operation decomposes.
// CHECK-LABEL: func.func @too_many(
// CHECK: fulgur.select_tokens
func.func @too_many(%s: tensor<1x1x9000xf32>) -> tensor<1x1x5000xi32> {
  // expected-remark @below {{expected at most 4096 tokens, but got 5000}}
  %i = fulgur.select_tokens %s k 5000 : tensor<1x1x9000xf32> -> tensor<1x1x5000xi32>
  return %i : tensor<1x1x5000xi32>
}

// Two results, in the order of the operation.
// CHECK-LABEL: func.func @route(
// CHECK: %[[CALL:.*]]:2 = fulgur.call_kernel "route"(%{{.*}}) into(%{{.*}}, %{{.*}}) config {
// CHECK: return %[[CALL]]#0, %[[CALL]]#1
func.func @route(%l: tensor<5x8xf32>) -> (tensor<5x3xi32>, tensor<5x3xf32>) {
  // expected-remark @below {{a kernel of its own}}
  %e, %w = fulgur.route %l softmax k 3 : tensor<5x8xf32> -> tensor<5x3xi32>, tensor<5x3xf32>
  return %e, %w : tensor<5x3xi32>, tensor<5x3xf32>
}

// Scratch memory is behind the results: a row for each of the pairs.
// CHECK-LABEL: func.func @combine(
// CHECK-SAME: %{{.*}}: tensor<?x6xf32>, %[[SOURCES:.*]]: tensor<?xi32>, %{{.*}}: tensor<?x3xf32>)
// CHECK-DAG: %[[RESULT:.*]] = tensor.empty(%{{.*}}) : tensor<?x6xf32>
// CHECK-DAG: %[[PAIRS:.*]] = tensor.dim %[[SOURCES]]
// CHECK-DAG: %[[SCRATCH:.*]] = tensor.empty(%[[PAIRS]]) : tensor<?xi32>
// CHECK: %[[CALL:.*]]:2 = fulgur.call_kernel "combine"(%{{.*}}) into(%[[RESULT]], %[[SCRATCH]])
// CHECK: return %[[CALL]]#0
func.func @combine(%r: tensor<?x6xf32>, %s: tensor<?xi32>, %w: tensor<?x3xf32>) -> tensor<?x6xf32> {
  // expected-remark @below {{a kernel of its own}}
  %y = fulgur.combine %r from %s weights %w : tensor<?x6xf32>, tensor<?xi32>, tensor<?x3xf32> -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}

// CHECK-LABEL: func.func @too_many_experts(
// CHECK: fulgur.dispatch
func.func @too_many_experts(%x: tensor<?x6xf32>, %e: tensor<?x3xi32>) -> tensor<?x6xf32> {
  // expected-remark @below {{expected at most 2048 experts, but got 2049}}
  %r, %s, %o = fulgur.dispatch %x to %e of 2049 : tensor<?x6xf32>, tensor<?x3xi32> -> tensor<?x6xf32>, tensor<?xi32>, tensor<2050xi32>
  return %r : tensor<?x6xf32>
}

// CHECK-LABEL: func.func @wide_norm(
// CHECK: fulgur.layer_norm
func.func @wide_norm(%x: tensor<?x64xf64>, %w: tensor<64xf64>, %b: tensor<64xf64>) -> tensor<?x64xf64> {
  // expected-remark @below {{sums of f64 have no shuffles}}
  %y = fulgur.layer_norm %x, %w, %b eps 1.0e-06 : tensor<?x64xf64>, tensor<64xf64>
  return %y : tensor<?x64xf64>
}

// CHECK-LABEL: func.func @one_element(
// CHECK: fulgur.swiglu
func.func @one_element(%g: tensor<f32>, %u: tensor<f32>) -> tensor<f32> {
  // expected-remark @below {{expected rows, but got one element}}
  %y = fulgur.swiglu %g, %u : tensor<f32>
  return %y : tensor<f32>
}
