// RUN: fulgur-opt %s --fulgur-fuse-experts --split-input-file --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s

// Somebody else reads the dispatched rows.
// CHECK-LABEL: @dispatched_rows
// CHECK-NOT: fulgur.experts
// CHECK: fulgur.combine
func.func @dispatched_rows(%x: tensor<8x64xf32>, %own: tensor<16x64xf32>, %others: tensor<16xi32>, %ends: tensor<9xi32>, %bias: tensor<16x32xf32>, %wide: tensor<16x64xf32>, %e: tensor<8x2xi32>, %w: tensor<8x2xf32>, %gu: tensor<8x64x64xf32>, %d: tensor<8x64x32xf32>) -> (tensor<8x64xf32>, tensor<16x64xf32>) {
  %rows, %sources, %offsets = fulgur.dispatch %x to %e of 8 : tensor<8x64xf32>, tensor<8x2xi32> -> tensor<16x64xf32>, tensor<16xi32>, tensor<9xi32>
  %p = fulgur.grouped_matmul %rows, %gu transposed offsets %offsets : tensor<16x64xf32>, tensor<8x64x64xf32>, tensor<9xi32> -> tensor<16x64xf32>
  %gate = tensor.extract_slice %p[0, 0] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %up = tensor.extract_slice %p[0, 32] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %h = fulgur.swiglu %gate, %up : tensor<16x32xf32>
  %r = fulgur.grouped_matmul %h, %d transposed offsets %offsets : tensor<16x32xf32>, tensor<8x64x32xf32>, tensor<9xi32> -> tensor<16x64xf32>
  // expected-remark @below {{expected the experts alone to read the dispatched rows (1 uses), but there are 2}}
  %y = fulgur.combine %r from %sources weights %w : tensor<16x64xf32>, tensor<16xi32>, tensor<8x2xf32> -> tensor<8x64xf32>
  return %y, %rows : tensor<8x64xf32>, tensor<16x64xf32>
}

// -----

// Another activation.
// CHECK-LABEL: @other_activation
// CHECK-NOT: fulgur.experts
// CHECK: fulgur.combine
func.func @other_activation(%x: tensor<8x64xf32>, %own: tensor<16x64xf32>, %others: tensor<16xi32>, %ends: tensor<9xi32>, %bias: tensor<16x32xf32>, %wide: tensor<16x64xf32>, %e: tensor<8x2xi32>, %w: tensor<8x2xf32>, %gu: tensor<8x64x64xf32>, %d: tensor<8x64x32xf32>) -> (tensor<8x64xf32>) {
  %rows, %sources, %offsets = fulgur.dispatch %x to %e of 8 : tensor<8x64xf32>, tensor<8x2xi32> -> tensor<16x64xf32>, tensor<16xi32>, tensor<9xi32>
  %p = fulgur.grouped_matmul %rows, %gu transposed offsets %offsets : tensor<16x64xf32>, tensor<8x64x64xf32>, tensor<9xi32> -> tensor<16x64xf32>
  %gate = tensor.extract_slice %p[0, 0] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %up = tensor.extract_slice %p[0, 32] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %h0 = arith.mulf %gate, %up : tensor<16x32xf32>
  %h = math.tanh %h0 : tensor<16x32xf32>
  %r = fulgur.grouped_matmul %h, %d transposed offsets %offsets : tensor<16x32xf32>, tensor<8x64x32xf32>, tensor<9xi32> -> tensor<16x64xf32>
  // expected-remark @below {{expected the activation of the experts to be fulgur.swiglu, but it is math.tanh}}
  %y = fulgur.combine %r from %sources weights %w : tensor<16x64xf32>, tensor<16xi32>, tensor<8x2xf32> -> tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}

// -----

// A bias before the activation.
// CHECK-LABEL: @bias_of_gate
// CHECK-NOT: fulgur.experts
// CHECK: fulgur.combine
func.func @bias_of_gate(%x: tensor<8x64xf32>, %own: tensor<16x64xf32>, %others: tensor<16xi32>, %ends: tensor<9xi32>, %bias: tensor<16x32xf32>, %wide: tensor<16x64xf32>, %e: tensor<8x2xi32>, %w: tensor<8x2xf32>, %gu: tensor<8x64x64xf32>, %d: tensor<8x64x32xf32>) -> (tensor<8x64xf32>) {
  %rows, %sources, %offsets = fulgur.dispatch %x to %e of 8 : tensor<8x64xf32>, tensor<8x2xi32> -> tensor<16x64xf32>, tensor<16xi32>, tensor<9xi32>
  %p = fulgur.grouped_matmul %rows, %gu transposed offsets %offsets : tensor<16x64xf32>, tensor<8x64x64xf32>, tensor<9xi32> -> tensor<16x64xf32>
  %gate = tensor.extract_slice %p[0, 0] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %up = tensor.extract_slice %p[0, 32] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %b0 = arith.addf %gate, %bias : tensor<16x32xf32>
  %h = fulgur.swiglu %b0, %up : tensor<16x32xf32>
  %r = fulgur.grouped_matmul %h, %d transposed offsets %offsets : tensor<16x32xf32>, tensor<8x64x32xf32>, tensor<9xi32> -> tensor<16x64xf32>
  // expected-remark @below {{expected gate and up to be products of the dispatched rows, but they come from arith.addf}}
  %y = fulgur.combine %r from %sources weights %w : tensor<16x64xf32>, tensor<16xi32>, tensor<8x2xf32> -> tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}

// -----

// A bias after the product with down.
// CHECK-LABEL: @bias_of_down
// CHECK-NOT: fulgur.experts
// CHECK: fulgur.combine
func.func @bias_of_down(%x: tensor<8x64xf32>, %own: tensor<16x64xf32>, %others: tensor<16xi32>, %ends: tensor<9xi32>, %bias: tensor<16x32xf32>, %wide: tensor<16x64xf32>, %e: tensor<8x2xi32>, %w: tensor<8x2xf32>, %gu: tensor<8x64x64xf32>, %d: tensor<8x64x32xf32>) -> (tensor<8x64xf32>) {
  %rows, %sources, %offsets = fulgur.dispatch %x to %e of 8 : tensor<8x64xf32>, tensor<8x2xi32> -> tensor<16x64xf32>, tensor<16xi32>, tensor<9xi32>
  %p = fulgur.grouped_matmul %rows, %gu transposed offsets %offsets : tensor<16x64xf32>, tensor<8x64x64xf32>, tensor<9xi32> -> tensor<16x64xf32>
  %gate = tensor.extract_slice %p[0, 0] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %up = tensor.extract_slice %p[0, 32] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %h = fulgur.swiglu %gate, %up : tensor<16x32xf32>
  %r = fulgur.grouped_matmul %h, %d transposed offsets %offsets : tensor<16x32xf32>, tensor<8x64x32xf32>, tensor<9xi32> -> tensor<16x64xf32>
  %r2 = arith.addf %r, %wide : tensor<16x64xf32>
  // expected-remark @below {{expected the rows to be products of experts, but they come from arith.addf}}
  %y = fulgur.combine %r2 from %sources weights %w : tensor<16x64xf32>, tensor<16xi32>, tensor<8x2xf32> -> tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}

// -----

// The rows do not come from a dispatch.
// CHECK-LABEL: @other_rows
// CHECK-NOT: fulgur.experts
// CHECK: fulgur.combine
func.func @other_rows(%x: tensor<8x64xf32>, %own: tensor<16x64xf32>, %others: tensor<16xi32>, %ends: tensor<9xi32>, %bias: tensor<16x32xf32>, %wide: tensor<16x64xf32>, %e: tensor<8x2xi32>, %w: tensor<8x2xf32>, %gu: tensor<8x64x64xf32>, %d: tensor<8x64x32xf32>) -> (tensor<8x64xf32>) {
  %rows, %sources, %offsets = fulgur.dispatch %x to %e of 8 : tensor<8x64xf32>, tensor<8x2xi32> -> tensor<16x64xf32>, tensor<16xi32>, tensor<9xi32>
  %p = fulgur.grouped_matmul %own, %gu transposed offsets %offsets : tensor<16x64xf32>, tensor<8x64x64xf32>, tensor<9xi32> -> tensor<16x64xf32>
  %gate = tensor.extract_slice %p[0, 0] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %up = tensor.extract_slice %p[0, 32] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %h = fulgur.swiglu %gate, %up : tensor<16x32xf32>
  %r = fulgur.grouped_matmul %h, %d transposed offsets %offsets : tensor<16x32xf32>, tensor<8x64x32xf32>, tensor<9xi32> -> tensor<16x64xf32>
  // expected-remark @below {{expected the rows of the experts to be dispatched, but they come from an argument}}
  %y = fulgur.combine %r from %sources weights %w : tensor<16x64xf32>, tensor<16xi32>, tensor<8x2xf32> -> tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}

// -----

// The way back is that of another dispatch.
// CHECK-LABEL: @other_sources
// CHECK-NOT: fulgur.experts
// CHECK: fulgur.combine
func.func @other_sources(%x: tensor<8x64xf32>, %own: tensor<16x64xf32>, %others: tensor<16xi32>, %ends: tensor<9xi32>, %bias: tensor<16x32xf32>, %wide: tensor<16x64xf32>, %e: tensor<8x2xi32>, %w: tensor<8x2xf32>, %gu: tensor<8x64x64xf32>, %d: tensor<8x64x32xf32>) -> (tensor<8x64xf32>) {
  %rows, %sources, %offsets = fulgur.dispatch %x to %e of 8 : tensor<8x64xf32>, tensor<8x2xi32> -> tensor<16x64xf32>, tensor<16xi32>, tensor<9xi32>
  %p = fulgur.grouped_matmul %rows, %gu transposed offsets %offsets : tensor<16x64xf32>, tensor<8x64x64xf32>, tensor<9xi32> -> tensor<16x64xf32>
  %gate = tensor.extract_slice %p[0, 0] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %up = tensor.extract_slice %p[0, 32] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %h = fulgur.swiglu %gate, %up : tensor<16x32xf32>
  %r = fulgur.grouped_matmul %h, %d transposed offsets %offsets : tensor<16x32xf32>, tensor<8x64x32xf32>, tensor<9xi32> -> tensor<16x64xf32>
  // expected-remark @below {{expected the way back to have the sources of the dispatch}}
  %y = fulgur.combine %r from %others weights %w : tensor<16x64xf32>, tensor<16xi32>, tensor<8x2xf32> -> tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}

// -----

// Down is multiplied by the offsets of another dispatch.
// CHECK-LABEL: @other_offsets
// CHECK-NOT: fulgur.experts
// CHECK: fulgur.combine
func.func @other_offsets(%x: tensor<8x64xf32>, %own: tensor<16x64xf32>, %others: tensor<16xi32>, %ends: tensor<9xi32>, %bias: tensor<16x32xf32>, %wide: tensor<16x64xf32>, %e: tensor<8x2xi32>, %w: tensor<8x2xf32>, %gu: tensor<8x64x64xf32>, %d: tensor<8x64x32xf32>) -> (tensor<8x64xf32>) {
  %rows, %sources, %offsets = fulgur.dispatch %x to %e of 8 : tensor<8x64xf32>, tensor<8x2xi32> -> tensor<16x64xf32>, tensor<16xi32>, tensor<9xi32>
  %p = fulgur.grouped_matmul %rows, %gu transposed offsets %offsets : tensor<16x64xf32>, tensor<8x64x64xf32>, tensor<9xi32> -> tensor<16x64xf32>
  %gate = tensor.extract_slice %p[0, 0] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %up = tensor.extract_slice %p[0, 32] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %h = fulgur.swiglu %gate, %up : tensor<16x32xf32>
  %r = fulgur.grouped_matmul %h, %d transposed offsets %ends : tensor<16x32xf32>, tensor<8x64x32xf32>, tensor<9xi32> -> tensor<16x64xf32>
  // expected-remark @below {{expected the product with down to have the offsets of the dispatch}}
  %y = fulgur.combine %r from %sources weights %w : tensor<16x64xf32>, tensor<16xi32>, tensor<8x2xf32> -> tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}

// -----

// Gate and up overlap.
// CHECK-LABEL: @overlap
// CHECK-NOT: fulgur.experts
// CHECK: fulgur.combine
func.func @overlap(%x: tensor<8x64xf32>, %own: tensor<16x64xf32>, %others: tensor<16xi32>, %ends: tensor<9xi32>, %bias: tensor<16x32xf32>, %wide: tensor<16x64xf32>, %e: tensor<8x2xi32>, %w: tensor<8x2xf32>, %gu: tensor<8x64x64xf32>, %d: tensor<8x64x32xf32>) -> (tensor<8x64xf32>) {
  %rows, %sources, %offsets = fulgur.dispatch %x to %e of 8 : tensor<8x64xf32>, tensor<8x2xi32> -> tensor<16x64xf32>, tensor<16xi32>, tensor<9xi32>
  %p = fulgur.grouped_matmul %rows, %gu transposed offsets %offsets : tensor<16x64xf32>, tensor<8x64x64xf32>, tensor<9xi32> -> tensor<16x64xf32>
  %gate = tensor.extract_slice %p[0, 16] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %up = tensor.extract_slice %p[0, 32] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %h = fulgur.swiglu %gate, %up : tensor<16x32xf32>
  %r = fulgur.grouped_matmul %h, %d transposed offsets %offsets : tensor<16x32xf32>, tensor<8x64x32xf32>, tensor<9xi32> -> tensor<16x64xf32>
  // expected-remark @below {{expected gate and up to be the halves of a product}}
  %y = fulgur.combine %r from %sources weights %w : tensor<16x64xf32>, tensor<16xi32>, tensor<8x2xf32> -> tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}

// -----

// The activation is an output too.
// CHECK-LABEL: @activation_read
// CHECK-NOT: fulgur.experts
// CHECK: fulgur.combine
func.func @activation_read(%x: tensor<8x64xf32>, %own: tensor<16x64xf32>, %others: tensor<16xi32>, %ends: tensor<9xi32>, %bias: tensor<16x32xf32>, %wide: tensor<16x64xf32>, %e: tensor<8x2xi32>, %w: tensor<8x2xf32>, %gu: tensor<8x64x64xf32>, %d: tensor<8x64x32xf32>) -> (tensor<8x64xf32>, tensor<16x32xf32>) {
  %rows, %sources, %offsets = fulgur.dispatch %x to %e of 8 : tensor<8x64xf32>, tensor<8x2xi32> -> tensor<16x64xf32>, tensor<16xi32>, tensor<9xi32>
  %p = fulgur.grouped_matmul %rows, %gu transposed offsets %offsets : tensor<16x64xf32>, tensor<8x64x64xf32>, tensor<9xi32> -> tensor<16x64xf32>
  %gate = tensor.extract_slice %p[0, 0] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %up = tensor.extract_slice %p[0, 32] [16, 32] [1, 1] : tensor<16x64xf32> to tensor<16x32xf32>
  %h = fulgur.swiglu %gate, %up : tensor<16x32xf32>
  %r = fulgur.grouped_matmul %h, %d transposed offsets %offsets : tensor<16x32xf32>, tensor<8x64x32xf32>, tensor<9xi32> -> tensor<16x64xf32>
  // expected-remark @below {{expected the experts alone to read the activation (1 uses), but there are 2}}
  %y = fulgur.combine %r from %sources weights %w : tensor<16x64xf32>, tensor<16xi32>, tensor<8x2xf32> -> tensor<8x64xf32>
  return %y, %h : tensor<8x64xf32>, tensor<16x32xf32>
}
