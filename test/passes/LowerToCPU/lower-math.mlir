// RUN: fulgur-opt %s --fulgur-lower-math | FileCheck %s

// CHECK-DAG: func.func private @erff(f32) -> f32
// CHECK-DAG: func.func private @acosh(f64) -> f64

// No intrinsic of LLVM computes these.
// CHECK-LABEL: func.func @calls
// CHECK: call @erff(%{{.+}}) : (f32) -> f32
// CHECK: call @acosh(%{{.+}}) : (f64) -> f64
func.func @calls(%x: f32, %y: f64) -> (f32, f64) {
  %0 = math.erf %x : f32
  %1 = math.acosh %y : f64
  return %0, %1 : f32, f64
}

// Smaller floats go by way of f32.
// CHECK-LABEL: func.func @small
// CHECK: arith.extf %{{.+}} : f16 to f32
// CHECK: call @erff
// CHECK: arith.truncf %{{.+}} : f32 to f16
func.func @small(%x: f16) -> f16 {
  %0 = math.erf %x : f16
  return %0 : f16
}

// What has an intrinsic stays.
// CHECK-LABEL: func.func @exp_unmatched
// CHECK: math.exp
func.func @exp_unmatched(%x: f32) -> f32 {
  %0 = math.exp %x : f32
  return %0 : f32
}
