// RUN: fulgur-opt %s --fulgur-convert-onnx-to-linalg --split-input-file | FileCheck %s

// A matrix on the right multiplies all rows at once, in one linalg.matmul.

// CHECK-LABEL: func @matmul_rows(
// CHECK-SAME:    %[[X:.*]]: tensor<?x?x64xf32>, %[[W:.*]]: tensor<64x32xf32>
func.func @matmul_rows(%x: tensor<?x?x64xf32>, %w: tensor<64x32xf32>) -> tensor<?x?x32xf32> {
  // CHECK: %[[ROWS:.*]] = tensor.collapse_shape %[[X]] {{\[}}[0, 1], [2]] : tensor<?x?x64xf32> into tensor<?x64xf32>
  // CHECK: %[[Y:.*]] = linalg.matmul ins(%[[ROWS]], %[[W]] : tensor<?x64xf32>, tensor<64x32xf32>)
  // CHECK: tensor.expand_shape %[[Y]] {{\[}}[0, 1], [2]]
  %0 = onnx.MatMul(%x, %w) : (tensor<?x?x64xf32>, tensor<64x32xf32>) -> tensor<?x?x32xf32>
  return %0 : tensor<?x?x32xf32>
}

// -----

// Leading dimensions on both sides become the one batch of a batch_matmul.

// CHECK-LABEL: func @matmul_batch(
func.func @matmul_batch(%a: tensor<2x?x4x8xf32>, %b: tensor<2x?x8x?xf32>) -> tensor<2x?x4x?xf32> {
  // CHECK: linalg.batch_matmul ins(%{{.*}}, %{{.*}} : tensor<?x4x8xf32>, tensor<?x8x?xf32>)
  // CHECK: tensor.expand_shape {{.*}} {{\[}}[0, 1], [2], [3]]
  %0 = onnx.MatMul(%a, %b) : (tensor<2x?x4x8xf32>, tensor<2x?x8x?xf32>) -> tensor<2x?x4x?xf32>
  return %0 : tensor<2x?x4x?xf32>
}

// -----

// A dimension of size 1 is repeated along the batch of the other operand.

// CHECK-LABEL: func @matmul_broadcast(
func.func @matmul_broadcast(%a: tensor<2x1x4x8xf32>, %b: tensor<3x8x5xf32>) -> tensor<2x3x4x5xf32> {
  // CHECK-DAG: linalg.generic {{.*}} ins(%{{.*}} : tensor<2x1x4x8xf32>) outs(%{{.*}} : tensor<2x3x4x8xf32>)
  // CHECK-DAG: linalg.generic {{.*}} ins(%{{.*}} : tensor<3x8x5xf32>) outs(%{{.*}} : tensor<2x3x8x5xf32>)
  // CHECK: linalg.batch_matmul ins(%{{.*}}, %{{.*}} : tensor<6x4x8xf32>, tensor<6x8x5xf32>)
  %0 = onnx.MatMul(%a, %b) : (tensor<2x1x4x8xf32>, tensor<3x8x5xf32>) -> tensor<2x3x4x5xf32>
  return %0 : tensor<2x3x4x5xf32>
}

// -----

// A vector is a matrix of one row, or of one column.

// CHECK-LABEL: func @matmul_vectors(
func.func @matmul_vectors(%a: tensor<?xf32>, %b: tensor<?xf32>) -> tensor<f32> {
  // CHECK: linalg.matmul ins(%{{.*}}, %{{.*}} : tensor<1x?xf32>, tensor<?x1xf32>)
  // CHECK: into tensor<f32>
  %0 = onnx.MatMul(%a, %b) : (tensor<?xf32>, tensor<?xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// Halves are summed in f32, and rounded once.

// CHECK-LABEL: func @matmul_half(
func.func @matmul_half(%a: tensor<4x8xbf16>, %b: tensor<8x2xbf16>) -> tensor<4x2xbf16> {
  // CHECK: linalg.matmul ins(%{{.*}}, %{{.*}} : tensor<4x8xbf16>, tensor<8x2xbf16>) outs(%{{.*}} : tensor<4x2xf32>)
  // CHECK: arith.truncf {{.*}} : f32 to bf16
  %0 = onnx.MatMul(%a, %b) : (tensor<4x8xbf16>, tensor<8x2xbf16>) -> tensor<4x2xbf16>
  return %0 : tensor<4x2xbf16>
}

// -----

// Without scales and bias, Gemm is the product alone.

// CHECK-LABEL: func @gemm(
// CHECK-SAME:    %[[A:.*]]: tensor<?x8xf32>, %[[B:.*]]: tensor<4x8xf32>
func.func @gemm(%a: tensor<?x8xf32>, %b: tensor<4x8xf32>) -> tensor<?x4xf32> {
  // CHECK: %[[T:.*]] = linalg.transpose ins(%[[B]] : tensor<4x8xf32>)
  // CHECK: linalg.matmul ins(%[[A]], %[[T]]
  // CHECK-NOT: linalg.generic
  // CHECK: return
  %0 = onnx.Gemm(%a, %b) {transB = 1 : i64} : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// The bias is broadcast: it is read by columns.

// CHECK: #[[COLUMN:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func @gemm_bias(
func.func @gemm_bias(%a: tensor<?x8xf32>, %b: tensor<8x4xf32>, %c: tensor<4xf32>) -> tensor<?x4xf32> {
  // CHECK: %[[Y:.*]] = linalg.matmul
  // CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[COLUMN]], #{{.*}}]
  // CHECK-SAME: ins(%[[Y]], %{{.*}} : tensor<?x4xf32>, tensor<4xf32>)
  %0 = onnx.Gemm(%a, %b, %c) : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// An einsum that is a product of matrices becomes one.

// CHECK-LABEL: func @einsum_matmul(
func.func @einsum_matmul(%a: tensor<?x?x16x128xf32>, %b: tensor<16x128x512xf32>) -> tensor<?x?x16x512xf32> {
  // CHECK: linalg.batch_matmul ins(%{{.*}}, %{{.*}} : tensor<16x?x128xf32>, tensor<16x128x512xf32>)
  // CHECK: linalg.transpose
  %0 = onnx.Einsum(%a, %b) {equation = "bshd,hdc->bshc"} : (tensor<?x?x16x128xf32>, tensor<16x128x512xf32>) -> tensor<?x?x16x512xf32>
  return %0 : tensor<?x?x16x512xf32>
}

// -----

// A label twice in one term reads the diagonal.

// CHECK: #[[DIAGONAL:.*]] = affine_map<(d0) -> (d0, d0)>
// CHECK-LABEL: func @einsum_trace(
func.func @einsum_trace(%a: tensor<?x?xf32>) -> tensor<f32> {
  // CHECK: linalg.generic {indexing_maps = [#[[DIAGONAL]], #{{.*}}], iterator_types = ["reduction"]}
  %0 = onnx.Einsum(%a) {equation = "ii->"} : (tensor<?x?xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// Positions of the result and of the window add up to those of the image.

// CHECK: #[[IMAGE:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d4, d3 * 2 + d5 * 3)>
// CHECK-LABEL: func @conv(
func.func @conv(%x: tensor<1x4x?xf32>, %w: tensor<6x2x3xf32>) -> tensor<1x6x?xf32> {
  // CHECK: tensor.insert_slice
  // CHECK: linalg.generic {indexing_maps = [#[[IMAGE]]
  // CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<1x2x2x?xf32>, tensor<2x3x2x3xf32>)
  %0 = onnx.Conv(%x, %w) {strides = array<i64: 2>, dilations = array<i64: 3>, pads = array<i64: 1, 1>, group = 2 : i64} : (tensor<1x4x?xf32>, tensor<6x2x3xf32>) -> tensor<1x6x?xf32>
  return %0 : tensor<1x6x?xf32>
}

// -----

// Batches of extents that are not known to be the same are checked, and that of
// size 1 is repeated.

// CHECK-LABEL: func @matmul_unknown_batches(
func.func @matmul_unknown_batches(%a: tensor<?x4x8xf32>, %b: tensor<?x8x3xf32>) -> tensor<?x4x3xf32> {
  // CHECK: cf.assert {{.*}} "MatMul: shapes can not be broadcast"
  // CHECK: arith.select
  // CHECK: tensor.extract
  // CHECK: linalg.batch_matmul
  %0 = onnx.MatMul(%a, %b) : (tensor<?x4x8xf32>, tensor<?x8x3xf32>) -> tensor<?x4x3xf32>
  return %0 : tensor<?x4x3xf32>
}
