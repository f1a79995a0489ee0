// RUN: fulgur-opt %s --fulgur-lower-matmul --split-input-file | FileCheck %s
// RUN: fulgur-opt %s --fulgur-lower-matmul=vector-bytes=32 --split-input-file | FileCheck %s --check-prefix=AVX2

// Products of one type share a kernel, whatever their sizes; 12 rows of two
// vectors of sums are carried by its innermost loop.
// CHECK-LABEL: func.func @shared(
func.func @shared(%x: memref<?x24xf32>, %w: memref<2x24x32xf32>, %y: memref<?x40xf32>,
                  %a: memref<5x7xf32, strided<[1, 5]>>, %v: memref<1x7x32xf32>, %z: memref<5x9xf32, strided<[100, 1], offset: ?>>) {
  // CHECK: %[[X:.*]] = memref.expand_shape %{{.*}} {{\[}}[0, 1], [2]{{\]}} {{.*}} : memref<?x24xf32> into memref<1x?x24xf32>
  // CHECK: call @packed_matmul_f32_16(
  fulgur.packed_matmul %x, %w, %y : memref<?x24xf32>, memref<2x24x32xf32>, memref<?x40xf32>
  // CHECK: call @packed_matmul_f32_16(
  fulgur.packed_matmul %a, %v, %z : memref<5x7xf32, strided<[1, 5]>>, memref<1x7x32xf32>, memref<5x9xf32, strided<[100, 1], offset: ?>>
  return
}
// CHECK-COUNT-1: func.func private @packed_matmul_f32_16(
// CHECK: scf.parallel
// CHECK-COUNT-2: vector.fma {{.*}} : vector<16xf32>
// CHECK: scf.yield
// CHECK: scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK-COUNT-2: vector.load
// CHECK-COUNT-24: vector.fma
// CHECK-COUNT-24: vector.maskedstore
// CHECK-NOT: @packed_matmul_f32_16(

// -----

// Several weights are the right side of one kernel, which finds the one that a
// panel belongs to.
// CHECK-LABEL: func.func @several(
func.func @several(%x: memref<?x24xf32>, %a: memref<2x24x32xf32>, %b: memref<1x24x32xf32>, %y: memref<?x45xf32>) {
  // CHECK-DAG: %[[N:.*]] = arith.constant 40 : index
  // CHECK-DAG: %[[M:.*]] = arith.constant 5 : index
  // CHECK: call @packed_matmul_f32_16_of_2(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[N]], %[[M]])
  fulgur.packed_matmul %x, [%a, %b], %y columns [40, 5] : memref<?x24xf32>, [memref<2x24x32xf32>, memref<1x24x32xf32>], memref<?x45xf32>
  return
}
// CHECK: func.func private @packed_matmul_f32_16_of_2(%{{.*}}: memref<{{.*}}>, %[[A:.*]]: memref<{{.*}}>, %[[B:.*]]: memref<{{.*}}>, %{{.*}}: memref<{{.*}}>, %{{.*}}: index, %{{.*}}: index)
// CHECK: arith.select %{{.*}}, %[[B]], %[[A]] : memref<

// -----

// A right side that is no weight is read in place, its missing columns masked.
// CHECK-LABEL: func.func @batch(
func.func @batch(%x: memref<?x?x?xbf16>, %w: memref<?x?x?xbf16>, %y: memref<?x?x?xf32>) {
  // CHECK: call @matmul_bf16_16(
  // AVX2: call @matmul_bf16_8(
  linalg.batch_matmul ins(%x, %w : memref<?x?x?xbf16>, memref<?x?x?xbf16>) outs(%y : memref<?x?x?xf32>)
  return
}
// CHECK: func.func private @matmul_bf16_16(
// CHECK: vector.maskedload {{.*}} vector<16xbf16>
// CHECK: arith.extf {{.*}} : vector<16xbf16> to vector<16xf32>
// AVX2: vector.fma {{.*}} : vector<8xf32>

// -----

// A right side that a map transposes: dot products with its rows for a few rows
// of the left side, else a panel is transposed first.
// CHECK-LABEL: func.func @transposed(
func.func @transposed(%x: memref<?x?xf16>, %w: memref<?x?xf16, strided<[?, 1], offset: ?>>, %y: memref<?x?xf32>) {
  // CHECK: call @matmul_transposed_f16_16(
  linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %w : memref<?x?xf16>, memref<?x?xf16, strided<[?, 1], offset: ?>>) outs(%y : memref<?x?xf32>)
  return
}
// CHECK: func.func private @matmul_transposed_f16_16(%{{.*}}: memref<{{.*}}>, %[[W:.*]]: memref<{{.*}}>, %{{.*}}: memref<{{.*}}>)
// CHECK: scf.parallel
// CHECK: %[[FEW:.*]] = arith.cmpi sle, %{{.*}}, %{{.*}} : index
// CHECK-NEXT: scf.if %[[FEW]]
// CHECK: vector.maskedload %[[W]]
// CHECK: vector.reduction <add>
// CHECK: } else {
// CHECK: memref.load %[[W]]

// -----

// Unmatched: sums that are not f32, columns that are not contiguous, maps that
// transpose the left side.
// CHECK-LABEL: func.func @others(
func.func @others(%x: memref<?x?xf64>, %i: memref<?x?xi32>, %s: memref<?x?xf32, strided<[1, ?]>>, %y: memref<?x?xf32>) {
  // CHECK-COUNT-4: linalg.matmul
  // CHECK-NOT: call
  linalg.matmul ins(%x, %x : memref<?x?xf64>, memref<?x?xf64>) outs(%x : memref<?x?xf64>)
  linalg.matmul ins(%i, %i : memref<?x?xi32>, memref<?x?xi32>) outs(%i : memref<?x?xi32>)
  linalg.matmul ins(%y, %s : memref<?x?xf32>, memref<?x?xf32, strided<[1, ?]>>) outs(%y : memref<?x?xf32>)
  linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (k, m)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%y, %y : memref<?x?xf32>, memref<?x?xf32>) outs(%y : memref<?x?xf32>)
  return
}
