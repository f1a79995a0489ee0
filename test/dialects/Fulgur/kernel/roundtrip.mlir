// RUN: fulgur-opt %s | fulgur-opt | FileCheck %s
// RUN: fulgur-opt %s --one-shot-bufferize=bufferize-function-boundaries | FileCheck %s --check-prefix=BUFFERS

// The buffer of the result is the destination.
// CHECK-LABEL: func.func @tensors(
// CHECK: fulgur.call_kernel "select_tokens"(%{{.*}}) into(%{{.*}}) config {causal, k = 4 : i64} : (tensor<2x3x9xf32>) into(tensor<2x3x4xi32>) -> tensor<2x3x4xi32>
// BUFFERS-LABEL: func.func @tensors(
// BUFFERS: %[[INIT:.*]] = memref.alloc() {{.*}} : memref<2x3x4xi32>
// BUFFERS: fulgur.call_kernel "select_tokens"(%{{.*}}) into(%[[INIT]]) config {causal, k = 4 : i64} : (memref<2x3x9xf32{{.*}}>) into(memref<2x3x4xi32>)
// BUFFERS: return %[[INIT]]
func.func @tensors(%scores: tensor<2x3x9xf32>) -> tensor<2x3x4xi32> {
  %e = tensor.empty() : tensor<2x3x4xi32>
  %i = fulgur.call_kernel "select_tokens"(%scores) into(%e) config {causal, k = 4 : i64}
      : (tensor<2x3x9xf32>) into (tensor<2x3x4xi32>) -> tensor<2x3x4xi32>
  return %i : tensor<2x3x4xi32>
}

// CHECK-LABEL: func.func @sizes(
// CHECK: fulgur.call_kernel "swiglu"
// BUFFERS-LABEL: func.func @sizes(
// BUFFERS-SAME: %[[INIT:[a-z0-9]+]]: memref<?x4xf32, {{[^%]*}})
// BUFFERS: memref.dim %[[INIT]]
func.func @sizes(%x: tensor<?x4xf32>, %init: tensor<?x4xf32>) -> index {
  %c0 = arith.constant 0 : index
  %y = fulgur.call_kernel "swiglu"(%x, %x) into(%init) config {}
      : (tensor<?x4xf32>, tensor<?x4xf32>) into (tensor<?x4xf32>) -> tensor<?x4xf32>
  %n = tensor.dim %y, %c0 : tensor<?x4xf32>
  return %n : index
}
