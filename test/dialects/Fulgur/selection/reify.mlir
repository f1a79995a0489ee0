// RUN: fulgur-opt %s --resolve-shaped-type-result-dims --canonicalize --cse | FileCheck %s

// Scores have a column for every key.
// CHECK-LABEL: @lightning_indexer(
// CHECK-SAME: %{{.*}}: tensor<1x?x4x8xf32>, %[[K:.*]]: tensor<1x?x8xf32>
// CHECK: %[[D:.*]] = tensor.dim %[[K]], %c1
// CHECK: return %[[D]]
func.func @lightning_indexer(%q: tensor<1x?x4x8xf32>, %k: tensor<1x?x8xf32>, %w: tensor<1x?x4xf32>) -> index {
  %c2 = arith.constant 2 : index
  %0 = fulgur.lightning_indexer %q, %k, %w scale 0.5 : tensor<1x?x4x8xf32>, tensor<1x?x8xf32>, tensor<1x?x4xf32> -> tensor<1x?x?xf32>
  %d = tensor.dim %0, %c2 : tensor<1x?x?xf32>
  return %d : index
}

// A selection has k columns, even where its type does not say so.
// CHECK-LABEL: @select_tokens(
// CHECK: %[[D:.*]] = arith.constant 6 : index
// CHECK: return %[[D]]
func.func @select_tokens(%s: tensor<1x?x?xf32>) -> index {
  %c2 = arith.constant 2 : index
  %0 = fulgur.select_tokens %s k 6 : tensor<1x?x?xf32> -> tensor<1x?x?xi32>
  %d = tensor.dim %0, %c2 : tensor<1x?x?xi32>
  return %d : index
}

// CHECK-LABEL: @index_select(
// CHECK-SAME: %[[Q:.*]]: tensor<1x?x4x8xf32>
// CHECK: %[[D:.*]] = tensor.dim %[[Q]], %c1
// CHECK: return %[[D]]
func.func @index_select(%q: tensor<1x?x4x8xf32>, %k: tensor<1x?x8xf32>, %w: tensor<1x?x4xf32>) -> index {
  %c1 = arith.constant 1 : index
  %0 = fulgur.index_select %q, %k, %w scale 0.5 k 6 : tensor<1x?x4x8xf32>, tensor<1x?x8xf32>, tensor<1x?x4xf32> -> tensor<1x?x6xi32>
  %d = tensor.dim %0, %c1 : tensor<1x?x6xi32>
  return %d : index
}

// CHECK-LABEL: @selection_mask(
// CHECK-SAME: %[[I:.*]]: tensor<1x?x6xi32>, %[[T:.*]]: index
// CHECK: %[[D:.*]] = tensor.dim %[[I]], %c1
// CHECK: return %[[D]], %[[T]]
func.func @selection_mask(%i: tensor<1x?x6xi32>, %t: index) -> (index, index) {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %0 = fulgur.selection_mask %i of %t : tensor<1x?x6xi32> -> tensor<1x?x?xi1>
  %d1 = tensor.dim %0, %c1 : tensor<1x?x?xi1>
  %d2 = tensor.dim %0, %c2 : tensor<1x?x?xi1>
  return %d1, %d2 : index, index
}
