// RUN: fulgur-opt %s --fulgur-separate-fills | FileCheck %s
// RUN: fulgur-opt %s --fulgur-separate-fills --one-shot-bufferize=bufferize-function-boundaries | FileCheck %s --check-prefix=BUFFERS

// Two products add to zeros: each gets its own, right before it.
// CHECK-LABEL: func.func @products(
// CHECK: %[[E0:.*]] = tensor.empty() : tensor<4x4xf32>
// CHECK: %[[Z0:.*]] = linalg.fill {{.*}} outs(%[[E0]]
// CHECK: linalg.matmul {{.*}} outs(%[[Z0]]
// CHECK: %[[E1:.*]] = tensor.empty() : tensor<4x4xf32>
// CHECK: %[[Z1:.*]] = linalg.fill {{.*}} outs(%[[E1]]
// CHECK: linalg.matmul {{.*}} outs(%[[Z1]]
// BUFFERS-LABEL: func.func @products(
// BUFFERS-NOT: memref.copy
// BUFFERS: return
func.func @products(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<4x4xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x4xf32>) -> tensor<4x4xf32>
  %a = linalg.matmul ins(%x, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%zeros : tensor<4x4xf32>) -> tensor<4x4xf32>
  %b = linalg.matmul ins(%a, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%zeros : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %a, %b : tensor<4x4xf32>, tensor<4x4xf32>
}

// A loop that starts with zeros gets its own too; what is only read is shared.
// CHECK-LABEL: func.func @loop(
// CHECK: %[[Z:.*]] = linalg.fill
// CHECK: %[[OWN:.*]] = linalg.fill
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[OWN]])
// CHECK: return %{{.*}}, %[[Z]]
func.func @loop(%n: index, %i: index) -> (tensor<4xf32>, tensor<4xf32>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<4xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<4xf32>) -> tensor<4xf32>
  %r = scf.for %k = %i to %n step %n iter_args(%t = %zeros) -> tensor<4xf32> {
    %s = tensor.insert %zero into %t[%k] : tensor<4xf32>
    scf.yield %s : tensor<4xf32>
  }
  return %r, %zeros : tensor<4xf32>, tensor<4xf32>
}

// Unmatched: one reader, and a tensor that was there before.
// CHECK-LABEL: func.func @others(
// CHECK-COUNT-2: linalg.fill
// CHECK-NOT: linalg.fill
func.func @others(%x: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<4x4xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<4x4xf32>) -> tensor<4x4xf32>
  %a = linalg.matmul ins(%x, %x : tensor<4x4xf32>, tensor<4x4xf32>) outs(%zeros : tensor<4x4xf32>) -> tensor<4x4xf32>
  %y = linalg.fill ins(%zero : f32) outs(%x : tensor<4x4xf32>) -> tensor<4x4xf32>
  %b = linalg.matmul ins(%a, %a : tensor<4x4xf32>, tensor<4x4xf32>) outs(%y : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %a, %b, %y : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
}

// What a loop writes as two tensors is two buffers, though neither has a content
// at first.
// CHECK-LABEL: func.func @inits(
// CHECK: %[[A:.*]] = tensor.empty(%{{.*}})
// CHECK: %[[B:.*]] = tensor.empty(%{{.*}})
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[A]], %{{.*}} = %[[B]], %{{.*}} = %{{.*}})
// BUFFERS-LABEL: func.func @inits(
// BUFFERS: %[[A:.*]] = memref.alloc
// BUFFERS: %[[B:.*]] = memref.alloc
// BUFFERS: scf.for {{.*}} iter_args(%{{.*}} = %[[A]], %{{.*}} = %[[B]], %{{.*}} = %{{.*}})
func.func @inits(%n: index, %x: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1.0 : f32
  %e = tensor.empty(%n) : tensor<?xf32>
  %r:3 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %e, %b = %e, %s = %one) -> (tensor<?xf32>, tensor<?xf32>, f32) {
    %f = linalg.fill ins(%x : f32) outs(%a : tensor<?xf32>) -> tensor<?xf32>
    %g = linalg.fill ins(%one : f32) outs(%b : tensor<?xf32>) -> tensor<?xf32>
    %v = tensor.extract %f[%i] : tensor<?xf32>
    %w = tensor.extract %g[%i] : tensor<?xf32>
    %t = arith.addf %v, %w : f32
    %u = arith.addf %s, %t : f32
    scf.yield %f, %g, %u : tensor<?xf32>, tensor<?xf32>, f32
  }
  return %r#2 : f32
}
