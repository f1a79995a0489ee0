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
