// RUN: fulgur-opt %s --resolve-shaped-type-result-dims --canonicalize --cse | FileCheck %s

// A scale for each block, the last and smaller one included.
// CHECK-LABEL: @quantize(
// CHECK-SAME: %[[X:.*]]: tensor<?x?xf32>
// CHECK-DAG: %[[R:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG: %[[C:.*]] = tensor.dim %[[X]], %c1
// CHECK-DAG: %[[RS:.*]] = arith.addi %[[R]], %c15
// CHECK-DAG: %[[RB:.*]] = arith.divui %[[RS]], %c16
// CHECK-DAG: %[[CS:.*]] = arith.addi %[[C]], %c31
// CHECK-DAG: %[[CB:.*]] = arith.divui %[[CS]], %c32
// CHECK: return %[[R]], %[[C]], %[[RB]], %[[CB]]
func.func @quantize(%x: tensor<?x?xf32>) -> (index, index, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %v, %s = fulgur.quantize %x block [16, 32] : tensor<?x?xf32> -> tensor<?x?xf8E4M3FN>, tensor<?x?xf32>
  %0 = tensor.dim %v, %c0 : tensor<?x?xf8E4M3FN>
  %1 = tensor.dim %v, %c1 : tensor<?x?xf8E4M3FN>
  %2 = tensor.dim %s, %c0 : tensor<?x?xf32>
  %3 = tensor.dim %s, %c1 : tensor<?x?xf32>
  return %0, %1, %2, %3 : index, index, index, index
}

// Leading dimensions, and rows of blocks of one row, are as many.
// CHECK-LABEL: @quantize_rows(
// CHECK-SAME: %[[X:.*]]: tensor<?x?x64xf32>
// CHECK-DAG: %[[B:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG: %[[R:.*]] = tensor.dim %[[X]], %c1
// CHECK: return %[[B]], %[[R]]
func.func @quantize_rows(%x: tensor<?x?x64xf32>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %v, %s = fulgur.quantize %x block [1, 32] : tensor<?x?x64xf32> -> tensor<?x?x64xf8E4M3FN>, tensor<?x?x2xf32>
  %0 = tensor.dim %s, %c0 : tensor<?x?x2xf32>
  %1 = tensor.dim %s, %c1 : tensor<?x?x2xf32>
  return %0, %1 : index, index
}

// CHECK-LABEL: @dequantize(
// CHECK-SAME: %[[V:.*]]: tensor<?x64xf8E4M3FN>
// CHECK: %[[R:.*]] = tensor.dim %[[V]], %c0
// CHECK: return %[[R]]
func.func @dequantize(%v: tensor<?x64xf8E4M3FN>, %s: tensor<?x2xf32>) -> index {
  %c0 = arith.constant 0 : index
  %x = fulgur.dequantize %v, %s block [16, 32] : tensor<?x64xf8E4M3FN>, tensor<?x2xf32> -> tensor<?x64xf32>
  %0 = tensor.dim %x, %c0 : tensor<?x64xf32>
  return %0 : index
}

// The rows of both sides.
// CHECK-LABEL: @scaled_matmul(
// CHECK-SAME: %[[A:.*]]: tensor<?x64xf8E4M3FN>, %{{.*}}: tensor<?x2xf32>, %[[B:.*]]: tensor<?x64xf8E4M3FN>
// CHECK-DAG: %[[M:.*]] = tensor.dim %[[A]], %c0
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[B]], %c0
// CHECK: return %[[M]], %[[N]]
func.func @scaled_matmul(%a: tensor<?x64xf8E4M3FN>, %as: tensor<?x2xf32>, %b: tensor<?x64xf8E4M3FN>, %bs: tensor<?x2xf32>) -> (index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %y = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 16, 32] : tensor<?x64xf8E4M3FN>, tensor<?x2xf32>, tensor<?x64xf8E4M3FN>, tensor<?x2xf32> -> tensor<?x?xf32>
  %0 = tensor.dim %y, %c0 : tensor<?x?xf32>
  %1 = tensor.dim %y, %c1 : tensor<?x?xf32>
  return %0, %1 : index, index
}
