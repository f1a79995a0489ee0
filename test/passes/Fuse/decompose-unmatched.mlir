// RUN: fulgur-opt %s --fulgur-decompose | FileCheck %s

// Weights and named dimensions have a meaning to the end.
// CHECK-LABEL: @main
// CHECK: fulgur.dim "seq"
// CHECK: fulgur.get_weight @w
fulgur.weight @w in "model.bin" at 0 : tensor<16xf32>
func.func @main() -> (index, tensor<16xf32>) {
  %s = fulgur.dim "seq"
  %w = fulgur.get_weight @w : tensor<16xf32>
  return %s, %w : index, tensor<16xf32>
}

// What is plain already stays as it is.
// CHECK-LABEL: @plain
// CHECK-NEXT: linalg.softmax
// CHECK-NEXT: return
func.func @plain(%x: tensor<?x16xf32>, %y: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %0 = linalg.softmax dimension(1) ins(%x : tensor<?x16xf32>) outs(%y : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %0 : tensor<?x16xf32>
}
