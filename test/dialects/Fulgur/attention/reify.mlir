// RUN: fulgur-opt %s --resolve-shaped-type-result-dims --canonicalize --cse | FileCheck %s

// The last size is that of the values.
// CHECK-LABEL: @attention(
// CHECK-SAME: %{{.*}}: tensor<1x?x4x16xf32>, %{{.*}}: tensor<1x?x2x16xf32>, %[[V:.*]]: tensor<1x?x2x?xf32>
// CHECK: %[[D:.*]] = tensor.dim %[[V]], %c3
// CHECK: return %[[D]]
func.func @attention(%q: tensor<1x?x4x16xf32>, %k: tensor<1x?x2x16xf32>, %v: tensor<1x?x2x?xf32>) -> index {
  %c3 = arith.constant 3 : index
  %0 = fulgur.attention %q, %k, %v scale 0.25 : tensor<1x?x4x16xf32>, tensor<1x?x2x16xf32>, tensor<1x?x2x?xf32> -> tensor<1x?x4x?xf32>
  %d = tensor.dim %0, %c3 : tensor<1x?x4x?xf32>
  return %d : index
}

// The rows are those of the query.
// CHECK-LABEL: @latent_attention(
// CHECK-SAME: %[[Q:.*]]: tensor<1x?x2x12xf32>
// CHECK: %[[D:.*]] = tensor.dim %[[Q]], %c1
// CHECK: return %[[D]]
func.func @latent_attention(%q: tensor<1x?x2x12xf32>, %c: tensor<1x?x16xf32>, %r: tensor<1x?x4xf32>, %u: tensor<16x28xf32>) -> index {
  %c1 = arith.constant 1 : index
  %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal expanded : tensor<1x?x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<16x28xf32> -> tensor<1x?x2x6xf32>
  %d = tensor.dim %0, %c1 : tensor<1x?x2x6xf32>
  return %d : index
}

// CHECK-LABEL: @sparse_latent_attention(
// CHECK-SAME: %[[Q:.*]]: tensor<1x?x2x12xf32>
// CHECK: %[[D:.*]] = tensor.dim %[[Q]], %c1
// CHECK: return %[[D]]
func.func @sparse_latent_attention(%q: tensor<1x?x2x12xf32>, %c: tensor<1x?x16xf32>, %r: tensor<1x?x4xf32>, %u: tensor<16x28xf32>, %i: tensor<1x?x3xi32>) -> index {
  %c1 = arith.constant 1 : index
  %0 = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 0.25 : tensor<1x?x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<16x28xf32>, tensor<1x?x3xi32> -> tensor<1x?x2x6xf32>
  %d = tensor.dim %0, %c1 : tensor<1x?x2x6xf32>
  return %d : index
}

// CHECK-LABEL: @absorbed_attention(
// CHECK-SAME: %[[Q:.*]]: tensor<?x?x2x16xf32>
// CHECK: %[[D:.*]] = tensor.dim %[[Q]], %c1
// CHECK: return %[[D]]
func.func @absorbed_attention(%q: tensor<?x?x2x16xf32>, %p: tensor<?x?x2x4xf32>, %c: tensor<?x?x16xf32>, %r: tensor<?x?x4xf32>) -> index {
  %c1 = arith.constant 1 : index
  %0 = fulgur.absorbed_attention %q, %p latent %c rope_key %r scale 0.25 : tensor<?x?x2x16xf32>, tensor<?x?x2x4xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32> -> tensor<?x?x2x16xf32>
  %d = tensor.dim %0, %c1 : tensor<?x?x2x16xf32>
  return %d : index
}
