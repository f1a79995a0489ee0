// RUN: fulgur-opt %s --fulgur-convert-onnx-to-linalg --split-input-file | FileCheck %s

// Kept dimensions are views.

// CHECK-LABEL: func @sum_keep(
func.func @sum_keep(%x: tensor<?x4x?xf32>) -> tensor<?x1x?xf32> {
  %axes = arith.constant dense<1> : tensor<1xi64>
  // CHECK: %[[SUM:.*]] = linalg.generic {{.*}}iterator_types = ["parallel", "reduction", "parallel"]
  // CHECK-SAME: ins(%{{.*}} : tensor<?x4x?xf32>) outs(%{{.*}} : tensor<?x?xf32>)
  // CHECK: tensor.expand_shape %[[SUM]] {{\[}}[0, 1], [2]]
  %0 = onnx.ReduceSum(%x, %axes) : (tensor<?x4x?xf32>, tensor<1xi64>) -> tensor<?x1x?xf32>
  return %0 : tensor<?x1x?xf32>
}

// -----

// Halves are summed in f32, and divided there.

// CHECK-LABEL: func @mean_half(
func.func @mean_half(%x: tensor<?x8xf16>) -> tensor<?xf16> {
  %axes = arith.constant dense<-1> : tensor<1xi64>
  // CHECK: outs(%{{.*}} : tensor<?xf32>)
  // CHECK: arith.divf {{.*}} : f32
  // CHECK: arith.truncf {{.*}} : f32 to f16
  %0 = onnx.ReduceMean(%x, %axes) {keepdims = 0 : i64} : (tensor<?x8xf16>, tensor<1xi64>) -> tensor<?xf16>
  return %0 : tensor<?xf16>
}

// -----

// Nothing to reduce, if empty axes mean none.

// CHECK-LABEL: func @noop(
func.func @noop(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %axes = arith.constant dense<> : tensor<0xi64>
  // CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]
  // CHECK-NOT: reduction
  %0 = onnx.ReduceSum(%x, %axes) {noop_with_empty_axes = 1 : i64} : (tensor<2x3xf32>, tensor<0xi64>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// The least value of the type starts a maximum, so that an empty set has one.

// CHECK-LABEL: func @max_init(
func.func @max_init(%x: tensor<?xf32>) -> tensor<f32> {
  // CHECK: %[[LOWEST:.*]] = arith.constant 0xFF800000 : f32
  // CHECK: linalg.fill ins(%[[LOWEST]] : f32)
  // CHECK: arith.maximumf
  %0 = onnx.ReduceMax(%x) {keepdims = 0 : i64} : (tensor<?xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// Axes that are known at run time only: each element finds its place.

// CHECK-LABEL: func @runtime_axes(
// CHECK-SAME:    %{{.*}}: tensor<3x4xf32>, %[[AXES:.*]]: tensor<1xi64>
func.func @runtime_axes(%x: tensor<3x4xf32>, %axes: tensor<1xi64>) -> tensor<?x?xf32> {
  // CHECK: tensor.extract %[[AXES]]
  // CHECK: scf.for
  // CHECK: scf.for
  // CHECK: arith.addf
  // CHECK: tensor.insert
  %0 = onnx.ReduceSum(%x, %axes) : (tensor<3x4xf32>, tensor<1xi64>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// A logarithm of a sum of exponentials does not overflow: the maximum is taken
// out first.

// CHECK-LABEL: func @log_sum_exp(
func.func @log_sum_exp(%x: tensor<?x8xf32>) -> tensor<?xf32> {
  %axes = arith.constant dense<1> : tensor<1xi64>
  // CHECK: arith.maximumf
  // CHECK: arith.subf
  // CHECK: math.exp
  // CHECK: math.log
  %0 = onnx.ReduceLogSumExp(%x, %axes) {keepdims = 0 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// Of equal elements the first counts, unless the last is asked for: strictly
// greater, or greater or equal.

// CHECK-LABEL: func @argmax_first(
func.func @argmax_first(%x: tensor<?x8xi32>) -> tensor<?xi64> {
  // CHECK: arith.cmpi slt
  // CHECK-NOT: arith.cmpi eq
  // CHECK: return
  %0 = onnx.ArgMax(%x) {axis = 1 : i64, keepdims = 0 : i64} : (tensor<?x8xi32>) -> tensor<?xi64>
  return %0 : tensor<?xi64>
}

// CHECK-LABEL: func @argmax_last(
func.func @argmax_last(%x: tensor<?x8xi32>) -> tensor<?xi64> {
  // CHECK: arith.cmpi slt
  // CHECK: arith.cmpi eq
  // CHECK: arith.ori
  %0 = onnx.ArgMax(%x) {axis = 1 : i64, keepdims = 0 : i64, select_last_index = 1 : i64} : (tensor<?x8xi32>) -> tensor<?xi64>
  return %0 : tensor<?xi64>
}

// -----

// A scan reads what it wrote for the element before.

// CHECK-LABEL: func @cumsum(
func.func @cumsum(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %axis = arith.constant dense<1> : tensor<i64>
  // CHECK: scf.for
  // CHECK: scf.for {{.*}} iter_args(%[[SUMS:.*]] = %{{.*}}) -> (tensor<?x4xf32>)
  // CHECK: tensor.extract %[[SUMS]]
  // CHECK: %[[NEXT:.*]] = arith.addf
  // CHECK: tensor.insert %[[NEXT]] into %[[SUMS]]
  %0 = onnx.CumSum(%x, %axis) : (tensor<?x4xf32>, tensor<i64>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
