// RUN: fulgur-opt %s --canonicalize | FileCheck %s

// Both results of the table have the sizes of its operands.
// CHECK-LABEL: @rotary_table(
// CHECK: fulgur.rotary_table {{.*}} : tensor<1x5xi64>, tensor<4xf32> -> tensor<1x5x4xf32>
func.func @rotary_table(%p: tensor<1x5xi64>, %f: tensor<4xf32>) -> (tensor<?x?x4xf32>, tensor<?x?x4xf32>) {
  %a = tensor.cast %p : tensor<1x5xi64> to tensor<?x?xi64>
  %c, %s = fulgur.rotary_table %a, %f : tensor<?x?xi64>, tensor<4xf32> -> tensor<?x?x4xf32>
  return %c, %s : tensor<?x?x4xf32>, tensor<?x?x4xf32>
}

// The rotation takes the types of its input and of a table for the whole batch.
// CHECK-LABEL: @rotary_embedding(
// CHECK: fulgur.rotary_embedding {{.*}} interleaved trailing : tensor<2x5x2x12xf32>, tensor<1x5x4xf32>
func.func @rotary_embedding(%x: tensor<2x5x2x12xf32>, %cos: tensor<1x5x4xf32>, %sin: tensor<1x5x4xf32>) -> tensor<?x?x2x12xf32> {
  %a = tensor.cast %x : tensor<2x5x2x12xf32> to tensor<?x?x2x12xf32>
  %c = tensor.cast %cos : tensor<1x5x4xf32> to tensor<1x?x4xf32>
  %s = tensor.cast %sin : tensor<1x5x4xf32> to tensor<1x?x4xf32>
  %r = fulgur.rotary_embedding %a, %c, %s interleaved trailing : tensor<?x?x2x12xf32>, tensor<1x?x4xf32>
  return %r : tensor<?x?x2x12xf32>
}
