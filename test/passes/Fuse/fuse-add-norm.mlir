// RUN: fulgur-opt %s --fulgur-fuse-add-norm --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s

fulgur.weight @scale in "w.bin" at 0 : tensor<16xf32>

// The residual stream goes on as the sum.
// CHECK-LABEL: func.func @layer(
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x16xf32>, %[[R:[^:]*]]: tensor<?x16xf32>
func.func @layer(%x: tensor<?x16xf32>, %r: tensor<?x16xf32>, %w: tensor<16x16xf32>) -> tensor<?x16xf32> {
  // CHECK: %[[W:.*]] = fulgur.get_weight @scale
  // CHECK: %[[H:.*]], %[[Y:.*]] = fulgur.add_rms_norm %[[X]], %[[R]], %[[W]] eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf32>
  // CHECK-NOT: linalg.add
  // CHECK: fulgur.linear %[[Y]], %{{.*}} residual %[[H]]
  // CHECK-NOT: linalg.add
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x16xf32>
  %e = tensor.empty(%n) : tensor<?x16xf32>
  %h = linalg.add ins(%x, %r : tensor<?x16xf32>, tensor<?x16xf32>) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %s = fulgur.get_weight @scale : tensor<16xf32>
  // The sum is not read once more: 1024 * 16 * 4 bytes.
  // expected-remark @below {{BytesSaved=65536, FlopsSaved=0, Remark="normalised where it is added"}}
  %y = fulgur.rms_norm %h, %s eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf32>
  %z = fulgur.linear %y, %w residual %h : tensor<?x16xf32>, tensor<16x16xf32>, tensor<?x16xf32> -> tensor<?x16xf32>
  return %z : tensor<?x16xf32>
}

// Unmatched: a norm in another block, a scale that is made of the sum, and a
// norm of no sum.
// CHECK-LABEL: func.func @others(
func.func @others(%x: tensor<?x16xf32>, %e: tensor<?x16xf32>, %s: tensor<16xf32>, %c: i1) -> tensor<?x16xf32> {
  // CHECK-NOT: fulgur.add_rms_norm
  // CHECK-COUNT-3: fulgur.rms_norm
  %h = linalg.add ins(%x, %x : tensor<?x16xf32>, tensor<?x16xf32>) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %a = scf.if %c -> tensor<?x16xf32> {
    // expected-remark @below {{expected the sum in the block of the norm, but it is outside of it}}
    %y = fulgur.rms_norm %h, %s eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf32>
    scf.yield %y : tensor<?x16xf32>
  } else {
    scf.yield %h : tensor<?x16xf32>
  }
  %row = tensor.extract_slice %h[0, 0] [1, 16] [1, 1] : tensor<?x16xf32> to tensor<16xf32>
  // expected-remark @below {{expected the scale to be a value from before the sum, but the step computes it behind the sum}}
  %b = fulgur.rms_norm %h, %row eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf32>
  %d = fulgur.rms_norm %a, %s eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf32>
  %r = linalg.sub ins(%b, %d : tensor<?x16xf32>, tensor<?x16xf32>) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %r : tensor<?x16xf32>
}
