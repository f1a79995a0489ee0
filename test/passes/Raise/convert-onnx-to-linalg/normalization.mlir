// RUN: fulgur-opt %s --fulgur-convert-onnx-to-linalg --split-input-file | FileCheck %s

// The maximum is subtracted before the exponential; arithmetic is in f32.

// CHECK-LABEL: func @softmax(
func.func @softmax(%x: tensor<?x8xf16>) -> tensor<?x8xf16> {
  // CHECK: arith.maximumf {{.*}} : f32
  // CHECK: arith.subf {{.*}} : f32
  // CHECK: math.exp {{.*}} : f32
  // CHECK: arith.addf {{.*}} : f32
  // CHECK: arith.divf {{.*}} : f32
  // CHECK: arith.truncf {{.*}} : f32 to f16
  %0 = onnx.Softmax(%x) {axis = -1 : i64} : (tensor<?x8xf16>) -> tensor<?x8xf16>
  return %0 : tensor<?x8xf16>
}

// -----

// Any axis: that one is reduced.

// CHECK-LABEL: func @log_softmax(
func.func @log_softmax(%x: tensor<?x4x?xf32>) -> tensor<?x4x?xf32> {
  // CHECK: iterator_types = ["parallel", "reduction", "parallel"]
  // CHECK: math.log
  // CHECK: arith.subf
  %0 = onnx.LogSoftmax(%x) {axis = 1 : i64} : (tensor<?x4x?xf32>) -> tensor<?x4x?xf32>
  return %0 : tensor<?x4x?xf32>
}

// -----

// All axes from 'axis' on share their moments, and the variance is that of the
// differences from the mean, in a second pass.

// CHECK-LABEL: func @layer_norm(
func.func @layer_norm(%x: tensor<?x4x8xf32>, %s: tensor<4x8xf32>, %b: tensor<4x8xf32>) -> tensor<?x4x8xf32> {
  // CHECK: iterator_types = ["parallel", "reduction", "reduction"]
  // CHECK: iterator_types = ["parallel", "reduction", "reduction"]
  // CHECK: arith.subf
  // CHECK: arith.mulf
  // CHECK: math.rsqrt
  %0 = onnx.LayerNormalization(%x, %s, %b) {axis = 1 : i64} : (tensor<?x4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<?x4x8xf32>
  return %0 : tensor<?x4x8xf32>
}

// -----

// No mean is taken out of a root mean square.

// CHECK-LABEL: func @rms_norm(
func.func @rms_norm(%x: tensor<?x8xf32>, %s: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK-NOT: arith.subf
  // CHECK: math.rsqrt
  // CHECK-NOT: arith.subf
  // CHECK: return
  %0 = onnx.RMSNormalization(%x, %s) {epsilon = 1.0e-06 : f32} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----

// Groups of channels are a dimension of their own for a while.

// CHECK-LABEL: func @group_norm(
func.func @group_norm(%x: tensor<?x6x?xf32>, %s: tensor<6xf32>, %b: tensor<6xf32>) -> tensor<?x6x?xf32> {
  // CHECK: tensor.expand_shape {{.*}} {{\[}}[0], [1, 2], [3]] {{.*}} into tensor<?x2x3x?xf32>
  // CHECK: iterator_types = ["parallel", "parallel", "reduction", "reduction"]
  // CHECK: tensor.collapse_shape {{.*}} {{\[}}[0], [1, 2], [3]]
  %0 = onnx.GroupNormalization(%x, %s, %b) {num_groups = 2 : i64} : (tensor<?x6x?xf32>, tensor<6xf32>, tensor<6xf32>) -> tensor<?x6x?xf32>
  return %0 : tensor<?x6x?xf32>
}

// -----

// Ties go to the even number, and what is out of range to the bounds.

// CHECK-LABEL: func @quantize(
func.func @quantize(%x: tensor<?xf32>, %s: tensor<f32>, %z: tensor<i8>) -> tensor<?xi8> {
  // CHECK: math.roundeven
  // CHECK: arith.constant -128 : i8
  // CHECK: arith.maximumf
  // CHECK: arith.constant 127 : i8
  // CHECK: arith.minimumf
  // CHECK: arith.fptosi
  %0 = onnx.QuantizeLinear(%x, %s, %z) : (tensor<?xf32>, tensor<f32>, tensor<i8>) -> tensor<?xi8>
  return %0 : tensor<?xi8>
}

// -----

// A block of elements along the axis shares a scale.

// CHECK: #[[BLOCK:.*]] = affine_map<(d0, d1) -> (d0, d1 floordiv 4)>
// CHECK-LABEL: func @dequantize_blocked(
func.func @dequantize_blocked(%x: tensor<2x8xi8>, %s: tensor<2x2xf32>) -> tensor<2x8xf32> {
  // CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[BLOCK]], #{{.*}}]
  %0 = onnx.DequantizeLinear(%x, %s) {axis = 1 : i64, block_size = 4 : i64} : (tensor<2x8xi8>, tensor<2x2xf32>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}
