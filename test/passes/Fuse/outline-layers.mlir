// RUN: fulgur-opt %s --fulgur-outline-layers=min-operations=2 --split-input-file --remark-format=emitRemark --remarks-filter=fuse --verify-diagnostics | FileCheck %s
// RUN: fulgur-opt %s --fulgur-outline-layers="min-operations=2 min-copies=4" --split-input-file | FileCheck %s --check-prefix=FEWER

// Three layers alike. What differs is a weight, a constant or the value that
// goes through; what all read, the function makes itself.
fulgur.weight @a in "w" at 0 : tensor<8x8xf32>
fulgur.weight @b in "w" at 256 : tensor<8x8xf32>
fulgur.weight @c in "w" at 512 : tensor<8x8xf32>
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x8xf32>
func.func @main(%x: tensor<?x8xf32> {fulgur.dims = ["rows", ""]}) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %s = arith.constant dense<1.0> : tensor<8xf32>
  %t = arith.constant dense<2.0> : tensor<8xf32>
  %a = fulgur.get_weight @a : tensor<8x8xf32>
  // CHECK-DAG: %[[T:.*]] = arith.constant dense<2.0{{.*}}> : tensor<8xf32>
  // CHECK-DAG: %[[S:.*]] = arith.constant dense<1.0{{.*}}> : tensor<8xf32>
  // CHECK: %[[C0:.*]] = arith.constant 0 : index
  // CHECK: %[[Y0:.*]] = call @layer_0(%[[X]], %[[S]], %[[C0]])
  // CHECK: %[[C1:.*]] = arith.constant 1 : index
  // CHECK: %[[Y1:.*]] = call @layer_0(%[[Y0]], %[[T]], %[[C1]])
  // CHECK: %[[C2:.*]] = arith.constant 2 : index
  // CHECK: %[[Y2:.*]] = call @layer_0(%[[Y1]], %[[S]], %[[C2]])
  // CHECK: return %[[Y2]], %[[Y0]]
  // FEWER-NOT: call @
  // expected-remark @below {{3 layers of 3 operations call @layer_0}}
  %n0 = fulgur.rms_norm %x, %s eps 1.0e-06 : tensor<?x8xf32>, tensor<8xf32>
  %l0 = fulgur.linear %n0, %a : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %g0 = fulgur.swiglu %l0, %n0 : tensor<?x8xf32>
  %b = fulgur.get_weight @b : tensor<8x8xf32>
  %n1 = fulgur.rms_norm %g0, %t eps 1.0e-06 : tensor<?x8xf32>, tensor<8xf32>
  %l1 = fulgur.linear %n1, %b : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %g1 = fulgur.swiglu %l1, %n1 : tensor<?x8xf32>
  %c = fulgur.get_weight @c : tensor<8x8xf32>
  %n2 = fulgur.rms_norm %g1, %s eps 1.0e-06 : tensor<?x8xf32>, tensor<8xf32>
  %l2 = fulgur.linear %n2, %c : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %g2 = fulgur.swiglu %l2, %n2 : tensor<?x8xf32>
  return %g2, %g0 : tensor<?x8xf32>, tensor<?x8xf32>
}
// CHECK-LABEL: func.func private @layer_0(
// CHECK-SAME: %[[IN:[a-z0-9]+]]: tensor<?x8xf32> {fulgur.dims = ["rows", ""]}, %[[SCALE:[a-z0-9]+]]: tensor<8xf32>{{.*}}, %[[LAYER:[a-z0-9]+]]: index) -> tensor<?x8xf32>
// CHECK: %[[N:.*]] = fulgur.rms_norm %[[IN]], %[[SCALE]]
// CHECK: %[[W:.*]] = fulgur.select_weight [@a, @b, @c] at %[[LAYER]] : tensor<8x8xf32>
// CHECK: %[[L:.*]] = fulgur.linear %[[N]], %[[W]]
// CHECK: %[[G:.*]] = fulgur.swiglu %[[L]], %[[N]]
// CHECK: return %[[G]]

// -----

// Sizes and empty tensors that the first layer makes and the second uses again
// are no part of a layer; regions are, and what they read from outside.
// CHECK-LABEL: func.func @main(
// CHECK-COUNT-2: call @layer_0(
// CHECK-LABEL: func.func private @layer_0(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?xf32> {fulgur.dims = ["n"]}, %[[K:[a-z0-9]+]]: f32)
// CHECK: %[[N:.*]] = fulgur.dim "n"
// CHECK: %[[E:.*]] = tensor.empty(%[[N]])
// CHECK: linalg.generic {{.*}} ins(%[[X]] {{.*}} outs(%[[E]]
// CHECK: arith.mulf %{{.*}}, %[[K]]
func.func @main(%x: tensor<?xf32> {fulgur.dims = ["n"]}, %k: f32, %m: f32) -> tensor<?xf32> {
  // expected-remark @below {{2 layers of 2 operations call @layer_0}}
  %a0 = math.exp %x : tensor<?xf32>
  %n = fulgur.dim "n"
  %e = tensor.empty(%n) : tensor<?xf32>
  %b0 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) {
  ^bb0(%v: f32, %out: f32):
    %w = arith.mulf %v, %k : f32
    linalg.yield %w : f32
  } -> tensor<?xf32>
  %a1 = math.exp %b0 : tensor<?xf32>
  %b1 = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%b0 : tensor<?xf32>) outs(%e : tensor<?xf32>) {
  ^bb0(%v: f32, %out: f32):
    %w = arith.mulf %v, %m : f32
    linalg.yield %w : f32
  } -> tensor<?xf32>
  %y = linalg.add ins(%a0, %a1 : tensor<?xf32>, tensor<?xf32>) outs(%b1 : tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// -----

// The second layer reads another value of its own: not alike.
// CHECK-LABEL: func.func @main(
// CHECK-NOT: call @
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a0 = math.exp %x : tensor<4xf32>
  %b0 = math.sin %a0 : tensor<4xf32>
  %c0 = arith.mulf %a0, %b0 : tensor<4xf32>
  %a1 = math.exp %c0 : tensor<4xf32>
  %b1 = math.sin %a1 : tensor<4xf32>
  // expected-remark @below {{expected 'arith.mulf' at}}
  %c1 = arith.mulf %b1, %b1 : tensor<4xf32>
  return %c1 : tensor<4xf32>
}

// -----

// The second layer uses what the first has made itself, as layers that share
// the tokens of an indexer do.
// CHECK-LABEL: func.func @main(
// CHECK-NOT: call @
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a0 = math.exp %x : tensor<4xf32>
  %b0 = math.sin %a0 : tensor<4xf32>
  %a1 = math.exp %b0 : tensor<4xf32>
  // expected-remark @below {{expected 'math.sin' at}}
  %b1 = math.sin %a0 : tensor<4xf32>
  %c = arith.mulf %a1, %b1 : tensor<4xf32>
  return %c : tensor<4xf32>
}
