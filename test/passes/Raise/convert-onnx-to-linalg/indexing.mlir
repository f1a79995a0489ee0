// RUN: fulgur-opt %s --fulgur-convert-onnx-to-linalg --split-input-file | FileCheck %s

// Negative indices count from the back, and none leaves the operand.

// CHECK-LABEL: func @gather(
// CHECK-SAME:    %[[X:.*]]: tensor<16x8xf32>
func.func @gather(%x: tensor<16x8xf32>, %i: tensor<?x?xi64>) -> tensor<?x?x8xf32> {
  // CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<?x?xi64>)
  // CHECK: arith.cmpi slt
  // CHECK: arith.minsi
  // CHECK: arith.maxsi
  // CHECK: tensor.extract %[[X]]
  %0 = onnx.Gather(%x, %i) : (tensor<16x8xf32>, tensor<?x?xi64>) -> tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}

// -----

// Updates are made in order, to a copy.

// CHECK-LABEL: func @scatter_add(
// CHECK-SAME:    %[[X:[^:]*]]: tensor<?x8xf32>
func.func @scatter_add(%x: tensor<?x8xf32>, %i: tensor<?x1xi64>, %u: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[COPY:.*]] = linalg.copy ins(%[[X]]
  // CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[COPY]])
  // CHECK: arith.addf
  // CHECK: tensor.insert
  %0 = onnx.ScatterND(%x, %i, %u) {reduction = "add"} : (tensor<?x8xf32>, tensor<?x1xi64>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
