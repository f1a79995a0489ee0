// RUN: fulgur-opt %s --split-input-file --verify-diagnostics --fulgur-lower-kernel-calls --canonicalize --cse | FileCheck %s

// A block a row; equal calls share the kernel, others get one of their own.
// A thread takes 16 bytes at a time, and keeps them: the row is read once.
// CHECK-LABEL: func.func @norms(
// CHECK-SAME: %[[X:.*]]: memref<2x?x64xf32>, %[[W:.*]]: memref<64xf32>, %[[Y:.*]]: memref<2x?x64xf32>
// CHECK: %[[ROWS:.*]] = arith.muli
// CHECK: gpu.launch_func @kernels::@rms_norm blocks in (%[[ROWS]], %{{.*}}, %{{.*}}) threads in (%c32, {{.*}}) args(%[[X]] : {{.*}}, %[[W]] : {{.*}}, %[[Y]] : {{.*}})
// CHECK: gpu.launch_func @kernels::@rms_norm blocks
// CHECK: gpu.launch_func @kernels::@rms_norm_0 blocks
// CHECK-NOT: fulgur.call_kernel
func.func @norms(%x: memref<2x?x64xf32>, %w: memref<64xf32>, %y: memref<2x?x64xf32>,
                 %u: memref<?x7168xbf16>, %v: memref<7168xbf16>) {
  fulgur.call_kernel "rms_norm"(%x, %w) into(%y) config {eps = 1.0e-06 : f64}
      : (memref<2x?x64xf32>, memref<64xf32>) into (memref<2x?x64xf32>)
  fulgur.call_kernel "rms_norm"(%y, %w) into(%y) config {eps = 1.0e-06 : f64}
      : (memref<2x?x64xf32>, memref<64xf32>) into (memref<2x?x64xf32>)
  fulgur.call_kernel "rms_norm"(%u, %v) into(%u) config {eps = 1.0e-06 : f64}
      : (memref<?x7168xbf16>, memref<7168xbf16>) into (memref<?x7168xbf16>)
  return
}
// CHECK: gpu.func @rms_norm(%[[IN:.*]]: memref<2x?x64xf32>, %[[SCALE:.*]]: memref<64xf32>, %[[OUT:.*]]: memref<2x?x64xf32>)
// CHECK-SAME: workgroup(%[[SCRATCH:.*]] : memref<32xf32, #gpu.address_space<workgroup>>) kernel
// CHECK: scf.if
// CHECK: vector.load %[[IN]]{{.*}} {alignment = 16 : i64} : memref<2x?x64xf32>, vector<4xf32>
// CHECK: gpu.shuffle xor
// One warp has nobody to wait for.
// CHECK-NOT: gpu.barrier
// CHECK: math.sqrt
// CHECK-NOT: vector.load %[[IN]]
// CHECK: scf.if
// CHECK: vector.load %[[SCALE]]
// CHECK-NOT: vector.load
// CHECK: vector.store %{{.*}}, %[[OUT]]{{.*}} {alignment = 16 : i64} : memref<2x?x64xf32>, vector<4xf32>
// The 896 pieces of a row are one turn for 512 threads, and another one for most.
// CHECK: gpu.func @rms_norm_0(
// CHECK: vector.load {{.*}} vector<8xbf16>
// CHECK: arith.extf {{.*}} : bf16 to f32
// CHECK: scf.if
// CHECK: vector.load {{.*}} vector<8xbf16>
// CHECK: arith.truncf {{.*}} : f32 to bf16
// CHECK-NOT: scf.for

// -----

// One element at a time: rows of an odd size, of an unknown one, of a part that
// begins anywhere. Long ones are read twice.
// CHECK-LABEL: func.func @parts(
// CHECK: gpu.func @rms_norm(
// CHECK: scf.if
// CHECK: memref.load {{.*}} : memref<?x27xf16>
// CHECK: gpu.func @rms_norm_0(
// CHECK-COUNT-2: scf.for {{.*}} step %c512
// CHECK: gpu.func @rms_norm_1(
// CHECK: memref.load
// CHECK-NOT: vector.load
// CHECK: gpu.func @rms_norm_2(
// CHECK: vector.load {{.*}} : memref<?x32xf16, strided<[64, 1], offset: 32>>, vector<8xf16>
func.func @parts(%a: memref<?x27xf16>, %av: memref<27xf16>, %b: memref<?x?xf16>, %bv: memref<?xf16>,
                 %c: memref<?x32xf16, strided<[64, 1], offset: ?>>, %d: memref<?x32xf16, strided<[64, 1], offset: 32>>,
                 %v: memref<32xf16>, %y: memref<?x32xf16>) {
  fulgur.call_kernel "rms_norm"(%a, %av) into(%a) config {eps = 1.0e-06 : f64}
      : (memref<?x27xf16>, memref<27xf16>) into (memref<?x27xf16>)
  fulgur.call_kernel "rms_norm"(%b, %bv) into(%b) config {eps = 1.0e-06 : f64}
      : (memref<?x?xf16>, memref<?xf16>) into (memref<?x?xf16>)
  fulgur.call_kernel "rms_norm"(%c, %v) into(%y) config {eps = 1.0e-06 : f64}
      : (memref<?x32xf16, strided<[64, 1], offset: ?>>, memref<32xf16>) into (memref<?x32xf16>)
  fulgur.call_kernel "rms_norm"(%d, %v) into(%y) config {eps = 1.0e-06 : f64}
      : (memref<?x32xf16, strided<[64, 1], offset: 32>>, memref<32xf16>) into (memref<?x32xf16>)
  return
}

// -----

// The sum is rounded, kept, and written; then the norm of it.
// CHECK-LABEL: gpu.func @add_rms_norm(
// CHECK-SAME: %[[X:.*]]: memref<?x512xbf16>, %[[R:.*]]: memref<?x512xbf16>, %[[W:.*]]: memref<512xbf16>, %[[S:.*]]: memref<?x512xbf16>, %[[Y:.*]]: memref<?x512xbf16>)
// CHECK: vector.load %[[X]]
// CHECK: vector.load %[[R]]
// CHECK: arith.truncf
// CHECK: vector.store %{{.*}}, %[[S]]
// CHECK: gpu.barrier
// CHECK-NOT: vector.load %[[S]]
// CHECK: vector.store %{{.*}}, %[[Y]]
func.func @add(%x: memref<?x512xbf16>, %r: memref<?x512xbf16>, %w: memref<512xbf16>,
               %s: memref<?x512xbf16>, %y: memref<?x512xbf16>) {
  fulgur.call_kernel "add_rms_norm"(%x, %r, %w) into(%s, %y) config {eps = 1.0e-06 : f64}
      : (memref<?x512xbf16>, memref<?x512xbf16>, memref<512xbf16>) into (memref<?x512xbf16>, memref<?x512xbf16>)
  return
}

// -----

// 512 experts leave room for the counters of 12 warps. The rows are copied
// behind that, 16 bytes a thread.
// CHECK-LABEL: func.func @dispatch(
// CHECK: gpu.launch_func @kernels::@dispatch_sort blocks in (%c1, %c1, %c1) threads in (%c384,
// CHECK: gpu.launch_func @kernels::@dispatch blocks in (%{{.*}}) threads in (%c128,
// CHECK: gpu.func @dispatch_sort(
// CHECK-SAME: memref<12x512xi32, #gpu.address_space<workgroup>>
// CHECK: memref.atomic_rmw addi
// CHECK: gpu.shuffle idx
// CHECK: memref.atomic_rmw addi
// CHECK: gpu.func @dispatch(
// CHECK: %[[PIECE:.*]] = vector.load
// CHECK: vector.store %[[PIECE]]
// A row for each pair, in scratch memory.
// CHECK-LABEL: gpu.func @combine_invert(
// CHECK: memref.store %{{.*}} : memref<?xi32>
// CHECK-LABEL: gpu.func @combine(
// CHECK: scf.for
// CHECK: memref.load %{{.*}} : memref<?xi32>
// CHECK: vector.load {{.*}} vector<8xbf16>
// CHECK: vector.store
func.func @dispatch(%x: memref<?x1024xbf16>, %e: memref<?x8xi32>, %r: memref<?x1024xbf16>, %s: memref<?xi32>,
                    %o: memref<513xi32>, %w: memref<?x8xf32>, %places: memref<?xi32>) {
  fulgur.call_kernel "dispatch"(%x, %e) into(%r, %s, %o) config {num_experts = 512 : i64}
      : (memref<?x1024xbf16>, memref<?x8xi32>) into (memref<?x1024xbf16>, memref<?xi32>, memref<513xi32>)
  fulgur.call_kernel "combine"(%r, %s, %w) into(%x, %places) config {}
      : (memref<?x1024xbf16>, memref<?xi32>, memref<?x8xf32>) into (memref<?x1024xbf16>, memref<?xi32>)
  return
}

// -----

// Eight rounds of counting at most, then a sort of 8 keys: 6 steps.
// CHECK-LABEL: gpu.func @select_tokens(
// CHECK-SAME: memref<256xi32, #gpu.address_space<workgroup>>
// CHECK-SAME: memref<8xi64, #gpu.address_space<workgroup>>
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c1
// CHECK: scf.if
// CHECK: gpu.barrier
// CHECK: memref.atomic_rmw addi
// CHECK: gpu.barrier
// CHECK: memref.atomic_rmw addi
// CHECK-COUNT-6: arith.cmpi ult, {{.*}} : i64
// CHECK: memref.store %{{.*}} : memref<1x4x6xi32>
func.func @select(%s: memref<1x4x?xf32>, %m: memref<1x1x?xi1>, %i: memref<1x4x6xi32>) {
  fulgur.call_kernel "select_tokens"(%s, %m) into(%i) config {causal, k = 6 : i64}
      : (memref<1x4x?xf32>, memref<1x1x?xi1>) into (memref<1x4x6xi32>)
  return
}

// -----

func.func @no_kernel(%x: memref<4xf32>) {
  // expected-error @below {{expected a kernel on memrefs, but got 'rotary_table' with 0 results}}
  fulgur.call_kernel "rotary_table"(%x, %x) into(%x) config {} : (memref<4xf32>, memref<4xf32>) into (memref<4xf32>)
  return
}
