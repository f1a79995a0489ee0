// RUN: fulgur-opt %s --fulgur-raise-indexer --verify-diagnostics --remark-format=emitRemark --remarks-filter=raise | FileCheck %s

// A negative factor behind the positive part is no scale before it.
// CHECK-LABEL: @negative_scale
// CHECK-NOT: fulgur.lightning_indexer
func.func @negative_scale(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x8xf32>, %w: tensor<2x3x4xf32>) -> tensor<2x3x5xf32> {
  %scale = arith.constant dense<-0.5> : tensor<f32>
  %0 = onnx.Einsum(%q, %k) {equation = "bshd,btd->bsht"} : (tensor<2x3x4x8xf32>, tensor<2x5x8xf32>) -> tensor<2x3x4x5xf32>
  %1 = onnx.Relu(%0) : (tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32>
  %2 = onnx.Mul(%1, %scale) : (tensor<2x3x4x5xf32>, tensor<f32>) -> tensor<2x3x4x5xf32>
  // expected-remark @below {{the scale of an indexer is not positive}}
  %3 = onnx.Einsum(%2, %w) {equation = "bsht,bsh->bst"} : (tensor<2x3x4x5xf32>, tensor<2x3x4xf32>) -> tensor<2x3x5xf32>
  return %3 : tensor<2x3x5xf32>
}

// A key for every head is attention of another kind.
// CHECK-LABEL: @key_heads
// CHECK-NOT: fulgur.lightning_indexer
func.func @key_heads(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x4x8xf32>, %w: tensor<2x3x4xf32>) -> tensor<2x3x5xf32> {
  %0 = onnx.Einsum(%q, %k) {equation = "bshd,bthd->bsht"} : (tensor<2x3x4x8xf32>, tensor<2x5x4x8xf32>) -> tensor<2x3x4x5xf32>
  %1 = onnx.Relu(%0) : (tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32>
  %2 = onnx.Einsum(%1, %w) {equation = "bsht,bsh->bst"} : (tensor<2x3x4x5xf32>, tensor<2x3x4xf32>) -> tensor<2x3x5xf32>
  return %2 : tensor<2x3x5xf32>
}

// One weight for each head, but not for each position.
// CHECK-LABEL: @shared_weights
// CHECK-NOT: fulgur.lightning_indexer
func.func @shared_weights(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x8xf32>, %w: tensor<4xf32>) -> tensor<2x3x5xf32> {
  %0 = onnx.Einsum(%q, %k) {equation = "bshd,btd->bsht"} : (tensor<2x3x4x8xf32>, tensor<2x5x8xf32>) -> tensor<2x3x4x5xf32>
  %1 = onnx.Relu(%0) : (tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32>
  %2 = onnx.Einsum(%1, %w) {equation = "bsht,h->bst"} : (tensor<2x3x4x5xf32>, tensor<4xf32>) -> tensor<2x3x5xf32>
  return %2 : tensor<2x3x5xf32>
}

// The scores of negative products count too.
// CHECK-LABEL: @not_positive
// CHECK-NOT: fulgur.lightning_indexer
func.func @not_positive(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x8xf32>, %w: tensor<2x3x4xf32>) -> tensor<2x3x5xf32> {
  %one = arith.constant dense<1.0> : tensor<f32>
  %0 = onnx.Einsum(%q, %k) {equation = "bshd,btd->bsht"} : (tensor<2x3x4x8xf32>, tensor<2x5x8xf32>) -> tensor<2x3x4x5xf32>
  %1 = onnx.Max(%0, %one) : (tensor<2x3x4x5xf32>, tensor<f32>) -> tensor<2x3x4x5xf32>
  %2 = onnx.Einsum(%1, %w) {equation = "bsht,bsh->bst"} : (tensor<2x3x4x5xf32>, tensor<2x3x4xf32>) -> tensor<2x3x5xf32>
  return %2 : tensor<2x3x5xf32>
}
