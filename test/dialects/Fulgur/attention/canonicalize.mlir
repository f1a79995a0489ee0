// RUN: fulgur-opt %s --canonicalize | FileCheck %s

// The batch and the rows of the result are those of the query; attributes stay.
// CHECK-LABEL: @latent_attention(
// CHECK: fulgur.latent_attention {{.*}} scale 2.646e-01 causal absorbed : tensor<1x5x2x12xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32>, tensor<16x28xf32> -> tensor<1x5x2x6xf32>
func.func @latent_attention(%q: tensor<1x5x2x12xf32>, %c: tensor<?x?x16xf32>, %r: tensor<?x?x4xf32>, %u: tensor<16x28xf32>) -> tensor<?x?x2x6xf32> {
  %a = tensor.cast %q : tensor<1x5x2x12xf32> to tensor<?x?x2x12xf32>
  %0 = fulgur.latent_attention %a latent %c rope_key %r up %u scale 0.2646 causal absorbed : tensor<?x?x2x12xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32>, tensor<16x28xf32> -> tensor<?x?x2x6xf32>
  return %0 : tensor<?x?x2x6xf32>
}

// A mask is an operand like the others.
// CHECK-LABEL: @attention_mask(
// CHECK: fulgur.attention %{{.*}} mask %{{.*}} : tensor<?x?x4x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x8xf32>, tensor<1x1x?x?xi1> -> tensor<?x?x4x8xf32>
func.func @attention_mask(%q: tensor<?x?x4x16xf32>, %k: tensor<?x?x2x16xf32>, %v: tensor<?x?x2x8xf32>, %m: tensor<1x1x?x?xi1>) -> tensor<?x?x4x8xf32> {
  %a = tensor.cast %m : tensor<1x1x?x?xi1> to tensor<?x1x?x?xi1>
  %0 = fulgur.attention %q, %k, %v mask %a scale 0.25 : tensor<?x?x4x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x8xf32>, tensor<?x1x?x?xi1> -> tensor<?x?x4x8xf32>
  return %0 : tensor<?x?x4x8xf32>
}
