// RUN: fulgur-opt %s --fulgur-hoist-checks | FileCheck %s
// RUN: fulgur-opt %s --fulgur-hoist-checks --eliminate-empty-tensors --one-shot-bufferize=bufferize-function-boundaries | FileCheck %s --check-prefix=BUFFERS

// Sizes alone: the check is first, and before what writes into the result.
// CHECK-LABEL: func.func @sizes(
// CHECK-NEXT: %[[SUM:.*]] = arith.addi %{{.*}}, %{{.*}} : index
// CHECK-NEXT: %[[SAME:.*]] = arith.cmpi eq, %[[SUM]], %{{.*}} : index
// CHECK-NEXT: cf.assert %[[SAME]], "first"
// CHECK-NEXT: %[[LESS:.*]] = arith.cmpi slt, %[[SUM]], %{{.*}} : index
// CHECK-NEXT: cf.assert %[[LESS]], "second"
// CHECK: linalg.exp
// BUFFERS-LABEL: func.func @sizes(
// BUFFERS: cf.assert %{{.*}}, "first"
// BUFFERS: cf.assert %{{.*}}, "second"
// BUFFERS: linalg.exp
func.func @sizes(%x: tensor<?xf32>, %a: index, %b: index, %c: index) -> tensor<?xf32> {
  %e = tensor.empty(%a) : tensor<?xf32>
  %y = linalg.exp ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %sum = arith.addi %a, %b : index
  %same = arith.cmpi eq, %sum, %c : index
  cf.assert %same, "first"
  %less = arith.cmpi slt, %sum, %b : index
  cf.assert %less, "second"
  %r = tensor.empty(%b) : tensor<?xf32>
  %z = tensor.insert_slice %y into %r[0] [%a] [1] : tensor<?xf32> into tensor<?xf32>
  return %z : tensor<?xf32>
}

// What a tensor says is known when the tensor is.
// CHECK-LABEL: func.func @element(
// CHECK: linalg.exp
// CHECK-NEXT: %[[ELEMENT:.*]] = tensor.extract
// CHECK-NEXT: %[[LESS:.*]] = arith.cmpf olt, %[[ELEMENT]], %{{.*}} : f32
// CHECK-NEXT: cf.assert %[[LESS]], "element"
// CHECK: linalg.log
func.func @element(%x: tensor<4xf32>, %limit: f32) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %e = tensor.empty() : tensor<4xf32>
  %y = linalg.exp ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %element = tensor.extract %y[%c0] : tensor<4xf32>
  %z = linalg.log ins(%y : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %less = arith.cmpf olt, %element, %limit : f32
  cf.assert %less, "element"
  return %z : tensor<4xf32>
}

// A check stays in its branch.
// CHECK-LABEL: func.func @branch(
// CHECK: scf.if
// CHECK-NEXT: %[[SAME:.*]] = arith.cmpi
// CHECK-NEXT: cf.assert %[[SAME]], "branch"
// CHECK-NEXT: func.call @effect
func.func private @effect()
func.func @branch(%condition: i1, %a: index, %b: index) {
  scf.if %condition {
    func.call @effect() : () -> ()
    %same = arith.cmpi eq, %a, %b : index
    cf.assert %same, "branch"
  }
  return
}
