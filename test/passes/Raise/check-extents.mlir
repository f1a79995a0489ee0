// RUN: fulgur-opt %s --fulgur-check-extents | FileCheck %s

// CHECK-LABEL: @inner_sizes
// CHECK-SAME: %[[A:.*]]: tensor<4x?xf32>, %[[B:.*]]: tensor<?x8xf32>, %
// CHECK-DAG: %[[M:.*]] = tensor.dim %[[A]], %c1
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[B]], %c0
// CHECK: %[[SAME:.*]] = arith.cmpi eq, %{{.*}}, %{{.*}}
// CHECK-NEXT: cf.assert %[[SAME]], "operands have different sizes"
// CHECK-NEXT: linalg.matmul
func.func @inner_sizes(%a: tensor<4x?xf32>, %b: tensor<?x8xf32>, %c: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<4x?xf32>, tensor<?x8xf32>) outs(%c : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// A dynamic size against a static one.
// CHECK-LABEL: @static_size
// CHECK-SAME: %[[A:.*]]: tensor<4x?xf32>, %[[B:.*]]: tensor<6x8xf32>, %
// CHECK-DAG: tensor.dim %[[A]], %c1
// CHECK: cf.assert
func.func @static_size(%a: tensor<4x?xf32>, %b: tensor<6x8xf32>, %c: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<4x?xf32>, tensor<6x8xf32>) outs(%c : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// Types tell all.
// CHECK-LABEL: @all_static
// CHECK-NOT: cf.assert
// CHECK: return
func.func @all_static(%a: tensor<4x6xf32>, %b: tensor<6x8xf32>, %c: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<4x6xf32>, tensor<6x8xf32>) outs(%c : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// An operand is as large as itself.
// CHECK-LABEL: @one_operand
// CHECK-NOT: cf.assert
// CHECK: return
func.func @one_operand(%a: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = linalg.add ins(%a, %a : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
