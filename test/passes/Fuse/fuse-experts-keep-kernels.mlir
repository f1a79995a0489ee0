// RUN: fulgur-opt %s --fulgur-fuse-experts=keep-kernels --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s
// RUN: fulgur-opt %s --fulgur-fuse-experts | FileCheck %s --check-prefix=ALL

// Products that a GPU has a kernel for stay; those of f32 it has none for.
// CHECK-LABEL: @kernels
// CHECK: fulgur.combine
// CHECK-LABEL: @loops
// CHECK: fulgur.experts
// ALL-COUNT-2: fulgur.experts
func.func @kernels(%x: tensor<9x64xbf16>, %e: tensor<9x2xi32>, %w: tensor<9x2xf32>, %gu: tensor<8x64x64xbf16>, %d: tensor<8x32x64xbf16>) -> tensor<9x64xbf16> {
  %rows, %sources, %offsets = fulgur.dispatch %x to %e of 8 : tensor<9x64xbf16>, tensor<9x2xi32> -> tensor<18x64xbf16>, tensor<18xi32>, tensor<9xi32>
  %p = fulgur.grouped_matmul %rows, %gu offsets %offsets : tensor<18x64xbf16>, tensor<8x64x64xbf16>, tensor<9xi32> -> tensor<18x64xbf16>
  %gate = tensor.extract_slice %p[0, 0] [18, 32] [1, 1] : tensor<18x64xbf16> to tensor<18x32xbf16>
  %up = tensor.extract_slice %p[0, 32] [18, 32] [1, 1] : tensor<18x64xbf16> to tensor<18x32xbf16>
  %h = fulgur.swiglu %gate, %up : tensor<18x32xbf16>
  %r = fulgur.grouped_matmul %h, %d offsets %offsets : tensor<18x32xbf16>, tensor<8x32x64xbf16>, tensor<9xi32> -> tensor<18x64xbf16>
  // expected-remark @below {{expected products that have no kernel, but they have}}
  %y = fulgur.combine %r from %sources weights %w : tensor<18x64xbf16>, tensor<18xi32>, tensor<9x2xf32> -> tensor<9x64xbf16>
  return %y : tensor<9x64xbf16>
}
func.func @loops(%x: tensor<9x64xf32>, %e: tensor<9x2xi32>, %w: tensor<9x2xf32>, %gu: tensor<8x64x64xf32>, %d: tensor<8x32x64xf32>) -> tensor<9x64xf32> {
  %rows, %sources, %offsets = fulgur.dispatch %x to %e of 8 : tensor<9x64xf32>, tensor<9x2xi32> -> tensor<18x64xf32>, tensor<18xi32>, tensor<9xi32>
  %p = fulgur.grouped_matmul %rows, %gu offsets %offsets : tensor<18x64xf32>, tensor<8x64x64xf32>, tensor<9xi32> -> tensor<18x64xf32>
  %gate = tensor.extract_slice %p[0, 0] [18, 32] [1, 1] : tensor<18x64xf32> to tensor<18x32xf32>
  %up = tensor.extract_slice %p[0, 32] [18, 32] [1, 1] : tensor<18x64xf32> to tensor<18x32xf32>
  %h = fulgur.swiglu %gate, %up : tensor<18x32xf32>
  %r = fulgur.grouped_matmul %h, %d offsets %offsets : tensor<18x32xf32>, tensor<8x32x64xf32>, tensor<9xi32> -> tensor<18x64xf32>
  // expected-remark @below {{no rows of pairs}}
  %y = fulgur.combine %r from %sources weights %w : tensor<18x64xf32>, tensor<18xi32>, tensor<9x2xf32> -> tensor<9x64xf32>
  return %y : tensor<9x64xf32>
}
