// RUN: fulgur-opt %s --fulgur-decompose --canonicalize --cse | FileCheck %s

// The scores exist only one tile of tokens at a time, for a few queries: no
// tensor has a size of queries and one of tokens.
// CHECK-LABEL: func.func @index_select(
func.func @index_select(%q: tensor<1x?x64x128xf32>, %k: tensor<1x131072x128xf32>,
                        %w: tensor<1x?x64xf32>) -> tensor<1x?x2048xi32> {
  // CHECK-NOT: tensor<{{[^>]*}}131072xf32>
  // CHECK: scf.forall
  // CHECK: linalg.matmul
  // CHECK-NOT: tensor<{{[^>]*}}131072xf32>
  %0 = fulgur.index_select %q, %k, %w scale 1.0 k 2048 causal
      : tensor<1x?x64x128xf32>, tensor<1x131072x128xf32>, tensor<1x?x64xf32>
      -> tensor<1x?x2048xi32>
  return %0 : tensor<1x?x2048xi32>
}

// Blocks of rows are shared between threads.
// CHECK-LABEL: func.func @select_tokens(
func.func @select_tokens(%x: tensor<2x?x?xf32>) -> tensor<2x?x128xi32> {
  // CHECK: scf.forall
  // CHECK: tensor.parallel_insert_slice
  %0 = fulgur.select_tokens %x k 128 causal : tensor<2x?x?xf32> -> tensor<2x?x128xi32>
  return %0 : tensor<2x?x128xi32>
}

// Near miss: a single row has no block of its own.
// CHECK-LABEL: func.func @single(
func.func @single(%x: tensor<1x1x?xf32>) -> tensor<1x1x128xi32> {
  // CHECK-NOT: scf.forall
  %0 = fulgur.select_tokens %x k 128 : tensor<1x1x?xf32> -> tensor<1x1x128xi32>
  return %0 : tensor<1x1x128xi32>
}
