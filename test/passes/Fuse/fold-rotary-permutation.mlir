// RUN: fulgur-opt %s --fulgur-fold-rotary-permutation --split-input-file --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s

// The last 4 of the 12 columns of each head, and the last 4 of 20 columns, of
// which the others are read elsewhere.
// CHECK: fulgur.weight @q in "w.bin" at 0 {deinterleaved = array<i64: 1, 12, 8, 12>} : tensor<16x24xf32>
// CHECK: fulgur.weight @kv in "w.bin" at 2048 {deinterleaved = array<i64: 0, 20, 16, 20>} : tensor<20x16xf32>
fulgur.weight @q in "w.bin" at 0 : tensor<16x24xf32>
fulgur.weight @kv in "w.bin" at 2048 : tensor<20x16xf32>
// CHECK-LABEL: func.func @attention(
func.func @attention(%x: tensor<?x?x16xf32>, %c: tensor<1x?x2xf32>, %n: index, %s: index)
    -> (tensor<?x?x2x12xf32>, tensor<?x?x4xf32>, tensor<?x?x16xf32>) {
  %wq = fulgur.get_weight @q : tensor<16x24xf32>
  %wk = fulgur.get_weight @kv : tensor<20x16xf32>
  %0 = fulgur.linear %x, %wq : tensor<?x?x16xf32>, tensor<16x24xf32> -> tensor<?x?x24xf32>
  %1 = tensor.expand_shape %0 [[0], [1], [2, 3]] output_shape [%n, %s, 2, 12] : tensor<?x?x24xf32> into tensor<?x?x2x12xf32>
  // CHECK: fulgur.rotary_embedding %{{.*}} half_split trailing : tensor<?x?x2x12xf32>
  // expected-remark @below {{BytesSaved=0, FlopsSaved=0, Remark="columns of the weight 'q' are moved when it is loaded"}}
  %q = fulgur.rotary_embedding %1, %c, %c deinterleaved trailing : tensor<?x?x2x12xf32>, tensor<1x?x2xf32>
  %2 = fulgur.linear %x, %wk transposed : tensor<?x?x16xf32>, tensor<20x16xf32> -> tensor<?x?x20xf32>
  %3 = tensor.extract_slice %2[0, 0, 16] [%n, %s, 4] [1, 1, 1] : tensor<?x?x20xf32> to tensor<?x?x4xf32>
  %4 = tensor.extract_slice %2[0, 0, 0] [%n, %s, 16] [1, 1, 1] : tensor<?x?x20xf32> to tensor<?x?x16xf32>
  // CHECK: fulgur.rotary_embedding %{{.*}} half_split leading : tensor<?x?x4xf32>
  // expected-remark @below {{columns of the weight 'kv' are moved when it is loaded}}
  %k = fulgur.rotary_embedding %3, %c, %c deinterleaved leading : tensor<?x?x4xf32>, tensor<1x?x2xf32>
  return %q, %k, %4 : tensor<?x?x2x12xf32>, tensor<?x?x4xf32>, tensor<?x?x16xf32>
}

// -----

// Unmatched: another order of the results would be seen, the product is an
// output too, a part of what is rotated is read, and no product is rotated.
// CHECK-NOT: deinterleaved = array
fulgur.weight @a in "w.bin" at 0 : tensor<16x4xf32>
fulgur.weight @b in "w.bin" at 0 : tensor<16x4xf32>
fulgur.weight @c in "w.bin" at 0 : tensor<16x20xf32>
func.func @others(%x: tensor<?x?x16xf32>, %y: tensor<?x?x16xf32>, %c: tensor<1x?x2xf32>, %n: index, %s: index)
    -> (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x16xf32>, tensor<?x?x2xf32>) {
  %wa = fulgur.get_weight @a : tensor<16x4xf32>
  %0 = fulgur.linear %x, %wa : tensor<?x?x16xf32>, tensor<16x4xf32> -> tensor<?x?x4xf32>
  // expected-remark @below {{expected pairs to be written as halves, but they are written side by side, which a cache would keep}}
  %a = fulgur.rotary_embedding %0, %c, %c interleaved leading : tensor<?x?x4xf32>, tensor<1x?x2xf32>
  %wb = fulgur.get_weight @b : tensor<16x4xf32>
  %1 = fulgur.linear %x, %wb : tensor<?x?x16xf32>, tensor<16x4xf32> -> tensor<?x?x4xf32>
  // expected-remark @below {{expected only the embedding to read what it rotates, but 'func.return' does too}}
  %b = fulgur.rotary_embedding %1, %c, %c deinterleaved leading : tensor<?x?x4xf32>, tensor<1x?x2xf32>
  %wc = fulgur.get_weight @c : tensor<16x20xf32>
  %2 = fulgur.linear %x, %wc : tensor<?x?x16xf32>, tensor<16x20xf32> -> tensor<?x?x20xf32>
  %3 = tensor.extract_slice %2[0, 0, 16] [%n, %s, 4] [1, 1, 1] : tensor<?x?x20xf32> to tensor<?x?x4xf32>
  %4 = tensor.extract_slice %2[0, 0, 15] [%n, %s, 2] [1, 1, 1] : tensor<?x?x20xf32> to tensor<?x?x2xf32>
  // expected-remark @below {{expected only the embedding to read what it rotates, but 'tensor.extract_slice' does too}}
  %d = fulgur.rotary_embedding %3, %c, %c deinterleaved leading : tensor<?x?x4xf32>, tensor<1x?x2xf32>
  // expected-remark @below {{expected to rotate a part of a product, but it is computed otherwise}}
  %e = fulgur.rotary_embedding %y, %c, %c deinterleaved leading : tensor<?x?x16xf32>, tensor<1x?x2xf32>
  return %a, %1, %b, %d, %e, %4 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x16xf32>, tensor<?x?x2xf32>
}

// -----

// Unmatched: two products read the weight, and a weight that is computed.
// CHECK-NOT: deinterleaved = array
fulgur.weight @w in "w.bin" at 0 : tensor<16x4xf32>
func.func @weights(%x: tensor<?x?x16xf32>, %m: tensor<16x4xf32>, %c: tensor<1x?x2xf32>)
    -> (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>) {
  %w = fulgur.get_weight @w : tensor<16x4xf32>
  %0 = fulgur.linear %x, %w : tensor<?x?x16xf32>, tensor<16x4xf32> -> tensor<?x?x4xf32>
  %1 = fulgur.linear %x, %w : tensor<?x?x16xf32>, tensor<16x4xf32> -> tensor<?x?x4xf32>
  // expected-remark @below {{expected only the product to read the weight 'w', as it is stored}}
  %a = fulgur.rotary_embedding %0, %c, %c deinterleaved leading : tensor<?x?x4xf32>, tensor<1x?x2xf32>
  %2 = fulgur.linear %x, %m : tensor<?x?x16xf32>, tensor<16x4xf32> -> tensor<?x?x4xf32>
  // expected-remark @below {{expected a weight of the model, but got a value that the step computes}}
  %b = fulgur.rotary_embedding %2, %c, %c deinterleaved leading : tensor<?x?x4xf32>, tensor<1x?x2xf32>
  return %a, %b, %1 : tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>
}
