// RUN: fulgur-opt %s --split-input-file --fulgur-lower-kernel-calls --canonicalize --cse | FileCheck %s

// Scores of some queries, and the selection from them, until all queries have
// been. None of the tokens behind those that the last of them sees is scored.
// CHECK-LABEL: func.func @select(
// CHECK-SAME: %[[Q:.*]]: memref<1x?x4x16xbf16>, %[[K:.*]]: memref<1x?x16xbf16>, %[[W:.*]]: memref<1x?x4xbf16>, %[[M:.*]]: memref<1x?x?xi1>, %[[I:.*]]: memref<1x?x6xi32>, %[[SCORES:.*]]: memref<1x?x?xbf16>
// CHECK-DAG: %[[S:.*]] = memref.dim %[[Q]], %c1
// CHECK-DAG: %[[T:.*]] = memref.dim %[[K]], %c1
// CHECK-DAG: %[[STEP:.*]] = arith.maxui %{{.*}}, %c1
// CHECK: scf.for %[[FIRST:.*]] = %c0 to %[[S]] step %[[STEP]] {
// CHECK: %[[LEFT:.*]] = arith.subi %[[S]], %[[FIRST]]
// CHECK: %[[ROWS:.*]] = arith.minui %[[STEP]], %[[LEFT]]
// CHECK: %[[BEHIND:.*]] = arith.subi %[[T]], %[[S]]
// CHECK: %[[AHEAD:.*]] = arith.addi %[[BEHIND]], %[[FIRST]]
// CHECK: %[[END:.*]] = arith.addi %[[AHEAD]], %[[ROWS]]
// CHECK: %[[TOKENS:.*]] = arith.maxsi %[[END]], %c0
// CHECK: gpu.launch_func @kernels::@lightning_indexer {{.*}} dynamic_shared_memory_size {{.*}} args(%[[Q]] : {{.*}}, %[[K]] : {{.*}}, %[[W]] : {{.*}}, %[[SCORES]] : {{.*}}, %[[FIRST]] : index, %[[ROWS]] : index, %[[TOKENS]] : index, %[[AHEAD]] : index
// CHECK: %[[MASK:.*]] = memref.subview %[[M]][0, %[[FIRST]], 0] [1, %[[ROWS]], %{{.*}}]
// CHECK: %[[PART:.*]] = memref.subview %[[SCORES]][0, 0, 0] [1, %[[ROWS]], %[[TOKENS]]]
// CHECK: %[[OUT:.*]] = memref.subview %[[I]][0, %[[FIRST]], 0] [1, %[[ROWS]], 6]
// CHECK: gpu.launch_func @kernels::@select_tokens {{.*}} args(%[[PART]] : {{.*}}, %[[MASK]] : {{.*}}, %[[OUT]] : {{.*}})
func.func @select(%q: memref<1x?x4x16xbf16>, %k: memref<1x?x16xbf16>, %w: memref<1x?x4xbf16>, %m: memref<1x?x?xi1>,
                  %i: memref<1x?x6xi32>, %s: memref<1x?x?xbf16>) {
  fulgur.call_kernel "index_select"(%q, %k, %w, %m) into(%i, %s) config {causal, k = 6 : i64, scale = 5.0e-01 : f64}
      : (memref<1x?x4x16xbf16>, memref<1x?x16xbf16>, memref<1x?x4xbf16>, memref<1x?x?xi1>)
      into (memref<1x?x6xi32>, memref<1x?x?xbf16>)
  return
}

// Keys of two tiles of 16 tokens, products of 4 heads padded to 16, and no more
// registers than four blocks have.
// CHECK: gpu.func @lightning_indexer(
// CHECK-SAME: nvvm.minctasm = 4 : i32
// CHECK: kernel.copy_async
// CHECK: nvvm.cp.async.wait.group 0
// CHECK: gpu.barrier
// CHECK-COUNT-2: kernel.ldmatrix {{.*}} -> vector<8xbf16>
// CHECK: scf.for
// CHECK: kernel.ldmatrix
// CHECK-COUNT-4: kernel.mma_sync
// CHECK: arith.maximumf
// CHECK-COUNT-3: gpu.shuffle xor
// CHECK: memref.store {{.*}} : memref<1x?x?xbf16>

// -----

// The height of tiles goes by the rows that experts have on average.
// CHECK-LABEL: func.func @experts(
// CHECK-SAME: %[[X:.*]]: memref<?x600xbf16>
// CHECK: %[[R:.*]] = memref.dim %{{.*}}, %c0 : memref<?x16xbf16>
// CHECK: arith.cmpi ule, %[[R]], %c80
// CHECK: scf.if
// CHECK: gpu.launch_func @kernels::@grouped_matmul_16
// CHECK: arith.cmpi ule, %[[R]], %c320
// CHECK: scf.if
// CHECK: gpu.launch_func @kernels::@grouped_matmul_64
// CHECK: gpu.launch_func @kernels::@grouped_matmul_128
func.func @experts(%x: memref<?x600xbf16>, %w: memref<5x600x16xbf16>, %o: memref<6xi32>, %y: memref<?x16xbf16>) {
  fulgur.call_kernel "grouped_matmul"(%x, %w, %o) into(%y) config {}
      : (memref<?x600xbf16>, memref<5x600x16xbf16>, memref<6xi32>) into (memref<?x16xbf16>)
  return
}
// The expert of the block: counts of tiles, summed up in warps and over them.
// CHECK: gpu.func @grouped_matmul_16(
// CHECK-COUNT-5: gpu.shuffle up
// CHECK: gpu.barrier
// CHECK: memref.store
// CHECK: gpu.barrier
// CHECK: scf.if
// CHECK: scf.for
// CHECK: kernel.mma_sync
// CHECK: } {llvm.loop_annotation = #loop_annotation}

// -----

// A known number of rows leaves one kernel.
// CHECK-LABEL: func.func @few_rows(
// CHECK-NOT: scf.if
// CHECK: gpu.launch_func @kernels::@grouped_matmul_16
// CHECK-NOT: gpu.launch_func
func.func @few_rows(%x: memref<8x24xbf16>, %w: memref<5x9x24xbf16>, %o: memref<6xi32>, %y: memref<8x9xbf16>) {
  fulgur.call_kernel "grouped_matmul"(%x, %w, %o) into(%y) config {transposed}
      : (memref<8x24xbf16>, memref<5x9x24xbf16>, memref<6xi32>) into (memref<8x9xbf16>)
  return
}
