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

// Blocks of a dimension, and the columns of a product.
// CHECK-LABEL: @blocks
// CHECK-DAG: %[[M:.*]] = fulgur.dim "rows"
// CHECK-DAG: %[[N:.*]] = fulgur.dim "columns"
// CHECK-DAG: %[[SUM:.*]] = arith.addi %[[N]], %c127
// CHECK-DAG: %[[BLOCKS:.*]] = arith.divui %[[SUM]], %c128
// CHECK: return %[[M]], %[[BLOCKS]], %[[N]]
func.func @blocks(%x: tensor<?x?xf32> {fulgur.dims = ["rows", "columns"]},
                  %w: tensor<?x?xf8E4M3FN> {fulgur.dims = ["columns", "depth"]}, %ws: tensor<?x?xf32>) -> (index, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %v, %s = fulgur.quantize %x block [1, 128] : tensor<?x?xf32> -> tensor<?x?xf8E4M3FN>, tensor<?x?xf32>
  %y = fulgur.scaled_matmul %v scales %s, %w scales %ws block [1, 128, 128] : tensor<?x?xf8E4M3FN>, tensor<?x?xf32>, tensor<?x?xf8E4M3FN>, tensor<?x?xf32> -> tensor<?x?xf32>
  %0 = tensor.dim %s, %c0 : tensor<?x?xf32>
  %1 = tensor.dim %s, %c1 : tensor<?x?xf32>
  %2 = tensor.dim %y, %c1 : tensor<?x?xf32>
  return %0, %1, %2 : index, index, index
}

// Nothing is known of inputs without names.
// CHECK-LABEL: @unnamed
// CHECK: tensor.dim
func.func @unnamed(%x: tensor<?xf32>) -> index {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  return %n : index
}

// What is written over has a size, whatever it is computed from.
// CHECK-LABEL: @written_over
// CHECK: %[[SEQ:.*]] = fulgur.dim "seq"
// CHECK: return %[[SEQ]]
func.func @written_over(%x: tensor<?xf32>, %y: tensor<?xf32> {fulgur.dims = ["seq"]}) -> index {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %y, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %z = linalg.exp ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %m = tensor.dim %z, %c0 : tensor<?xf32>
  return %m : index
}

// Both branches give as many rows, whatever they do: one by what it
// computes into, one as it is made.
// CHECK-LABEL: @branches
// CHECK: %[[SEQ:.*]] = fulgur.dim "seq"
// CHECK: return %[[SEQ]]
func.func @branches(%x: tensor<?x4xf32> {fulgur.dims = ["seq", ""]}, %w: tensor<4x4xf32>, %c: i1) -> index {
  %c0 = arith.constant 0 : index
  %y = scf.if %c -> tensor<?x4xf32> {
    %n = tensor.dim %x, %c0 : tensor<?x4xf32>
    %e = tensor.empty(%n) : tensor<?x4xf32>
    %a = linalg.matmul ins(%x, %w : tensor<?x4xf32>, tensor<4x4xf32>) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
    scf.yield %a : tensor<?x4xf32>
  } else {
    %n = tensor.dim %x, %c0 : tensor<?x4xf32>
    %e = tensor.empty(%n) : tensor<?x4xf32>
    scf.yield %e : tensor<?x4xf32>
  }
  %n = tensor.dim %y, %c0 : tensor<?x4xf32>
  return %n : index
}

// One gives fewer.
// CHECK-LABEL: @different_branches
// CHECK: %[[Y:.*]] = arith.select
// CHECK: tensor.dim %[[Y]]
func.func @different_branches(%x: tensor<?x4xf32> {fulgur.dims = ["seq", ""]}, %y: tensor<?x4xf32> {fulgur.dims = ["rows", ""]}, %c: i1) -> index {
  %c0 = arith.constant 0 : index
  %z = scf.if %c -> tensor<?x4xf32> {
    scf.yield %x : tensor<?x4xf32>
  } else {
    scf.yield %y : tensor<?x4xf32>
  }
  %n = tensor.dim %z, %c0 : tensor<?x4xf32>
  return %n : index
}
