// RUN: fulgur-opt %s --fulgur-convert-onnx-to-linalg --split-input-file | FileCheck %s

// The number of elements is never negative.

// CHECK-LABEL: func @range(
func.func @range(%start: tensor<i64>, %limit: tensor<i64>, %delta: tensor<i64>) -> tensor<?xi64> {
  // CHECK: %[[COUNT:.*]] = arith.maxsi
  // CHECK: %[[SIZE:.*]] = arith.index_cast %[[COUNT]]
  // CHECK: tensor.empty(%[[SIZE]]) : tensor<?xi64>
  // CHECK: arith.muli
  // CHECK: arith.addi
  %0 = onnx.Range(%start, %limit, %delta) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  return %0 : tensor<?xi64>
}

// -----

// Sizes that are known at run time only.

// CHECK-LABEL: func @constant_of_shape(
func.func @constant_of_shape(%shape: tensor<2xi64>) -> tensor<?x4xf32> {
  // CHECK: tensor.extract
  // CHECK: linalg.fill {{.*}} -> tensor<?x4xf32>
  %0 = onnx.ConstantOfShape(%shape) {value = dense<1.0> : tensor<1xf32>} : (tensor<2xi64>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
