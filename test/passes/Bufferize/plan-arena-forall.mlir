// RUN: fulgur-opt %s --fulgur-plan-arena --split-input-file | FileCheck %s

// Turns that run at the same time have a part each of the buffer that they
// allocate: whole cache lines, times the number of turns.
// CHECK: fulgur.buffers = [array<i64: {{[0-9]+}}, {{[0-9]+}}>]
module attributes {fulgur.dims = [{name = "seq", min = 0 : i64, max = 0 : i64}]} {
  // CHECK-LABEL: func.func @main(
  func.func @main(%x: memref<?xf32> {fulgur.dims = ["seq"]}) {
    %c0 = arith.constant 0 : index
    %c8 = arith.constant 8 : index
    %f = arith.constant 1.0 : f32
    %n = fulgur.dim "seq"
    %blocks = arith.minsi %n, %c8 : index
    // CHECK: scf.forall (%[[I:.*]]) in
    scf.forall (%i) in (%blocks) {
      // CHECK-NOT: memref.alloc
      // CHECK: %[[BYTES:.*]] = arith.muli %{{.*}}, %c64
      // CHECK: %[[PLACE:.*]] = arith.muli %{{.*}}, %[[BYTES]]
      // CHECK: %[[OFFSET:.*]] = arith.addi %{{.*}}, %[[PLACE]]
      // CHECK: memref.view %{{.*}}[%[[OFFSET]]][%{{.*}}] : memref<?xi8> to memref<?xf32>
      %a = memref.alloc(%n) : memref<?xf32>
      memref.store %f, %a[%c0] : memref<?xf32>
    }
    return
  }
}
// CHECK-LABEL: func.func @fulgur_buffer_sizes(
// CHECK: arith.ceildivui
// CHECK: memref.store

// -----

// Unmatched: how many turns there are, only the step knows.
module attributes {fulgur.dims = [{name = "seq", min = 0 : i64, max = 0 : i64}]} {
  // CHECK-LABEL: func.func @main(
  func.func @main(%x: memref<?xf32> {fulgur.dims = ["seq"]}, %k: memref<1xindex>) {
    %c0 = arith.constant 0 : index
    %f = arith.constant 1.0 : f32
    %n = fulgur.dim "seq"
    %turns = memref.load %k[%c0] : memref<1xindex>
    scf.forall (%i) in (%turns) {
      // CHECK: memref.alloc(
      %a = memref.alloc(%n) : memref<?xf32>
      memref.store %f, %a[%c0] : memref<?xf32>
    }
    return
  }
}
