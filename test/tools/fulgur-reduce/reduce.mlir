// A module is reduced to the operations without which the script finds no
// failure any more.
// RUN: fulgur-reduce %s --reduction-tree='traversal-mode=0 test=%S/Inputs/keeps-exp.sh' | FileCheck %s

// CHECK-NOT: func.func @other
func.func @other(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = onnx.Neg(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK: func.func @failing
// CHECK-NOT: onnx.Relu
// CHECK: onnx.Exp
// CHECK-NOT: onnx.Relu
func.func @failing(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = onnx.Relu(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = onnx.Relu(%0) : (tensor<4xf32>) -> tensor<4xf32>
  %2 = onnx.Exp(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
