// RUN: fulgur-opt %s --fulgur-set-dims='dims=batch=2,seq=1..64' | FileCheck %s

// A fixed dimension is static in the arguments and a constant in the code; a
// bounded one keeps its name and has its bounds noted.
// CHECK-LABEL: func.func @main
// CHECK-SAME: tensor<2x?x4xf32> {fulgur.dims = ["", "seq", ""]}
// CHECK-SAME: tensor<2xi64> {fulgur.dims = [""]}
// CHECK-SAME: fulgur.bounds = {seq = array<i64: 1, 64>}
// CHECK: %[[B:.*]] = arith.constant 2 : index
// CHECK: %[[S:.*]] = fulgur.dim "seq" in 1 to 64
// CHECK: return %[[B]], %[[S]]
func.func @main(%x: tensor<?x?x4xf32> {fulgur.dims = ["batch", "seq", ""]}, %n: tensor<?xi64> {fulgur.dims = ["batch"]}) -> (index, index) {
  %b = fulgur.dim "batch"
  %s = fulgur.dim "seq"
  return %b, %s : index, index
}

// Another name stays as it is.
// CHECK-LABEL: func.func @other
// CHECK-SAME: tensor<?xf32> {fulgur.dims = ["past"]}
// CHECK: fulgur.dim "past"
// CHECK-NOT: to 64
func.func @other(%x: tensor<?xf32> {fulgur.dims = ["past"]}) -> index {
  %p = fulgur.dim "past"
  return %p : index
}
