// RUN: fulgur-opt %s --fulgur-pass-destinations --split-input-file --verify-diagnostics | FileCheck %s

// The caller makes room for the result; its size is made of named dimensions
// and of what the function is given.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x4xf32>, %[[K:[a-z0-9]+]]: index)
func.func @main(%x: tensor<?x4xf32>, %k: index) -> (tensor<?x?xf32>, index) {
  // CHECK: %[[N:.*]] = fulgur.dim "n"
  // CHECK: %[[M:.*]] = arith.addi %[[N]], %[[K]]
  // CHECK: %[[E:.*]] = tensor.empty(%[[M]], %[[K]]) : tensor<?x?xf32>
  // CHECK: %[[Y:.*]] = call @layer(%[[X]], %[[K]], %[[E]])
  %y = call @layer(%x, %k) : (tensor<?x4xf32>, index) -> tensor<?x?xf32>
  // CHECK: return %[[Y]], %[[K]]
  %c1 = arith.constant 1 : index
  %d = tensor.dim %y, %c1 : tensor<?x?xf32>
  return %y, %d : tensor<?x?xf32>, index
}
// CHECK-LABEL: func.func private @layer(
// CHECK-SAME: %[[OUT:[a-z0-9]+]]: tensor<?x?xf32>) -> tensor<?x?xf32>
// CHECK: %[[F:.*]] = linalg.fill
// CHECK: %[[R:.*]] = bufferization.materialize_in_destination %[[F]] in %[[OUT]]
// CHECK: return %[[R]]
func.func private @layer(%x: tensor<?x4xf32>, %k: index) -> tensor<?x?xf32> {
  %n = fulgur.dim "n"
  %m = arith.addi %n, %k : index
  %e = tensor.empty(%m, %k) : tensor<?x?xf32>
  %f = arith.constant 0.0 : f32
  %y = linalg.fill ins(%f : f32) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// -----

// A size that is read from a tensor no caller knows.
func.func @main(%x: tensor<1xindex>) -> tensor<?xf32> {
  // expected-error @below {{expected the sizes of the results of 'layer' to follow from what it is given}}
  %y = call @layer(%x) : (tensor<1xindex>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}
func.func private @layer(%x: tensor<1xindex>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %e = tensor.empty() : tensor<1xindex>
  %z = linalg.copy ins(%x : tensor<1xindex>) outs(%e : tensor<1xindex>) -> tensor<1xindex>
  %m = scf.for %i = %c0 to %c0 step %c0 iter_args(%s = %c0) -> index {
    scf.yield %i : index
  }
  %r = tensor.empty(%m) : tensor<?xf32>
  return %r : tensor<?xf32>
}

// -----

// New rows of a buffer stay in it.
// CHECK-LABEL: func.func @main(
// CHECK: call @layer(%{{[a-z0-9]+}}) : (tensor<?x4xf32>) -> tensor<?x4xf32>
func.func @main(%b: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = call @layer(%b) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
// CHECK-LABEL: func.func private @layer(
// CHECK-NOT: materialize_in_destination
func.func private @layer(%b: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %n = fulgur.dim "n"
  %row = arith.constant dense<1.0> : tensor<1x4xf32>
  %y = tensor.insert_slice %row into %b[%n, 0] [1, 4] [1, 1] : tensor<1x4xf32> into tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
