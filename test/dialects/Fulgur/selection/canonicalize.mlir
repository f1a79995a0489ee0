// RUN: fulgur-opt %s --canonicalize | FileCheck %s

// The scores know the rows of the query and the tokens of the key, and the
// selection those of the scores.
// CHECK-LABEL: @indexer(
// CHECK: %[[S:.*]] = fulgur.lightning_indexer {{.*}} -> tensor<1x5x9xf32>
// CHECK-NEXT: fulgur.select_tokens %[[S]] k 6 causal : tensor<1x5x9xf32> -> tensor<1x5x6xi32>
func.func @indexer(%q: tensor<1x5x4x8xf32>, %k: tensor<1x9x8xf32>, %w: tensor<?x?x4xf32>) -> tensor<?x?x6xi32> {
  %a = tensor.cast %q : tensor<1x5x4x8xf32> to tensor<?x?x4x8xf32>
  %b = tensor.cast %k : tensor<1x9x8xf32> to tensor<?x?x8xf32>
  %s = fulgur.lightning_indexer %a, %b, %w scale 0.5 : tensor<?x?x4x8xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32> -> tensor<?x?x?xf32>
  %0 = fulgur.select_tokens %s k 6 causal : tensor<?x?x?xf32> -> tensor<?x?x6xi32>
  return %0 : tensor<?x?x6xi32>
}
