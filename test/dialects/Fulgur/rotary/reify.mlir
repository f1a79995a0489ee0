// RUN: fulgur-opt %s --resolve-shaped-type-result-dims --canonicalize --cse | FileCheck %s

// The table has a row for every position.
// CHECK-LABEL: @rotary_table(
// CHECK-SAME: %[[P:.*]]: tensor<1x?xi64>
// CHECK: %[[D:.*]] = tensor.dim %[[P]], %c1
// CHECK: return %[[D]]
func.func @rotary_table(%p: tensor<1x?xi64>, %f: tensor<4xf32>) -> index {
  %c1 = arith.constant 1 : index
  %c, %s = fulgur.rotary_table %p, %f : tensor<1x?xi64>, tensor<4xf32> -> tensor<1x?x4xf32>
  %d = tensor.dim %s, %c1 : tensor<1x?x4xf32>
  return %d : index
}

// A rotation keeps the shape.
// CHECK-LABEL: @rotary_embedding(
// CHECK-SAME: %[[K:.*]]: tensor<1x?x8xf32>
// CHECK: %[[D:.*]] = tensor.dim %[[K]], %c1
// CHECK: return %[[D]]
func.func @rotary_embedding(%k: tensor<1x?x8xf32>, %c: tensor<1x?x4xf32>) -> index {
  %c1 = arith.constant 1 : index
  %0 = fulgur.rotary_embedding %k, %c, %c interleaved leading : tensor<1x?x8xf32>, tensor<1x?x4xf32>
  %d = tensor.dim %0, %c1 : tensor<1x?x8xf32>
  return %d : index
}
