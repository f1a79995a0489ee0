// RUN: fulgur-opt %s --fulgur-raise-concat | FileCheck %s

// CHECK-NOT: onnx.Concat

// Row 2 keeps its value.
func.func @gap(%x: tensor<5x4xf32>, %a: tensor<2x4xf32>) -> tensor<5x4xf32> {
  %first = arith.constant dense<[[0], [1]]> : tensor<2x1xi64>
  %second = arith.constant dense<[[3], [4]]> : tensor<2x1xi64>
  %0 = onnx.ScatterND(%x, %first, %a) : (tensor<5x4xf32>, tensor<2x1xi64>, tensor<2x4xf32>) -> tensor<5x4xf32>
  %1 = onnx.ScatterND(%0, %second, %a) : (tensor<5x4xf32>, tensor<2x1xi64>, tensor<2x4xf32>) -> tensor<5x4xf32>
  return %1 : tensor<5x4xf32>
}

// So do the last rows.
func.func @rest(%x: tensor<5x4xf32>, %a: tensor<2x4xf32>) -> tensor<5x4xf32> {
  %first = arith.constant dense<[[0], [1]]> : tensor<2x1xi64>
  %second = arith.constant dense<[[2], [3]]> : tensor<2x1xi64>
  %0 = onnx.ScatterND(%x, %first, %a) : (tensor<5x4xf32>, tensor<2x1xi64>, tensor<2x4xf32>) -> tensor<5x4xf32>
  %1 = onnx.ScatterND(%0, %second, %a) : (tensor<5x4xf32>, tensor<2x1xi64>, tensor<2x4xf32>) -> tensor<5x4xf32>
  return %1 : tensor<5x4xf32>
}

// Row 1 is written twice.
func.func @overlap(%x: tensor<3x4xf32>, %a: tensor<2x4xf32>) -> tensor<3x4xf32> {
  %first = arith.constant dense<[[0], [1]]> : tensor<2x1xi64>
  %second = arith.constant dense<[[1], [2]]> : tensor<2x1xi64>
  %0 = onnx.ScatterND(%x, %first, %a) : (tensor<3x4xf32>, tensor<2x1xi64>, tensor<2x4xf32>) -> tensor<3x4xf32>
  %1 = onnx.ScatterND(%0, %second, %a) : (tensor<3x4xf32>, tensor<2x1xi64>, tensor<2x4xf32>) -> tensor<3x4xf32>
  return %1 : tensor<3x4xf32>
}

// The rows change places.
func.func @reversed(%x: tensor<2x4xf32>, %a: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %rows = arith.constant dense<[[1], [0]]> : tensor<2x1xi64>
  %0 = onnx.ScatterND(%x, %rows, %a) : (tensor<2x4xf32>, tensor<2x1xi64>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// The rows are added.
func.func @add(%x: tensor<2x4xf32>, %a: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %rows = arith.constant dense<[[0], [1]]> : tensor<2x1xi64>
  %0 = onnx.ScatterND(%x, %rows, %a) {reduction = "add"} : (tensor<2x4xf32>, tensor<2x1xi64>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// Which rows, only the run shows.
func.func @dynamic(%x: tensor<2x4xf32>, %rows: tensor<2x1xi64>, %a: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %0 = onnx.ScatterND(%x, %rows, %a) : (tensor<2x4xf32>, tensor<2x1xi64>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}
