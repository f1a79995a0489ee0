// RUN: fulgur-opt %s | fulgur-opt | FileCheck %s

// CHECK-LABEL: @lightning_indexer
// CHECK: fulgur.lightning_indexer %{{.*}}, %{{.*}}, %{{.*}} scale 5.0e-01 : tensor<?x?x4x8xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32> -> tensor<?x?x?xf32>
func.func @lightning_indexer(%q: tensor<?x?x4x8xf32>, %k: tensor<?x?x8xf32>, %w: tensor<?x?x4xf32>) -> tensor<?x?x?xf32> {
  %0 = fulgur.lightning_indexer %q, %k, %w scale 0.5 : tensor<?x?x4x8xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32> -> tensor<?x?x?xf32>
  return %0 : tensor<?x?x?xf32>
}

// CHECK-LABEL: @select_tokens
// CHECK: fulgur.select_tokens %{{.*}} k 6 causal : tensor<?x?x?xf32> -> tensor<?x?x6xi32>
// CHECK: fulgur.select_tokens %{{.*}} mask %{{.*}} k 6 : tensor<?x?x?xf32>, tensor<?x1x?xi1> -> tensor<?x?x6xi32>
func.func @select_tokens(%s: tensor<?x?x?xf32>, %m: tensor<?x1x?xi1>) -> (tensor<?x?x6xi32>, tensor<?x?x6xi32>) {
  %0 = fulgur.select_tokens %s k 6 causal : tensor<?x?x?xf32> -> tensor<?x?x6xi32>
  %1 = fulgur.select_tokens %s mask %m k 6 : tensor<?x?x?xf32>, tensor<?x1x?xi1> -> tensor<?x?x6xi32>
  return %0, %1 : tensor<?x?x6xi32>, tensor<?x?x6xi32>
}

// CHECK-LABEL: @index_select
// CHECK: fulgur.index_select %{{.*}}, %{{.*}}, %{{.*}} mask %{{.*}} scale 5.0e-01 k 6 causal : tensor<?x?x4x8xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<1x?x?xf32> -> tensor<?x?x6xi32>
func.func @index_select(%q: tensor<?x?x4x8xf32>, %k: tensor<?x?x8xf32>, %w: tensor<?x?x4xf32>, %m: tensor<1x?x?xf32>) -> tensor<?x?x6xi32> {
  %0 = fulgur.index_select %q, %k, %w mask %m scale 0.5 k 6 causal : tensor<?x?x4x8xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<1x?x?xf32> -> tensor<?x?x6xi32>
  return %0 : tensor<?x?x6xi32>
}

// CHECK-LABEL: @selection_mask
// CHECK: fulgur.selection_mask %{{.*}} of %{{.*}} : tensor<?x?x6xi32> -> tensor<?x?x?xi1>
func.func @selection_mask(%i: tensor<?x?x6xi32>, %t: index) -> tensor<?x?x?xi1> {
  %0 = fulgur.selection_mask %i of %t : tensor<?x?x6xi32> -> tensor<?x?x?xi1>
  return %0 : tensor<?x?x?xi1>
}
