// RUN: fulgur-opt %s --fulgur-lower-linalg | FileCheck %s

// A sum along a contiguous row is carried by its loop and may be reordered.
// CHECK-LABEL: func.func @row_sum(
func.func @row_sum(%x: memref<?x64xf32>, %s: memref<?xf32>) {
  // CHECK: scf.parallel
  // CHECK: scf.for {{.*}} iter_args({{.*}}) -> (f32)
  // CHECK: arith.addf {{.*}} fastmath<reassoc,contract>
  // CHECK: memref.store
  linalg.reduce ins(%x : memref<?x64xf32>) outs(%s : memref<?xf32>) dimensions = [1]
    (%in: f32, %out: f32) {
      %0 = arith.addf %in, %out : f32
      linalg.yield %0 : f32
    }
  return
}

// A second output that the sum walks over is written in every turn, in order.
// CHECK-LABEL: func.func @sum_and_rows(
// CHECK-SAME: %[[X:.*]]: memref<?x64xf32>, %[[Y:.*]]: memref<?x64xf32>, %[[S:.*]]: memref<?xf32>
func.func @sum_and_rows(%x: memref<?x64xf32>, %y: memref<?x64xf32>, %s: memref<?xf32>) {
  // CHECK: scf.parallel (%[[I:.*]]) =
  // CHECK: %[[FIRST:.*]] = memref.load %[[S]][%[[I]]]
  // CHECK: %[[SUM:.*]] = scf.for %[[J:.*]] = {{.*}} iter_args(%[[PART:.*]] = %[[FIRST]]) -> (f32)
  // CHECK: %[[IN:.*]] = memref.load %[[X]][%[[I]], %[[J]]]
  // CHECK: %[[TWICE:.*]] = arith.addf %[[IN]], %[[IN]] : f32
  // CHECK: %[[NEXT:.*]] = arith.addf %[[PART]], %[[TWICE]] fastmath<reassoc,contract>
  // CHECK: memref.store %[[TWICE]], %[[Y]][%[[I]], %[[J]]]
  // CHECK: scf.yield %[[NEXT]]
  // CHECK: memref.store %[[SUM]], %[[S]][%[[I]]]
  linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>],
      iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x64xf32>) outs(%y, %s : memref<?x64xf32>, memref<?xf32>) {
    ^bb0(%in: f32, %old: f32, %sum: f32):
      %twice = arith.addf %in, %in : f32
      %next = arith.addf %sum, %twice : f32
      linalg.yield %twice, %next : f32, f32
  }
  return
}

// Elementwise operations on whole buffers are one loop.
// CHECK-LABEL: func.func @elementwise(
func.func @elementwise(%x: memref<?x?xf32>, %y: memref<?x?xf32>) {
  // CHECK-COUNT-2: memref.collapse_shape
  // CHECK: scf.parallel (%{{[^,]*}}) =
  // CHECK-NOT: scf.for
  // CHECK: arith.negf
  linalg.negf ins(%x : memref<?x?xf32>) outs(%y : memref<?x?xf32>)
  return
}

// A copy into a part of a buffer is loops; a dense one stays, for memcpy.
// CHECK-LABEL: func.func @copies(
func.func @copies(%x: memref<4x8xf32>, %y: memref<4x8xf32, strided<[16, 1], offset: 3>>, %z: memref<4x8xf32>) {
  // CHECK: scf.parallel
  memref.copy %x, %y : memref<4x8xf32> to memref<4x8xf32, strided<[16, 1], offset: 3>>
  // CHECK: memref.copy
  memref.copy %x, %z : memref<4x8xf32> to memref<4x8xf32>
  return
}

// A transposition goes in blocks of 16 by 16: threads share the blocks of one
// dimension.
// CHECK-LABEL: func.func @transpose(
// CHECK-SAME: %[[X:.*]]: memref<?x40xf32>, %[[Y:.*]]: memref<40x?xf32>)
func.func @transpose(%x: memref<?x40xf32>, %y: memref<40x?xf32>) {
  // CHECK: scf.parallel (%[[B:.*]]) =
  // CHECK: %[[BEGIN:.*]] = arith.muli %[[B]], %[[C16:.*]] :
  // CHECK: %[[NEXT:.*]] = arith.addi %[[BEGIN]], %[[C16]]
  // CHECK: %[[END:.*]] = arith.minsi %[[NEXT]], %{{.*}}
  // CHECK: scf.for %[[FIRST:.*]] = %{{.*}} to %{{.*}} step %{{.*}} {
  // CHECK: %[[AFTER:.*]] = arith.minsi
  // CHECK: scf.for %[[J:.*]] = %[[BEGIN]] to %[[END]]
  // CHECK: scf.for %[[I:.*]] = %[[FIRST]] to %[[AFTER]]
  // CHECK: memref.load %[[X]][%[[I]], %[[J]]]
  // CHECK: memref.store %{{.*}}, %[[Y]][%[[J]], %[[I]]]
  linalg.transpose ins(%x : memref<?x40xf32>) outs(%y : memref<40x?xf32>) permutation = [1, 0]
  return
}

// Unmatched: the rows are too short for a block.
// CHECK-LABEL: func.func @short(
func.func @short(%x: memref<?x4xf32>, %y: memref<4x?xf32>) {
  // CHECK: scf.parallel
  // CHECK-COUNT-1: scf.for
  // CHECK-NOT: scf.for
  // CHECK: return
  linalg.transpose ins(%x : memref<?x4xf32>) outs(%y : memref<4x?xf32>) permutation = [1, 0]
  return
}

// What the innermost loop does not walk over is read before it.
// CHECK-LABEL: func.func @gather(
// CHECK-SAME: %[[X:[^:]*]]: memref<?x64xf32>, %[[I:[^:]*]]: memref<?xindex>
func.func @gather(%x: memref<?x64xf32>, %i: memref<?xindex>, %y: memref<?x64xf32>) {
  // CHECK: scf.parallel
  // CHECK: memref.load %[[I]]
  // CHECK: scf.for
  // CHECK-NOT: memref.load %[[I]]
  // CHECK: memref.load %[[X]]
  linalg.generic {indexing_maps = [affine_map<(r, c) -> (r)>, affine_map<(r, c) -> (r, c)>],
                  iterator_types = ["parallel", "parallel"]}
      ins(%i : memref<?xindex>) outs(%y : memref<?x64xf32>) {
  ^bb0(%row: index, %out: f32):
    %c = linalg.index 1 : index
    %v = memref.load %x[%row, %c] : memref<?x64xf32>
    linalg.yield %v : f32
  }
  return
}

// A reduction of a whole buffer is one loop that keeps its order, whatever its
// dimensions.
// CHECK-LABEL: func.func @whole(
func.func @whole(%x: memref<?x?xf32>, %s: memref<f32>) {
  // CHECK-NOT: scf.parallel
  // CHECK: %[[SUM:.*]] = scf.for {{.*}} iter_args
  // CHECK: memref.store %[[SUM]]
  // CHECK: return
  linalg.generic {indexing_maps = [affine_map<(r, c) -> (r, c)>, affine_map<(r, c) -> ()>],
                  iterator_types = ["reduction", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%s : memref<f32>) {
  ^bb0(%in: f32, %out: f32):
    %v = arith.addf %in, %out : f32
    linalg.yield %v : f32
  }
  return
}
