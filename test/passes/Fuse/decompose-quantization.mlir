// RUN: fulgur-opt %s --fulgur-decompose --canonicalize --cse | FileCheck %s
// RUN: fulgur-opt %s --fulgur-decompose --canonicalize --cse --one-shot-bufferize="bufferize-function-boundaries" \
// RUN:   --cse --canonicalize | FileCheck %s --check-prefix=BUFFER

// What the operations compute is tested in test/numeric/ops; here, what form
// the code has that the CPU's code generator relies on.

// CHECK-DAG: #[[ELEMENTS:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[BLOCKS:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-DAG: #[[ROWS:.*]] = affine_map<(d0, d1, d2) -> (d0 floordiv 16, d1)>
// CHECK-DAG: #[[READ:.*]] = affine_map<(d0, d1, d2) -> (d0, d2, d1)>
// CHECK-DAG: #[[WRITE:.*]] = affine_map<(d0, d1, d2) -> (d1, d0, d2)>

// Blocks that divide are a dimension: one reduction, one loop over the values,
// and no code for an end.
// CHECK-LABEL: @quantize(
// CHECK: tensor.expand_shape {{.*}} into tensor<?x4x32xf32>
// CHECK: linalg.generic {indexing_maps = [#[[ELEMENTS]], #[[BLOCKS]]], iterator_types = ["parallel", "parallel", "reduction"]}
// CHECK: arith.maxsi {{.*}} : i32
// CHECK: arith.divf
// CHECK: linalg.generic {indexing_maps = [#[[ELEMENTS]], #[[BLOCKS]], #[[ELEMENTS]]], iterator_types = ["parallel", "parallel", "parallel"]}
// CHECK: arith.divf
// CHECK-NEXT: arith.maximumf
// CHECK-NEXT: arith.minimumf
// CHECK-NEXT: arith.truncf {{.*}} to f8E4M3FN
// CHECK-NOT: linalg.generic
// CHECK: return

// Greatest magnitudes, as the bits of f32, scales and values are all that is
// allocated, and nothing is copied.
// BUFFER-LABEL: @quantize(
// BUFFER: memref.alloc({{.*}} : memref<?x4xi32>
// BUFFER: memref.alloc({{.*}} : memref<?x4xf32>
// BUFFER: memref.alloc({{.*}} : memref<?x128xf8E4M3FN>
// BUFFER-NOT: memref.alloc
// BUFFER-NOT: memref.copy
// BUFFER: return
func.func @quantize(%x: tensor<?x128xf32>) -> (tensor<?x128xf8E4M3FN>, tensor<?x4xf32>) {
  %v, %s = fulgur.quantize %x block [1, 32] : tensor<?x128xf32> -> tensor<?x128xf8E4M3FN>, tensor<?x4xf32>
  return %v, %s : tensor<?x128xf8E4M3FN>, tensor<?x4xf32>
}

// A block at the end of rows and one at that of columns: four parts.
// CHECK-LABEL: @quantize_ragged(
// CHECK-COUNT-4: arith.maxsi
// CHECK-NOT: arith.maxsi
// CHECK: return

// BUFFER-LABEL: @quantize_ragged(
// BUFFER-NOT: memref.copy
// BUFFER: return
func.func @quantize_ragged(%x: tensor<?x?xf32>) -> (tensor<?x?xf8E4M3FN>, tensor<?x?xf32>) {
  %v, %s = fulgur.quantize %x block [16, 32] : tensor<?x?xf32> -> tensor<?x?xf8E4M3FN>, tensor<?x?xf32>
  return %v, %s : tensor<?x?xf8E4M3FN>, tensor<?x?xf32>
}

// The innermost loop has one scale.
// CHECK-LABEL: @dequantize(
// CHECK: linalg.generic {indexing_maps = [#[[ELEMENTS]], #[[ROWS]], #[[ELEMENTS]]], iterator_types = ["parallel", "parallel", "parallel"]}
// CHECK: arith.extf {{.*}} to f32
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: arith.truncf {{.*}} to bf16
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @dequantize(%v: tensor<40x128xf8E4M3FN>, %s: tensor<3x4xf32>) -> tensor<40x128xbf16> {
  %w = fulgur.dequantize %v, %s block [16, 32] : tensor<40x128xf8E4M3FN>, tensor<3x4xf32> -> tensor<40x128xbf16>
  return %w : tensor<40x128xbf16>
}

// A product of f32 matrices for each block of K, in the layout that kernels
// take. The bytes are transposed 32 rows at a time, and what is left of 40 rows
// by itself.
// CHECK-LABEL: @scaled_matmul(
// CHECK: scf.for {{.*}} to %c4
// CHECK: linalg.generic {indexing_maps = [#[[READ]], #[[WRITE]]], {{.*}} ins(%{{.*}} : tensor<1x32x32xf8E4M3FN>) outs(%{{.*}} : tensor<32x1x32xf8E4M3FN>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<8x32xf8E4M3FN>) outs(%{{.*}} : tensor<32x8xf8E4M3FN>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<32x40xf8E4M3FN>) outs(%{{.*}} : tensor<32x40xf32>)
// CHECK: linalg.matmul ins(%{{.*}}, %{{.*}} : tensor<?x32xf32>, tensor<32x40xf32>)
// CHECK: scf.yield
// CHECK-NOT: linalg.matmul
// CHECK: return

// No turn allocates.
// BUFFER-LABEL: @scaled_matmul(
// BUFFER: scf.for
// BUFFER-NOT: memref.alloc
// BUFFER-NOT: memref.copy
// BUFFER: linalg.matmul
// BUFFER-NOT: memref.alloc
// BUFFER-NOT: memref.copy
// BUFFER: return
func.func @scaled_matmul(%x: tensor<?x128xf8E4M3FN>, %xs: tensor<?x4xf32>, %w: tensor<40x128xf8E4M3FN>, %ws: tensor<3x4xf32>) -> tensor<?x40xf32> {
  %y = fulgur.scaled_matmul %x scales %xs, %w scales %ws block [1, 16, 32] : tensor<?x128xf8E4M3FN>, tensor<?x4xf32>, tensor<40x128xf8E4M3FN>, tensor<3x4xf32> -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// The short block of K has a product of its own.
// CHECK-LABEL: @scaled_matmul_ragged(
// CHECK: linalg.matmul ins(%{{.*}}, %{{.*}} : tensor<?x32xf32>, tensor<32x40xf32>)
// CHECK: linalg.matmul ins(%{{.*}}, %{{.*}} : tensor<?x6xf32>, tensor<6x40xf32>)
func.func @scaled_matmul_ragged(%x: tensor<?x70xf8E4M3FN>, %xs: tensor<?x3xf32>, %w: tensor<40x70xf8E4M3FN>, %ws: tensor<3x3xf32>) -> tensor<?x40xf32> {
  %y = fulgur.scaled_matmul %x scales %xs, %w scales %ws block [1, 16, 32] : tensor<?x70xf8E4M3FN>, tensor<?x3xf32>, tensor<40x70xf8E4M3FN>, tensor<3x3xf32> -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}
