// RUN: fulgur-opt %s | fulgur-opt | FileCheck %s

// CHECK-LABEL: @attention
// CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} scale 2.5e-01 : tensor<?x?x4x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x8xf32> -> tensor<?x?x4x8xf32>
// CHECK: fulgur.attention %{{.*}}, %{{.*}}, %{{.*}} mask %{{.*}} scale 2.5e-01 causal window 8 : tensor<?x?x4x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x8xf32>, tensor<?x1x?x?xi1> -> tensor<?x?x4x8xf32>
func.func @attention(%q: tensor<?x?x4x16xf32>, %k: tensor<?x?x2x16xf32>, %v: tensor<?x?x2x8xf32>, %m: tensor<?x1x?x?xi1>) -> (tensor<?x?x4x8xf32>, tensor<?x?x4x8xf32>) {
  %0 = fulgur.attention %q, %k, %v scale 0.25 : tensor<?x?x4x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x8xf32> -> tensor<?x?x4x8xf32>
  %1 = fulgur.attention %q, %k, %v mask %m scale 0.25 causal window 8 : tensor<?x?x4x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x8xf32>, tensor<?x1x?x?xi1> -> tensor<?x?x4x8xf32>
  return %0, %1 : tensor<?x?x4x8xf32>, tensor<?x?x4x8xf32>
}

// CHECK-LABEL: @latent_attention
// CHECK: fulgur.latent_attention %{{.*}} latent %{{.*}} rope_key %{{.*}} up %{{.*}} scale 2.646e-01 causal expanded : tensor<?x?x2x12xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32>, tensor<16x28xf32> -> tensor<?x?x2x6xf32>
// CHECK: fulgur.latent_attention %{{.*}} latent %{{.*}} rope_key %{{.*}} up %{{.*}} mask %{{.*}} scale 2.646e-01 absorbed : tensor<?x?x2x12xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32>, tensor<16x28xf32>, tensor<?x1x?x?xf32> -> tensor<?x?x2x6xf32>
func.func @latent_attention(%q: tensor<?x?x2x12xf32>, %c: tensor<?x?x16xf32>, %r: tensor<?x?x4xf32>, %u: tensor<16x28xf32>, %m: tensor<?x1x?x?xf32>) -> (tensor<?x?x2x6xf32>, tensor<?x?x2x6xf32>) {
  %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.2646 causal expanded : tensor<?x?x2x12xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32>, tensor<16x28xf32> -> tensor<?x?x2x6xf32>
  %1 = fulgur.latent_attention %q latent %c rope_key %r up %u mask %m scale 0.2646 absorbed : tensor<?x?x2x12xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32>, tensor<16x28xf32>, tensor<?x1x?x?xf32> -> tensor<?x?x2x6xf32>
  return %0, %1 : tensor<?x?x2x6xf32>, tensor<?x?x2x6xf32>
}

// A form can wait to be chosen.
// CHECK-LABEL: @latent_attention_without_form
// CHECK: fulgur.latent_attention %{{.*}} latent %{{.*}} rope_key %{{.*}} up %{{.*}} scale 2.5e-01 causal : tensor<?x?x2x12xf32>
func.func @latent_attention_without_form(%q: tensor<?x?x2x12xf32>, %c: tensor<?x?x16xf32>, %r: tensor<?x?x4xf32>, %u: tensor<16x28xf32>) -> tensor<?x?x2x6xf32> {
  %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal : tensor<?x?x2x12xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32>, tensor<16x28xf32> -> tensor<?x?x2x6xf32>
  return %0 : tensor<?x?x2x6xf32>
}

// CHECK-LABEL: @sparse_latent_attention
// CHECK: fulgur.sparse_latent_attention %{{.*}} latent %{{.*}} rope_key %{{.*}} up %{{.*}} indices %{{.*}} scale 2.646e-01 : tensor<?x?x2x12xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32>, tensor<16x28xf32>, tensor<?x?x6xi32> -> tensor<?x?x2x6xf32>
func.func @sparse_latent_attention(%q: tensor<?x?x2x12xf32>, %c: tensor<?x?x16xf32>, %r: tensor<?x?x4xf32>, %u: tensor<16x28xf32>, %i: tensor<?x?x6xi32>) -> tensor<?x?x2x6xf32> {
  %0 = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 0.2646 : tensor<?x?x2x12xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32>, tensor<16x28xf32>, tensor<?x?x6xi32> -> tensor<?x?x2x6xf32>
  return %0 : tensor<?x?x2x6xf32>
}

// CHECK-LABEL: @absorbed_attention
// CHECK: fulgur.absorbed_attention %{{.*}}, %{{.*}} latent %{{.*}} rope_key %{{.*}} scale 2.5e-01 causal : tensor<?x?x2x16xf32>, tensor<?x?x2x4xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32> -> tensor<?x?x2x16xf32>
// CHECK: fulgur.absorbed_attention %{{.*}}, %{{.*}} latent %{{.*}} rope_key %{{.*}} indices %{{.*}} scale 2.5e-01 : tensor<?x?x2x16xf32>, tensor<?x?x2x4xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32>, tensor<?x?x6xi32> -> tensor<?x?x2x16xf32>
func.func @absorbed_attention(%q: tensor<?x?x2x16xf32>, %p: tensor<?x?x2x4xf32>, %c: tensor<?x?x16xf32>, %r: tensor<?x?x4xf32>, %i: tensor<?x?x6xi32>) -> (tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>) {
  %0 = fulgur.absorbed_attention %q, %p latent %c rope_key %r scale 0.25 causal : tensor<?x?x2x16xf32>, tensor<?x?x2x4xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32> -> tensor<?x?x2x16xf32>
  %1 = fulgur.absorbed_attention %q, %p latent %c rope_key %r indices %i scale 0.25 : tensor<?x?x2x16xf32>, tensor<?x?x2x4xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32>, tensor<?x?x6xi32> -> tensor<?x?x2x16xf32>
  return %0, %1 : tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>
}
