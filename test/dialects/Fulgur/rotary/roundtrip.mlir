// RUN: fulgur-opt %s | fulgur-opt | FileCheck %s

// CHECK-LABEL: @rotary_table
// CHECK: fulgur.rotary_table %{{.*}}, %{{.*}} : tensor<?x?xi64>, tensor<4xf32> -> tensor<?x?x4xf32>
// CHECK: fulgur.rotary_table %{{.*}}, %{{.*}} scale 1.5e+00 : tensor<?x?xi64>, tensor<4xf32> -> tensor<?x?x4xf32>
func.func @rotary_table(%p: tensor<?x?xi64>, %f: tensor<4xf32>) -> (tensor<?x?x4xf32>, tensor<?x?x4xf32>) {
  %c, %s = fulgur.rotary_table %p, %f : tensor<?x?xi64>, tensor<4xf32> -> tensor<?x?x4xf32>
  %c2, %s2 = fulgur.rotary_table %p, %f scale 1.5 : tensor<?x?xi64>, tensor<4xf32> -> tensor<?x?x4xf32>
  return %c, %s2 : tensor<?x?x4xf32>, tensor<?x?x4xf32>
}

// CHECK-LABEL: @rotary_embedding
// CHECK: fulgur.rotary_embedding %{{.*}}, %{{.*}}, %{{.*}} interleaved trailing : tensor<?x?x2x12xf32>, tensor<?x?x4xf32>
// CHECK: fulgur.rotary_embedding %{{.*}}, %{{.*}}, %{{.*}} half_split leading : tensor<?x?x2x12xf32>, tensor<?x?x4xf32>
// CHECK: fulgur.rotary_embedding %{{.*}}, %{{.*}}, %{{.*}} deinterleaved leading : tensor<?x?x8xf32>, tensor<?x?x4xf32>
func.func @rotary_embedding(%q: tensor<?x?x2x12xf32>, %k: tensor<?x?x8xf32>, %c: tensor<?x?x4xf32>, %s: tensor<?x?x4xf32>) -> (tensor<?x?x2x12xf32>, tensor<?x?x8xf32>) {
  %0 = fulgur.rotary_embedding %q, %c, %s interleaved trailing : tensor<?x?x2x12xf32>, tensor<?x?x4xf32>
  %1 = fulgur.rotary_embedding %0, %c, %s half_split leading : tensor<?x?x2x12xf32>, tensor<?x?x4xf32>
  %2 = fulgur.rotary_embedding %k, %c, %s deinterleaved leading : tensor<?x?x8xf32>, tensor<?x?x4xf32>
  return %1, %2 : tensor<?x?x2x12xf32>, tensor<?x?x8xf32>
}
