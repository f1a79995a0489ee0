// RUN: fulgur-opt %s --fulgur-plan-arena | FileCheck %s

// A buffer of a size that a named dimension gives is a view of the arena, for
// as long as it is used. One whose size only the step knows stays.
// CHECK: fulgur.buffers = [array<i64: {{[0-9]+}}, {{[0-9]+}}>]
module attributes {fulgur.dims = [{name = "seq", min = 0 : i64, max = 0 : i64}]} {
  // CHECK-LABEL: func.func @main(
  // CHECK-SAME: memref<?xi8> {fulgur.arena}, %{{.*}}: memref<?xi64> {fulgur.offsets}
  func.func @main(%x: memref<?xf32> {fulgur.dims = ["seq"]}, %k: memref<1xindex>) {
    %c0 = arith.constant 0 : index
    %f = arith.constant 1.0 : f32
    // CHECK: memref.view
    %n = fulgur.dim "seq"
    %a = memref.alloc(%n) : memref<?xf32>
    memref.store %f, %a[%c0] : memref<?xf32>
    // CHECK: memref.alloc(
    %m = memref.load %k[%c0] : memref<1xindex>
    %b = memref.alloc(%m) : memref<?xf32>
    memref.store %f, %b[%c0] : memref<?xf32>
    return
  }
}
// CHECK-LABEL: func.func @fulgur_buffer_sizes(
// CHECK: arith.muli
// CHECK: memref.store
