// RUN: fulgur-opt %s | fulgur-opt | FileCheck %s

// CHECK-LABEL: @quantize
// CHECK: %[[V:.*]], %[[S:.*]] = fulgur.quantize %{{.*}} block [1, 128] : tensor<?x7168xf32> -> tensor<?x7168xf8E4M3FN>, tensor<?x56xf32>
// CHECK: return %[[V]], %[[S]]
func.func @quantize(%x: tensor<?x7168xf32>) -> (tensor<?x7168xf8E4M3FN>, tensor<?x56xf32>) {
  %v, %s = fulgur.quantize %x block [1, 128] : tensor<?x7168xf32> -> tensor<?x7168xf8E4M3FN>, tensor<?x56xf32>
  return %v, %s : tensor<?x7168xf8E4M3FN>, tensor<?x56xf32>
}

// CHECK-LABEL: @quantize_ue8m0
// CHECK: fulgur.quantize %{{.*}} block [128, 128] ue8m0 : tensor<576x7168xbf16> -> tensor<576x7168xf8E4M3FN>, tensor<5x56xf32>
func.func @quantize_ue8m0(%x: tensor<576x7168xbf16>) -> tensor<5x56xf32> {
  %v, %s = fulgur.quantize %x block [128, 128] ue8m0 : tensor<576x7168xbf16> -> tensor<576x7168xf8E4M3FN>, tensor<5x56xf32>
  return %s : tensor<5x56xf32>
}

// A vector is one row, and a stack of matrices has blocks of each.
// CHECK-LABEL: @quantize_ranks
// CHECK: fulgur.quantize %{{.*}} block [1, 128] : tensor<?xf16> -> tensor<?xf8E4M3FN>, tensor<?xf32>
// CHECK: fulgur.quantize %{{.*}} block [128, 128] : tensor<256x?x7168xf32> -> tensor<256x?x7168xf8E4M3FN>, tensor<256x?x56xf32>
func.func @quantize_ranks(%x: tensor<?xf16>, %w: tensor<256x?x7168xf32>) -> (tensor<?xf32>, tensor<256x?x56xf32>) {
  %v, %s = fulgur.quantize %x block [1, 128] : tensor<?xf16> -> tensor<?xf8E4M3FN>, tensor<?xf32>
  %u, %t = fulgur.quantize %w block [128, 128] : tensor<256x?x7168xf32> -> tensor<256x?x7168xf8E4M3FN>, tensor<256x?x56xf32>
  return %s, %t : tensor<?xf32>, tensor<256x?x56xf32>
}

// CHECK-LABEL: @dequantize
// CHECK: %[[W:.*]] = fulgur.dequantize %{{.*}}, %{{.*}} block [128, 128] : tensor<576x7168xf8E4M3FN>, tensor<5x56xf32> -> tensor<576x7168xbf16>
// CHECK: return %[[W]]
func.func @dequantize(%v: tensor<576x7168xf8E4M3FN>, %s: tensor<5x56xf32>) -> tensor<576x7168xbf16> {
  %w = fulgur.dequantize %v, %s block [128, 128] : tensor<576x7168xf8E4M3FN>, tensor<5x56xf32> -> tensor<576x7168xbf16>
  return %w : tensor<576x7168xbf16>
}

// CHECK-LABEL: @scaled_matmul
// CHECK: fulgur.scaled_matmul %{{.*}} scales %{{.*}}, %{{.*}} scales %{{.*}} block [1, 128, 128] : tensor<?x7168xf8E4M3FN>, tensor<?x56xf32>, tensor<576x7168xf8E4M3FN>, tensor<5x56xf32> -> tensor<?x576xbf16>
func.func @scaled_matmul(%x: tensor<?x7168xf8E4M3FN>, %xs: tensor<?x56xf32>, %w: tensor<576x7168xf8E4M3FN>, %ws: tensor<5x56xf32>) -> tensor<?x576xbf16> {
  %y = fulgur.scaled_matmul %x scales %xs, %w scales %ws block [1, 128, 128] : tensor<?x7168xf8E4M3FN>, tensor<?x56xf32>, tensor<576x7168xf8E4M3FN>, tensor<5x56xf32> -> tensor<?x576xbf16>
  return %y : tensor<?x576xbf16>
}
