// RUN: fulgur-opt %s --resolve-shaped-type-result-dims --canonicalize --cse | FileCheck %s

// A token has k experts, even where the type does not say so.
// CHECK-LABEL: @route(
// CHECK-SAME: %[[X:.*]]: tensor<?x16xf32>
// CHECK-DAG: %[[K:.*]] = arith.constant 2 : index
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[X]], %c0
// CHECK: return %[[N]], %[[K]]
func.func @route(%x: tensor<?x16xf32>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %e, %w = fulgur.route %x sigmoid k 2 : tensor<?x16xf32> -> tensor<?x?xi32>, tensor<?x2xf32>
  %n = tensor.dim %w, %c0 : tensor<?x2xf32>
  %k = tensor.dim %e, %c1 : tensor<?x?xi32>
  return %n, %k : index, index
}

// Every token has as many rows as it has experts.
// CHECK-LABEL: @dispatch(
// CHECK-SAME: %[[X:.*]]: tensor<?x?xf32>, %[[E:.*]]: tensor<?x8xi32>
// CHECK-DAG: %[[C:.*]] = arith.constant 257 : index
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[E]], %c0
// CHECK-DAG: %[[R:.*]] = arith.muli %[[N]], %c8
// CHECK-DAG: %[[D:.*]] = tensor.dim %[[X]], %c1
// CHECK: return %[[R]], %[[D]], %[[R]], %[[C]]
func.func @dispatch(%x: tensor<?x?xf32>, %e: tensor<?x8xi32>) -> (index, index, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r, %s, %o = fulgur.dispatch %x to %e of 256 : tensor<?x?xf32>, tensor<?x8xi32> -> tensor<?x?xf32>, tensor<?xi32>, tensor<?xi32>
  %0 = tensor.dim %r, %c0 : tensor<?x?xf32>
  %1 = tensor.dim %r, %c1 : tensor<?x?xf32>
  %2 = tensor.dim %s, %c0 : tensor<?xi32>
  %3 = tensor.dim %o, %c0 : tensor<?xi32>
  return %0, %1, %2, %3 : index, index, index, index
}

// CHECK-LABEL: @grouped_matmul(
// CHECK-SAME: %[[X:.*]]: tensor<?x16xf32>, %[[W:.*]]: tensor<8x?x16xf32>
// CHECK-DAG: %[[R:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[W]], %c1
// CHECK: return %[[R]], %[[N]]
func.func @grouped_matmul(%x: tensor<?x16xf32>, %w: tensor<8x?x16xf32>, %o: tensor<9xi32>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %y = fulgur.grouped_matmul %x, %w transposed offsets %o : tensor<?x16xf32>, tensor<8x?x16xf32>, tensor<9xi32> -> tensor<?x?xf32>
  %0 = tensor.dim %y, %c0 : tensor<?x?xf32>
  %1 = tensor.dim %y, %c1 : tensor<?x?xf32>
  return %0, %1 : index, index
}

// A token has one row again.
// CHECK-LABEL: @combine(
// CHECK-SAME: %{{.*}}: tensor<?x16xf32>, %{{.*}}: tensor<?xi32>, %[[W:.*]]: tensor<?x8xf32>
// CHECK: %[[N:.*]] = tensor.dim %[[W]], %c0
// CHECK: return %[[N]]
func.func @combine(%x: tensor<?x16xf32>, %s: tensor<?xi32>, %w: tensor<?x8xf32>) -> index {
  %c0 = arith.constant 0 : index
  %y = fulgur.combine %x from %s weights %w : tensor<?x16xf32>, tensor<?xi32>, tensor<?x8xf32> -> tensor<?x16xf32>
  %0 = tensor.dim %y, %c0 : tensor<?x16xf32>
  return %0 : index
}

// CHECK-LABEL: @experts(
// CHECK-SAME: %[[X:.*]]: tensor<?x16xf32>, %{{.*}}: tensor<?x2xi32>, %{{.*}}: tensor<?x2xf32>, %{{.*}}: tensor<8x8x16xf32>, %[[D:.*]]: tensor<8x?x4xf32>
// CHECK-DAG: %[[R:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[D]], %c1
// CHECK: return %[[R]], %[[N]]
func.func @experts(%x: tensor<?x16xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %gu: tensor<8x8x16xf32>, %d: tensor<8x?x4xf32>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %y = fulgur.experts %x to %e weights %w gate_up %gu transposed down %d transposed : tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x8x16xf32>, tensor<8x?x4xf32> -> tensor<?x?xf32>
  %0 = tensor.dim %y, %c0 : tensor<?x?xf32>
  %1 = tensor.dim %y, %c1 : tensor<?x?xf32>
  return %0, %1 : index, index
}
