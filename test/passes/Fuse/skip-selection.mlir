// RUN: fulgur-opt %s --fulgur-skip-selection --verify-diagnostics --split-input-file --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s

// All of at most k tokens are selected: the indexer goes too.
// CHECK-LABEL: func.func @static
// CHECK-SAME: %[[Q:.*]]: tensor<1x?x2x12xf32>, %[[C:.*]]: tensor<1x8x16xf32>, %[[R:.*]]: tensor<1x8x4xf32>, %[[U:.*]]: tensor<16x28xf32>
// CHECK-NEXT: %[[O:.*]] = fulgur.latent_attention %[[Q]] latent %[[C]] rope_key %[[R]] up %[[U]] scale 5.0e-01 causal absorbed
// CHECK-NEXT: return %[[O]]
func.func @static(%q: tensor<1x?x2x12xf32>, %c: tensor<1x8x16xf32>, %r: tensor<1x8x4xf32>,
                  %u: tensor<16x28xf32>, %iq: tensor<1x?x4x16xf32>, %ik: tensor<1x8x16xf32>,
                  %iw: tensor<1x?x4xf32>) -> tensor<1x?x2x6xf32> {
  %s = fulgur.lightning_indexer %iq, %ik, %iw scale 0.5
      : tensor<1x?x4x16xf32>, tensor<1x8x16xf32>, tensor<1x?x4xf32> -> tensor<1x?x8xf32>
  // expected-remark @below {{BytesSaved=328192, FlopsSaved=1048576, Remark="the 8 selected tokens are all"}}
  %i = fulgur.select_tokens %s k 8 causal : tensor<1x?x8xf32> -> tensor<1x?x8xi32>
  %o = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 0.5
      : tensor<1x?x2x12xf32>, tensor<1x8x16xf32>, tensor<1x8x4xf32>, tensor<16x28xf32>,
        tensor<1x?x8xi32> -> tensor<1x?x2x6xf32>
  return %o : tensor<1x?x2x6xf32>
}

// -----

// The bound of a dimension counts for what is made of it. The cache of the
// indexer's keys is written all the same, and the mask gets a size for heads.
// CHECK-LABEL: func.func @bounded
// CHECK: %[[K:.*]] = fulgur.cache_update
// CHECK-NOT: fulgur.index_select
// CHECK: %[[M:.*]] = tensor.expand_shape %{{.*}} {{\[}}[0, 1], [2], [3]] {{.*}} : tensor<1x1x?xi1> into tensor<1x1x1x?xi1>
// CHECK: fulgur.latent_attention {{.*}} mask %[[M]] scale 5.0e-01 absorbed
// CHECK: return %{{.*}}, %[[K]]
func.func @bounded(%q: tensor<1x1x2x12xf32>, %past: tensor<1x?x16xf32> {fulgur.dims = ["", "past", ""]},
                   %pastRope: tensor<1x?x4xf32> {fulgur.dims = ["", "past", ""]},
                   %c1: tensor<1x1x16xf32>, %r1: tensor<1x1x4xf32>,
                   %u: tensor<16x28xf32>, %iq: tensor<1x1x4x16xf32>,
                   %pastKeys: tensor<1x?x16xf32> {fulgur.dims = ["", "past", ""]},
                   %k1: tensor<1x1x16xf32>, %iw: tensor<1x1x4xf32>, %m: tensor<1x1x?xi1>)
    -> (tensor<1x1x2x6xf32>, tensor<1x?x16xf32>)
    attributes {fulgur.bounds = {past = array<i64: 0, 7>}} {
  %c = fulgur.cache_update %past, %c1 axis 1 : tensor<1x?x16xf32>, tensor<1x1x16xf32> -> tensor<1x?x16xf32>
  %r = fulgur.cache_update %pastRope, %r1 axis 1 : tensor<1x?x4xf32>, tensor<1x1x4xf32> -> tensor<1x?x4xf32>
  %k = fulgur.cache_update %pastKeys, %k1 axis 1 : tensor<1x?x16xf32>, tensor<1x1x16xf32> -> tensor<1x?x16xf32>
  // expected-remark @below {{Remark="the 8 selected tokens are all"}}
  %i = fulgur.index_select %iq, %k, %iw mask %m scale 0.5 k 8
      : tensor<1x1x4x16xf32>, tensor<1x?x16xf32>, tensor<1x1x4xf32>, tensor<1x1x?xi1> -> tensor<1x1x8xi32>
  %o = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 0.5
      : tensor<1x1x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<16x28xf32>,
        tensor<1x1x8xi32> -> tensor<1x1x2x6xf32>
  return %o, %k : tensor<1x1x2x6xf32>, tensor<1x?x16xf32>
}

// -----

// Near misses: one token too many, no bound, and a mask that is added.
// CHECK-LABEL: func.func @near
// CHECK-COUNT-3: fulgur.sparse_latent_attention
func.func @near(%q: tensor<1x?x2x12xf32>, %c9: tensor<1x9x16xf32>, %r9: tensor<1x9x4xf32>,
                %s9: tensor<1x?x9xf32>, %c: tensor<1x?x16xf32>, %r: tensor<1x?x4xf32>,
                %s: tensor<1x?x?xf32>, %c8: tensor<1x8x16xf32>, %r8: tensor<1x8x4xf32>,
                %s8: tensor<1x?x8xf32>, %m: tensor<1x1x8xf32>, %u: tensor<16x28xf32>)
    -> (tensor<1x?x2x6xf32>, tensor<1x?x2x6xf32>, tensor<1x?x2x6xf32>) {
  // expected-remark @below {{expected at most 8 tokens, but got up to 9}}
  %i9 = fulgur.select_tokens %s9 k 8 causal : tensor<1x?x9xf32> -> tensor<1x?x8xi32>
  %0 = fulgur.sparse_latent_attention %q latent %c9 rope_key %r9 up %u indices %i9 scale 0.5
      : tensor<1x?x2x12xf32>, tensor<1x9x16xf32>, tensor<1x9x4xf32>, tensor<16x28xf32>,
        tensor<1x?x8xi32> -> tensor<1x?x2x6xf32>
  // expected-remark @below {{expected at most 8 tokens, but got no bound; --dim can give one}}
  %i = fulgur.select_tokens %s k 8 causal : tensor<1x?x?xf32> -> tensor<1x?x8xi32>
  %1 = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 0.5
      : tensor<1x?x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<16x28xf32>,
        tensor<1x?x8xi32> -> tensor<1x?x2x6xf32>
  // expected-remark @below {{expected a mask of i1, but got one of f32}}
  %i8 = fulgur.select_tokens %s8 mask %m k 8 : tensor<1x?x8xf32>, tensor<1x1x8xf32> -> tensor<1x?x8xi32>
  %2 = fulgur.sparse_latent_attention %q latent %c8 rope_key %r8 up %u indices %i8 scale 0.5
      : tensor<1x?x2x12xf32>, tensor<1x8x16xf32>, tensor<1x8x4xf32>, tensor<16x28xf32>,
        tensor<1x?x8xi32> -> tensor<1x?x2x6xf32>
  return %0, %1, %2 : tensor<1x?x2x6xf32>, tensor<1x?x2x6xf32>, tensor<1x?x2x6xf32>
}
