// RUN: fulgur-opt %s --split-input-file --fulgur-lower-reduction-to-kernel --canonicalize --cse | FileCheck %s

#whole = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>

// Rows of unknown size have a block each; those of 40 elements a warp, eight in a
// block; a long one has 1024 threads. What is equal is one kernel.
// CHECK-LABEL: func.func @sums(
// CHECK-SAME: %[[X:.*]]: memref<?x?xf32>, %[[S:.*]]: memref<?xf32>, %[[Y:.*]]: memref<?x40xf32>
// CHECK-NOT: linalg.generic
// CHECK: %[[ROWS:.*]] = memref.dim %[[S]], %c0
// CHECK: gpu.launch_func @kernels::@reduction blocks in (%[[ROWS]], {{.*}}) threads in (%c256, {{.*}}) args(%[[X]] : {{.*}}, %[[S]] : {{.*}})
// CHECK: %[[BLOCKS:.*]] = arith.ceildivui %{{.*}}, %c8
// CHECK: gpu.launch_func @kernels::@reduction_0 blocks in (%[[BLOCKS]], {{.*}}) threads in (%c256,
// CHECK: gpu.launch_func @kernels::@reduction_1 blocks in (%c1, {{.*}}) threads in (%c1024,
// CHECK: gpu.launch_func @kernels::@reduction blocks
// CHECK: gpu.func @reduction(%[[IN:.*]]: memref<?x?xf32>, %[[OUT:.*]]: memref<?xf32>)
// CHECK-SAME: workgroup(%{{.*}} : memref<32xf32, #gpu.address_space<workgroup>>)
// CHECK: %[[BEFORE:.*]] = memref.load %[[OUT]][%[[ROW:.*]]]
// CHECK: %[[SIZE:.*]] = memref.dim %[[IN]], %c1
// CHECK: scf.for %[[I:.*]] = %[[THREAD:.*]] to %[[SIZE]] step %c256 iter_args(%{{.*}} = %cst)
// CHECK: memref.load %[[IN]][%[[ROW]], %[[I]]]
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK: gpu.barrier
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK: scf.if
// CHECK: %[[SUM:.*]] = arith.addf %[[BEFORE]], %{{.*}}
// CHECK: memref.store %[[SUM]], %[[OUT]][%[[ROW]]]
// A warp needs no barrier.
// CHECK: gpu.func @reduction_0(
// CHECK: scf.for {{.*}} to %c40 step %c32
// CHECK-NOT: gpu.barrier
// CHECK: gpu.func @reduction_1(
func.func @sums(%x: memref<?x?xf32>, %s: memref<?xf32>, %y: memref<?x40xf32>, %z: memref<1x129280xf32>, %t: memref<1xf32>) {
  linalg.generic {indexing_maps = [#whole, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%s : memref<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %0 = arith.addf %in, %out : f32
      linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#whole, #row], iterator_types = ["parallel", "reduction"]}
      ins(%y : memref<?x40xf32>) outs(%s : memref<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %0 = arith.addf %in, %out : f32
      linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#whole, #row], iterator_types = ["parallel", "reduction"]}
      ins(%z : memref<1x129280xf32>) outs(%t : memref<1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %0 = arith.addf %in, %out : f32
      linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#whole, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%s : memref<?xf32>) {
    ^bb0(%element: f32, %sum: f32):
      %0 = arith.addf %element, %sum : f32
      linalg.yield %0 : f32
  }
  return
}

// -----

#whole = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>

// Equal text, but for the value of a constant: two kernels.
// CHECK-LABEL: func.func @scaled(
// CHECK: gpu.launch_func @kernels::@reduction blocks
// CHECK: gpu.launch_func @kernels::@reduction_0 blocks
// The factor that the host knows is a parameter.
// CHECK: gpu.launch_func @kernels::@reduction_1 blocks {{.*}} args(%{{.*}} : memref<?x64xf32>, %{{.*}} : memref<?xf32>, %{{.*}} : f32)
// CHECK: arith.mulf {{.*}} fastmath<contract>
// CHECK: arith.addf {{.*}} fastmath<contract>
func.func @scaled(%x: memref<?x64xf32>, %s: memref<?xf32>, %factor: f32) {
  %two = arith.constant 2.0 : f32
  %three = arith.constant 3.0 : f32
  linalg.generic {indexing_maps = [#whole, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x64xf32>) outs(%s : memref<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %0 = arith.mulf %in, %two : f32
      %1 = arith.addf %0, %out : f32
      linalg.yield %1 : f32
  }
  linalg.generic {indexing_maps = [#whole, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x64xf32>) outs(%s : memref<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %0 = arith.mulf %in, %three : f32
      %1 = arith.addf %0, %out : f32
      linalg.yield %1 : f32
  }
  linalg.generic {indexing_maps = [#whole, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x64xf32>) outs(%s : memref<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %0 = arith.mulf %in, %factor : f32
      %1 = arith.addf %0, %out : f32
      linalg.yield %1 : f32
  }
  return
}

// -----

#whole = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>

// ArgMax: places of 64 bits move in two halves.
// CHECK-LABEL: func.func @arg_max(
// CHECK: gpu.func @reduction(
// CHECK: scf.for
// CHECK: arith.cmpf ogt
// CHECK: gpu.shuffle xor {{.*}} : f32
// CHECK: gpu.shuffle xor {{.*}} : i32
// CHECK: gpu.shuffle xor {{.*}} : i32
// CHECK: gpu.barrier
func.func @arg_max(%x: memref<?x129280xf32>, %best: memref<?xf32>, %place: memref<?xi64>) {
  linalg.generic {indexing_maps = [#whole, #row, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x129280xf32>) outs(%best, %place : memref<?xf32>, memref<?xi64>) {
    ^bb0(%in: f32, %out: f32, %at: i64):
      %better = arith.cmpf ogt, %in, %out : f32
      %j = linalg.index 1 : index
      %here = arith.index_cast %j : index to i64
      %0 = arith.select %better, %in, %out : f32
      %1 = arith.select %better, %here, %at : i64
      linalg.yield %0, %1 : f32, i64
  }
  return
}

// -----

#whole = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#column = affine_map<(d0, d1) -> (d1)>
#left = affine_map<(d0, d1, d2) -> (d0, d2)>
#right = affine_map<(d0, d1, d2) -> (d1, d2)>
#product = affine_map<(d0, d1, d2) -> (d0, d1)>

// Short rows, columns, products, differences, and what one thread runs.
// CHECK-LABEL: func.func @not(
// CHECK-COUNT-5: linalg.generic
// CHECK-NOT: gpu.launch_func
func.func @not(%x: memref<?x31xf32>, %y: memref<?x64xf32>, %s: memref<?xf32>, %c: memref<64xf32>, %p: memref<?x?xf32>, %n: index) {
  linalg.generic {indexing_maps = [#whole, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x31xf32>) outs(%s : memref<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %0 = arith.addf %in, %out : f32
      linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#whole, #column], iterator_types = ["reduction", "parallel"]}
      ins(%y : memref<?x64xf32>) outs(%c : memref<64xf32>) {
    ^bb0(%in: f32, %out: f32):
      %0 = arith.addf %in, %out : f32
      linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#left, #right, #product], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%y, %y : memref<?x64xf32>, memref<?x64xf32>) outs(%p : memref<?x?xf32>) {
    ^bb0(%a: f32, %b: f32, %out: f32):
      %0 = arith.mulf %a, %b : f32
      %1 = arith.addf %0, %out : f32
      linalg.yield %1 : f32
  }
  linalg.generic {indexing_maps = [#whole, #row], iterator_types = ["parallel", "reduction"]}
      ins(%y : memref<?x64xf32>) outs(%s : memref<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %0 = arith.subf %out, %in : f32
      linalg.yield %0 : f32
  }
  scf.forall (%i) in (%n) {
    linalg.generic {indexing_maps = [#whole, #row], iterator_types = ["parallel", "reduction"]}
        ins(%y : memref<?x64xf32>) outs(%s : memref<?xf32>) {
      ^bb0(%in: f32, %out: f32):
        %0 = arith.addf %in, %out : f32
        linalg.yield %0 : f32
    }
  }
  return
}
