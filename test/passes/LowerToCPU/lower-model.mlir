// RUN: fulgur-opt %s --fulgur-lower-model --split-input-file --verify-diagnostics | FileCheck %s

// @main becomes the step: dimensions and weights are read through it, memory of
// an unknown size comes from the runtime, and a broken condition is reported.
module attributes {fulgur.dims = [{name = "seq", min = 0 : i64, max = 0 : i64}]} {
  fulgur.weight @w in "w.bin" at 0 : tensor<4xf32>
  // CHECK: func.func @fulgur_step(%{{.*}}: !llvm.ptr)
  // CHECK-NOT: fulgur.dim
  // CHECK-NOT: fulgur.get_weight
  // CHECK: llvm.call @fulgur_fail(
  // CHECK: llvm.call @fulgur_alloc(
  // CHECK: llvm.store
  func.func @main(%x: memref<?xf32> {fulgur.dims = ["seq"]}, %i: memref<1xindex>) -> memref<?xf32> {
    %n = fulgur.dim "seq"
    %w = fulgur.get_weight @w : memref<4xf32>
    %c0 = arith.constant 0 : index
    %f = memref.load %w[%c0] : memref<4xf32>
    memref.store %f, %x[%n] : memref<?xf32>
    %k = memref.load %i[%c0] : memref<1xindex>
    %ok = arith.cmpi slt, %k, %n : index
    cf.assert %ok, "an index is out of range"
    %y = memref.alloc(%k) : memref<?xf32>
    return %y : memref<?xf32>
  }
}

// -----

// A result with gaps can not be handed out.
module {
  func.func @main(%x: memref<4x4xf32>) -> memref<4x4xf32, strided<[8, 1]>> {
    %y = memref.alloc() : memref<4x8xf32>
    %v = memref.subview %y[0, 0] [4, 4] [1, 1] : memref<4x8xf32> to memref<4x4xf32, strided<[8, 1]>>
    // expected-error @below {{expected results of 'main' to be dense buffers of rank at most 8}}
    return %v : memref<4x4xf32, strided<[8, 1]>>
  }
}

// -----

// The capacity of a cache is the runtime's: the second one is asked for.
module attributes {
  fulgur.caches = [{axis = 0 : i64, input = 0 : i64, copied = "why"},
                   {axis = 1 : i64, input = 1 : i64, output = 0 : i64, new = 1 : i64, past = "past"}]
} {
  // CHECK: func.func @fulgur_step(%[[STEP:.*]]: !llvm.ptr)
  // CHECK: %[[FIELD:.*]] = llvm.getelementptr %[[STEP]][48]
  // CHECK: %[[ALL:.*]] = llvm.load %[[FIELD]] : !llvm.ptr -> !llvm.ptr
  // CHECK: %[[SECOND:.*]] = llvm.getelementptr %[[ALL]][8]
  // CHECK: llvm.load %[[SECOND]] : !llvm.ptr -> i64
  func.func @main(%a: memref<4xf32> {fulgur.name = "a"},
                  %b: memref<2x?xf32> {fulgur.name = "b", fulgur.dims = ["", ""],
                      fulgur.cache = {axis = 1 : i64, past = "past", new = 1 : i64}})
      -> (memref<2x?xf32> {fulgur.updates = "b"}) {
    return %b : memref<2x?xf32>
  }
}

// -----

// What was not updated in place after all would not be seen by the runtime.
module attributes {
  fulgur.caches = [{axis = 0 : i64, input = 0 : i64, output = 0 : i64, new = 1 : i64, past = "past"}]
} {
  func.func @main(%b: memref<?xf32> {fulgur.name = "b", fulgur.dims = [""],
                      fulgur.cache = {axis = 0 : i64, past = "past", new = 1 : i64}})
      -> (memref<?xf32> {fulgur.updates = "b"}) {
    %c0 = arith.constant 0 : index
    %n = memref.dim %b, %c0 : memref<?xf32>
    %copy = memref.alloc(%n) : memref<?xf32>
    memref.copy %b, %copy : memref<?xf32> to memref<?xf32>
    // expected-error @below {{expected result 0 of 'main' to be the buffer of the cache "b", but got a copy}}
    return %copy : memref<?xf32>
  }
}

// -----

// A layer reads the model through the step of its caller, and its weights by
// its number.
module attributes {fulgur.dims = [{name = "n", min = 0 : i64, max = 0 : i64}]} {
  fulgur.weight @a in "w.bin" at 0 : tensor<4xf32>
  fulgur.weight @other in "w.bin" at 16 : tensor<4xf32>
  fulgur.weight @b in "w.bin" at 32 : tensor<4xf32>
  // CHECK: llvm.mlir.global internal constant @weight_table_0(dense<[0, 2]> : tensor<2xi64>)
  // CHECK: func.func @fulgur_step(%[[STEP:.*]]: !llvm.ptr)
  // CHECK: call @layer(%{{.*}}, %[[STEP]]) : (index, !llvm.ptr) -> ()
  // CHECK: call @kernel() : () -> ()
  func.func @main() {
    %c1 = arith.constant 1 : index
    call @layer(%c1) : (index) -> ()
    call @kernel() : () -> ()
    return
  }
  // CHECK: func.func private @layer(%[[LAYER:.*]]: index, %[[PASSED:.*]]: !llvm.ptr)
  // CHECK: llvm.mlir.addressof @weight_table_0
  // CHECK-NOT: fulgur.
  // CHECK: return
  func.func private @layer(%l: index) {
    %w = fulgur.select_weight [@a, @b] at %l : memref<4xf32>
    %n = fulgur.dim "n"
    memref.prefetch %w[%n], read, locality<3>, data : memref<4xf32>
    return
  }
  func.func private @kernel() {
    return
  }
}

// -----

module attributes {fulgur.dims = [{name = "n", min = 0 : i64, max = 0 : i64}]} {
  func.func @main() {
    return
  }
  func.func @other() {
    // expected-error @below {{expected 'layer', which reads the model, to be called in 'main' alone}}
    call @layer() : () -> ()
    return
  }
  func.func private @layer() {
    %n = fulgur.dim "n"
    return
  }
}
