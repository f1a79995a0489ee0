// RUN: fulgur-opt %s --fulgur-decompose --canonicalize --cse | FileCheck %s

// One row after the other: its product with down is added to where the result is.
// CHECK-LABEL: @per_token
// CHECK-SAME: (%[[X:[^:]*]]: tensor<?x16xf32>, %[[E:[^:]*]]: tensor<?x2xi32>, %[[W:[^:]*]]: tensor<?x2xf32>, %[[GU:[^:]*]]: tensor<8x8x16xf32>, %[[D:[^:]*]]: tensor<8x16x4xf32>)
// CHECK-DAG: %[[H:.*]] = tensor.empty() : tensor<1x4xf32>
// CHECK-DAG: %[[P:.*]] = tensor.empty() : tensor<1x8xf32>
// CHECK-NOT: tensor<?x2x
// CHECK: scf.for %[[N:[^ ]*]] = {{.*}} iter_args(%[[R:.*]] = %{{.*}}, %{{.*}} = %[[H]], %{{.*}} = %[[P]])
// CHECK: %[[ROW:.*]] = tensor.extract_slice %[[X]][%[[N]], 0] [1, 16] [1, 1]
// CHECK: %[[SUM:.*]] = tensor.extract_slice %[[R]][%[[N]], 0] [1, 16] [1, 1]
// CHECK: scf.for %[[J:[^ ]*]] = {{.*}} iter_args(%[[PART:[^ ]*]] = %[[SUM]],
// CHECK: tensor.extract %[[E]][%[[N]], %[[J]]]
// CHECK: linalg.matmul {{.*}} ins(%[[ROW]], %{{.*}} : tensor<1x16xf32>, tensor<8x16xf32>)
// CHECK: linalg.generic
// CHECK: math.exp
// CHECK: linalg.matmul {{.*}} ins(%{{.*}}, %{{.*}} : tensor<1x4xf32>, tensor<16x4xf32>) outs(%[[PART]] :
func.func @per_token(%x: tensor<?x16xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %gu: tensor<8x8x16xf32>, %d: tensor<8x16x4xf32>) -> tensor<?x16xf32> {
  %y = fulgur.experts %x to %e weights %w gate_up %gu transposed down %d transposed per_token : tensor<?x16xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x8x16xf32>, tensor<8x16x4xf32> -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// Blocks of at most 120 rows of one expert, which is read for each; what is
// written for all tokens is the result alone.
// CHECK-LABEL: @grouped
// CHECK-SAME: (%[[X:[^:]*]]: tensor<1000x16xbf16>,
// CHECK-DAG: tensor.empty() : tensor<120x4xbf16>
// CHECK-DAG: tensor.empty() : tensor<120x8xf32>
// CHECK-DAG: tensor.empty() : tensor<120x16xbf16>
// CHECK-DAG: tensor.empty() : tensor<120x16xf32>
// CHECK-DAG: tensor.empty() : tensor<1000x16xf32>
// CHECK-NOT: tensor<2000x
// CHECK: scf.for %[[EXPERT:[^ ]*]] = %c0 to %c8
// CHECK: scf.for
// CHECK: linalg.copy
// CHECK: tensor.extract_slice %{{.*}}[%[[EXPERT]], 0, 0] [1, 16, 8]
// CHECK: linalg.matmul ins({{.*}} : tensor<?x16xbf16>, tensor<16x8xbf16>) outs({{.*}} : tensor<?x8xf32>)
// CHECK: linalg.matmul ins({{.*}} : tensor<?x4xbf16>, tensor<4x16xbf16>) outs({{.*}} : tensor<?x16xf32>)
// CHECK: arith.addf
// CHECK: tensor.insert_slice {{.*}} tensor<1x16xf32> into tensor<1000x16xf32>
// CHECK: arith.truncf
func.func @grouped(%x: tensor<1000x16xbf16>, %e: tensor<1000x2xi32>, %w: tensor<1000x2xf32>, %gu: tensor<8x16x8xbf16>, %d: tensor<8x4x16xbf16>) -> tensor<1000x16xbf16> {
  %y = fulgur.experts %x to %e weights %w gate_up %gu down %d grouped : tensor<1000x16xbf16>, tensor<1000x2xi32>, tensor<1000x2xf32>, tensor<8x16x8xbf16>, tensor<8x4x16xbf16> -> tensor<1000x16xbf16>
  return %y : tensor<1000x16xbf16>
}
