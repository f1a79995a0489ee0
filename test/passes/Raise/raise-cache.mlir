// RUN: fulgur-opt %s --fulgur-raise-cache | FileCheck %s

// CHECK-LABEL: @append
// CHECK-SAME: (%[[P:[a-z0-9]*]]: tensor<?x1x?x8xf32>, %[[N:[a-z0-9]*]]: tensor<?x1x?x8xf32>)
// CHECK: %[[S:.*]] = onnx.Sigmoid(%[[N]])
// CHECK: fulgur.cache_update %[[P]], %[[S]] axis 2 : tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32> -> tensor<?x1x?x8xf32>
func.func @append(%past: tensor<?x1x?x8xf32>, %x: tensor<?x1x?x8xf32>) -> tensor<?x1x?x8xf32> {
  %new = onnx.Sigmoid(%x) : (tensor<?x1x?x8xf32>) -> tensor<?x1x?x8xf32>
  %0 = onnx.Concat(%past, %new) {axis = -2 : i64} : (tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32>) -> tensor<?x1x?x8xf32>
  return %0 : tensor<?x1x?x8xf32>
}

// The graph leaves out the dimension of heads, and puts it back.
// CHECK-LABEL: @squeezed
// CHECK-SAME: (%[[P:[a-z0-9]*]]: tensor<?x1x?x8xf32>, %[[X:[a-z0-9]*]]: tensor<?x?x8xf32>)
// CHECK: %[[N:.*]] = onnx.Unsqueeze(%[[X]],
// CHECK: %[[C:.*]] = fulgur.cache_update %[[P]], %[[N]] axis 2 : tensor<?x1x?x8xf32>, tensor<?x1x?x8xf32> -> tensor<?x1x?x8xf32>
// CHECK: %[[ROWS:.*]] = onnx.Squeeze(%[[C]],
// CHECK: return %[[ROWS]], %[[C]]
func.func @squeezed(%past: tensor<?x1x?x8xf32>, %new: tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x1x?x8xf32>) {
  %one = arith.constant dense<1> : tensor<1xi64>
  %0 = onnx.Squeeze(%past, %one) : (tensor<?x1x?x8xf32>, tensor<1xi64>) -> tensor<?x?x8xf32>
  %1 = onnx.Concat(%0, %new) {axis = 1 : i64} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %2 = onnx.Unsqueeze(%1, %one) : (tensor<?x?x8xf32>, tensor<1xi64>) -> tensor<?x1x?x8xf32>
  return %1, %2 : tensor<?x?x8xf32>, tensor<?x1x?x8xf32>
}

// The input comes last.
// CHECK-LABEL: @prepend
// CHECK-NOT: fulgur.cache_update
func.func @prepend(%past: tensor<?x8xf32>, %x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %new = onnx.Sigmoid(%x) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %0 = onnx.Concat(%new, %past) {axis = 0 : i64} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// The model computes what is appended to.
// CHECK-LABEL: @computed
// CHECK-NOT: fulgur.cache_update
func.func @computed(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %past = onnx.Sigmoid(%x) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %0 = onnx.Concat(%past, %y) {axis = 0 : i64} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// Token numbers are no cache.
// CHECK-LABEL: @integers
// CHECK-NOT: fulgur.cache_update
func.func @integers(%past: tensor<?xi64>, %x: tensor<?xi64>) -> tensor<?xi64> {
  %0 = onnx.Concat(%past, %x) {axis = 0 : i64} : (tensor<?xi64>, tensor<?xi64>) -> tensor<?xi64>
  return %0 : tensor<?xi64>
}
