// RUN: fulgur-opt %s --fulgur-approximate-math | FileCheck %s

// The exponential of f32 becomes arithmetic.
// CHECK-LABEL: func.func @exp(
func.func @exp(%x: f32) -> f32 {
  // CHECK-NOT: math.exp
  // CHECK: math.fma
  // CHECK: return
  %0 = math.exp %x : f32
  return %0 : f32
}

// Unmatched: f64, and other functions.
// CHECK-LABEL: func.func @others(
func.func @others(%x: f64, %y: f32) -> (f64, f32) {
  // CHECK: math.exp %{{.*}} : f64
  // CHECK: math.log %{{.*}} : f32
  %0 = math.exp %x : f64
  %1 = math.log %y : f32
  return %0, %1 : f64, f32
}
