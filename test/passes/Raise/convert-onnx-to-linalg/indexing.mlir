// RUN: fulgur-opt %s --fulgur-convert-onnx-to-linalg --split-input-file | FileCheck %s

// Negative indices count from the back, none leaves the operand, and one that
// would is reported before the copying.

// CHECK-LABEL: func @gather(
// CHECK-SAME:    %[[X:.*]]: tensor<16x8xf32>
func.func @gather(%x: tensor<16x8xf32>, %i: tensor<?x?xi64>) -> tensor<?x?x8xf32> {
  // CHECK: linalg.generic {{.*}}iterator_types = ["reduction", "reduction"]} ins(%{{.*}} : tensor<?x?xi64>)
  // CHECK: arith.cmpi ult
  // CHECK: arith.andi
  // CHECK: %[[ALL:.*]] = tensor.extract
  // CHECK: cf.assert %[[ALL]], "Gather: an index is out of range"
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

// -----

// Constants in range need no check.

// CHECK-LABEL: func @gather_constants(
// CHECK-NOT:   cf.assert
func.func @gather_constants(%x: tensor<16x8xf32>) -> tensor<2x8xf32> {
  %i = arith.constant dense<[15, -16]> : tensor<2xi64>
  %0 = onnx.Gather(%x, %i) : (tensor<16x8xf32>, tensor<2xi64>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}

// -----

// A constant that is out of range needs one.

// CHECK-LABEL: func @gather_bad_constant(
// CHECK:       cf.assert
func.func @gather_bad_constant(%x: tensor<16x8xf32>) -> tensor<2x8xf32> {
  %i = arith.constant dense<[16, 0]> : tensor<2xi64>
  %0 = onnx.Gather(%x, %i) : (tensor<16x8xf32>, tensor<2xi64>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}

// -----

// The places of the greatest elements are in range along the axis searched.

// CHECK-LABEL: func @gather_top(
// CHECK-NOT:   cf.assert
func.func @gather_top(%x: tensor<4x16xf32>, %k: tensor<1xi64>) -> tensor<4x2xf32> {
  %v, %i = onnx.TopK(%x, %k) : (tensor<4x16xf32>, tensor<1xi64>) -> (tensor<4x2xf32>, tensor<4x2xi64>)
  %0 = onnx.GatherElements(%x, %i) {axis = 1 : si64} : (tensor<4x16xf32>, tensor<4x2xi64>) -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// -----

// An index that is out of range is no error here: nothing is on.

// CHECK-LABEL: func @one_hot(
// CHECK-NOT:   cf.assert
// CHECK:       linalg.generic {{.*}} ins(%{{.*}} : tensor<?xi64>) outs(%{{.*}} : tensor<?x10xf32>)
// CHECK:       arith.cmpi eq
// CHECK:       arith.select
func.func @one_hot(%i: tensor<?xi64>, %v: tensor<2xf32>) -> tensor<?x10xf32> {
  %depth = arith.constant dense<10> : tensor<i64>
  %0 = onnx.OneHot(%i, %depth, %v) : (tensor<?xi64>, tensor<i64>, tensor<2xf32>) -> tensor<?x10xf32>
  return %0 : tensor<?x10xf32>
}

// -----

// CHECK-LABEL: func @reverse_sequence(
// CHECK-SAME:    %[[X:.*]]: tensor<?x4xf32>
func.func @reverse_sequence(%x: tensor<?x4xf32>, %n: tensor<4xi64>) -> tensor<?x4xf32> {
  // CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<4xi64>)
  // CHECK: arith.select
  // CHECK: tensor.extract %[[X]]
  %0 = onnx.ReverseSequence(%x, %n) : (tensor<?x4xf32>, tensor<4xi64>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
