// RUN: fulgur-opt %s --fulgur-split-experts --verify-diagnostics --remark-format=emitRemark --remarks-filter=kernel | FileCheck %s

// CHECK-LABEL: func.func @experts(
// CHECK-SAME: %[[X:.*]]: tensor<?x16xbf16>, %[[E:.*]]: tensor<?x2xi32>, %[[W:.*]]: tensor<?x2xf32>, %[[GU:.*]]: tensor<4x48x16xbf16>, %[[D:.*]]: tensor<4x24x32xbf16>
// CHECK: %[[ROWS:.*]], %[[SOURCES:.*]], %[[OFFSETS:.*]] = fulgur.dispatch %[[X]] to %[[E]] of 4
// CHECK: %[[P:.*]] = fulgur.grouped_matmul %[[ROWS]], %[[GU]] transposed offsets %[[OFFSETS]]
// CHECK-DAG: %[[UP:.*]] = tensor.extract_slice %[[P]][0, 0] [%{{.*}}, 24]
// CHECK-DAG: %[[GATE:.*]] = tensor.extract_slice %[[P]][0, 24] [%{{.*}}, 24]
// CHECK: %[[H:.*]] = fulgur.swiglu %[[GATE]], %[[UP]]
// CHECK: %[[Y:.*]] = fulgur.grouped_matmul %[[H]], %[[D]] offsets %[[OFFSETS]]
// CHECK: %[[R:.*]] = fulgur.combine %[[Y]] from %[[SOURCES]] weights %[[W]]
// CHECK: return %[[R]]
func.func @experts(%x: tensor<?x16xbf16>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>,
                   %gu: tensor<4x48x16xbf16>, %d: tensor<4x24x32xbf16>) -> tensor<?x32xbf16> {
  // expected-remark @below {{a kernel for each part of the experts}}
  %y = fulgur.experts %x to %e weights %w gate_up %gu transposed up_first down %d grouped
      : tensor<?x16xbf16>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x48x16xbf16>, tensor<4x24x32xbf16> -> tensor<?x32xbf16>
  return %y : tensor<?x32xbf16>
}

// CHECK-LABEL: func.func @loops(
// CHECK-NOT: dispatch
// CHECK: fulgur.experts
// CHECK-NOT: dispatch
// CHECK: fulgur.experts
// CHECK-NOT: dispatch
func.func @loops(%x: tensor<?x16xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>,
                 %gu: tensor<4x16x48xf32>, %d: tensor<4x24x32xf32>, %s: tensor<?x16x48xf32>, %t: tensor<?x24x32xf32>) {
  // expected-remark @below {{expected elements of tensor cores, bf16 or f16}}
  %y = fulgur.experts %x to %e weights %w gate_up %gu down %d grouped
      : tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x16x48xf32>, tensor<4x24x32xf32> -> tensor<?x32xf32>
  // expected-remark @below {{expected the number of experts to be known}}
  %z = fulgur.experts %x to %e weights %w gate_up %s down %t grouped
      : tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<?x16x48xf32>, tensor<?x24x32xf32> -> tensor<?x32xf32>
  return
}
