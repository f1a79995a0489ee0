// RUN: fulgur-opt %s --fulgur-check-sizes | FileCheck %s

// The names of dimensions tell that the sizes agree.
// CHECK-LABEL: @same_names
// CHECK-NOT: cf.assert
// CHECK: return
func.func @same_names(%q: tensor<?x?x4x8xf32> {fulgur.dims = ["batch", "seq", "", ""]},
                      %k: tensor<?x?x4x8xf32> {fulgur.dims = ["batch", "past", "", ""]},
                      %v: tensor<?x?x4x8xf32> {fulgur.dims = ["batch", "past", "", ""]}) -> tensor<?x?x4x8xf32> {
  %o = fulgur.attention %q, %k, %v scale 1.0e+00
      : tensor<?x?x4x8xf32>, tensor<?x?x4x8xf32>, tensor<?x?x4x8xf32> -> tensor<?x?x4x8xf32>
  return %o : tensor<?x?x4x8xf32>
}

// Here they do not, for one pair.
// CHECK-LABEL: @another_name
// CHECK-SAME: %[[Q:[a-z0-9]*]]: tensor<?x?x4x8xf32> {{{[^}]*}}}, %[[K:[a-z0-9]*]]: tensor<?x?x4x8xf32> {{{[^}]*}}}, %[[V:[a-z0-9]*]]: tensor<?x?x4x8xf32>
// CHECK-DAG: %[[A:.*]] = tensor.dim %[[V]], %c1
// CHECK-DAG: %[[B:.*]] = tensor.dim %[[K]], %c1
// CHECK: %[[SAME:.*]] = arith.cmpi eq, %[[A]], %[[B]]
// CHECK-NEXT: cf.assert %[[SAME]], "attention: expected dimension 1 of 'value' to be dimension 1 of 'key'"
// CHECK-NEXT: fulgur.attention
func.func @another_name(%q: tensor<?x?x4x8xf32> {fulgur.dims = ["batch", "seq", "", ""]},
                        %k: tensor<?x?x4x8xf32> {fulgur.dims = ["batch", "past", "", ""]},
                        %v: tensor<?x?x4x8xf32> {fulgur.dims = ["batch", "other", "", ""]}) -> tensor<?x?x4x8xf32> {
  %o = fulgur.attention %q, %k, %v scale 1.0e+00
      : tensor<?x?x4x8xf32>, tensor<?x?x4x8xf32>, tensor<?x?x4x8xf32> -> tensor<?x?x4x8xf32>
  return %o : tensor<?x?x4x8xf32>
}

// A mask of size 1 is broadcast.
// CHECK-LABEL: @mask_of_size_1
// CHECK-NOT: cf.assert
// CHECK: return
func.func @mask_of_size_1(%s: tensor<?x?x?xf32> {fulgur.dims = ["batch", "seq", "past"]},
                          %m: tensor<1x1x?xi1> {fulgur.dims = ["", "", "past"]}) -> tensor<?x?x4xi32> {
  %i = fulgur.select_tokens %s mask %m k 4 : tensor<?x?x?xf32>, tensor<1x1x?xi1> -> tensor<?x?x4xi32>
  return %i : tensor<?x?x4xi32>
}

// Selected from as many tokens as there are latents.
// CHECK-LABEL: @selected
// CHECK-NOT: cf.assert
// CHECK: return
func.func @selected(%q: tensor<?x?x4x24xf32> {fulgur.dims = ["batch", "seq", "", ""]},
                    %s: tensor<?x?x?xf32> {fulgur.dims = ["batch", "seq", "past"]},
                    %c: tensor<?x?x32xf32> {fulgur.dims = ["batch", "past", ""]},
                    %r: tensor<?x?x8xf32> {fulgur.dims = ["batch", "past", ""]},
                    %up: tensor<32x112xf32>) -> tensor<?x?x4x12xf32> {
  %i = fulgur.select_tokens %s k 4 causal : tensor<?x?x?xf32> -> tensor<?x?x4xi32>
  %o = fulgur.sparse_latent_attention %q latent %c rope_key %r up %up indices %i scale 1.0e+00
      : tensor<?x?x4x24xf32>, tensor<?x?x32xf32>, tensor<?x?x8xf32>, tensor<32x112xf32>, tensor<?x?x4xi32>
      -> tensor<?x?x4x12xf32>
  return %o : tensor<?x?x4x12xf32>
}

// Indices from elsewhere can be anything.
// CHECK-LABEL: @given
// CHECK-SAME: %[[I:[a-z0-9]*]]: tensor<?x?x4xi32>
// CHECK: linalg.generic {{.*}} ins(%[[I]] : tensor<?x?x4xi32>)
// CHECK: %[[ALL:.*]] = tensor.extract
// CHECK-NEXT: cf.assert %[[ALL]], "sparse_latent_attention: an index is out of range"
func.func @given(%i: tensor<?x?x4xi32> {fulgur.dims = ["batch", "seq", ""]},
                 %q: tensor<?x?x4x24xf32> {fulgur.dims = ["batch", "seq", "", ""]},
                 %c: tensor<?x?x32xf32> {fulgur.dims = ["batch", "past", ""]},
                 %r: tensor<?x?x8xf32> {fulgur.dims = ["batch", "past", ""]},
                 %up: tensor<32x112xf32>) -> tensor<?x?x4x12xf32> {
  %o = fulgur.sparse_latent_attention %q latent %c rope_key %r up %up indices %i scale 1.0e+00
      : tensor<?x?x4x24xf32>, tensor<?x?x32xf32>, tensor<?x?x8xf32>, tensor<32x112xf32>, tensor<?x?x4xi32>
      -> tensor<?x?x4x12xf32>
  return %o : tensor<?x?x4x12xf32>
}
