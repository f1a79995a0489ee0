// RUN: fulgur-opt %s --fulgur-decompose --canonicalize --cse | FileCheck %s
// RUN: fulgur-opt %s --fulgur-decompose --canonicalize --cse --one-shot-bufferize="bufferize-function-boundaries" \
// RUN:   --cse --canonicalize | FileCheck %s --check-prefix=BUFFER

// What the operations compute is tested in test/numeric/ops; here, what form
// the code has that the CPU's code generator relies on.

// CHECK: #[[COLUMNS:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>

// All leading dimensions are rows of one product.
// CHECK-LABEL: @linear(
// CHECK-SAME: %[[X:.*]]: tensor<2x?x4xf32>, %[[W:.*]]: tensor<4x8xf32>
// CHECK: %[[ROWS:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0, 1], [2]]
// CHECK: %[[Y:.*]] = linalg.matmul ins(%[[ROWS]], %[[W]]
// CHECK: tensor.expand_shape %[[Y]] {{\[\[}}0, 1], [2]]
func.func @linear(%x: tensor<2x?x4xf32>, %w: tensor<4x8xf32>) -> tensor<2x?x8xf32> {
  %y = fulgur.linear %x, %w : tensor<2x?x4xf32>, tensor<4x8xf32> -> tensor<2x?x8xf32>
  return %y : tensor<2x?x8xf32>
}

// A transposed weight is multiplied as it lies.
// CHECK-LABEL: @linear_transposed(
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>, %[[W:.*]]: tensor<8x4xf32>
// CHECK-NOT: linalg.transpose
// CHECK: linalg.matmul indexing_maps = [{{.*}}, #[[COLUMNS]], {{.*}}] ins(%[[X]], %[[W]]
func.func @linear_transposed(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>) -> tensor<?x8xf32> {
  %y = fulgur.linear %x, %w transposed : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// Sums of bf16 are f32.
// CHECK-LABEL: @linear_bf16(
// CHECK: linalg.matmul ins({{.*}} : tensor<?x4xbf16>, tensor<4x8xbf16>) outs({{.*}} : tensor<?x8xf32>)
// CHECK: arith.truncf
func.func @linear_bf16(%x: tensor<?x4xbf16>, %w: tensor<4x8xbf16>) -> tensor<?x8xbf16> {
  %y = fulgur.linear %x, %w : tensor<?x4xbf16>, tensor<4x8xbf16> -> tensor<?x8xbf16>
  return %y : tensor<?x8xbf16>
}

// A product adds to its residual: there are no zeros, and no sum of its own. A
// residual that something else reads is copied first, one that nothing else
// reads is where the sum will be.
// CHECK-LABEL: @linear_residual(
// CHECK-SAME: %[[X:[^:]*]]: tensor<2x?x4xf32>, %[[W:[^:]*]]: tensor<4x4xf32>, %[[R:[^:]*]]: tensor<2x?x4xf32>
// CHECK-NOT: linalg.fill
// CHECK-DAG: %[[ROWS:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0, 1], [2]]
// CHECK-DAG: %[[COPY:.*]] = linalg.copy ins(%[[R]]
// CHECK-DAG: %[[INIT:.*]] = tensor.collapse_shape %[[COPY]] {{\[\[}}0, 1], [2]]
// CHECK: %[[Y:.*]] = linalg.matmul ins(%[[ROWS]], %[[W]] {{.*}}) outs(%[[INIT]]
// CHECK-NOT: linalg.copy
// CHECK-NOT: linalg.fill
// CHECK: %[[Z:.*]] = linalg.matmul ins(%[[ROWS]], %[[W]] {{.*}}) outs(%[[Y]]
// CHECK-NOT: linalg
// CHECK: tensor.expand_shape %[[Z]] {{\[\[}}0, 1], [2]]
func.func @linear_residual(%x: tensor<2x?x4xf32>, %w: tensor<4x4xf32>, %r: tensor<2x?x4xf32>) -> tensor<2x?x4xf32> {
  %y = fulgur.linear %x, %w residual %r : tensor<2x?x4xf32>, tensor<4x4xf32>, tensor<2x?x4xf32> -> tensor<2x?x4xf32>
  %z = fulgur.linear %x, %w residual %y : tensor<2x?x4xf32>, tensor<4x4xf32>, tensor<2x?x4xf32> -> tensor<2x?x4xf32>
  return %z : tensor<2x?x4xf32>
}

// The loop that adds sums up the squares of what it has rounded.
// CHECK-LABEL: @add_rms_norm(
// CHECK: %[[H:.*]]:2 = linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// CHECK: %[[SUM:.*]] = arith.addf %{{.*}}, %{{.*}} : bf16
// CHECK: %[[WIDE:.*]] = arith.extf %[[SUM]]
// CHECK: arith.mulf %[[WIDE]], %[[WIDE]] : f32
// CHECK: linalg.yield %[[SUM]], %{{.*}} : bf16, f32
// CHECK: linalg.generic {{.*}} ins(%[[H]]#1
// CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%[[H]]#0
// CHECK: return %[[H]]#0, %[[Y]]
func.func @add_rms_norm(%x: tensor<?x16xbf16>, %r: tensor<?x16xbf16>, %w: tensor<16xbf16>) -> (tensor<?x16xbf16>, tensor<?x16xbf16>) {
  %h, %y = fulgur.add_rms_norm %x, %r, %w eps 1.0e-06 : tensor<?x16xbf16>, tensor<16xbf16>
  return %h, %y : tensor<?x16xbf16>, tensor<?x16xbf16>
}

// One product for each expert that has rows, on slices. In buffers nothing is
// copied and nothing allocated but the result.
// CHECK-LABEL: @grouped_matmul(
// CHECK-SAME: %[[X:.*]]: tensor<?x16xf32>, %[[W:.*]]: tensor<4x8x16xf32>, %[[O:.*]]: tensor<5xi32>
// CHECK: scf.for %[[E:.*]] = %c0 to %c4 step %c1
// CHECK: scf.if
// CHECK-DAG: %[[ROWS:.*]] = tensor.extract_slice %[[X]][%[[BEGIN:.*]], 0] [%[[N:.*]], 16]
// CHECK-DAG: %[[WEIGHT:.*]] = tensor.extract_slice %[[W]][%[[E]], 0, 0] [1, 8, 16]
// CHECK: linalg.matmul indexing_maps = {{.*}} ins(%[[ROWS]], %[[WEIGHT]]

// BUFFER-LABEL: @grouped_matmul(
// BUFFER-SAME: %{{.*}}: memref<?x16xf32{{.*}}>, %[[W:.*]]: memref<4x8x16xf32
// BUFFER: memref.alloc
// BUFFER-NOT: memref.alloc
// BUFFER-NOT: memref.copy
// BUFFER: %[[WEIGHT:.*]] = memref.subview %[[W]]
// BUFFER: linalg.matmul indexing_maps = {{.*}} ins(%{{.*}}, %[[WEIGHT]]
// BUFFER-NOT: memref.alloc
// BUFFER-NOT: memref.copy
// BUFFER: return
func.func @grouped_matmul(%x: tensor<?x16xf32>, %w: tensor<4x8x16xf32>, %o: tensor<5xi32>) -> tensor<?x8xf32> {
  %y = fulgur.grouped_matmul %x, %w transposed offsets %o : tensor<?x16xf32>, tensor<4x8x16xf32>, tensor<5xi32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// The cache of the absorbed form is multiplied as it lies, and the weight head
// by head.
// BUFFER-LABEL: @absorbed(
// BUFFER-SAME: %{{.*}}: memref<{{.*}}>, %[[C:.*]]: memref<1x?x16xf32{{.*}}>, %{{.*}}: memref<{{.*}}>, %[[U:.*]]: memref<16x56xf32
// BUFFER-NOT: memref.copy
// BUFFER: linalg.batch_matmul ins(%[[C]],
// BUFFER-NOT: memref.copy
// BUFFER: return
func.func @absorbed(%q: tensor<1x?x4x12xf32>, %c: tensor<1x?x16xf32>, %r: tensor<1x?x4xf32>, %u: tensor<16x56xf32>) -> tensor<1x?x4x6xf32> {
  %y = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal absorbed : tensor<1x?x4x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<16x56xf32> -> tensor<1x?x4x6xf32>
  return %y : tensor<1x?x4x6xf32>
}

// A router selects groups and experts the way tokens are selected, and without
// groups only experts.
// CHECK-LABEL: @route(
// CHECK-NOT: fulgur.
// CHECK: math.exp
// CHECK: return
func.func @route(%x: tensor<?x16xf32>, %b: tensor<16xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  %e, %w = fulgur.route %x bias %b sigmoid k 2 groups 4 top_groups 2 top2 normalize : tensor<?x16xf32>, tensor<16xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
  return %e, %w : tensor<?x2xi32>, tensor<?x2xf32>
}
