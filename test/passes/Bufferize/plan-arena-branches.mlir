// RUN: fulgur-opt %s --fulgur-plan-arena | FileCheck %s

// The lives of what branches use are counted inside of them, one branch after
// the other; what a branch gives on lives to its last use. The sizes say which
// branch runs, as the dimensions tell.
// CHECK: fulgur.buffers = [array<i64: 7, 8>, array<i64: 10, 15>, array<i64: 13, 15>]
module attributes {fulgur.dims = [{name = "seq", min = 0 : i64, max = 0 : i64}]} {
  // CHECK-LABEL: func.func @main(
  func.func @main(%x: memref<?xf32> {fulgur.dims = ["seq"]}) {
    // CHECK-NOT: memref.alloc
    %c0 = arith.constant 0 : index
    %c8 = arith.constant 8 : index
    %f = arith.constant 1.0 : f32
    %n = fulgur.dim "seq"
    %few = arith.cmpi sle, %n, %c8 : index
    %y = scf.if %few -> memref<?xf32> {
      %a = memref.alloc(%n) : memref<?xf32>
      memref.store %f, %a[%c0] : memref<?xf32>
      memref.store %f, %a[%c0] : memref<?xf32>
      %b = memref.alloc(%n) : memref<?xf32>
      memref.store %f, %b[%c0] : memref<?xf32>
      scf.yield %b : memref<?xf32>
    } else {
      %c = memref.alloc(%n) : memref<?xf32>
      memref.store %f, %c[%c0] : memref<?xf32>
      scf.yield %c : memref<?xf32>
    }
    memref.store %f, %y[%c0] : memref<?xf32>
    return
  }
}
// CHECK-LABEL: func.func @fulgur_buffer_sizes(
// CHECK: %[[FEW:.*]] = arith.cmpi sle
// CHECK: arith.select %[[FEW]], %{{.*}}, %c0{{.*}} : index
// CHECK: arith.select %[[FEW]], %{{.*}}, %c0{{.*}} : index
// CHECK: arith.select %[[FEW]], %c0{{.*}}, %{{.*}} : index
