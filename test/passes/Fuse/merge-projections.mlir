// RUN: fulgur-opt %s --fulgur-merge-projections --split-input-file --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s

// Three projections of one input, of which one is stored as [N, K].
fulgur.weight @a in "w.bin" at 0 : tensor<16x24xf32>
fulgur.weight @b in "w.bin" at 2048 : tensor<16x5xf32>
fulgur.weight @c in "w.bin" at 4096 : tensor<3x16xf32>
// CHECK-LABEL: func.func @attention(
// CHECK-SAME: %[[X:.*]]: tensor<?x?x16xf32>)
func.func @attention(%x: tensor<?x?x16xf32>) -> (tensor<?x?x24xf32>, tensor<?x?x5xf32>, tensor<?x?x3xf32>) {
  // CHECK: %[[A:.*]] = fulgur.get_weight @a
  // CHECK: %[[B:.*]] = fulgur.get_weight @b
  // CHECK: %[[C:.*]] = fulgur.get_weight @c
  // CHECK: %[[CT:.*]] = linalg.transpose ins(%[[C]] : tensor<3x16xf32>)
  // CHECK: %[[W:.*]] = tensor.concat dim(1) %[[A]], %[[B]], %[[CT]] {{.*}} -> tensor<16x32xf32>
  // CHECK: %[[R:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0, 1], [2]]
  // CHECK: %[[Y:.*]] = fulgur.linear %[[R]], %[[W]] : tensor<?x16xf32>, tensor<16x32xf32> -> tensor<?x32xf32>
  // CHECK: %[[SA:.*]] = tensor.extract_slice %[[Y]][0, 0] [%{{.*}}, 24] [1, 1]
  // CHECK: %[[RA:.*]] = tensor.expand_shape %[[SA]] {{\[\[}}0, 1], [2]]
  // CHECK: %[[SB:.*]] = tensor.extract_slice %[[Y]][0, 24] [%{{.*}}, 5] [1, 1]
  // CHECK: %[[RB:.*]] = tensor.expand_shape %[[SB]] {{\[\[}}0, 1], [2]]
  // CHECK: %[[SC:.*]] = tensor.extract_slice %[[Y]][0, 29] [%{{.*}}, 3] [1, 1]
  // CHECK: %[[RC:.*]] = tensor.expand_shape %[[SC]] {{\[\[}}0, 1], [2]]
  // CHECK: return %[[RA]], %[[RB]], %[[RC]]
  %wa = fulgur.get_weight @a : tensor<16x24xf32>
  // The input is not read twice more: 2 * 1024 * 1024 * 16 * 4 bytes.
  // expected-remark @below {{BytesSaved=134217728, FlopsSaved=0, Remark="one product of 3 projections with 32 columns"}}
  %a = fulgur.linear %x, %wa : tensor<?x?x16xf32>, tensor<16x24xf32> -> tensor<?x?x24xf32>
  %wb = fulgur.get_weight @b : tensor<16x5xf32>
  %b = fulgur.linear %x, %wb : tensor<?x?x16xf32>, tensor<16x5xf32> -> tensor<?x?x5xf32>
  %wc = fulgur.get_weight @c : tensor<3x16xf32>
  %c = fulgur.linear %x, %wc transposed : tensor<?x?x16xf32>, tensor<3x16xf32> -> tensor<?x?x3xf32>
  return %a, %b, %c : tensor<?x?x24xf32>, tensor<?x?x5xf32>, tensor<?x?x3xf32>
}

// -----

// The router reads the rows of what the shared expert reads. All weights are
// stored as [N, K], and stay so.
fulgur.weight @gate in "w.bin" at 0 : tensor<8x16xf32>
fulgur.weight @up in "w.bin" at 2048 : tensor<24x16xf32>
// CHECK-LABEL: func.func @router(
func.func @router(%x: tensor<2x?x16xf32>) -> (tensor<?x8xf32>, tensor<2x?x24xf32>) {
  // CHECK: %[[W:.*]] = tensor.concat dim(0) %{{.*}}, %{{.*}} -> tensor<32x16xf32>
  // CHECK: fulgur.linear %{{.*}}, %[[W]] transposed : tensor<?x16xf32>, tensor<32x16xf32> -> tensor<?x32xf32>
  // CHECK-NOT: fulgur.linear
  %rows = tensor.collapse_shape %x [[0, 1], [2]] : tensor<2x?x16xf32> into tensor<?x16xf32>
  %wg = fulgur.get_weight @gate : tensor<8x16xf32>
  // expected-remark @below {{one product of 2 projections with 32 columns}}
  %logits = fulgur.linear %rows, %wg transposed : tensor<?x16xf32>, tensor<8x16xf32> -> tensor<?x8xf32>
  %wu = fulgur.get_weight @up : tensor<24x16xf32>
  %up = fulgur.linear %x, %wu transposed : tensor<2x?x16xf32>, tensor<24x16xf32> -> tensor<2x?x24xf32>
  return %logits, %up : tensor<?x8xf32>, tensor<2x?x24xf32>
}

// -----

// Unmatched: an embedding that is a projection too, a matrix that the step
// computes, and another input.
fulgur.weight @a in "w.bin" at 0 : tensor<16x24xf32>
fulgur.weight @b in "w.bin" at 2048 : tensor<16x24xf32>
// CHECK-LABEL: func.func @others(
func.func @others(%x: tensor<?x16xf32>, %z: tensor<?x16xf32>, %m: tensor<16x24xf32>, %i: index)
    -> (tensor<?x24xf32>, tensor<?x24xf32>, tensor<?x24xf32>, tensor<?x24xf32>, f32) {
  // CHECK-NOT: tensor.concat
  // CHECK-COUNT-4: fulgur.linear
  %wa = fulgur.get_weight @a : tensor<16x24xf32>
  %wb = fulgur.get_weight @b : tensor<16x24xf32>
  // expected-remark @below {{expected only projections to read the weight 'a'}}
  %a = fulgur.linear %x, %wa : tensor<?x16xf32>, tensor<16x24xf32> -> tensor<?x24xf32>
  // expected-remark @below {{expected a weight of the model, but got a value that the step computes}}
  %b = fulgur.linear %x, %m : tensor<?x16xf32>, tensor<16x24xf32> -> tensor<?x24xf32>
  %c = fulgur.linear %x, %wb : tensor<?x16xf32>, tensor<16x24xf32> -> tensor<?x24xf32>
  %d = fulgur.linear %z, %wb : tensor<?x16xf32>, tensor<16x24xf32> -> tensor<?x24xf32>
  %f = tensor.extract %wa[%i, %i] : tensor<16x24xf32>
  return %a, %b, %c, %d, %f : tensor<?x24xf32>, tensor<?x24xf32>, tensor<?x24xf32>, tensor<?x24xf32>, f32
}

// -----

// Unmatched: sums in f64 have no kernel for packed weights.
fulgur.weight @a in "w.bin" at 0 : tensor<16x24xf64>
fulgur.weight @b in "w.bin" at 4096 : tensor<16x24xf64>
// CHECK-LABEL: func.func @doubles(
func.func @doubles(%x: tensor<?x16xf64>) -> (tensor<?x24xf64>, tensor<?x24xf64>) {
  // CHECK-COUNT-2: fulgur.linear
  %wa = fulgur.get_weight @a : tensor<16x24xf64>
  %wb = fulgur.get_weight @b : tensor<16x24xf64>
  // expected-remark @below {{expected elements of f32, f16 or bf16, but got 'f64'}}
  %a = fulgur.linear %x, %wa : tensor<?x16xf64>, tensor<16x24xf64> -> tensor<?x24xf64>
  // expected-remark @below {{expected elements of f32, f16 or bf16, but got 'f64'}}
  %b = fulgur.linear %x, %wb : tensor<?x16xf64>, tensor<16x24xf64> -> tensor<?x24xf64>
  return %a, %b : tensor<?x24xf64>, tensor<?x24xf64>
}

// -----

// Unmatched: the sums of a product with a residual begin with it.
fulgur.weight @a in "w.bin" at 0 : tensor<16x24xf32>
fulgur.weight @b in "w.bin" at 2048 : tensor<16x24xf32>
// CHECK-LABEL: func.func @residual(
func.func @residual(%x: tensor<?x16xf32>, %r: tensor<?x24xf32>) -> (tensor<?x24xf32>, tensor<?x24xf32>) {
  // CHECK-NOT: tensor.concat
  // CHECK-COUNT-2: fulgur.linear
  %wa = fulgur.get_weight @a : tensor<16x24xf32>
  %wb = fulgur.get_weight @b : tensor<16x24xf32>
  %a = fulgur.linear %x, %wa : tensor<?x16xf32>, tensor<16x24xf32> -> tensor<?x24xf32>
  // expected-remark @below {{expected products alone, but got one with a residual}}
  %b = fulgur.linear %x, %wb residual %r : tensor<?x16xf32>, tensor<16x24xf32>, tensor<?x24xf32> -> tensor<?x24xf32>
  return %a, %b : tensor<?x24xf32>, tensor<?x24xf32>
}
