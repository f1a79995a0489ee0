// RUN: fulgur-opt %s --fulgur-choose-sparse-attention --canonicalize --split-input-file --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s

module attributes {fulgur.machine = "{\"name\": \"m\", \"source\": \"made up\", \"cores\": 1, \"peak_flops\": {\"f32\": 1e12}, \"memory\": [{\"name\": \"DRAM\", \"capacity_bytes\": 1e12, \"bytes_per_second\": 1e10}], \"launch_seconds\": 1e-6}"} {
  // As many tokens as are selected.
  // CHECK-LABEL: @short
  // CHECK-SAME: %[[S:[^:]*]]: tensor<1x256x256xf32>
  // CHECK: %[[I:.*]] = fulgur.select_tokens %[[S]]
  // CHECK-NEXT: %[[M:.*]] = fulgur.selection_mask %[[I]] of %c256 : tensor<1x256x256xi32> -> tensor<1x256x256xi1>
  // CHECK-NEXT: %[[H:.*]] = tensor.expand_shape %[[M]] {{.*}} into tensor<1x1x256x256xi1>
  // CHECK-NEXT: fulgur.latent_attention %{{.*}} latent %{{.*}} rope_key %{{.*}} up %{{.*}} mask %[[H]] scale 2.5e-01 :
  func.func @short(%s: tensor<1x256x256xf32>, %q: tensor<1x256x16x192xf32>, %c: tensor<1x256x512xf32>, %r: tensor<1x256x64xf32>, %u: tensor<512x4096xf32>) -> tensor<1x256x16x128xf32> {
    %i = fulgur.select_tokens %s k 256 causal : tensor<1x256x256xf32> -> tensor<1x256x256xi32>
    // expected-remark @below {{masked for all sizes, by m}}
    %0 = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 0.25 : tensor<1x256x16x192xf32>, tensor<1x256x512xf32>, tensor<1x256x64xf32>, tensor<512x4096xf32>, tensor<1x256x256xi32> -> tensor<1x256x16x128xf32>
    return %0 : tensor<1x256x16x128xf32>
  }

  // One in a hundred.
  // CHECK-LABEL: @long
  // CHECK: fulgur.select_tokens
  // CHECK-NEXT: fulgur.sparse_latent_attention
  func.func @long(%s: tensor<1x16x16384xf32>, %q: tensor<1x16x16x192xf32>, %c: tensor<1x16384x512xf32>, %r: tensor<1x16384x64xf32>, %u: tensor<512x4096xf32>) -> tensor<1x16x16x128xf32> {
    %i = fulgur.select_tokens %s k 128 causal : tensor<1x16x16384xf32> -> tensor<1x16x128xi32>
    // expected-remark @below {{the attention stays sparse for all sizes, by m}}
    %0 = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 0.25 : tensor<1x16x16x192xf32>, tensor<1x16384x512xf32>, tensor<1x16384x64xf32>, tensor<512x4096xf32>, tensor<1x16x128xi32> -> tensor<1x16x16x128xf32>
    return %0 : tensor<1x16x16x128xf32>
  }

  // The mask of the same selection, which a causal attention adds nothing to.
  // CHECK-LABEL: @long_mask
  // CHECK: %[[I:.*]] = fulgur.select_tokens
  // CHECK-NEXT: fulgur.sparse_latent_attention {{.*}} indices %[[I]] scale 2.5e-01 :
  func.func @long_mask(%s: tensor<1x16x16384xf32>, %q: tensor<1x16x16x192xf32>, %c: tensor<1x16384x512xf32>, %r: tensor<1x16384x64xf32>, %u: tensor<512x4096xf32>) -> tensor<1x16x16x128xf32> {
    %t = arith.constant 16384 : index
    %i = fulgur.select_tokens %s k 128 causal : tensor<1x16x16384xf32> -> tensor<1x16x128xi32>
    %m = fulgur.selection_mask %i of %t : tensor<1x16x128xi32> -> tensor<1x16x16384xi1>
    %h = tensor.expand_shape %m [[0], [1, 2], [3]] output_shape [1, 1, 16, 16384] : tensor<1x16x16384xi1> into tensor<1x1x16x16384xi1>
    // expected-remark @below {{sparse for all sizes, by m}}
    %0 = fulgur.latent_attention %q latent %c rope_key %r up %u mask %h scale 0.25 causal : tensor<1x16x16x192xf32>, tensor<1x16384x512xf32>, tensor<1x16384x64xf32>, tensor<512x4096xf32>, tensor<1x1x16x16384xi1> -> tensor<1x16x16x128xf32>
    return %0 : tensor<1x16x16x128xf32>
  }

  // CHECK-LABEL: @wider_mask
  // CHECK: fulgur.latent_attention
  func.func @wider_mask(%s: tensor<1x16x16384xf32>, %q: tensor<1x16x16x192xf32>, %c: tensor<1x16384x512xf32>, %r: tensor<1x16384x64xf32>, %u: tensor<512x4096xf32>) -> tensor<1x16x16x128xf32> {
    %t = arith.constant 16384 : index
    %i = fulgur.select_tokens %s k 128 : tensor<1x16x16384xf32> -> tensor<1x16x128xi32>
    %m = fulgur.selection_mask %i of %t : tensor<1x16x128xi32> -> tensor<1x16x16384xi1>
    %h = tensor.expand_shape %m [[0], [1, 2], [3]] output_shape [1, 1, 16, 16384] : tensor<1x16x16384xi1> into tensor<1x1x16x16384xi1>
    // expected-remark @below {{expected a causal selection, as the attention is causal}}
    %0 = fulgur.latent_attention %q latent %c rope_key %r up %u mask %h scale 0.25 causal : tensor<1x16x16x192xf32>, tensor<1x16384x512xf32>, tensor<1x16384x64xf32>, tensor<512x4096xf32>, tensor<1x1x16x16384xi1> -> tensor<1x16x16x128xf32>
    return %0 : tensor<1x16x16x128xf32>
  }

  // Any number of tokens.
  // CHECK-LABEL: @any
  // CHECK: %[[I:.*]] = fulgur.index_select
  // CHECK: %[[FEW:.*]] = arith.ori
  // CHECK: scf.if %[[FEW]]
  // CHECK: fulgur.selection_mask %[[I]]
  // CHECK: fulgur.latent_attention
  // CHECK: } else {
  // CHECK-NEXT: fulgur.sparse_latent_attention {{.*}} indices %[[I]]
  func.func @any(%iq: tensor<1x?x4x16xf32>, %ik: tensor<1x?x16xf32>, %iw: tensor<1x?x4xf32>, %q: tensor<1x?x16x192xf32>, %c: tensor<1x?x512xf32>, %r: tensor<1x?x64xf32>, %u: tensor<512x4096xf32>) -> tensor<1x?x16x128xf32> {
    %i = fulgur.index_select %iq, %ik, %iw scale 0.5 k 256 causal : tensor<1x?x4x16xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32> -> tensor<1x?x256xi32>
    // expected-remark @below {{masked or sparse by the sizes of the run}}
    %0 = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 0.25 : tensor<1x?x16x192xf32>, tensor<1x?x512xf32>, tensor<1x?x64xf32>, tensor<512x4096xf32>, tensor<1x?x256xi32> -> tensor<1x?x16x128xf32>
    return %0 : tensor<1x?x16x128xf32>
  }

  // An index can come twice.
  // CHECK-LABEL: @no_selection
  // CHECK: fulgur.sparse_latent_attention
  func.func @no_selection(%i: tensor<1x256x256xi32>, %q: tensor<1x256x16x192xf32>, %c: tensor<1x256x512xf32>, %r: tensor<1x256x64xf32>, %u: tensor<512x4096xf32>) -> tensor<1x256x16x128xf32> {
    // expected-remark @below {{expected the indices of a selection, which has no token twice}}
    %0 = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 0.25 : tensor<1x256x16x192xf32>, tensor<1x256x512xf32>, tensor<1x256x64xf32>, tensor<512x4096xf32>, tensor<1x256x256xi32> -> tensor<1x256x16x128xf32>
    return %0 : tensor<1x256x16x128xf32>
  }
}
