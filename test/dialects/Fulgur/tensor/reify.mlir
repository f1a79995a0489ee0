// RUN: fulgur-opt %s --resolve-shaped-type-result-dims --canonicalize --cse | FileCheck %s

// A row-wise operation has the sizes of its input.
// CHECK-LABEL: @layer_norm(
// CHECK-SAME: %[[X:.*]]: tensor<?x16xf32>
// CHECK: %[[D:.*]] = tensor.dim %[[X]], %c0
// CHECK: return %[[D]]
func.func @layer_norm(%x: tensor<?x16xf32>, %w: tensor<16xf32>, %b: tensor<16xf32>) -> index {
  %c0 = arith.constant 0 : index
  %y = fulgur.layer_norm %x, %w, %b eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf32>
  %d = tensor.dim %y, %c0 : tensor<?x16xf32>
  return %d : index
}

// So has each result of one that has two.
// CHECK-LABEL: @add_rms_norm(
// CHECK-SAME: %[[X:.*]]: tensor<?x16xf32>, %{{.*}}: tensor<16xf32>
// CHECK: %[[D:.*]] = tensor.dim %[[X]], %c0
// CHECK: return %[[D]], %[[D]]
func.func @add_rms_norm(%x: tensor<?x16xf32>, %w: tensor<16xf32>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %h, %y = fulgur.add_rms_norm %x, %x, %w eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf32>
  %a = tensor.dim %h, %c0 : tensor<?x16xf32>
  %b = tensor.dim %y, %c0 : tensor<?x16xf32>
  return %a, %b : index, index
}

// The columns of the weight are the last size.
// CHECK-LABEL: @linear(
// CHECK-SAME: %{{.*}}: tensor<?x4xf32>, %[[W:.*]]: tensor<4x?xf32>
// CHECK: %[[D:.*]] = tensor.dim %[[W]], %c1
// CHECK: return %[[D]]
func.func @linear(%x: tensor<?x4xf32>, %w: tensor<4x?xf32>) -> index {
  %c1 = arith.constant 1 : index
  %y = fulgur.linear %x, %w : tensor<?x4xf32>, tensor<4x?xf32> -> tensor<?x?xf32>
  %d = tensor.dim %y, %c1 : tensor<?x?xf32>
  return %d : index
}

// The rows of a transposed weight are.
// CHECK-LABEL: @linear_transposed(
// CHECK-SAME: %{{.*}}: tensor<?x4xf32>, %[[W:.*]]: tensor<?x4xf32>
// CHECK: %[[D:.*]] = tensor.dim %[[W]], %c0
// CHECK: return %[[D]]
func.func @linear_transposed(%x: tensor<?x4xf32>, %w: tensor<?x4xf32>) -> index {
  %c1 = arith.constant 1 : index
  %y = fulgur.linear %x, %w transposed : tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x?xf32>
  %d = tensor.dim %y, %c1 : tensor<?x?xf32>
  return %d : index
}

// The rows of a residual are those of the result.
// CHECK-LABEL: @linear_residual(
// CHECK-SAME: %[[R:[^:]*]]: tensor<?x8xf32>
// CHECK: %[[D:.*]] = tensor.dim %[[R]], %c0
// CHECK: return %[[D]]
func.func @linear_residual(%r: tensor<?x8xf32>, %x: tensor<?x4xf32>, %w: tensor<4x8xf32>) -> index {
  %c0 = arith.constant 0 : index
  %y = fulgur.linear %x, %w residual %r : tensor<?x4xf32>, tensor<4x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %d = tensor.dim %y, %c0 : tensor<?x8xf32>
  return %d : index
}

// A cache grows by the update.
// CHECK-LABEL: @cache_update(
// CHECK-SAME: %[[P:.*]]: tensor<2x?x8xf32>, %[[U:.*]]: tensor<2x?x8xf32>
// CHECK-DAG: %[[A:.*]] = tensor.dim %[[P]], %c1
// CHECK-DAG: %[[B:.*]] = tensor.dim %[[U]], %c1
// CHECK: %[[S:.*]] = arith.addi %[[A]], %[[B]]
// CHECK: return %[[S]]
func.func @cache_update(%p: tensor<2x?x8xf32>, %u: tensor<2x?x8xf32>) -> index {
  %c1 = arith.constant 1 : index
  %y = fulgur.cache_update %p, %u axis 1 : tensor<2x?x8xf32>, tensor<2x?x8xf32> -> tensor<2x?x8xf32>
  %d = tensor.dim %y, %c1 : tensor<2x?x8xf32>
  return %d : index
}
