// RUN: fulgur-opt %s --fulgur-convert-onnx-to-linalg | FileCheck %s

// Nothing is left behind the last element, where no view may start.
// CHECK-LABEL: @behind_the_end
// CHECK: %[[E:.*]] = tensor.empty() : tensor<3x0xf32>
// CHECK: return %[[E]]
func.func @behind_the_end(%x: tensor<3x8xf32>) -> tensor<3x0xf32> {
  %start = arith.constant dense<8> : tensor<1xi64>
  %end = arith.constant dense<9> : tensor<1xi64>
  %axis = arith.constant dense<1> : tensor<1xi64>
  %0 = onnx.Slice(%x, %start, %end, %axis) : (tensor<3x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3x0xf32>
  return %0 : tensor<3x0xf32>
}
