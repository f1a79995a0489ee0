// RUN: fulgur-opt %s | fulgur-opt | FileCheck %s

// CHECK-LABEL: @rms_norm
// CHECK: fulgur.rms_norm %{{.*}}, %{{.*}} eps {{.*}} : tensor<?x16xf32>, tensor<16xf32>
func.func @rms_norm(%x: tensor<?x16xf32>, %w: tensor<16xf32>) -> tensor<?x16xf32> {
  %y = fulgur.rms_norm %x, %w eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf32>
  return %y : tensor<?x16xf32>
}

// CHECK-LABEL: @add_rms_norm
// CHECK: fulgur.add_rms_norm %{{.*}}, %{{.*}}, %{{.*}} eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf32>
func.func @add_rms_norm(%x: tensor<?x16xf32>, %r: tensor<?x16xf32>, %w: tensor<16xf32>) -> tensor<?x16xf32> {
  %h, %y = fulgur.add_rms_norm %x, %r, %w eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf32>
  return %y : tensor<?x16xf32>
}

// CHECK-LABEL: @swiglu
// CHECK: fulgur.swiglu %{{.*}}, %{{.*}} : tensor<?x16xf32>
func.func @swiglu(%g: tensor<?x16xf32>, %u: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %y = fulgur.swiglu %g, %u : tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// CHECK-LABEL: @layer_norm
// CHECK: fulgur.layer_norm %{{.*}}, %{{.*}}, %{{.*}} eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf32>
func.func @layer_norm(%x: tensor<?x16xf32>, %w: tensor<16xf32>, %b: tensor<16xf32>) -> tensor<?x16xf32> {
  %y = fulgur.layer_norm %x, %w, %b eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf32>
  return %y : tensor<?x16xf32>
}

// CHECK-LABEL: @linear
// CHECK: fulgur.linear %{{.*}}, %{{.*}} : tensor<?x?x16xf32>, tensor<16x8xf32> -> tensor<?x?x8xf32>
func.func @linear(%x: tensor<?x?x16xf32>, %w: tensor<16x8xf32>) -> tensor<?x?x8xf32> {
  %y = fulgur.linear %x, %w : tensor<?x?x16xf32>, tensor<16x8xf32> -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// CHECK-LABEL: @linear_transposed
// CHECK: fulgur.linear %{{.*}}, %{{.*}} transposed : tensor<?x?x16xf32>, tensor<8x16xf32> -> tensor<?x?x8xf32>
func.func @linear_transposed(%x: tensor<?x?x16xf32>, %w: tensor<8x16xf32>) -> tensor<?x?x8xf32> {
  %y = fulgur.linear %x, %w transposed : tensor<?x?x16xf32>, tensor<8x16xf32> -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// CHECK-LABEL: @linear_residual
// CHECK: fulgur.linear %{{.*}}, %{{.*}} transposed residual %{{.*}} : tensor<?x16xf32>, tensor<8x16xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
func.func @linear_residual(%x: tensor<?x16xf32>, %w: tensor<8x16xf32>, %r: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = fulgur.linear %x, %w transposed residual %r : tensor<?x16xf32>, tensor<8x16xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: @cache_update
// CHECK: fulgur.cache_update %{{.*}}, %{{.*}} axis 1 : tensor<?x?x8xf8E4M3FN>, tensor<?x2x8xf8E4M3FN> -> tensor<?x?x8xf8E4M3FN>
func.func @cache_update(%p: tensor<?x?x8xf8E4M3FN>, %u: tensor<?x2x8xf8E4M3FN>) -> tensor<?x?x8xf8E4M3FN> {
  %y = fulgur.cache_update %p, %u axis 1 : tensor<?x?x8xf8E4M3FN>, tensor<?x2x8xf8E4M3FN> -> tensor<?x?x8xf8E4M3FN>
  return %y : tensor<?x?x8xf8E4M3FN>
}
