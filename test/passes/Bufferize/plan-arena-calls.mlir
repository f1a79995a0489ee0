// RUN: fulgur-opt %s --fulgur-plan-arena --split-input-file --verify-diagnostics | FileCheck %s

// The function's buffer lives once in each call, and has one place; that of the
// caller, which the calls read, lives through all of them.
// CHECK: fulgur.buffers = [array<i64: 2, 9>, array<i64: 4, 4, 8, 8>]
module attributes {fulgur.dims = [{name = "n", min = 0 : i64, max = 0 : i64}]} {
  // CHECK-LABEL: func.func @main(
  // CHECK-SAME: %[[ARENA:[a-z0-9]+]]: memref<?xi8> {fulgur.arena}, %[[OFFSETS:[a-z0-9]+]]: memref<?xi64> {fulgur.offsets}
  func.func @main(%x: memref<?xf32> {fulgur.dims = ["n"]}) {
    // CHECK-COUNT-2: call @layer(%{{.*}}, %[[ARENA]], %[[OFFSETS]])
    %n = fulgur.dim "n"
    %a = memref.alloc(%n) : memref<?xf32>
    call @layer(%a) : (memref<?xf32>) -> ()
    call @layer(%a) : (memref<?xf32>) -> ()
    return
  }
  // CHECK-LABEL: func.func private @layer(
  // CHECK-SAME: memref<?xi8> {fulgur.arena}, %[[AT:[a-z0-9]+]]: memref<?xi64> {fulgur.offsets})
  // CHECK: memref.load %[[AT]]
  // CHECK: memref.view
  func.func private @layer(%x: memref<?xf32> {fulgur.dims = ["n"]}) {
    %n = fulgur.dim "n"
    %b = memref.alloc(%n) : memref<?xf32>
    memref.copy %x, %b : memref<?xf32> to memref<?xf32>
    return
  }
}

// -----

// What a function gives lives longer than its call.
// CHECK: fulgur.buffers = []
module attributes {fulgur.dims = []} {
  func.func @main() {
    %a = call @layer() : () -> memref<4xf32>
    return
  }
  // CHECK-LABEL: func.func private @layer(
  // CHECK: memref.alloc()
  func.func private @layer() -> memref<4xf32> {
    %b = memref.alloc() : memref<4xf32>
    return %b : memref<4xf32>
  }
}

// -----

module attributes {fulgur.dims = []} {
  func.func @main() {
    call @layer() : () -> ()
    return
  }
  func.func private @layer() {
    // expected-error @below {{expected calls in the body of 'main' alone, but got one in 'layer'}}
    call @layer() : () -> ()
    return
  }
}
