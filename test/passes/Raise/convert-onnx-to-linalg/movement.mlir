// RUN: fulgur-opt %s --fulgur-convert-onnx-to-linalg --canonicalize --split-input-file | FileCheck %s

// A slice with positive steps is a view.

// CHECK-LABEL: func @slice(
// CHECK-SAME:    %[[X:.*]]: tensor<8x4xf32>
func.func @slice(%x: tensor<8x4xf32>) -> tensor<3x4xf32> {
  %starts = arith.constant dense<-7> : tensor<1xi64>
  %ends = arith.constant dense<100> : tensor<1xi64>
  %axes = arith.constant dense<0> : tensor<1xi64>
  %steps = arith.constant dense<3> : tensor<1xi64>
  // CHECK: tensor.extract_slice %[[X]][1, 0] [3, 4] [3, 1]
  %0 = onnx.Slice(%x, %starts, %ends, %axes, %steps) : (tensor<8x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// No view runs backward: elements are read one by one.

// CHECK-LABEL: func @reverse(
func.func @reverse(%x: tensor<8xf32>) -> tensor<8xf32> {
  %starts = arith.constant dense<-1> : tensor<1xi64>
  %ends = arith.constant dense<-100> : tensor<1xi64>
  %axes = arith.constant dense<0> : tensor<1xi64>
  %steps = arith.constant dense<-1> : tensor<1xi64>
  // CHECK-NOT: tensor.extract_slice
  // CHECK: %[[I:.*]] = linalg.index 0
  // CHECK: tensor.extract
  %0 = onnx.Slice(%x, %starts, %ends, %axes, %steps) : (tensor<8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// A part that is empty is no slice, which could not start at the end.

// CHECK-LABEL: func @slice_empty(
func.func @slice_empty(%x: tensor<?x8xf32>) -> tensor<?x0xf32> {
  %starts = arith.constant dense<8> : tensor<1xi64>
  %ends = arith.constant dense<9> : tensor<1xi64>
  %axes = arith.constant dense<1> : tensor<1xi64>
  // CHECK-NOT: tensor.extract_slice
  // CHECK: tensor.empty
  %0 = onnx.Slice(%x, %starts, %ends, %axes) : (tensor<?x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x0xf32>
  return %0 : tensor<?x0xf32>
}

// -----

// -1 is what the other sizes leave, and 0 keeps a size.

// CHECK-LABEL: func @reshape(
func.func @reshape(%x: tensor<?x6x4xf32>) -> tensor<?x?x8xf32> {
  %shape = arith.constant dense<[0, -1, 8]> : tensor<3xi64>
  // CHECK: tensor.collapse_shape {{.*}} {{\[}}[0, 1, 2]]
  // CHECK: tensor.expand_shape {{.*}} into tensor<?x?x8xf32>
  %0 = onnx.Reshape(%x, %shape) : (tensor<?x6x4xf32>, tensor<3xi64>) -> tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}

// -----

// Parts are put into the result one after the other.

// CHECK-LABEL: func @concat(
func.func @concat(%a: tensor<?x4xf32>, %b: tensor<2x4xf32>) -> tensor<?x4xf32> {
  // CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0]
  // CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[%{{.*}}, 0] [2, 4]
  %0 = onnx.Concat(%a, %b) {axis = 0 : i64} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
