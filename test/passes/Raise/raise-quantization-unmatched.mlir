// RUN: fulgur-opt %s --fulgur-raise-quantization --verify-diagnostics --remark-format=emitRemark --remarks-filter=raise | FileCheck %s

// CHECK-NOT: fulgur.dequantize

func.func @one_scale(%v: tensor<8x64xf8E4M3FN>, %s: tensor<f32>) -> tensor<8x64xf32> {
  // expected-remark @below {{expected scales of blocks, but got 'block_size' 0}}
  %0 = onnx.DequantizeLinear(%v, %s) : (tensor<8x64xf8E4M3FN>, tensor<f32>) -> tensor<8x64xf32>
  return %0 : tensor<8x64xf32>
}

func.func @half_scales(%v: tensor<8x64xf8E4M3FN>, %s: tensor<8x2xf16>) -> tensor<8x64xf16> {
  // expected-remark @below {{expected scales of f32 and a float result, but got f16 and f16}}
  %0 = onnx.DequantizeLinear(%v, %s) {axis = 1 : i64, block_size = 32 : i64} : (tensor<8x64xf8E4M3FN>, tensor<8x2xf16>) -> tensor<8x64xf16>
  return %0 : tensor<8x64xf16>
}

func.func @leading_axis(%v: tensor<8x4x64xf8E4M3FN>, %s: tensor<2x4x64xf32>) -> tensor<8x4x64xf32> {
  // expected-remark @below {{expected blocks along one of the last two dimensions of 3, but got dimension 0}}
  %0 = onnx.DequantizeLinear(%v, %s) {axis = 0 : i64, block_size = 4 : i64} : (tensor<8x4x64xf8E4M3FN>, tensor<2x4x64xf32>) -> tensor<8x4x64xf32>
  return %0 : tensor<8x4x64xf32>
}

func.func @shared_scales(%v: tensor<?x64xf8E4M3FN>, %s: tensor<1x2xf32>) -> tensor<?x64xf32> {
  // expected-remark @below {{expected dimension 0 of the scales to be that of the values, but got 1}}
  %0 = onnx.DequantizeLinear(%v, %s) {axis = 1 : i64, block_size = 32 : i64} : (tensor<?x64xf8E4M3FN>, tensor<1x2xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

func.func @vector_of_scales(%v: tensor<8x64xf8E4M3FN>, %s: tensor<2xf32>) -> tensor<8x64xf32> {
  // expected-remark @below {{expected scales of rank 2, but got 1}}
  %0 = onnx.DequantizeLinear(%v, %s) {axis = 1 : i64, block_size = 32 : i64} : (tensor<8x64xf8E4M3FN>, tensor<2xf32>) -> tensor<8x64xf32>
  return %0 : tensor<8x64xf32>
}

func.func @other_count(%v: tensor<8x64xf8E4M3FN>, %s: tensor<8x3xf32>) -> tensor<8x64xf32> {
  // expected-remark @below {{expected dimension 1 of the scales to be 2, but got 3}}
  %0 = onnx.DequantizeLinear(%v, %s) {axis = 1 : i64, block_size = 32 : i64} : (tensor<8x64xf8E4M3FN>, tensor<8x3xf32>) -> tensor<8x64xf32>
  return %0 : tensor<8x64xf32>
}

// Of integers nothing is said.
func.func @integers(%v: tensor<8x64xi8>, %s: tensor<8x2xf32>) -> tensor<8x64xf32> {
  %0 = onnx.DequantizeLinear(%v, %s) {axis = 1 : i64, block_size = 32 : i64} : (tensor<8x64xi8>, tensor<8x2xf32>) -> tensor<8x64xf32>
  return %0 : tensor<8x64xf32>
}
