// RUN: fulgur-opt %s --fulgur-fuse-experts --canonicalize --split-input-file --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s

module attributes {fulgur.machine = "{\"name\": \"m\", \"source\": \"made up\", \"cores\": 1, \"peak_flops\": {\"f32\": 1e12}, \"memory\": [{\"name\": \"DRAM\", \"capacity_bytes\": 1e12, \"bytes_per_second\": 1e10}], \"launch_seconds\": 1e-6}"} {
  // One token shares its experts with none.
  // CHECK-LABEL: @one_token
  // CHECK-SAME: (%[[X:[^:]*]]: tensor<1x64xf32>, %[[E:[^:]*]]: tensor<1x2xi32>, %[[W:[^:]*]]: tensor<1x2xf32>, %[[GU:[^:]*]]: tensor<8x64x64xf32>, %[[D:[^:]*]]: tensor<8x64x32xf32>)
  // CHECK-NEXT: %[[Y:.*]] = fulgur.experts %[[X]] to %[[E]] weights %[[W]] gate_up %[[GU]] transposed down %[[D]] transposed per_token : tensor<1x64xf32>, tensor<1x2xi32>, tensor<1x2xf32>, tensor<8x64x64xf32>, tensor<8x64x32xf32> -> tensor<1x64xf32>
  // CHECK-NEXT: return %[[Y]]
  func.func @one_token(%x: tensor<1x64xf32>, %e: tensor<1x2xi32>, %w: tensor<1x2xf32>, %gu: tensor<8x64x64xf32>, %d: tensor<8x64x32xf32>) -> tensor<1x64xf32> {
    %rows, %sources, %offsets = fulgur.dispatch %x to %e of 8 : tensor<1x64xf32>, tensor<1x2xi32> -> tensor<2x64xf32>, tensor<2xi32>, tensor<9xi32>
    %p = fulgur.grouped_matmul %rows, %gu transposed offsets %offsets : tensor<2x64xf32>, tensor<8x64x64xf32>, tensor<9xi32> -> tensor<2x64xf32>
    %gate = tensor.extract_slice %p[0, 0] [2, 32] [1, 1] : tensor<2x64xf32> to tensor<2x32xf32>
    %up = tensor.extract_slice %p[0, 32] [2, 32] [1, 1] : tensor<2x64xf32> to tensor<2x32xf32>
    %h = fulgur.swiglu %gate, %up : tensor<2x32xf32>
    %r = fulgur.grouped_matmul %h, %d transposed offsets %offsets : tensor<2x32xf32>, tensor<8x64x32xf32>, tensor<9xi32> -> tensor<2x64xf32>
    // expected-remark @below {{no rows of pairs, per_token for all sizes, by m: one takes}}
    %y = fulgur.combine %r from %sources weights %w : tensor<2x64xf32>, tensor<2xi32>, tensor<1x2xf32> -> tensor<1x64xf32>
    return %y : tensor<1x64xf32>
  }

  // Up before gate, and many tokens.
  // CHECK-LABEL: @up_first
  // CHECK-NOT: fulgur.dispatch
  // CHECK: fulgur.experts %{{.*}} to %{{.*}} weights %{{.*}} gate_up %{{.*}} up_first down %{{.*}} grouped :
  func.func @up_first(%x: tensor<96x64xf32>, %e: tensor<96x2xi32>, %w: tensor<96x2xf32>, %gu: tensor<8x64x64xf32>, %d: tensor<8x32x64xf32>) -> tensor<96x64xf32> {
    %rows, %sources, %offsets = fulgur.dispatch %x to %e of 8 : tensor<96x64xf32>, tensor<96x2xi32> -> tensor<192x64xf32>, tensor<192xi32>, tensor<9xi32>
    %p = fulgur.grouped_matmul %rows, %gu offsets %offsets : tensor<192x64xf32>, tensor<8x64x64xf32>, tensor<9xi32> -> tensor<192x64xf32>
    %gate = tensor.extract_slice %p[0, 32] [192, 32] [1, 1] : tensor<192x64xf32> to tensor<192x32xf32>
    %up = tensor.extract_slice %p[0, 0] [192, 32] [1, 1] : tensor<192x64xf32> to tensor<192x32xf32>
    %h = fulgur.swiglu %gate, %up : tensor<192x32xf32>
    %r = fulgur.grouped_matmul %h, %d offsets %offsets : tensor<192x32xf32>, tensor<8x32x64xf32>, tensor<9xi32> -> tensor<192x64xf32>
    // expected-remark @below {{grouped for all sizes, by m}}
    %y = fulgur.combine %r from %sources weights %w : tensor<192x64xf32>, tensor<192xi32>, tensor<96x2xf32> -> tensor<96x64xf32>
    return %y : tensor<96x64xf32>
  }

  // Any number of tokens; gate and up by themselves.
  // CHECK-LABEL: @any
  // CHECK-SAME: (%[[X:[^:]*]]: tensor<?x64xf32> {{.*}}, %[[G:[^:]*]]: tensor<8x64x32xf32>, %[[U:[^:]*]]: tensor<8x64x32xf32>, %{{.*}})
  // CHECK-DAG: %[[N:.*]] = tensor.dim %[[X]], %c0
  // CHECK: %[[FEW:.*]] = arith.cmpi sle
  // CHECK-NEXT: %[[Y:.*]] = scf.if %[[FEW]] -> (tensor<?x64xf32>) {
  // CHECK-NEXT: %[[T:.*]] = fulgur.experts %[[X]] to %{{.*}} weights %{{.*}} gate_up [%[[G]], %[[U]]] down %{{.*}} per_token :
  // CHECK-NEXT: scf.yield %[[T]]
  // CHECK-NEXT: } else {
  // CHECK-NEXT: fulgur.experts {{.*}} grouped :
  // CHECK: return %[[Y]]
  func.func @any(%x: tensor<?x64xf32> {fulgur.dims = ["n", ""]}, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %g: tensor<8x64x32xf32>, %u: tensor<8x64x32xf32>, %d: tensor<8x32x64xf32>) -> tensor<?x64xf32> {
    %rows, %sources, %offsets = fulgur.dispatch %x to %e of 8 : tensor<?x64xf32>, tensor<?x2xi32> -> tensor<?x64xf32>, tensor<?xi32>, tensor<9xi32>
    %gate = fulgur.grouped_matmul %rows, %g offsets %offsets : tensor<?x64xf32>, tensor<8x64x32xf32>, tensor<9xi32> -> tensor<?x32xf32>
    %up = fulgur.grouped_matmul %rows, %u offsets %offsets : tensor<?x64xf32>, tensor<8x64x32xf32>, tensor<9xi32> -> tensor<?x32xf32>
    %h = fulgur.swiglu %gate, %up : tensor<?x32xf32>
    %r = fulgur.grouped_matmul %h, %d offsets %offsets : tensor<?x32xf32>, tensor<8x32x64xf32>, tensor<9xi32> -> tensor<?x64xf32>
    // expected-remark @below {{per_token or grouped by the tokens of the run (grouped as assumed), by m}}
    %y = fulgur.combine %r from %sources weights %w : tensor<?x64xf32>, tensor<?xi32>, tensor<?x2xf32> -> tensor<?x64xf32>
    return %y : tensor<?x64xf32>
  }
}

// -----

// Where experts are narrow, rows of halves take less to write than sums in f32.
module attributes {fulgur.machine = "{\"name\": \"m\", \"source\": \"made up\", \"cores\": 1, \"peak_flops\": {\"f32\": 1e12}, \"memory\": [{\"name\": \"DRAM\", \"capacity_bytes\": 1e12, \"bytes_per_second\": 1e10}], \"launch_seconds\": 1e-9}"} {
  // CHECK-LABEL: @narrow
  // CHECK: fulgur.dispatch
  // CHECK-NOT: fulgur.experts
  func.func @narrow(%x: tensor<96x512xf16>, %e: tensor<96x2xi32>, %w: tensor<96x2xf32>, %gu: tensor<8x512x2xf16>, %d: tensor<8x1x512xf16>) -> tensor<96x512xf16> {
    %rows, %sources, %offsets = fulgur.dispatch %x to %e of 8 : tensor<96x512xf16>, tensor<96x2xi32> -> tensor<192x512xf16>, tensor<192xi32>, tensor<9xi32>
    %p = fulgur.grouped_matmul %rows, %gu offsets %offsets : tensor<192x512xf16>, tensor<8x512x2xf16>, tensor<9xi32> -> tensor<192x2xf16>
    %gate = tensor.extract_slice %p[0, 0] [192, 1] [1, 1] : tensor<192x2xf16> to tensor<192x1xf16>
    %up = tensor.extract_slice %p[0, 1] [192, 1] [1, 1] : tensor<192x2xf16> to tensor<192x1xf16>
    %h = fulgur.swiglu %gate, %up : tensor<192x1xf16>
    %r = fulgur.grouped_matmul %h, %d offsets %offsets : tensor<192x1xf16>, tensor<8x1x512xf16>, tensor<9xi32> -> tensor<192x512xf16>
    // expected-remark @below {{expected one operation to take less time, but by m: one takes}}
    %y = fulgur.combine %r from %sources weights %w : tensor<192x512xf16>, tensor<192xi32>, tensor<96x2xf32> -> tensor<96x512xf16>
    return %y : tensor<96x512xf16>
  }
}
