// RUN: fulgur-opt %s --canonicalize | FileCheck %s

// Every chosen expert gets a row: tokens times k.
// CHECK-LABEL: @dispatch(
// CHECK: fulgur.dispatch {{.*}} : tensor<5x16xf32>, tensor<5x8xi32> -> tensor<40x16xf32>, tensor<40xi32>, tensor<257xi32>
func.func @dispatch(%x: tensor<5x16xf32>, %e: tensor<5x8xi32>) -> tensor<?x16xf32> {
  %a = tensor.cast %x : tensor<5x16xf32> to tensor<?x16xf32>
  %b = tensor.cast %e : tensor<5x8xi32> to tensor<?x8xi32>
  %r, %s, %o = fulgur.dispatch %a to %b of 256 : tensor<?x16xf32>, tensor<?x8xi32> -> tensor<?x16xf32>, tensor<?xi32>, tensor<257xi32>
  return %r : tensor<?x16xf32>
}

// Both results of the route have a row for each token.
// CHECK-LABEL: @route(
// CHECK: fulgur.route {{.*}} : tensor<5x64xf32> -> tensor<5x6xi32>, tensor<5x6xf32>
func.func @route(%x: tensor<5x64xf32>) -> (tensor<?x6xi32>, tensor<?x6xf32>) {
  %a = tensor.cast %x : tensor<5x64xf32> to tensor<?x64xf32>
  %e, %w = fulgur.route %a softmax k 6 : tensor<?x64xf32> -> tensor<?x6xi32>, tensor<?x6xf32>
  return %e, %w : tensor<?x6xi32>, tensor<?x6xf32>
}
