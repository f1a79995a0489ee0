// RUN: fulgur-opt %s --fulgur-apply-patterns=file=%root/docs/patterns/IndexSelect.pdll --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s
// The same as PDL.
// RUN: mlir-pdll -x=mlir %root/docs/patterns/IndexSelect.pdll -o %t.mlir
// RUN: fulgur-opt %s --fulgur-apply-patterns=file=%t.mlir --verify-diagnostics --remark-format=emitRemark --remarks-filter=fuse | FileCheck %s

// RUN: not fulgur-opt %s --fulgur-apply-patterns=file=%t.none 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: {{.*}}.none:0:0: error: no such file of patterns
// RUN: not fulgur-opt %s --fulgur-apply-patterns=file=%s 2>&1 | FileCheck %s --check-prefix=OTHER
// OTHER: apply-patterns.mlir:0:0: error: expected patterns of the dialect 'pdl', but got none
// RUN: echo 'Pattern { let x = op<a.y>; replace z with x; }' > %t.pdll
// RUN: not fulgur-opt %s --fulgur-apply-patterns=file=%t.pdll 2>&1 | FileCheck %s --check-prefix=WRONG
// WRONG: .pdll:0:0: error: can not be compiled: {{.*}}.pdll:1:{{[0-9]+}}: error: undefined reference to `z`

// CHECK-LABEL: func.func @causal
// CHECK-SAME: %[[Q:.*]]: tensor<1x?x4x16xf32>, %[[K:.*]]: tensor<1x?x16xf32>, %[[W:.*]]: tensor<1x?x4xf32>
// CHECK-NEXT: %[[I:.*]] = fulgur.index_select %[[Q]], %[[K]], %[[W]] scale 5.0e-01 k 8 causal
// CHECK-NEXT: return %[[I]]
func.func @causal(%q: tensor<1x?x4x16xf32>, %k: tensor<1x?x16xf32>, %w: tensor<1x?x4xf32>) -> tensor<1x?x8xi32> {
  %s = fulgur.lightning_indexer %q, %k, %w scale 5.0e-01
      : tensor<1x?x4x16xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32> -> tensor<1x?x?xf32>
  // expected-remark @below {{the pattern IndexSelect rewrites a fulgur.select_tokens}}
  %i = fulgur.select_tokens %s k 8 causal : tensor<1x?x?xf32> -> tensor<1x?x8xi32>
  return %i : tensor<1x?x8xi32>
}

// The pattern asks for `causal`.
// CHECK-LABEL: func.func @all_tokens
// CHECK: fulgur.lightning_indexer
// CHECK-NEXT: fulgur.select_tokens
func.func @all_tokens(%q: tensor<1x?x4x16xf32>, %k: tensor<1x?x16xf32>, %w: tensor<1x?x4xf32>) -> tensor<1x?x8xi32> {
  %s = fulgur.lightning_indexer %q, %k, %w scale 5.0e-01
      : tensor<1x?x4x16xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32> -> tensor<1x?x?xf32>
  %i = fulgur.select_tokens %s k 8 : tensor<1x?x?xf32> -> tensor<1x?x8xi32>
  return %i : tensor<1x?x8xi32>
}
