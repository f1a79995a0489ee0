// RUN: fulgur-opt %s | fulgur-opt | FileCheck %s

// Attributes of how the step gets a weight survive printing and parsing.
// CHECK: fulgur.weight @w in "w.bin" at 0 {packed = 32 : i64, transposed} : tensor<40x24xf32>
fulgur.weight @w in "w.bin" at 0 {packed = 32 : i64, transposed} : tensor<40x24xf32>

// CHECK: fulgur.weight @q in "w.bin" at 0 {deinterleaved = array<i64: 1, 12, 8, 12>} : tensor<40x24xf32>
fulgur.weight @q in "w.bin" at 0 {deinterleaved = array<i64: 1, 12, 8, 12>} : tensor<40x24xf32>

// On tensors there is a result.
// CHECK-LABEL: func.func @tensors(
func.func @tensors(%x: tensor<?x24xf32>, %init: tensor<?x40xf32>) -> tensor<?x40xf32> {
  // CHECK: fulgur.get_weight @w : tensor<2x24x32xf32>
  // CHECK: fulgur.packed_matmul %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x24xf32>, tensor<2x24x32xf32>, tensor<?x40xf32>
  %w = fulgur.get_weight @w : tensor<2x24x32xf32>
  %y = fulgur.packed_matmul %x, %w, %init : tensor<?x24xf32>, tensor<2x24x32xf32>, tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// Several weights, whose products lie side by side.
// CHECK-LABEL: func.func @several(
func.func @several(%x: tensor<?x24xf32>, %a: tensor<2x24x32xf32>, %b: tensor<1x24x32xf32>, %init: tensor<?x45xf32>) -> tensor<?x45xf32> {
  // CHECK: fulgur.packed_matmul %{{.*}}, [%{{.*}}, %{{.*}}], %{{.*}} columns [40, 5] : tensor<?x24xf32>, [tensor<2x24x32xf32>, tensor<1x24x32xf32>], tensor<?x45xf32>
  %y = fulgur.packed_matmul %x, [%a, %b], %init columns [40, 5] : tensor<?x24xf32>, [tensor<2x24x32xf32>, tensor<1x24x32xf32>], tensor<?x45xf32>
  return %y : tensor<?x45xf32>
}

// On memrefs there is none.
// CHECK-LABEL: func.func @memrefs(
func.func @memrefs(%x: memref<?x24xbf16>, %w: memref<?x24x32xbf16>, %y: memref<?x?xf32>) {
  // CHECK: fulgur.packed_matmul %{{.*}}, %{{.*}}, %{{.*}} : memref<?x24xbf16>, memref<?x24x32xbf16>, memref<?x?xf32>
  fulgur.packed_matmul %x, %w, %y : memref<?x24xbf16>, memref<?x24x32xbf16>, memref<?x?xf32>
  return
}

// One of several weights.
// CHECK-LABEL: func.func @layer(
func.func @layer(%l: index) {
  // CHECK: fulgur.select_weight [@w, @v] at %{{.*}} : memref<2x24x32xf32>
  %w = fulgur.select_weight [@w, @v] at %l : memref<2x24x32xf32>
  return
}
fulgur.weight @v in "w.bin" at 3840 {packed = 32 : i64, transposed} : tensor<40x24xf32>
