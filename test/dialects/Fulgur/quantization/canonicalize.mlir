// RUN: fulgur-opt %s --canonicalize | FileCheck %s

// A known size is known in blocks too: 576 rows are 4 and a half of them.
// CHECK-LABEL: @quantize(
// CHECK: fulgur.quantize {{.*}} : tensor<576x256xf32> -> tensor<576x256xf8E4M3FN>, tensor<5x2xf32>
func.func @quantize(%x: tensor<576x256xf32>) -> (tensor<?x256xf8E4M3FN>, tensor<?x2xf32>) {
  %a = tensor.cast %x : tensor<576x256xf32> to tensor<?x256xf32>
  %v, %s = fulgur.quantize %a block [128, 128] : tensor<?x256xf32> -> tensor<?x256xf8E4M3FN>, tensor<?x2xf32>
  return %v, %s : tensor<?x256xf8E4M3FN>, tensor<?x2xf32>
}

// CHECK-LABEL: @scaled_matmul(
// CHECK: fulgur.scaled_matmul {{.*}} : tensor<5x64xf8E4M3FN>, tensor<?x2xf32>, tensor<24x64xf8E4M3FN>, tensor<?x2xf32> -> tensor<5x24xf32>
func.func @scaled_matmul(%a: tensor<5x64xf8E4M3FN>, %as: tensor<?x2xf32>, %b: tensor<24x64xf8E4M3FN>, %bs: tensor<?x2xf32>) -> tensor<?x?xf32> {
  %x = tensor.cast %a : tensor<5x64xf8E4M3FN> to tensor<?x64xf8E4M3FN>
  %w = tensor.cast %b : tensor<24x64xf8E4M3FN> to tensor<?x64xf8E4M3FN>
  %y = fulgur.scaled_matmul %x scales %as, %w scales %bs block [1, 16, 32] : tensor<?x64xf8E4M3FN>, tensor<?x2xf32>, tensor<?x64xf8E4M3FN>, tensor<?x2xf32> -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// What is rounded does not come back: both operations stay.
// CHECK-LABEL: @there_and_back
// CHECK: fulgur.quantize
// CHECK: fulgur.dequantize
func.func @there_and_back(%x: tensor<4x64xf32>) -> tensor<4x64xf32> {
  %v, %s = fulgur.quantize %x block [1, 32] : tensor<4x64xf32> -> tensor<4x64xf8E4M3FN>, tensor<4x2xf32>
  %y = fulgur.dequantize %v, %s block [1, 32] : tensor<4x64xf8E4M3FN>, tensor<4x2xf32> -> tensor<4x64xf32>
  return %y : tensor<4x64xf32>
}
