// RUN: fulgur-opt %s | fulgur-opt | FileCheck %s

// CHECK-LABEL: @rms_norm
// CHECK: fulgur.rms_norm %{{.*}}, %{{.*}} eps {{.*}} : tensor<?x16xf32>, tensor<16xf32>
func.func @rms_norm(%x: tensor<?x16xf32>, %w: tensor<16xf32>) -> tensor<?x16xf32> {
  %y = fulgur.rms_norm %x, %w eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf32>
  return %y : tensor<?x16xf32>
}

// CHECK-LABEL: @swiglu
// CHECK: fulgur.swiglu %{{.*}}, %{{.*}} : tensor<?x16xf32>
func.func @swiglu(%g: tensor<?x16xf32>, %u: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %y = fulgur.swiglu %g, %u : tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
