// RUN: fulgur-opt %s --fulgur-raise-indexer --canonicalize --cse | FileCheck %s

// The sum over the heads is a product of matrices; the weights keep their
// factor.
// CHECK-LABEL: @matmuls
// CHECK-SAME: (%[[Q:.*]]: tensor<2x?x4x8xf32>, %[[K:.*]]: tensor<2x?x8xf32>, %[[W:.*]]: tensor<2x?x4xf32>)
// CHECK: %[[SCALED:.*]] = onnx.Mul(%[[W]],
// CHECK: %[[I:.*]] = fulgur.lightning_indexer %[[Q]], %[[K]], %[[SCALED]] scale 2.5e-01 : tensor<2x?x4x8xf32>, tensor<2x?x8xf32>, tensor<2x?x4xf32> -> tensor<2x?x?xf32>
// CHECK: return %[[I]]
func.func @matmuls(%q: tensor<2x?x4x8xf32>, %k: tensor<2x?x8xf32>, %w: tensor<2x?x4xf32>) -> tensor<2x?x?xf32> {
  %scale = arith.constant dense<0.25> : tensor<f32>
  %root = arith.constant dense<0.5> : tensor<f32>
  %i1 = arith.constant dense<1> : tensor<1xi64>
  %n2 = arith.constant dense<-2> : tensor<1xi64>
  %0 = onnx.Transpose(%k) {perm = array<i64: 0, 2, 1>} : (tensor<2x?x8xf32>) -> tensor<2x8x?xf32>
  %1 = onnx.Unsqueeze(%0, %i1) : (tensor<2x8x?xf32>, tensor<1xi64>) -> tensor<2x1x8x?xf32>
  %2 = onnx.MatMul(%q, %1) : (tensor<2x?x4x8xf32>, tensor<2x1x8x?xf32>) -> tensor<2x?x4x?xf32>
  %3 = onnx.Mul(%2, %scale) : (tensor<2x?x4x?xf32>, tensor<f32>) -> tensor<2x?x4x?xf32>
  %4 = onnx.Relu(%3) : (tensor<2x?x4x?xf32>) -> tensor<2x?x4x?xf32>
  %5 = onnx.Mul(%w, %root) : (tensor<2x?x4xf32>, tensor<f32>) -> tensor<2x?x4xf32>
  %6 = onnx.Unsqueeze(%5, %n2) : (tensor<2x?x4xf32>, tensor<1xi64>) -> tensor<2x?x1x4xf32>
  %7 = onnx.MatMul(%6, %4) : (tensor<2x?x1x4xf32>, tensor<2x?x4x?xf32>) -> tensor<2x?x1x?xf32>
  %8 = onnx.Squeeze(%7, %n2) : (tensor<2x?x1x?xf32>, tensor<1xi64>) -> tensor<2x?x?xf32>
  return %8 : tensor<2x?x?xf32>
}

// Heads before positions, a factor behind the positive part, and a sum of
// products element by element.
// CHECK-LABEL: @reduce
// CHECK-SAME: (%[[Q:.*]]: tensor<2x3x4x8xf32>, %[[K:.*]]: tensor<2x5x8xf32>, %[[W:.*]]: tensor<2x3x4xf32>)
// CHECK: fulgur.lightning_indexer %[[Q]], %[[K]], %[[W]] scale 1.25e-01 : tensor<2x3x4x8xf32>
func.func @reduce(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x8xf32>, %w: tensor<2x3x4xf32>) -> tensor<2x3x5xf32> {
  %scale = arith.constant dense<8.0> : tensor<f32>
  %i1 = arith.constant dense<1> : tensor<1xi64>
  %i3 = arith.constant dense<3> : tensor<1xi64>
  %0 = onnx.Transpose(%q) {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x3x4x8xf32>) -> tensor<2x4x3x8xf32>
  %1 = onnx.Unsqueeze(%k, %i1) : (tensor<2x5x8xf32>, tensor<1xi64>) -> tensor<2x1x5x8xf32>
  %2 = onnx.Transpose(%1) {perm = array<i64: 0, 1, 3, 2>} : (tensor<2x1x5x8xf32>) -> tensor<2x1x8x5xf32>
  %3 = onnx.MatMul(%0, %2) : (tensor<2x4x3x8xf32>, tensor<2x1x8x5xf32>) -> tensor<2x4x3x5xf32>
  %4 = onnx.Relu(%3) : (tensor<2x4x3x5xf32>) -> tensor<2x4x3x5xf32>
  %5 = onnx.Div(%4, %scale) : (tensor<2x4x3x5xf32>, tensor<f32>) -> tensor<2x4x3x5xf32>
  %6 = onnx.Transpose(%w) {perm = array<i64: 0, 2, 1>} : (tensor<2x3x4xf32>) -> tensor<2x4x3xf32>
  %7 = onnx.Unsqueeze(%6, %i3) : (tensor<2x4x3xf32>, tensor<1xi64>) -> tensor<2x4x3x1xf32>
  %8 = onnx.Mul(%5, %7) : (tensor<2x4x3x5xf32>, tensor<2x4x3x1xf32>) -> tensor<2x4x3x5xf32>
  %9 = onnx.ReduceSum(%8, %i1) {keepdims = 0 : i64} : (tensor<2x4x3x5xf32>, tensor<1xi64>) -> tensor<2x3x5xf32>
  return %9 : tensor<2x3x5xf32>
}

// CHECK-LABEL: @einsums
// CHECK-SAME: (%[[Q:.*]]: tensor<2x3x4x8xf32>, %[[K:.*]]: tensor<2x5x8xf32>, %[[W:.*]]: tensor<2x3x4xf32>)
// CHECK: fulgur.lightning_indexer %[[Q]], %[[K]], %[[W]] scale 1.0e+00 : tensor<2x3x4x8xf32>
func.func @einsums(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x8xf32>, %w: tensor<2x3x4xf32>) -> tensor<2x3x5xf32> {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %0 = onnx.Einsum(%q, %k) {equation = "bshd, btd -> bsht"} : (tensor<2x3x4x8xf32>, tensor<2x5x8xf32>) -> tensor<2x3x4x5xf32>
  %1 = onnx.Max(%0, %zero) : (tensor<2x3x4x5xf32>, tensor<f32>) -> tensor<2x3x4x5xf32>
  %2 = onnx.Einsum(%1, %w) {equation = "bsht,bsh->bst"} : (tensor<2x3x4x5xf32>, tensor<2x3x4xf32>) -> tensor<2x3x5xf32>
  return %2 : tensor<2x3x5xf32>
}

// Queries and keys of bf16, which are multiplied as f32: the indexer reads them as
// they are, and has scores of f32.
// CHECK-LABEL: @widened
// CHECK-SAME: (%[[Q:.*]]: tensor<2x?x4x8xbf16>, %[[K:.*]]: tensor<2x?x8xbf16>, %[[W:.*]]: tensor<2x?x4xf32>)
// CHECK: %[[I:.*]] = fulgur.lightning_indexer %[[Q]], %[[K]], %[[W]] scale 1.0e+00 : tensor<2x?x4x8xbf16>, tensor<2x?x8xbf16>, tensor<2x?x4xf32> -> tensor<2x?x?xf32>
// CHECK: return %[[I]]
func.func @widened(%q: tensor<2x?x4x8xbf16>, %k: tensor<2x?x8xbf16>, %w: tensor<2x?x4xf32>) -> tensor<2x?x?xf32> {
  %0 = onnx.Cast(%q) {to = 1 : i64} : (tensor<2x?x4x8xbf16>) -> tensor<2x?x4x8xf32>
  %1 = onnx.Cast(%k) {to = 1 : i64} : (tensor<2x?x8xbf16>) -> tensor<2x?x8xf32>
  %2 = onnx.Einsum(%0, %1) {equation = "bshd, btd -> bsht"} : (tensor<2x?x4x8xf32>, tensor<2x?x8xf32>) -> tensor<2x?x4x?xf32>
  %3 = onnx.Relu(%2) : (tensor<2x?x4x?xf32>) -> tensor<2x?x4x?xf32>
  %4 = onnx.Einsum(%3, %w) {equation = "bsht,bsh->bst"} : (tensor<2x?x4x?xf32>, tensor<2x?x4xf32>) -> tensor<2x?x?xf32>
  return %4 : tensor<2x?x?xf32>
}

// The keys alone: both stay f32.
// CHECK-LABEL: @widened_keys
// CHECK: fulgur.lightning_indexer {{.*}} : tensor<2x?x4x8xf32>, tensor<2x?x8xf32>, tensor<2x?x4xf32> -> tensor<2x?x?xf32>
func.func @widened_keys(%q: tensor<2x?x4x8xf32>, %k: tensor<2x?x8xbf16>, %w: tensor<2x?x4xf32>) -> tensor<2x?x?xf32> {
  %1 = onnx.Cast(%k) {to = 1 : i64} : (tensor<2x?x8xbf16>) -> tensor<2x?x8xf32>
  %2 = onnx.Einsum(%q, %1) {equation = "bshd, btd -> bsht"} : (tensor<2x?x4x8xf32>, tensor<2x?x8xf32>) -> tensor<2x?x4x?xf32>
  %3 = onnx.Relu(%2) : (tensor<2x?x4x?xf32>) -> tensor<2x?x4x?xf32>
  %4 = onnx.Einsum(%3, %w) {equation = "bsht,bsh->bst"} : (tensor<2x?x4x?xf32>, tensor<2x?x4xf32>) -> tensor<2x?x?xf32>
  return %4 : tensor<2x?x?xf32>
}
