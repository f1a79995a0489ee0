// RUN: fulgur-opt %s --fulgur-decompose --canonicalize --fulgur-pack-weights --split-input-file --remark-format=emitRemark --remarks-filter=bufferize --verify-diagnostics | FileCheck %s

// Both forms of the experts read one copy of panels.
// expected-remark @below {{packed for 2 products}}
fulgur.weight @gate_up in "w.bin" at 0 : tensor<8x64x16xf32>
// expected-remark @below {{packed for 2 products}}
fulgur.weight @down in "w.bin" at 0 : tensor<8x16x32xf32>
// CHECK: fulgur.weight @gate_up in "w.bin" at 0 {packed = 32 : i64, transposed}
// CHECK: fulgur.weight @down in "w.bin" at 0 {packed = 32 : i64, transposed}
// CHECK-LABEL: func.func @both(
// CHECK-NOT: linalg.matmul
// CHECK-COUNT-4: fulgur.packed_matmul
// CHECK-NOT: linalg.matmul
func.func @both(%few: i1, %x: tensor<?x16xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>) -> tensor<?x16xf32> {
  %gu = fulgur.get_weight @gate_up : tensor<8x64x16xf32>
  %d = fulgur.get_weight @down : tensor<8x16x32xf32>
  %y = scf.if %few -> tensor<?x16xf32> {
    %t = fulgur.experts %x to %e weights %w gate_up %gu transposed down %d transposed per_token : tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x16xf32>, tensor<8x16x32xf32> -> tensor<?x16xf32>
    scf.yield %t : tensor<?x16xf32>
  } else {
    %g = fulgur.experts %x to %e weights %w gate_up %gu transposed down %d transposed grouped : tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x16xf32>, tensor<8x16x32xf32> -> tensor<?x16xf32>
    scf.yield %g : tensor<?x16xf32>
  }
  return %y : tensor<?x16xf32>
}

// -----

// Halves, gate and up by themselves.
// expected-remark @below {{packed for 1 products}}
fulgur.weight @gate in "w.bin" at 0 : tensor<8x16x32xbf16>
// expected-remark @below {{packed for 1 products}}
fulgur.weight @up in "w.bin" at 0 : tensor<8x16x32xbf16>
// expected-remark @below {{packed for 1 products}}
fulgur.weight @down in "w.bin" at 0 : tensor<8x32x16xbf16>
// CHECK-COUNT-3: {packed = 32 : i64}
// CHECK-LABEL: func.func @two_stacks(
// CHECK-NOT: linalg.matmul
// CHECK-COUNT-3: fulgur.packed_matmul {{.*}}xbf16>, tensor<1x{{.*}}x32xbf16>, tensor<{{.*}}xf32>
// CHECK-NOT: linalg.matmul
func.func @two_stacks(%x: tensor<?x16xbf16>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>) -> tensor<?x16xbf16> {
  %g = fulgur.get_weight @gate : tensor<8x16x32xbf16>
  %u = fulgur.get_weight @up : tensor<8x16x32xbf16>
  %d = fulgur.get_weight @down : tensor<8x32x16xbf16>
  %y = fulgur.experts %x to %e weights %w gate_up [%g, %u] down %d grouped : tensor<?x16xbf16>, tensor<?x2xi32>, tensor<?x2xf32>, [tensor<8x16x32xbf16>, tensor<8x16x32xbf16>], tensor<8x32x16xbf16> -> tensor<?x16xbf16>
  return %y : tensor<?x16xbf16>
}
