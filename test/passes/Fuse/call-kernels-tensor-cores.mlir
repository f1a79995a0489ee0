// RUN: fulgur-opt %s --fulgur-call-kernels --verify-diagnostics --remark-format=emitRemark --remarks-filter=kernel | FileCheck %s

// CHECK-LABEL: func.func @indexer(
// CHECK: fulgur.call_kernel "lightning_indexer"
func.func @indexer(%q: tensor<1x2x20x48xf16>, %k: tensor<1x?x48xf16>, %w: tensor<1x2x20xf16>) -> tensor<1x2x?xf16> {
  // expected-remark @below {{a kernel of its own}}
  %s = fulgur.lightning_indexer %q, %k, %w scale 0.5
      : tensor<1x2x20x48xf16>, tensor<1x?x48xf16>, tensor<1x2x20xf16> -> tensor<1x2x?xf16>
  return %s : tensor<1x2x?xf16>
}

// Scores of as many queries as there is memory for, in the element type.
// CHECK-LABEL: func.func @select(
// CHECK-SAME: %[[Q:.*]]: tensor<1x?x4x16xbf16>, %[[K:.*]]: tensor<1x?x16xbf16>
// CHECK-DAG: %[[S:.*]] = tensor.dim %[[Q]], %c1
// CHECK-DAG: %[[T:.*]] = tensor.dim %[[K]], %c1
// CHECK: %[[SOME:.*]] = {{.*}}min
// CHECK: %[[SCORES:.*]] = tensor.empty(%{{.*}}, %[[T]]) : tensor<1x?x?xbf16>
// CHECK: fulgur.call_kernel "index_select"({{.*}}) into(%{{.*}}, %[[SCORES]])
func.func @select(%q: tensor<1x?x4x16xbf16>, %k: tensor<1x?x16xbf16>, %w: tensor<1x?x4xbf16>) -> tensor<1x?x7xi32> {
  // expected-remark @below {{a kernel of its own}}
  %i = fulgur.index_select %q, %k, %w scale 0.5 k 7
      : tensor<1x?x4x16xbf16>, tensor<1x?x16xbf16>, tensor<1x?x4xbf16> -> tensor<1x?x7xi32>
  return %i : tensor<1x?x7xi32>
}

// What tensor cores do not take, or registers.
// CHECK-LABEL: func.func @selections(
// CHECK-NOT: call_kernel
func.func @selections(%q: tensor<1x2x4x16xf32>, %k: tensor<1x9x16xf32>, %w: tensor<1x2x4xf32>,
                      %q8: tensor<1x2x4x8xbf16>, %k8: tensor<1x9x8xbf16>, %w4: tensor<1x2x4xbf16>,
                      %q129: tensor<1x2x129x16xbf16>, %k16: tensor<1x9x16xbf16>, %w129: tensor<1x2x129xbf16>,
                      %qd: tensor<1x2x?x16xbf16>, %wd: tensor<1x2x?xbf16>, %q4: tensor<1x2x4x16xbf16>) {
  // expected-remark @below {{expected elements of tensor cores, bf16 or f16}}
  %a = fulgur.lightning_indexer %q, %k, %w scale 0.5
      : tensor<1x2x4x16xf32>, tensor<1x9x16xf32>, tensor<1x2x4xf32> -> tensor<1x2x9xf32>
  // expected-remark @below {{expected elements of tensor cores, bf16 or f16}}
  %b = fulgur.index_select %q, %k, %w scale 0.5 k 7
      : tensor<1x2x4x16xf32>, tensor<1x9x16xf32>, tensor<1x2x4xf32> -> tensor<1x2x7xi32>
  // expected-remark @below {{expected heads of a multiple of 16, at most 128, but got 8}}
  %c = fulgur.lightning_indexer %q8, %k8, %w4 scale 0.5
      : tensor<1x2x4x8xbf16>, tensor<1x9x8xbf16>, tensor<1x2x4xbf16> -> tensor<1x2x9xbf16>
  // expected-remark @below {{expected 1 to 128 heads, but got 129}}
  %d = fulgur.lightning_indexer %q129, %k16, %w129 scale 0.5
      : tensor<1x2x129x16xbf16>, tensor<1x9x16xbf16>, tensor<1x2x129xbf16> -> tensor<1x2x9xbf16>
  // expected-remark @below {{expected the number of heads and their size to be known}}
  %e = fulgur.lightning_indexer %qd, %k16, %wd scale 0.5
      : tensor<1x2x?x16xbf16>, tensor<1x9x16xbf16>, tensor<1x2x?xbf16> -> tensor<1x2x9xbf16>
  // expected-remark @below {{expected at most 4096 tokens, but got 5000}}
  %f = fulgur.index_select %q4, %k16, %w4 scale 0.5 k 5000
      : tensor<1x2x4x16xbf16>, tensor<1x9x16xbf16>, tensor<1x2x4xbf16> -> tensor<1x2x5000xi32>
  return
}

// CHECK-LABEL: func.func @products(
// CHECK-COUNT-2: fulgur.call_kernel "grouped_matmul"
// CHECK-NOT: call_kernel
func.func @products(%x: tensor<?x24xbf16>, %w: tensor<5x24x16xbf16>, %t: tensor<5x9x24xbf16>, %o: tensor<6xi32>,
                    %x32: tensor<?x24xf32>, %w32: tensor<5x24x16xf32>, %n: tensor<5x24x9xbf16>,
                    %x12: tensor<?x12xbf16>, %t12: tensor<5x16x12xbf16>, %xd: tensor<?x?xbf16>, %wd: tensor<5x?x16xbf16>) {
  // expected-remark @below {{a kernel of its own}}
  %a = fulgur.grouped_matmul %x, %w offsets %o : tensor<?x24xbf16>, tensor<5x24x16xbf16>, tensor<6xi32> -> tensor<?x16xbf16>
  // expected-remark @below {{a kernel of its own}}
  %b = fulgur.grouped_matmul %x, %t transposed offsets %o : tensor<?x24xbf16>, tensor<5x9x24xbf16>, tensor<6xi32> -> tensor<?x9xbf16>
  // expected-remark @below {{expected elements of tensor cores, bf16 or f16}}
  %c = fulgur.grouped_matmul %x32, %w32 offsets %o : tensor<?x24xf32>, tensor<5x24x16xf32>, tensor<6xi32> -> tensor<?x16xf32>
  // expected-remark @below {{expected rows and weights of a multiple of 16 bytes}}
  %d = fulgur.grouped_matmul %x, %n offsets %o : tensor<?x24xbf16>, tensor<5x24x9xbf16>, tensor<6xi32> -> tensor<?x9xbf16>
  // expected-remark @below {{expected rows and weights of a multiple of 16 bytes}}
  %e = fulgur.grouped_matmul %x12, %t12 transposed offsets %o : tensor<?x12xbf16>, tensor<5x16x12xbf16>, tensor<6xi32> -> tensor<?x16xbf16>
  // expected-remark @below {{expected rows and weights of a multiple of 16 bytes}}
  %f = fulgur.grouped_matmul %xd, %wd offsets %o : tensor<?x?xbf16>, tensor<5x?x16xbf16>, tensor<6xi32> -> tensor<?x16xbf16>
  return
}
