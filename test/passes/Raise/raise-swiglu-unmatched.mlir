// RUN: fulgur-opt %s --fulgur-raise-swiglu | FileCheck %s

// CHECK-NOT: fulgur.swiglu

// The sigmoid of another tensor: a gated linear unit without swish.
func.func @glu(%gate: tensor<?x8xf32>, %up: tensor<?x8xf32>, %other: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = onnx.Sigmoid(%other) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = onnx.Mul(%gate, %0) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %2 = onnx.Mul(%1, %up) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}

// Another slope.
func.func @alpha(%gate: tensor<?x8xf32>, %up: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = onnx.Swish(%gate) {alpha = 1.702 : f32} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = onnx.Mul(%0, %up) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// One number for each column instead of a projection.
func.func @broadcast(%gate: tensor<?x8xf32>, %up: tensor<8xf32>) -> tensor<?x8xf32> {
  %0 = onnx.Sigmoid(%gate) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = onnx.Mul(%gate, %0) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %2 = onnx.Mul(%1, %up) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}
