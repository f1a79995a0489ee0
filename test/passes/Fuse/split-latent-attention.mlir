// RUN: fulgur-opt %s --fulgur-split-latent-attention --verify-diagnostics --remark-format=emitRemark --remarks-filter=kernel | FileCheck %s

// Both products have a matrix of each head, which stays where it lies in `up`.
// CHECK-DAG: #[[ROWS:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d0, d3)>
// CHECK-DAG: #[[KEYS:.*]] = affine_map<(d0, d1, d2, d3) -> (d2, d0, d3)>
// CHECK-DAG: #[[VALUES:.*]] = affine_map<(d0, d1, d2, d3) -> (d3, d0, d2)>
// CHECK-DAG: #[[RESULT:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d0, d2)>

// CHECK-LABEL: func.func @dense(
// CHECK-SAME: %[[Q:.*]]: tensor<?x?x16x192xbf16>, %[[C:.*]]: tensor<?x?x512xbf16>, %[[R:.*]]: tensor<?x?x64xbf16>, %[[U:.*]]: tensor<512x4096xbf16>)
// CHECK: %[[UP:.*]] = tensor.expand_shape %[[U]] {{.*}} into tensor<512x16x256xbf16>
// CHECK: %[[K:.*]] = tensor.extract_slice %[[UP]][0, 0, 0] [512, 16, 128]
// CHECK: %[[V:.*]] = tensor.extract_slice %[[UP]][0, 0, 128] [512, 16, 128]
// CHECK: %[[A:.*]] = linalg.contract indexing_maps = [#[[ROWS]], #[[KEYS]], #[[RESULT]]] ins(%{{.*}}, %[[K]] : {{.*}}) outs({{.*}} : tensor<?x16x512xf32>)
// CHECK: %[[P:.*]] = tensor.extract_slice %[[Q]][0, 0, 0, 128] [%{{.*}}, %{{.*}}, 16, 64]
// CHECK: %[[M:.*]] = fulgur.absorbed_attention %{{.*}}, %[[P]] latent %[[C]] rope_key %[[R]] scale 1.0e-01 causal
// CHECK: linalg.contract indexing_maps = [#[[ROWS]], #[[VALUES]], #[[RESULT]]] ins(%{{.*}}, %[[V]] : {{.*}}) outs({{.*}} : tensor<?x16x128xf32>)
func.func @dense(%q: tensor<?x?x16x192xbf16>, %c: tensor<?x?x512xbf16>, %r: tensor<?x?x64xbf16>,
                 %u: tensor<512x4096xbf16>) -> tensor<?x?x16x128xbf16> {
  // expected-remark @below {{a kernel attends to the latents, between two products}}
  %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.1 causal absorbed
      : tensor<?x?x16x192xbf16>, tensor<?x?x512xbf16>, tensor<?x?x64xbf16>, tensor<512x4096xbf16>
        -> tensor<?x?x16x128xbf16>
  return %0 : tensor<?x?x16x128xbf16>
}

// CHECK-LABEL: func.func @sparse(
// CHECK: fulgur.absorbed_attention {{.*}} indices %{{.*}} scale 1.0e-01 : {{.*}}xf16>
func.func @sparse(%q: tensor<1x?x2x32xf16>, %c: tensor<1x?x64xf16>, %r: tensor<1x?x16xf16>,
                  %u: tensor<64x64xf16>, %i: tensor<1x?x8xi32>) -> tensor<1x?x2x16xf16> {
  // expected-remark @below {{a kernel attends to the latents, between two products}}
  %0 = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 0.1
      : tensor<1x?x2x32xf16>, tensor<1x?x64xf16>, tensor<1x?x16xf16>, tensor<64x64xf16>, tensor<1x?x8xi32>
        -> tensor<1x?x2x16xf16>
  return %0 : tensor<1x?x2x16xf16>
}

// CHECK-LABEL: func.func @misses(
// CHECK-COUNT-5: fulgur.latent_attention
func.func @misses(%q: tensor<1x?x2x32xbf16>, %c: tensor<1x?x64xbf16>, %r: tensor<1x?x16xbf16>,
                  %u: tensor<64x64xbf16>, %m: tensor<1x1x?x?xi1>, %q32: tensor<1x?x2x32xf32>,
                  %c32: tensor<1x?x64xf32>, %r32: tensor<1x?x16xf32>, %u32: tensor<64x64xf32>,
                  %narrow: tensor<1x?x32xbf16>, %u_narrow: tensor<32x64xbf16>,
                  %r_wide: tensor<1x?x24xbf16>, %u_wide: tensor<64x48xbf16>) {
  // expected-remark @below {{expected the absorbed form, but got another one}}
  %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.1 causal expanded
      : tensor<1x?x2x32xbf16>, tensor<1x?x64xbf16>, tensor<1x?x16xbf16>, tensor<64x64xbf16>
        -> tensor<1x?x2x16xbf16>
  // expected-remark @below {{expected no mask}}
  %1 = fulgur.latent_attention %q latent %c rope_key %r up %u mask %m scale 0.1 absorbed
      : tensor<1x?x2x32xbf16>, tensor<1x?x64xbf16>, tensor<1x?x16xbf16>, tensor<64x64xbf16>,
        tensor<1x1x?x?xi1> -> tensor<1x?x2x16xbf16>
  // expected-remark @below {{expected elements of bf16 or f16, but got f32}}
  %2 = fulgur.latent_attention %q32 latent %c32 rope_key %r32 up %u32 scale 0.1 absorbed
      : tensor<1x?x2x32xf32>, tensor<1x?x64xf32>, tensor<1x?x16xf32>, tensor<64x64xf32>
        -> tensor<1x?x2x16xf32>
  // expected-remark @below {{expected latents of a multiple of 64 elements, at most 512}}
  %3 = fulgur.latent_attention %q latent %narrow rope_key %r up %u_narrow scale 0.1 absorbed
      : tensor<1x?x2x32xbf16>, tensor<1x?x32xbf16>, tensor<1x?x16xbf16>, tensor<32x64xbf16>
        -> tensor<1x?x2x16xbf16>
  // expected-remark @below {{expected rotated keys of a multiple of 16 elements, at most 64}}
  %4 = fulgur.latent_attention %q latent %c rope_key %r_wide up %u_wide scale 0.1 absorbed
      : tensor<1x?x2x32xbf16>, tensor<1x?x64xbf16>, tensor<1x?x24xbf16>, tensor<64x48xbf16>
        -> tensor<1x?x2x16xbf16>
  return
}
