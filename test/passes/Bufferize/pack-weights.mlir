// RUN: fulgur-opt %s --fulgur-pack-weights --split-input-file --remark-format=emitRemark --remarks-filter=bufferize --verify-diagnostics | FileCheck %s
// RUN: fulgur-opt %s --fulgur-pack-weights=vector-bytes=32 --split-input-file | FileCheck %s --check-prefix=AVX2

// A weight that one product reads becomes panels of 32 columns, 16 with AVX2;
// the last one is padded.
// expected-remark @below {{packed for 1 products}}
fulgur.weight @w in "w.bin" at 0 : tensor<24x40xf32>
// CHECK: fulgur.weight @w in "w.bin" at 0 {packed = 32 : i64} : tensor<24x40xf32>
// AVX2: fulgur.weight @w in "w.bin" at 0 {packed = 16 : i64}
// CHECK-LABEL: func.func @plain(
// CHECK-SAME: %[[X:.*]]: tensor<?x24xf32>, %[[INIT:.*]]: tensor<?x40xf32>)
func.func @plain(%x: tensor<?x24xf32>, %init: tensor<?x40xf32>) -> tensor<?x40xf32> {
  // CHECK: %[[W:.*]] = fulgur.get_weight @w : tensor<2x24x32xf32>
  // CHECK: fulgur.packed_matmul %[[X]], %[[W]], %[[INIT]] : tensor<?x24xf32>, tensor<2x24x32xf32>, tensor<?x40xf32>
  // AVX2: fulgur.packed_matmul {{.*}} tensor<3x24x16xf32>
  %w = fulgur.get_weight @w : tensor<24x40xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x24xf32>, tensor<24x40xf32>) outs(%init : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// -----

// Stored as [N, K]: by the map of the product, or under a transpose.
// expected-remark @below {{packed for 2 products}}
fulgur.weight @w in "w.bin" at 0 : tensor<40x24xbf16>
// CHECK: fulgur.weight @w in "w.bin" at 0 {packed = 32 : i64, transposed}
// CHECK-LABEL: func.func @transposed(
func.func @transposed(%x: tensor<?x24xbf16>, %init: tensor<?x40xf32>) -> (tensor<?x40xf32>, tensor<?x40xf32>) {
  // CHECK-NOT: linalg.matmul
  // CHECK-COUNT-2: fulgur.packed_matmul {{.*}} tensor<2x24x32xbf16>
  %w = fulgur.get_weight @w : tensor<40x24xbf16>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %w : tensor<?x24xbf16>, tensor<40x24xbf16>) outs(%init : tensor<?x40xf32>) -> tensor<?x40xf32>
  %e = tensor.empty() : tensor<24x40xbf16>
  %t = linalg.transpose ins(%w : tensor<40x24xbf16>) outs(%e : tensor<24x40xbf16>) permutation = [1, 0]
  %z = linalg.matmul ins(%x, %t : tensor<?x24xbf16>, tensor<24x40xbf16>) outs(%init : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %y, %z : tensor<?x40xf32>, tensor<?x40xf32>
}

// -----

// One matrix of a stack, as the experts of a layer are.
// expected-remark @below {{packed for 1 products}}
fulgur.weight @w in "w.bin" at 0 : tensor<8x24x40xf32>
// CHECK-LABEL: func.func @stack(
// CHECK-SAME: %[[E:[a-z0-9]+]]: index
func.func @stack(%x: tensor<?x24xf32>, %e: index, %init: tensor<?x40xf32>) -> tensor<?x40xf32> {
  // CHECK: %[[W:.*]] = fulgur.get_weight @w : tensor<8x2x24x32xf32>
  // CHECK: %[[P:.*]] = tensor.extract_slice %[[W]][%[[E]], 0, 0, 0] [1, 2, 24, 32] [1, 1, 1, 1] : tensor<8x2x24x32xf32> to tensor<2x24x32xf32>
  // CHECK: fulgur.packed_matmul %{{.*}}, %[[P]],
  %w = fulgur.get_weight @w : tensor<8x24x40xf32>
  %s = tensor.extract_slice %w[%e, 0, 0] [1, 24, 40] [1, 1, 1] : tensor<8x24x40xf32> to tensor<24x40xf32>
  %y = linalg.matmul ins(%x, %s : tensor<?x24xf32>, tensor<24x40xf32>) outs(%init : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// -----

// Weights side by side, one of them stored as [N, K], stay as many weights.
// expected-remark @below {{packed for 1 products}}
fulgur.weight @a in "w.bin" at 0 : tensor<24x40xf32>
// expected-remark @below {{packed for 1 products}}
fulgur.weight @b in "w.bin" at 0 : tensor<5x24xf32>
// CHECK: fulgur.weight @a in "w.bin" at 0 {packed = 32 : i64} :
// CHECK: fulgur.weight @b in "w.bin" at 0 {packed = 32 : i64, transposed} :
// CHECK-LABEL: func.func @several(
func.func @several(%x: tensor<?x24xf32>, %init: tensor<?x45xf32>) -> tensor<?x45xf32> {
  // CHECK-NOT: tensor.concat
  // CHECK: %[[A:.*]] = fulgur.get_weight @a : tensor<2x24x32xf32>
  // CHECK: %[[B:.*]] = fulgur.get_weight @b : tensor<1x24x32xf32>
  // CHECK: fulgur.packed_matmul %{{.*}}, [%[[A]], %[[B]]], %{{.*}} columns [40, 5]
  %a = fulgur.get_weight @a : tensor<24x40xf32>
  %b = fulgur.get_weight @b : tensor<5x24xf32>
  %e = tensor.empty() : tensor<24x5xf32>
  %t = linalg.transpose ins(%b : tensor<5x24xf32>) outs(%e : tensor<24x5xf32>) permutation = [1, 0]
  %w = tensor.concat dim(1) %a, %t : (tensor<24x40xf32>, tensor<24x5xf32>) -> tensor<24x45xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x24xf32>, tensor<24x45xf32>) outs(%init : tensor<?x45xf32>) -> tensor<?x45xf32>
  return %y : tensor<?x45xf32>
}

// -----

// Unmatched: a weight is looked up too, so the one beside it is not packed
// either, nor what is beside that in another product.
// expected-remark @below {{is read in another way too}}
fulgur.weight @a in "w.bin" at 0 : tensor<24x40xf32>
// expected-remark @below {{is read in another way too}}
fulgur.weight @b in "w.bin" at 0 : tensor<24x40xf32>
// expected-remark @below {{is read in another way too}}
fulgur.weight @c in "w.bin" at 0 : tensor<24x40xf32>
// CHECK-LABEL: func.func @one_is_shared(
func.func @one_is_shared(%x: tensor<?x24xf32>, %i: index, %init: tensor<?x80xf32>) -> (tensor<?x80xf32>, tensor<?x80xf32>, f32) {
  // CHECK-COUNT-2: linalg.matmul
  %a = fulgur.get_weight @a : tensor<24x40xf32>
  %b = fulgur.get_weight @b : tensor<24x40xf32>
  %c = fulgur.get_weight @c : tensor<24x40xf32>
  %u = tensor.concat dim(1) %a, %b : (tensor<24x40xf32>, tensor<24x40xf32>) -> tensor<24x80xf32>
  %y = linalg.matmul ins(%x, %u : tensor<?x24xf32>, tensor<24x80xf32>) outs(%init : tensor<?x80xf32>) -> tensor<?x80xf32>
  %v = tensor.concat dim(1) %b, %c : (tensor<24x40xf32>, tensor<24x40xf32>) -> tensor<24x80xf32>
  %z = linalg.matmul ins(%x, %v : tensor<?x24xf32>, tensor<24x80xf32>) outs(%init : tensor<?x80xf32>) -> tensor<?x80xf32>
  %f = tensor.extract %a[%i, %i] : tensor<24x40xf32>
  return %y, %z, %f : tensor<?x80xf32>, tensor<?x80xf32>, f32
}

// -----

// Unmatched: the weight is also looked up row by row.
// expected-remark @below {{is read in another way too}}
fulgur.weight @w in "w.bin" at 0 : tensor<24x40xf32>
// CHECK: fulgur.weight @w in "w.bin" at 0 : tensor<24x40xf32>
// CHECK-LABEL: func.func @shared(
func.func @shared(%x: tensor<?x24xf32>, %i: index, %init: tensor<?x40xf32>) -> (tensor<?x40xf32>, f32) {
  // CHECK: linalg.matmul
  %w = fulgur.get_weight @w : tensor<24x40xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x24xf32>, tensor<24x40xf32>) outs(%init : tensor<?x40xf32>) -> tensor<?x40xf32>
  %f = tensor.extract %w[%i, %i] : tensor<24x40xf32>
  return %y, %f : tensor<?x40xf32>, f32
}

// -----

// Unmatched: sums in f64, a weight on the left, and a part of the columns.
fulgur.weight @d in "w.bin" at 0 : tensor<24x40xf64>
fulgur.weight @w in "w.bin" at 0 : tensor<8x24xf32>
fulgur.weight @s in "w.bin" at 0 : tensor<8x24x40xf32>
// CHECK-NOT: packed
// CHECK-LABEL: func.func @others(
func.func @others(%x: tensor<?x24xf64>, %init: tensor<?x40xf64>, %r: tensor<24x40xf32>, %to: tensor<8x40xf32>, %half: tensor<8x20xf32>) -> (tensor<?x40xf64>, tensor<8x40xf32>, tensor<8x20xf32>) {
  // CHECK-COUNT-3: linalg.matmul
  %d = fulgur.get_weight @d : tensor<24x40xf64>
  %y = linalg.matmul ins(%x, %d : tensor<?x24xf64>, tensor<24x40xf64>) outs(%init : tensor<?x40xf64>) -> tensor<?x40xf64>
  %w = fulgur.get_weight @w : tensor<8x24xf32>
  %z = linalg.matmul ins(%w, %r : tensor<8x24xf32>, tensor<24x40xf32>) outs(%to : tensor<8x40xf32>) -> tensor<8x40xf32>
  %stack = fulgur.get_weight @s : tensor<8x24x40xf32>
  %s = tensor.extract_slice %stack[0, 0, 20] [1, 24, 20] [1, 1, 1] : tensor<8x24x40xf32> to tensor<24x20xf32>
  %v = linalg.matmul ins(%w, %s : tensor<8x24xf32>, tensor<24x20xf32>) outs(%half : tensor<8x20xf32>) -> tensor<8x20xf32>
  return %y, %z, %v : tensor<?x40xf64>, tensor<8x40xf32>, tensor<8x20xf32>
}

// -----

// Weights that a layer chooses from are packed alike.
// expected-remark @below {{packed for 1 products}}
fulgur.weight @a in "w.bin" at 0 : tensor<24x40xf32>
// expected-remark @below {{packed for 1 products}}
fulgur.weight @b in "w.bin" at 3840 : tensor<24x40xf32>
// CHECK: fulgur.weight @a in "w.bin" at 0 {packed = 32 : i64}
// CHECK: fulgur.weight @b in "w.bin" at 3840 {packed = 32 : i64}
// CHECK-LABEL: func.func @layer(
// CHECK: fulgur.select_weight [@a, @b] at %{{.*}} : tensor<2x24x32xf32>
// CHECK: fulgur.packed_matmul
func.func @layer(%x: tensor<?x24xf32>, %l: index, %init: tensor<?x40xf32>) -> tensor<?x40xf32> {
  %w = fulgur.select_weight [@a, @b] at %l : tensor<24x40xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x24xf32>, tensor<24x40xf32>) outs(%init : tensor<?x40xf32>) -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// -----

// One of them is needed as it is stored elsewhere: so are all.
// expected-remark @below {{it, or one beside it, is read in another way too}}
fulgur.weight @a in "w.bin" at 0 : tensor<24x40xf32>
// expected-remark @below {{it, or one beside it, is read in another way too}}
fulgur.weight @b in "w.bin" at 3840 : tensor<24x40xf32>
// CHECK-LABEL: func.func @layer(
// CHECK: fulgur.select_weight [@a, @b] at %{{.*}} : tensor<24x40xf32>
// CHECK: linalg.matmul
func.func @layer(%x: tensor<?x24xf32>, %l: index, %init: tensor<?x40xf32>) -> (tensor<?x40xf32>, tensor<24x40xf32>) {
  %w = fulgur.select_weight [@a, @b] at %l : tensor<24x40xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x24xf32>, tensor<24x40xf32>) outs(%init : tensor<?x40xf32>) -> tensor<?x40xf32>
  %b = fulgur.get_weight @b : tensor<24x40xf32>
  return %y, %b : tensor<?x40xf32>, tensor<24x40xf32>
}
