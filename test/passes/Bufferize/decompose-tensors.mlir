// RUN: fulgur-opt %s --fulgur-decompose-tensors | FileCheck %s

// A concatenation is insertions into one tensor.
// CHECK-LABEL: func.func @concat(
func.func @concat(%a: tensor<2xf32>, %b: tensor<3xf32>) -> tensor<5xf32> {
  // CHECK-NOT: tensor.concat
  // CHECK: tensor.insert_slice %{{.*}}[0] [2] [1]
  // CHECK: tensor.insert_slice %{{.*}}[2] [3] [1]
  %0 = tensor.concat dim(0) %a, %b : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// A constant that is written to is filled, instead of copied.
// CHECK-LABEL: func.func @written(
func.func @written(%a: tensor<2xf32>) -> tensor<5xf32> {
  // CHECK: tensor.empty() : tensor<5xf32>
  // CHECK: linalg.fill
  %zero = arith.constant dense<0.0> : tensor<5xf32>
  %0 = tensor.insert_slice %a into %zero[1] [2] [1] : tensor<2xf32> into tensor<5xf32>
  return %0 : tensor<5xf32>
}

// Unmatched: one that is only read stays.
// CHECK-LABEL: func.func @read(
func.func @read(%i: index) -> f32 {
  // CHECK-NOT: linalg.fill
  %zero = arith.constant dense<0.0> : tensor<5xf32>
  %0 = tensor.extract %zero[%i] : tensor<5xf32>
  return %0 : f32
}
