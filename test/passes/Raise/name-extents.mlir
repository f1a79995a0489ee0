// RUN: fulgur-opt %s --fulgur-name-extents --canonicalize --cse | FileCheck %s

// The extent of a result is followed to the input.
// CHECK-LABEL: @named
// CHECK-SAME: fulgur.bounds
// CHECK: %[[SEQ:.*]] = fulgur.dim "seq" in 2 to 64
// CHECK: return %[[SEQ]]
func.func @named(%x: tensor<?x4xf32> {fulgur.dims = ["seq", ""]}, %w: tensor<4x8xf32>) -> index
    attributes {fulgur.bounds = {seq = array<i64: 2, 64>}} {
  %c0 = arith.constant 0 : index
  %y = fulgur.linear %x, %w : tensor<?x4xf32>, tensor<4x8xf32> -> tensor<?x8xf32>
  %n = tensor.dim %y, %c0 : tensor<?x8xf32>
  return %n : index
}

// Sums of dimensions, as caches have them.
// CHECK-LABEL: @sum
// CHECK-DAG: %[[PAST:.*]] = fulgur.dim "past"
// CHECK-DAG: %[[NEW:.*]] = fulgur.dim "new"
// CHECK: %[[ALL:.*]] = arith.addi %[[PAST]], %[[NEW]]
// CHECK: return %[[ALL]]
func.func @sum(%x: tensor<?x4xf32> {fulgur.dims = ["past", ""]}, %y: tensor<?x4xf32> {fulgur.dims = ["new", ""]}) -> index {
  %c0 = arith.constant 0 : index
  %z = fulgur.cache_update %x, %y axis 0 : tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  %n = tensor.dim %z, %c0 : tensor<?x4xf32>
  return %n : index
}

// Nothing is known of inputs without names.
// CHECK-LABEL: @unnamed
// CHECK: tensor.dim
func.func @unnamed(%x: tensor<?xf32>) -> index {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  return %n : index
}
