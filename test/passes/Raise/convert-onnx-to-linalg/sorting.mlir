// RUN: fulgur-opt %s --fulgur-convert-onnx-to-linalg --split-input-file | FileCheck %s

// One pass over a row with a heap of k keys; an element that is no better than
// the worst of them costs one comparison.

// CHECK-LABEL: func @topk(
// CHECK-SAME:    %[[X:.*]]: tensor<?x256xf32>
func.func @topk(%x: tensor<?x256xf32>) -> (tensor<?x8xf32>, tensor<?x8xi64>) {
  %k = arith.constant dense<8> : tensor<1xi64>
  // CHECK: scf.for
  // CHECK: scf.for {{.*}} iter_args(%[[HEAP:.*]] = %{{.*}}) -> (tensor<8xi64>)
  // CHECK: tensor.extract %[[X]]
  // CHECK: %[[ROOT:.*]] = tensor.extract %[[HEAP]][%c0
  // CHECK: %[[BETTER:.*]] = arith.cmpi ult, %[[ROOT]]
  // CHECK: scf.if %[[BETTER]]
  // CHECK: scf.while
  %v, %i = onnx.TopK(%x, %k) : (tensor<?x256xf32>, tensor<1xi64>) -> (tensor<?x8xf32>, tensor<?x8xi64>)
  return %v, %i : tensor<?x8xf32>, tensor<?x8xi64>
}

// -----

// k that is known at run time only.

// CHECK-LABEL: func @topk_runtime(
// CHECK-SAME:    %{{.*}}: tensor<4x?xf32>, %[[K:.*]]: tensor<1xi64>
func.func @topk_runtime(%x: tensor<4x?xf32>, %k: tensor<1xi64>) -> (tensor<4x?xf32>, tensor<4x?xi64>) {
  // CHECK: %[[COUNT:.*]] = tensor.extract %[[K]]
  // CHECK: %[[INDEX:.*]] = arith.index_cast %[[COUNT]] : i64 to index
  // CHECK: tensor.empty(%[[INDEX]]) : tensor<4x?xi64>
  %v, %i = onnx.TopK(%x, %k) {largest = 0 : i64} : (tensor<4x?xf32>, tensor<1xi64>) -> (tensor<4x?xf32>, tensor<4x?xi64>)
  return %v, %i : tensor<4x?xf32>, tensor<4x?xi64>
}

// -----

// 64-bit elements have 128-bit keys, for the index has to be in them too.

// CHECK-LABEL: func @topk_wide(
func.func @topk_wide(%x: tensor<16xi64>) -> (tensor<4xi64>, tensor<4xi64>) {
  %k = arith.constant dense<4> : tensor<1xi64>
  // CHECK: tensor<4xi128>
  %v, %i = onnx.TopK(%x, %k) : (tensor<16xi64>, tensor<1xi64>) -> (tensor<4xi64>, tensor<4xi64>)
  return %v, %i : tensor<4xi64>, tensor<4xi64>
}
