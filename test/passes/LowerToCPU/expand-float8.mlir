// RUN: fulgur-opt %s --fulgur-expand-float8 | FileCheck %s
// RUN: %python %S/Inputs/float8.py %t

// From 8 bits: exponent and mantissa are shifted to their place, and scaled.
// CHECK-LABEL: func.func @widen
// CHECK-SAME: (%[[X:.+]]: f8E4M3FN)
// CHECK-DAG: %[[SCALE:.+]] = arith.constant 1.329228E+36 : f32
// CHECK-DAG: %[[PLACE:.+]] = arith.constant 20 : i32
// CHECK: %[[BYTE:.+]] = arith.bitcast %[[X]] : f8E4M3FN to i8
// CHECK: %[[BITS:.+]] = arith.extui %[[BYTE]] : i8 to i32
// CHECK: arith.shli %{{.+}}, %[[PLACE]] : i32
// CHECK: arith.mulf %{{.+}}, %[[SCALE]] : f32
// CHECK-NOT: arith.extf
func.func @widen(%x: f8E4M3FN) -> f32 {
  %0 = arith.extf %x : f8E4M3FN to f32
  return %0 : f32
}

// Other floats go by way of f32, and vectors like scalars.
// CHECK-LABEL: func.func @narrow
// CHECK: arith.extf %{{.+}} : vector<4xf16> to vector<4xf32>
// CHECK: arith.trunci %{{.+}} : vector<4xi32> to vector<4xi8>
// CHECK: arith.bitcast %{{.+}} : vector<4xi8> to vector<4xf8E5M2>
// CHECK-NOT: arith.truncf
func.func @narrow(%x: vector<4xf16>) -> vector<4xf8E5M2> {
  %0 = arith.truncf %x : vector<4xf16> to vector<4xf8E5M2>
  return %0 : vector<4xf8E5M2>
}

// Between wider floats there is nothing to do.
// CHECK-LABEL: func.func @wide_unmatched
// CHECK: arith.truncf %{{.+}} : f32 to bf16
func.func @wide_unmatched(%x: f32) -> bf16 {
  %0 = arith.truncf %x : f32 to bf16
  return %0 : bf16
}
