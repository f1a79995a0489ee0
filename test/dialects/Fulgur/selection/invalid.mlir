// RUN: fulgur-opt %s --split-input-file --verify-diagnostics

func.func @lightning_indexer_c1(%q: tensor<1x?x4x8xf32>, %k: tensor<1x?x1x8xf32>, %w: tensor<1x?x4xf32>) {
  // expected-error @below {{expected rank of 'key' to be 3, but got 4}}
  %0 = fulgur.lightning_indexer %q, %k, %w scale 0.5 : tensor<1x?x4x8xf32>, tensor<1x?x1x8xf32>, tensor<1x?x4xf32> -> tensor<1x?x?xf32>
  return
}

// -----

func.func @lightning_indexer_c2(%q: tensor<1x?x4x8xf32>, %k: tensor<1x?x8xf32>, %w: tensor<1x?x5xf32>) {
  // expected-error @below {{expected dimension 2 of 'weights' to be dimension 2 of 'query' (4), but got 5}}
  %0 = fulgur.lightning_indexer %q, %k, %w scale 0.5 : tensor<1x?x4x8xf32>, tensor<1x?x8xf32>, tensor<1x?x5xf32> -> tensor<1x?x?xf32>
  return
}

// -----

func.func @lightning_indexer_c3(%q: tensor<1x?x4x8xf32>, %k: tensor<1x?x8xf32>, %w: tensor<1x?x4xf32>) {
  // expected-error @below {{expected element type of 'result' to be that of 'weights' ('f32'), but got 'f16'}}
  %0 = fulgur.lightning_indexer %q, %k, %w scale 0.5 : tensor<1x?x4x8xf32>, tensor<1x?x8xf32>, tensor<1x?x4xf32> -> tensor<1x?x?xf16>
  return
}

// -----

func.func @lightning_indexer_c4(%a0: tensor<1x?x4x8xf32>, %a1: tensor<1x?x8xf32>, %a2: tensor<1x?x4xf32>) {
  // expected-error @below {{expected 'scale' to be finite, but got +Inf}}
  %0 = "fulgur.lightning_indexer"(%a0, %a1, %a2) {scale = 0x7FF0000000000000 : f64} : (tensor<1x?x4x8xf32>, tensor<1x?x8xf32>, tensor<1x?x4xf32>) -> tensor<1x?x?xf32>
  return
}

// -----

func.func @select_tokens_c1(%s: tensor<1x?x16xf32>, %m: tensor<1x1x?x16xi1>) {
  // expected-error @below {{expected rank of 'mask' to be 3, but got 4}}
  %0 = fulgur.select_tokens %s mask %m k 6 : tensor<1x?x16xf32>, tensor<1x1x?x16xi1> -> tensor<1x?x6xi32>
  return
}

// -----

func.func @select_tokens_c2(%s: tensor<1x?x16xf32>, %m: tensor<1x1x8xi1>) {
  // expected-error @below {{expected dimension 2 of 'mask' to be 1 or 16, but got 8}}
  %0 = fulgur.select_tokens %s mask %m k 6 : tensor<1x?x16xf32>, tensor<1x1x8xi1> -> tensor<1x?x6xi32>
  return
}

// -----

func.func @select_tokens_c3(%s: tensor<1x?x16xf32>) {
  // expected-error @below {{expected 'k' to be positive, but got 0}}
  %0 = fulgur.select_tokens %s k 0 : tensor<1x?x16xf32> -> tensor<1x?x0xi32>
  return
}

// -----

func.func @select_tokens_c4(%s: tensor<1x?x16xf32>) {
  // expected-error @below {{expected dimension 2 of 'result' to be 6, but got 5}}
  %0 = fulgur.select_tokens %s k 6 : tensor<1x?x16xf32> -> tensor<1x?x5xi32>
  return
}

// -----

func.func @index_select_c1(%q: tensor<1x?x4x8xf32>, %k: tensor<1x9x8xf32>, %w: tensor<1x?x4xf32>, %m: tensor<1x9xi1>) {
  // expected-error @below {{expected rank of 'mask' to be 3, but got 2}}
  %0 = fulgur.index_select %q, %k, %w mask %m scale 0.5 k 6 causal : tensor<1x?x4x8xf32>, tensor<1x9x8xf32>, tensor<1x?x4xf32>, tensor<1x9xi1> -> tensor<1x?x6xi32>
  return
}

// -----

func.func @index_select_c2(%q: tensor<1x?x4x8xf32>, %k: tensor<1x9x7xf32>, %w: tensor<1x?x4xf32>) {
  // expected-error @below {{expected dimension 2 of 'key' to be dimension 3 of 'query' (8), but got 7}}
  %0 = fulgur.index_select %q, %k, %w scale 0.5 k 6 causal : tensor<1x?x4x8xf32>, tensor<1x9x7xf32>, tensor<1x?x4xf32> -> tensor<1x?x6xi32>
  return
}

// -----

func.func @index_select_c3(%q: tensor<1x?x4x8xf32>, %k: tensor<1x9x8xf16>, %w: tensor<1x?x4xf32>) {
  // expected-error @below {{expected element type of 'key' to be that of 'query' ('f32'), but got 'f16'}}
  %0 = fulgur.index_select %q, %k, %w scale 0.5 k 6 causal : tensor<1x?x4x8xf32>, tensor<1x9x8xf16>, tensor<1x?x4xf32> -> tensor<1x?x6xi32>
  return
}

// -----

func.func @index_select_c3_weights(%q: tensor<1x?x4x8xbf16>, %k: tensor<1x9x8xbf16>, %w: tensor<1x?x4xf16>) {
  // expected-error @below {{expected element type of 'weights' to be that of 'query' ('bf16'), but got 'f16'}}
  %0 = fulgur.index_select %q, %k, %w scale 0.5 k 6 causal : tensor<1x?x4x8xbf16>, tensor<1x9x8xbf16>, tensor<1x?x4xf16> -> tensor<1x?x6xi32>
  return
}

// -----

func.func @index_select_c4(%a0: tensor<1x?x4x8xf32>, %a1: tensor<1x9x8xf32>, %a2: tensor<1x?x4xf32>) {
  // expected-error @below {{expected 'scale' to be finite, but got +Inf}}
  %0 = "fulgur.index_select"(%a0, %a1, %a2) <{k = 6 : i64}> {scale = 0x7FF0000000000000 : f64} : (tensor<1x?x4x8xf32>, tensor<1x9x8xf32>, tensor<1x?x4xf32>) -> tensor<1x?x6xi32>
  return
}

// -----

func.func @index_select_c5(%q: tensor<1x?x4x8xf32>, %k: tensor<1x9x8xf32>, %w: tensor<1x?x4xf32>, %m: tensor<1x1x8xi1>) {
  // expected-error @below {{expected dimension 2 of 'mask' to be 1 or 9, but got 8}}
  %0 = fulgur.index_select %q, %k, %w mask %m scale 0.5 k 6 causal : tensor<1x?x4x8xf32>, tensor<1x9x8xf32>, tensor<1x?x4xf32>, tensor<1x1x8xi1> -> tensor<1x?x6xi32>
  return
}

// -----

func.func @index_select_c6(%q: tensor<1x?x4x8xf32>, %k: tensor<1x9x8xf32>, %w: tensor<1x?x4xf32>) {
  // expected-error @below {{expected 'k' to be positive, but got -1}}
  %0 = fulgur.index_select %q, %k, %w scale 0.5 k -1 causal : tensor<1x?x4x8xf32>, tensor<1x9x8xf32>, tensor<1x?x4xf32> -> tensor<1x?x6xi32>
  return
}

// -----

func.func @index_select_c7(%q: tensor<1x?x4x8xf32>, %k: tensor<1x9x8xf32>, %w: tensor<1x?x4xf32>) {
  // expected-error @below {{expected dimension 2 of 'result' to be 6, but got 5}}
  %0 = fulgur.index_select %q, %k, %w scale 0.5 k 6 causal : tensor<1x?x4x8xf32>, tensor<1x9x8xf32>, tensor<1x?x4xf32> -> tensor<1x?x5xi32>
  return
}

// -----

func.func @selection_mask_c1(%i: tensor<?x6xi32>, %t: index) {
  // expected-error @below {{expected rank of 'indices' to be 3, but got 2}}
  %0 = fulgur.selection_mask %i of %t : tensor<?x6xi32> -> tensor<?x?x?xi1>
  return
}

// -----

func.func @selection_mask_c2(%i: tensor<2x?x6xi32>, %t: index) {
  // expected-error @below {{expected dimension 0 of 'result' to be dimension 0 of 'indices' (2), but got 1}}
  %0 = fulgur.selection_mask %i of %t : tensor<2x?x6xi32> -> tensor<1x?x?xi1>
  return
}

// -----

func.func @selection_mask_c2_tokens(%i: tensor<2x?x6xi32>) {
  %t = arith.constant 8 : index
  // expected-error @below {{expected dimension 2 of 'result' to be 8, but got 9}}
  %0 = fulgur.selection_mask %i of %t : tensor<2x?x6xi32> -> tensor<2x?x9xi1>
  return
}
