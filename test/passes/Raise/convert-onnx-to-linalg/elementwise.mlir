// RUN: fulgur-opt %s --fulgur-convert-onnx-to-linalg --split-input-file | FileCheck %s

// A dimension of size 1 is read at 0; a missing one not at all.

// CHECK: #[[ROW:.*]] = affine_map<(d0, d1, d2) -> (d0, 0, d2)>
// CHECK: #[[LAST:.*]] = affine_map<(d0, d1, d2) -> (d2)>
// CHECK-LABEL: func @broadcast(
func.func @broadcast(%a: tensor<2x1x4xf32>, %b: tensor<4xf32>, %c: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  // CHECK: linalg.generic {indexing_maps = [#[[ROW]], #[[LAST]], #{{.*}}, #{{.*}}]
  // CHECK-COUNT-2: arith.addf
  %0 = onnx.Sum(%a, %b, %c) : (tensor<2x1x4xf32>, tensor<4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

// Extents that may differ are compared when the model runs: each operand is read
// at 0 where it turns out to have size 1.

// CHECK-LABEL: func @broadcast_dynamic(
func.func @broadcast_dynamic(%a: tensor<?xf32>, %b: tensor<?xf32>) -> tensor<?xf32> {
  // CHECK: arith.cmpi eq
  // CHECK: cf.assert {{.*}}"Add: shapes can not be broadcast"
  // CHECK: linalg.generic
  // CHECK: arith.select
  // CHECK: tensor.extract
  %0 = onnx.Add(%a, %b) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// The sign of integers is that of the operator's types.

// CHECK-LABEL: func @less_unsigned(
// CHECK-SAME:    tensor<4xi8> {fulgur.type = ui8}
func.func @less_unsigned(%a: tensor<4xui8>, %b: tensor<4xui8>) -> tensor<4xi1> {
  // CHECK: arith.cmpi ult
  %0 = onnx.Less(%a, %b) : (tensor<4xui8>, tensor<4xui8>) -> tensor<4xi1>
  return %0 : tensor<4xi1>
}

// -----

// Functions of halves are computed in f32.

// CHECK-LABEL: func @sigmoid_half(
func.func @sigmoid_half(%x: tensor<?xbf16>) -> tensor<?xbf16> {
  // CHECK: arith.extf {{.*}} : bf16 to f32
  // CHECK: math.exp {{.*}} : f32
  // CHECK: arith.truncf {{.*}} : f32 to bf16
  %0 = onnx.Sigmoid(%x) : (tensor<?xbf16>) -> tensor<?xbf16>
  return %0 : tensor<?xbf16>
}

// -----

// No operand stops the processor: a divisor of 0 or -1 is replaced.

// CHECK-LABEL: func @div_integers(
func.func @div_integers(%a: tensor<4xi32>, %b: tensor<4xi32>) -> tensor<4xi32> {
  // CHECK: %[[SAFE:.*]] = arith.select
  // CHECK: arith.divsi %{{.*}}, %[[SAFE]]
  %0 = onnx.Div(%a, %b) : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  return %0 : tensor<4xi32>
}

// -----

// A square needs no power.

// CHECK-LABEL: func @square(
func.func @square(%x: tensor<?xf32>) -> tensor<?xf32> {
  %two = arith.constant dense<2.0> : tensor<f32>
  // CHECK-NOT: math.powf
  // CHECK: arith.mulf
  %0 = onnx.Pow(%x, %two) : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// Nothing is dropped outside of training, and the mask says so.

// CHECK-LABEL: func @dropout(
// CHECK-SAME:    %[[X:.*]]: tensor<?xf32>
func.func @dropout(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xi1>) {
  // CHECK: %[[TRUE:.*]] = arith.constant true
  // CHECK: %[[MASK:.*]] = linalg.fill ins(%[[TRUE]] : i1)
  // CHECK: return %[[X]], %[[MASK]]
  %y, %mask = onnx.Dropout(%x) : (tensor<?xf32>) -> (tensor<?xf32>, tensor<?xi1>)
  return %y, %mask : tensor<?xf32>, tensor<?xi1>
}

// -----

// CHECK-LABEL: func @bit_cast(
func.func @bit_cast(%x: tensor<?xf32>) -> tensor<?xi32> {
  // CHECK: linalg.generic
  // CHECK: arith.bitcast %{{.*}} : f32 to i32
  %0 = onnx.BitCast(%x) : (tensor<?xf32>) -> tensor<?xi32>
  return %0 : tensor<?xi32>
}
