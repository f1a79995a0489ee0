// RUN: fulgur-opt %s --fulgur-raise-swiglu --canonicalize | FileCheck %s

// CHECK-LABEL: @sigmoid
// CHECK-SAME: (%[[G:[a-z0-9]*]]: tensor<?x8xf32>, %[[U:[a-z0-9]*]]: tensor<?x8xf32>)
// CHECK-NEXT: fulgur.swiglu %[[G]], %[[U]] : tensor<?x8xf32>
// CHECK-NEXT: return
func.func @sigmoid(%gate: tensor<?x8xf32>, %up: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = onnx.Sigmoid(%gate) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = onnx.Mul(%gate, %0) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %2 = onnx.Mul(%1, %up) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}

// CHECK-LABEL: @swish
// CHECK-SAME: (%[[G:[a-z0-9]*]]: tensor<?x8xf16>, %[[U:[a-z0-9]*]]: tensor<?x8xf16>)
// CHECK-NEXT: fulgur.swiglu %[[G]], %[[U]] : tensor<?x8xf16>
func.func @swish(%gate: tensor<?x8xf16>, %up: tensor<?x8xf16>) -> tensor<?x8xf16> {
  %0 = onnx.Swish(%gate) {alpha = 1.0 : f32} : (tensor<?x8xf16>) -> tensor<?x8xf16>
  %1 = onnx.Mul(%up, %0) : (tensor<?x8xf16>, tensor<?x8xf16>) -> tensor<?x8xf16>
  return %1 : tensor<?x8xf16>
}

// The gate is multiplied last, and both come from one product.
// CHECK-LABEL: @other_order
// CHECK: %[[P:.*]]:2 = onnx.Split
// CHECK-NEXT: fulgur.swiglu %[[P]]#0, %[[P]]#1 : tensor<?x8xf32>
// CHECK-NEXT: return
func.func @other_order(%both: tensor<?x16xf32>) -> tensor<?x8xf32> {
  %p:2 = onnx.Split(%both) {axis = 1 : i64, num_outputs = 2 : i64} : (tensor<?x16xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>)
  %0 = onnx.Sigmoid(%p#0) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = onnx.Mul(%0, %p#1) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %2 = onnx.Mul(%p#0, %1) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}

// The projection is a product too.
// CHECK-LABEL: @product
// CHECK: %[[U:.*]] = onnx.Mul
// CHECK-NEXT: fulgur.swiglu %{{.*}}, %[[U]] : tensor<?x8xf32>
func.func @product(%gate: tensor<?x8xf32>, %up: tensor<?x8xf32>, %scale: tensor<8xf32>) -> tensor<?x8xf32> {
  %0 = onnx.Sigmoid(%gate) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = onnx.Mul(%gate, %0) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %2 = onnx.Mul(%up, %scale) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %3 = onnx.Mul(%1, %2) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %3 : tensor<?x8xf32>
}
