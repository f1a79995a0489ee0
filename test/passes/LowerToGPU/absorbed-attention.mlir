// RUN: fulgur-opt %s --fulgur-lower-kernel-calls --canonicalize --cse | FileCheck %s

// A block for 64 of the 3·S rows of a sequence: each reads all tokens.
// CHECK-LABEL: func.func @dense(
// CHECK: %[[ROWS:.*]] = arith.muli %{{.*}}, %c3
// CHECK: %[[BLOCKS:.*]] = arith.ceildivui %[[ROWS]], %c64
// CHECK: %[[ALL:.*]] = arith.muli %{{.*}}, %[[BLOCKS]]
// CHECK: gpu.launch_func @kernels::@absorbed_attention blocks in (%[[ALL]], {{.*}}) threads in (%c256, {{.*}}) dynamic_shared_memory_size %c{{[0-9]+}}_i32
func.func @dense(%q: memref<?x?x3x64xbf16>, %p: memref<?x?x3x16xbf16>, %c: memref<?x?x64xbf16>,
                 %r: memref<?x?x16xbf16>, %y: memref<?x?x3x64xbf16>) {
  fulgur.call_kernel "absorbed_attention"(%q, %p, %c, %r) into(%y) config {causal, scale = 1.0e-01 : f64}
      : (memref<?x?x3x64xbf16>, memref<?x?x3x16xbf16>, memref<?x?x64xbf16>, memref<?x?x16xbf16>)
        into (memref<?x?x3x64xbf16>)
  return
}

// Parts of buffers are copied by 16 bytes where their rows are known to allow it.
// CHECK-LABEL: func.func @parts(
// CHECK-NOT: scf.if
// CHECK: gpu.launch_func @kernels::@absorbed_attention_0 blocks
func.func @parts(%both: memref<?x?x3x80xbf16>, %cache: memref<?x?x80xbf16>, %y: memref<?x?x3x64xbf16>,
                 %b: index, %s: index, %t: index) {
  %q = memref.subview %both[0, 0, 0, 0] [%b, %s, 3, 64] [1, 1, 1, 1]
      : memref<?x?x3x80xbf16> to memref<?x?x3x64xbf16, strided<[?, 240, 80, 1]>>
  %p = memref.subview %both[0, 0, 0, 64] [%b, %s, 3, 16] [1, 1, 1, 1]
      : memref<?x?x3x80xbf16> to memref<?x?x3x16xbf16, strided<[?, 240, 80, 1], offset: 64>>
  %c = memref.subview %cache[%s, 0, 0] [%b, %t, 64] [1, 1, 1]
      : memref<?x?x80xbf16> to memref<?x?x64xbf16, strided<[?, 80, 1], offset: ?>>
  %r = memref.subview %cache[%s, 0, 64] [%b, %t, 16] [1, 1, 1]
      : memref<?x?x80xbf16> to memref<?x?x16xbf16, strided<[?, 80, 1], offset: ?>>
  fulgur.call_kernel "absorbed_attention"(%q, %p, %c, %r) into(%y) config {scale = 1.0e-01 : f64}
      : (memref<?x?x3x64xbf16, strided<[?, 240, 80, 1]>>, memref<?x?x3x16xbf16, strided<[?, 240, 80, 1], offset: 64>>,
         memref<?x?x64xbf16, strided<[?, 80, 1], offset: ?>>, memref<?x?x16xbf16, strided<[?, 80, 1], offset: ?>>)
        into (memref<?x?x3x64xbf16>)
  return
}

// What only a run knows decides then.
// CHECK-LABEL: func.func @anywhere(
// CHECK: %{{.*}}, %[[OFFSET:.*]], %{{.*}}:3, %[[STRIDES:.*]]:3 = memref.extract_strided_metadata %arg2
// CHECK: %[[BITS:.*]] = arith.ori %[[OFFSET]], %[[STRIDES]]#0
// CHECK: %[[REST:.*]] = arith.andi %[[BITS]], %c7
// CHECK: %[[ALIGNED:.*]] = arith.cmpi eq, %[[REST]], %c0
// CHECK: scf.if %[[ALIGNED]]
// CHECK: gpu.launch_func @kernels::@absorbed_attention_1 blocks
// CHECK: } else {
// CHECK: gpu.launch_func @kernels::@absorbed_attention_unaligned blocks
func.func @anywhere(%q: memref<1x?x3x64xbf16>, %p: memref<1x?x3x16xbf16>,
                    %c: memref<?x?x64xbf16, strided<[?, 64, 1], offset: ?>>,
                    %r: memref<1x?x16xbf16>, %y: memref<1x?x3x64xbf16>) {
  fulgur.call_kernel "absorbed_attention"(%q, %p, %c, %r) into(%y) config {scale = 1.0e-01 : f64}
      : (memref<1x?x3x64xbf16>, memref<1x?x3x16xbf16>, memref<?x?x64xbf16, strided<[?, 64, 1], offset: ?>>,
         memref<1x?x16xbf16>) into (memref<1x?x3x64xbf16>)
  return
}

// Rows that start at odd elements.
// CHECK-LABEL: func.func @odd(
// CHECK-NOT: scf.if
// CHECK: gpu.launch_func @kernels::@absorbed_attention_unaligned_0 blocks
func.func @odd(%q: memref<1x?x3x64xbf16>, %p: memref<1x?x3x16xbf16>,
               %c: memref<1x?x64xbf16, strided<[?, 65, 1]>>, %r: memref<1x?x16xbf16>, %y: memref<1x?x3x64xbf16>) {
  fulgur.call_kernel "absorbed_attention"(%q, %p, %c, %r) into(%y) config {scale = 1.0e-01 : f64}
      : (memref<1x?x3x64xbf16>, memref<1x?x3x16xbf16>, memref<1x?x64xbf16, strided<[?, 65, 1]>>,
         memref<1x?x16xbf16>) into (memref<1x?x3x64xbf16>)
  return
}

// With scratch memory the tokens have parts, whose number is that of its first
// dimension; none is one part.
// CHECK-LABEL: func.func @split(
// CHECK: %[[PARTS:.*]] = memref.dim %arg4, %c0
// CHECK: %[[WHOLE:.*]] = arith.cmpi eq, %[[PARTS]], %c0
// CHECK: scf.if %[[WHOLE]]
// CHECK: gpu.launch_func @kernels::@absorbed_attention_2 blocks in (%[[BLOCKS:[^,]*]], %c1, %c1) {{.*}} %arg6 : memref<1x?x3x64xbf16>)
// CHECK: } else {
// CHECK: %[[ALL:.*]] = arith.muli %[[BLOCKS]], %[[PARTS]]
// CHECK: gpu.launch_func @kernels::@absorbed_attention_split blocks in (%[[ALL]], {{.*}} %arg4 : memref<?x?x64xf32>, %arg5 : memref<?x?x2xf32>)
// CHECK: %[[ROWS:.*]] = arith.muli %{{.*}}, %c3
// CHECK: gpu.launch_func @kernels::@absorbed_attention_combine blocks in (%[[ROWS]], {{.*}} threads in (%c32,
func.func @split(%q: memref<1x?x3x64xbf16>, %p: memref<1x?x3x16xbf16>, %c: memref<1x?x64xbf16>,
                 %r: memref<1x?x16xbf16>, %sums: memref<?x?x64xf32>, %weights: memref<?x?x2xf32>,
                 %y: memref<1x?x3x64xbf16>) {
  fulgur.call_kernel "absorbed_attention"(%q, %p, %c, %r) into(%y, %sums, %weights) config {scale = 1.0e-01 : f64}
      : (memref<1x?x3x64xbf16>, memref<1x?x3x16xbf16>, memref<1x?x64xbf16>, memref<1x?x16xbf16>)
        into (memref<1x?x3x64xbf16>, memref<?x?x64xf32>, memref<?x?x2xf32>)
  return
}
