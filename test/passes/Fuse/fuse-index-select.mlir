// RUN: fulgur-opt %s --fulgur-fuse-index-select --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s

// CHECK-LABEL: func.func @one_reader
// CHECK-SAME: %[[Q:.*]]: tensor<1x?x4x16xf32>, %[[K:.*]]: tensor<1x?x16xf32>, %[[W:.*]]: tensor<1x?x4xf32>, %[[M:.*]]: tensor<1x1x?xi1>
// CHECK-NEXT: %[[I:.*]] = fulgur.index_select %[[Q]], %[[K]], %[[W]] mask %[[M]] scale 5.0e-01 k 8 causal
// CHECK-NEXT: return %[[I]]
func.func @one_reader(%q: tensor<1x?x4x16xf32>, %k: tensor<1x?x16xf32>,
                      %w: tensor<1x?x4xf32>, %m: tensor<1x1x?xi1>) -> tensor<1x?x8xi32> {
  %s = fulgur.lightning_indexer %q, %k, %w scale 5.0e-01
      : tensor<1x?x4x16xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32> -> tensor<1x?x?xf32>
  // expected-remark @below {{BytesSaved=8388608, FlopsSaved=0, Remark="the scores are not stored"}}
  %i = fulgur.select_tokens %s mask %m k 8 causal
      : tensor<1x?x?xf32>, tensor<1x1x?xi1> -> tensor<1x?x8xi32>
  return %i : tensor<1x?x8xi32>
}

// CHECK-LABEL: func.func @scores_are_returned
// CHECK: fulgur.lightning_indexer
// CHECK-NEXT: fulgur.select_tokens
func.func @scores_are_returned(%q: tensor<1x?x4x16xf32>, %k: tensor<1x?x16xf32>,
                               %w: tensor<1x?x4xf32>) -> (tensor<1x?x8xi32>, tensor<1x?x?xf32>) {
  %s = fulgur.lightning_indexer %q, %k, %w scale 5.0e-01
      : tensor<1x?x4x16xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32> -> tensor<1x?x?xf32>
  // expected-remark @below {{expected the selection alone to read the scores, but they have 2 uses}}
  %i = fulgur.select_tokens %s k 8 causal : tensor<1x?x?xf32> -> tensor<1x?x8xi32>
  return %i, %s : tensor<1x?x8xi32>, tensor<1x?x?xf32>
}
