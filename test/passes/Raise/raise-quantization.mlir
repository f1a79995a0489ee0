// RUN: fulgur-opt %s --fulgur-raise-quantization | FileCheck %s

// CHECK-LABEL: @columns
// CHECK-SAME: (%[[V:[a-z0-9]*]]: tensor<576x7168xf8E4M3FN>, %[[S:[a-z0-9]*]]: tensor<576x56xf32>)
// CHECK-NEXT: %[[W:.*]] = fulgur.dequantize %[[V]], %[[S]] block [1, 128] : tensor<576x7168xf8E4M3FN>, tensor<576x56xf32> -> tensor<576x7168xf32>
// CHECK-NEXT: return %[[W]]
func.func @columns(%v: tensor<576x7168xf8E4M3FN>, %s: tensor<576x56xf32>) -> tensor<576x7168xf32> {
  %0 = onnx.DequantizeLinear(%v, %s) {axis = 1 : i64, block_size = 128 : i64} : (tensor<576x7168xf8E4M3FN>, tensor<576x56xf32>) -> tensor<576x7168xf32>
  return %0 : tensor<576x7168xf32>
}

// The last block is smaller, and the axis counted from the end.
// CHECK-LABEL: @ragged
// CHECK: fulgur.dequantize {{.*}} block [1, 128] : tensor<?x3x300xf8E4M3FN>, tensor<?x3x3xf32> -> tensor<?x3x300xbf16>
func.func @ragged(%v: tensor<?x3x300xf8E4M3FN>, %s: tensor<?x3x3xf32>) -> tensor<?x3x300xbf16> {
  %0 = onnx.DequantizeLinear(%v, %s) {axis = -1 : i64, block_size = 128 : i64} : (tensor<?x3x300xf8E4M3FN>, tensor<?x3x3xf32>) -> tensor<?x3x300xbf16>
  return %0 : tensor<?x3x300xbf16>
}

// Blocks of one column; the zero point is 0.
// CHECK-LABEL: @rows
// CHECK: fulgur.dequantize {{.*}} block [32, 1] : tensor<40x8xf8E4M3FN>, tensor<2x8xf32> -> tensor<40x8xf32>
func.func @rows(%v: tensor<40x8xf8E4M3FN>, %s: tensor<2x8xf32>, %z: tensor<2x8xf8E4M3FN>) -> tensor<40x8xf32> {
  %0 = onnx.DequantizeLinear(%v, %s, %z) {axis = 0 : i64, block_size = 32 : i64} : (tensor<40x8xf8E4M3FN>, tensor<2x8xf32>, tensor<2x8xf8E4M3FN>) -> tensor<40x8xf32>
  return %0 : tensor<40x8xf32>
}

// CHECK-LABEL: @vector
// CHECK: fulgur.dequantize {{.*}} block [1, 32] : tensor<?xf8E4M3FN>, tensor<?xf32> -> tensor<?xf32>
func.func @vector(%v: tensor<?xf8E4M3FN>, %s: tensor<?xf32>) -> tensor<?xf32> {
  %0 = onnx.DequantizeLinear(%v, %s) {axis = 0 : i64, block_size = 32 : i64} : (tensor<?xf8E4M3FN>, tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
