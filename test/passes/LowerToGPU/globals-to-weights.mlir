// RUN: fulgur-opt %s --split-input-file --fulgur-globals-to-weights --verify-diagnostics | FileCheck %s

// A constant becomes a weight with its value.
// CHECK: fulgur.weight @scale in "" at 0 {fulgur.value = dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>} : tensor<2xf32>
// CHECK-NOT: memref.global
memref.global "private" constant @scale : memref<2xf32> = dense<[1.0, 2.0]>
// CHECK-LABEL: func.func @get(
// CHECK: fulgur.get_weight @scale : memref<2xf32>
func.func @get() -> memref<2xf32> {
  %0 = memref.get_global @scale : memref<2xf32>
  return %0 : memref<2xf32>
}

// -----

// What is written is no constant.
// expected-error @below {{expected the buffer to be constant and its elements to be known}}
memref.global "private" @state : memref<2xf32> = dense<0.0>
func.func @get() -> memref<2xf32> {
  %0 = memref.get_global @state : memref<2xf32>
  return %0 : memref<2xf32>
}
