// RUN: fulgur-opt %s --canonicalize | FileCheck %s

// Static sizes of both operands are those of the result.
// CHECK-LABEL: @linear_operands(
// CHECK-SAME: %[[X:.*]]: tensor<2x4xf32>, %[[W:.*]]: tensor<4x8xf32>
// CHECK-NEXT: %[[Y:.*]] = fulgur.linear %[[X]], %[[W]] : tensor<2x4xf32>, tensor<4x8xf32> -> tensor<2x8xf32>
// CHECK-NEXT: tensor.cast %[[Y]] : tensor<2x8xf32> to tensor<?x?xf32>
func.func @linear_operands(%x: tensor<2x4xf32>, %w: tensor<4x8xf32>) -> tensor<?x?xf32> {
  %a = tensor.cast %x : tensor<2x4xf32> to tensor<?x4xf32>
  %b = tensor.cast %w : tensor<4x8xf32> to tensor<4x?xf32>
  %y = fulgur.linear %a, %b : tensor<?x4xf32>, tensor<4x?xf32> -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// They go through a chain of operations.
// CHECK-LABEL: @chain(
// CHECK-NOT: tensor.cast
// CHECK: fulgur.rms_norm {{.*}} : tensor<2x4xf32>, tensor<4xf32>
// CHECK-NOT: tensor.cast
// CHECK: fulgur.swiglu {{.*}} : tensor<2x4xf32>
// CHECK-NEXT: tensor.cast
// CHECK-NEXT: return
func.func @chain(%x: tensor<2x4xf32>, %s: tensor<4xf32>) -> tensor<?x4xf32> {
  %a = tensor.cast %x : tensor<2x4xf32> to tensor<?x4xf32>
  %n = fulgur.rms_norm %a, %s eps 1.0e-06 : tensor<?x4xf32>, tensor<4xf32>
  %y = fulgur.swiglu %n, %n : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// What comes behind an operation can know more of its result.
// CHECK-LABEL: @linear_result(
// CHECK: %[[Y:.*]] = fulgur.linear {{.*}} -> tensor<2x8xf32>
// CHECK-NEXT: return %[[Y]]
func.func @linear_result(%x: tensor<?x4xf32>, %w: tensor<4x8xf32>) -> tensor<2x8xf32> {
  %y = fulgur.linear %x, %w : tensor<?x4xf32>, tensor<4x8xf32> -> tensor<?x8xf32>
  %z = tensor.cast %y : tensor<?x8xf32> to tensor<2x8xf32>
  return %z : tensor<2x8xf32>
}

// Not where only some runs have that size.
// CHECK-LABEL: @linear_result_sometimes(
// CHECK: fulgur.linear {{.*}} -> tensor<?x8xf32>
func.func @linear_result_sometimes(%c: i1, %x: tensor<?x4xf32>, %w: tensor<4x8xf32>, %z: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %y = fulgur.linear %x, %w : tensor<?x4xf32>, tensor<4x8xf32> -> tensor<?x8xf32>
  %r = scf.if %c -> tensor<2x8xf32> {
    %s = tensor.cast %y : tensor<?x8xf32> to tensor<2x8xf32>
    scf.yield %s : tensor<2x8xf32>
  } else {
    scf.yield %z : tensor<2x8xf32>
  }
  return %r : tensor<2x8xf32>
}

// Sizes that contradict leave valid code.
// CHECK-LABEL: @contradiction(
// CHECK: fulgur.swiglu {{.*}} : tensor<?xf32>
func.func @contradiction(%x: tensor<2xf32>, %y: tensor<3xf32>) -> tensor<?xf32> {
  %a = tensor.cast %x : tensor<2xf32> to tensor<?xf32>
  %b = tensor.cast %y : tensor<3xf32> to tensor<?xf32>
  %r = fulgur.swiglu %a, %b : tensor<?xf32>
  return %r : tensor<?xf32>
}

// A cast to more static sizes stays: the operation needs them.
// CHECK-LABEL: @less_static(
// CHECK: tensor.cast
// CHECK: fulgur.swiglu {{.*}} : tensor<2x4xf32>
func.func @less_static(%x: tensor<?x4xf32>) -> tensor<2x4xf32> {
  %a = tensor.cast %x : tensor<?x4xf32> to tensor<2x4xf32>
  %r = fulgur.swiglu %a, %a : tensor<2x4xf32>
  return %r : tensor<2x4xf32>
}

// The sizes of past and update add up.
// CHECK-LABEL: @cache_update_sizes(
// CHECK: fulgur.cache_update {{.*}} : tensor<1x6x4xf32>, tensor<1x2x4xf32> -> tensor<1x8x4xf32>
func.func @cache_update_sizes(%p: tensor<1x6x4xf32>, %u: tensor<1x2x4xf32>) -> tensor<1x?x4xf32> {
  %a = tensor.cast %p : tensor<1x6x4xf32> to tensor<1x?x4xf32>
  %b = tensor.cast %u : tensor<1x2x4xf32> to tensor<1x?x4xf32>
  %r = fulgur.cache_update %a, %b axis 1 : tensor<1x?x4xf32>, tensor<1x?x4xf32> -> tensor<1x?x4xf32>
  return %r : tensor<1x?x4xf32>
}

// Nothing before the update: the update.
// CHECK-LABEL: @cache_update_no_past(
// CHECK-SAME: %[[P:.*]]: tensor<1x0x4xf32>, %[[U:.*]]: tensor<1x?x4xf32>
// CHECK-NEXT: return %[[U]]
func.func @cache_update_no_past(%p: tensor<1x0x4xf32>, %u: tensor<1x?x4xf32>) -> tensor<1x?x4xf32> {
  %r = fulgur.cache_update %p, %u axis 1 : tensor<1x0x4xf32>, tensor<1x?x4xf32> -> tensor<1x?x4xf32>
  return %r : tensor<1x?x4xf32>
}

// Nothing new: the past, in the type of the result.
// CHECK-LABEL: @cache_update_no_update(
// CHECK-SAME: %[[P:.*]]: tensor<?x?x4xf32>
// CHECK-NEXT: %[[R:.*]] = tensor.cast %[[P]] : tensor<?x?x4xf32> to tensor<1x?x4xf32>
// CHECK-NEXT: return %[[R]]
func.func @cache_update_no_update(%p: tensor<?x?x4xf32>, %u: tensor<1x0x4xf32>) -> tensor<1x?x4xf32> {
  %r = fulgur.cache_update %p, %u axis 1 : tensor<?x?x4xf32>, tensor<1x0x4xf32> -> tensor<1x?x4xf32>
  return %r : tensor<1x?x4xf32>
}

// A size of 0 along another axis is no reason.
// CHECK-LABEL: @cache_update_other_axis(
// CHECK: fulgur.cache_update
func.func @cache_update_other_axis(%p: tensor<0x2x4xf32>, %u: tensor<0x3x4xf32>) -> tensor<0x5x4xf32> {
  %r = fulgur.cache_update %p, %u axis 1 : tensor<0x2x4xf32>, tensor<0x3x4xf32> -> tensor<0x5x4xf32>
  return %r : tensor<0x5x4xf32>
}
