// RUN: fulgur-opt %s --split-input-file --verify-diagnostics

func.func @attention_c1(%q: tensor<?x4x16xf32>, %k: tensor<1x?x2x16xf32>, %v: tensor<1x?x2x8xf32>) {
  // expected-error @below {{expected rank of 'query' to be 4, but got 3}}
  %0 = fulgur.attention %q, %k, %v scale 0.25 : tensor<?x4x16xf32>, tensor<1x?x2x16xf32>, tensor<1x?x2x8xf32> -> tensor<1x?x4x8xf32>
  return
}

// -----

func.func @attention_c2(%q: tensor<1x?x4x16xf32>, %k: tensor<1x?x2x12xf32>, %v: tensor<1x?x2x8xf32>) {
  // expected-error @below {{expected dimension 3 of 'key' to be dimension 3 of 'query' (16), but got 12}}
  %0 = fulgur.attention %q, %k, %v scale 0.25 : tensor<1x?x4x16xf32>, tensor<1x?x2x12xf32>, tensor<1x?x2x8xf32> -> tensor<1x?x4x8xf32>
  return
}

// -----

func.func @attention_c3(%q: tensor<1x?x4x16xf32>, %k: tensor<1x?x3x16xf32>, %v: tensor<1x?x3x8xf32>) {
  // expected-error @below {{expected dimension 2 of 'key' to divide dimension 2 of 'query' (4), but got 3}}
  %0 = fulgur.attention %q, %k, %v scale 0.25 : tensor<1x?x4x16xf32>, tensor<1x?x3x16xf32>, tensor<1x?x3x8xf32> -> tensor<1x?x4x8xf32>
  return
}

// -----

func.func @attention_c4(%q: tensor<1x?x4x16xf32>, %k: tensor<1x?x2x16xf32>, %v: tensor<1x?x2x8xf32>, %m: tensor<1x2x?x?xi1>) {
  // expected-error @below {{expected dimension 1 of 'mask' to be 1 or 4, but got 2}}
  %0 = fulgur.attention %q, %k, %v mask %m scale 0.25 : tensor<1x?x4x16xf32>, tensor<1x?x2x16xf32>, tensor<1x?x2x8xf32>, tensor<1x2x?x?xi1> -> tensor<1x?x4x8xf32>
  return
}

// -----

func.func @attention_c5(%q: tensor<1x?x4x16xf32>, %k: tensor<1x?x2x16xf16>, %v: tensor<1x?x2x8xf32>) {
  // expected-error @below {{expected element type of 'key' to be that of 'query' ('f32'), but got 'f16'}}
  %0 = fulgur.attention %q, %k, %v scale 0.25 : tensor<1x?x4x16xf32>, tensor<1x?x2x16xf16>, tensor<1x?x2x8xf32> -> tensor<1x?x4x8xf32>
  return
}

// -----

func.func @attention_c6(%a0: tensor<1x?x4x16xf32>, %a1: tensor<1x?x2x16xf32>, %a2: tensor<1x?x2x8xf32>) {
  // expected-error @below {{expected 'scale' to be finite, but got +Inf}}
  %0 = "fulgur.attention"(%a0, %a1, %a2) {scale = 0x7FF0000000000000 : f64} : (tensor<1x?x4x16xf32>, tensor<1x?x2x16xf32>, tensor<1x?x2x8xf32>) -> tensor<1x?x4x8xf32>
  return
}

// -----

func.func @attention_c7(%q: tensor<1x?x4x16xf32>, %k: tensor<1x?x2x16xf32>, %v: tensor<1x?x2x8xf32>) {
  // expected-error @below {{expected 'window' to be positive, but got 0}}
  %0 = fulgur.attention %q, %k, %v scale 0.25 window 0 : tensor<1x?x4x16xf32>, tensor<1x?x2x16xf32>, tensor<1x?x2x8xf32> -> tensor<1x?x4x8xf32>
  return
}

// -----

func.func @latent_attention_c1(%q: tensor<1x?x2x12xf32>, %c: tensor<1x?x1x16xf32>, %r: tensor<1x?x4xf32>, %u: tensor<16x28xf32>) {
  // expected-error @below {{expected rank of 'latent' to be 3, but got 4}}
  %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal expanded : tensor<1x?x2x12xf32>, tensor<1x?x1x16xf32>, tensor<1x?x4xf32>, tensor<16x28xf32> -> tensor<1x?x2x6xf32>
  return
}

// -----

func.func @latent_attention_c2(%q: tensor<1x?x2x12xf32>, %c: tensor<1x?x16xf32>, %r: tensor<1x?x4xf32>, %u: tensor<15x28xf32>) {
  // expected-error @below {{expected dimension 0 of 'up' to be dimension 2 of 'latent' (16), but got 15}}
  %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal expanded : tensor<1x?x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<15x28xf32> -> tensor<1x?x2x6xf32>
  return
}

// -----

func.func @latent_attention_c3_rope(%q: tensor<1x?x2x12xf32>, %c: tensor<1x?x16xf32>, %r: tensor<1x?x16xf32>, %u: tensor<16x28xf32>) {
  // expected-error @below {{expected dimension 2 of 'rope_key' to be at most dimension 3 of 'query' (12), but got 16}}
  %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal expanded : tensor<1x?x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x16xf32>, tensor<16x28xf32> -> tensor<1x?x2x6xf32>
  return
}

// -----

func.func @latent_attention_c3_up(%q: tensor<1x?x2x12xf32>, %c: tensor<1x?x16xf32>, %r: tensor<1x?x4xf32>, %u: tensor<16x30xf32>) {
  // expected-error @below {{expected dimension 1 of 'up' to be 28, but got 30}}
  %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal expanded : tensor<1x?x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<16x30xf32> -> tensor<1x?x2x6xf32>
  return
}

// -----

func.func @latent_attention_c3_static(%q: tensor<1x?x2x12xf32>, %c: tensor<1x?x16xf32>, %r: tensor<1x?x4xf32>, %u: tensor<16x28xf32>) {
  // expected-error @below {{expected dimension 3 of 'result' to be static, but got a dynamic one}}
  %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal expanded : tensor<1x?x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<16x28xf32> -> tensor<1x?x2x?xf32>
  return
}

// -----

func.func @latent_attention_c4(%q: tensor<1x?x2x12xf32>, %c: tensor<1x?x16xf32>, %r: tensor<1x?x4xf32>, %u: tensor<16x28xf32>, %m: tensor<1x3x?x?xf32>) {
  // expected-error @below {{expected dimension 1 of 'mask' to be 1 or 2, but got 3}}
  %0 = fulgur.latent_attention %q latent %c rope_key %r up %u mask %m scale 0.25 causal expanded : tensor<1x?x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<16x28xf32>, tensor<1x3x?x?xf32> -> tensor<1x?x2x6xf32>
  return
}

// -----

func.func @latent_attention_c5(%q: tensor<1x?x2x12xf32>, %c: tensor<1x?x16xf32>, %r: tensor<1x?x4xf32>, %u: tensor<16x28xf16>) {
  // expected-error @below {{expected element type of 'up' to be that of 'query' ('f32'), but got 'f16'}}
  %0 = fulgur.latent_attention %q latent %c rope_key %r up %u scale 0.25 causal expanded : tensor<1x?x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<16x28xf16> -> tensor<1x?x2x6xf32>
  return
}

// -----

func.func @latent_attention_c6(%a0: tensor<1x?x2x12xf32>, %a1: tensor<1x?x16xf32>, %a2: tensor<1x?x4xf32>, %a3: tensor<16x28xf32>) {
  // expected-error @below {{expected 'scale' to be finite, but got +Inf}}
  %0 = "fulgur.latent_attention"(%a0, %a1, %a2, %a3) {scale = 0x7FF0000000000000 : f64} : (tensor<1x?x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<16x28xf32>) -> tensor<1x?x2x6xf32>
  return
}

// -----

func.func @sparse_latent_attention_c1(%q: tensor<1x?x2x12xf32>, %c: tensor<1x?x16xf32>, %r: tensor<1x?x4xf32>, %u: tensor<16x28xf32>, %i: tensor<?x6xi32>) {
  // expected-error @below {{expected rank of 'indices' to be 3, but got 2}}
  %0 = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 0.25 : tensor<1x?x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<16x28xf32>, tensor<?x6xi32> -> tensor<1x?x2x6xf32>
  return
}

// -----

func.func @sparse_latent_attention_c2(%q: tensor<1x?x2x12xf32>, %c: tensor<1x?x16xf32>, %r: tensor<1x?x4xf32>, %u: tensor<16x28xf32>, %i: tensor<2x?x6xi32>) {
  // expected-error @below {{expected dimension 0 of 'indices' to be dimension 0 of 'query' (1), but got 2}}
  %0 = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 0.25 : tensor<1x?x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<16x28xf32>, tensor<2x?x6xi32> -> tensor<1x?x2x6xf32>
  return
}

// -----

func.func @sparse_latent_attention_c3(%q: tensor<1x?x2x12xf32>, %c: tensor<1x?x16xf32>, %r: tensor<1x?x4xf32>, %u: tensor<16x30xf32>, %i: tensor<1x?x6xi32>) {
  // expected-error @below {{expected dimension 1 of 'up' to be 28, but got 30}}
  %0 = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 0.25 : tensor<1x?x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<16x30xf32>, tensor<1x?x6xi32> -> tensor<1x?x2x6xf32>
  return
}

// -----

func.func @sparse_latent_attention_c4(%q: tensor<1x?x2x12xf32>, %c: tensor<1x?x16xf32>, %r: tensor<1x?x4xf32>, %u: tensor<16x28xf16>, %i: tensor<1x?x6xi32>) {
  // expected-error @below {{expected element type of 'up' to be that of 'query' ('f32'), but got 'f16'}}
  %0 = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 0.25 : tensor<1x?x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<16x28xf16>, tensor<1x?x6xi32> -> tensor<1x?x2x6xf32>
  return
}

// -----

func.func @sparse_latent_attention_c5(%a0: tensor<1x?x2x12xf32>, %a1: tensor<1x?x16xf32>, %a2: tensor<1x?x4xf32>, %a3: tensor<16x28xf32>, %a4: tensor<1x?x6xi32>) {
  // expected-error @below {{expected 'scale' to be finite, but got +Inf}}
  %0 = "fulgur.sparse_latent_attention"(%a0, %a1, %a2, %a3, %a4) {scale = 0x7FF0000000000000 : f64} : (tensor<1x?x2x12xf32>, tensor<1x?x16xf32>, tensor<1x?x4xf32>, tensor<16x28xf32>, tensor<1x?x6xi32>) -> tensor<1x?x2x6xf32>
  return
}

// -----

func.func @absorbed_attention_c1(%q: tensor<?x?x2x16xf32>, %p: tensor<?x?x2x4xf32>, %c: tensor<?x?x16xf32>, %r: tensor<?x4xf32>) {
  // expected-error @below {{expected rank of 'rope_key' to be 3, but got 2}}
  %0 = fulgur.absorbed_attention %q, %p latent %c rope_key %r scale 0.25 : tensor<?x?x2x16xf32>, tensor<?x?x2x4xf32>, tensor<?x?x16xf32>, tensor<?x4xf32> -> tensor<?x?x2x16xf32>
  return
}

// -----

func.func @absorbed_attention_c1_query(%q: tensor<?x?x2x16xf32>, %p: tensor<?x?x4xf32>, %c: tensor<?x?x16xf32>, %r: tensor<?x?x4xf32>) {
  // expected-error @below {{expected rank of 'rope_query' to be 4, but got 3}}
  %0 = fulgur.absorbed_attention %q, %p latent %c rope_key %r scale 0.25 : tensor<?x?x2x16xf32>, tensor<?x?x4xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32> -> tensor<?x?x2x16xf32>
  return
}

// -----

func.func @absorbed_attention_c2(%q: tensor<?x?x2x16xf32>, %p: tensor<?x?x2x4xf32>, %c: tensor<?x?x8xf32>, %r: tensor<?x?x4xf32>) {
  // expected-error @below {{expected dimension 2 of 'latent' to be dimension 3 of 'query' (16), but got 8}}
  %0 = fulgur.absorbed_attention %q, %p latent %c rope_key %r scale 0.25 : tensor<?x?x2x16xf32>, tensor<?x?x2x4xf32>, tensor<?x?x8xf32>, tensor<?x?x4xf32> -> tensor<?x?x2x16xf32>
  return
}

// -----

func.func @absorbed_attention_c2_indices(%q: tensor<?x3x2x16xf32>, %p: tensor<?x?x2x4xf32>, %c: tensor<?x?x16xf32>, %r: tensor<?x?x4xf32>, %i: tensor<?x4x6xi32>) {
  // expected-error @below {{expected dimension 1 of 'indices' to be dimension 1 of 'query' (3), but got 4}}
  %0 = fulgur.absorbed_attention %q, %p latent %c rope_key %r indices %i scale 0.25 : tensor<?x3x2x16xf32>, tensor<?x?x2x4xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32>, tensor<?x4x6xi32> -> tensor<?x3x2x16xf32>
  return
}

// -----

func.func @absorbed_attention_c2_result(%q: tensor<?x?x2x16xf32>, %p: tensor<?x?x2x4xf32>, %c: tensor<?x?x16xf32>, %r: tensor<?x?x4xf32>) {
  // expected-error @below {{expected dimension 3 of 'result' to be dimension 3 of 'query' (16), but got 8}}
  %0 = fulgur.absorbed_attention %q, %p latent %c rope_key %r scale 0.25 : tensor<?x?x2x16xf32>, tensor<?x?x2x4xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32> -> tensor<?x?x2x8xf32>
  return
}

// -----

func.func @absorbed_attention_c3(%q: tensor<?x?x2x16xf32>, %p: tensor<?x?x2x4xf32>, %c: tensor<?x?x16xf32>, %r: tensor<?x?x4xf16>) {
  // expected-error @below {{expected element type of 'rope_key' to be that of 'query' ('f32'), but got 'f16'}}
  %0 = fulgur.absorbed_attention %q, %p latent %c rope_key %r scale 0.25 : tensor<?x?x2x16xf32>, tensor<?x?x2x4xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf16> -> tensor<?x?x2x16xf32>
  return
}

// -----

func.func @absorbed_attention_c4(%q: tensor<?x?x2x16xf32>, %p: tensor<?x?x2x4xf32>, %c: tensor<?x?x16xf32>, %r: tensor<?x?x4xf32>) {
  // expected-error @below {{expected 'scale' to be finite, but got +Inf}}
  %0 = "fulgur.absorbed_attention"(%q, %p, %c, %r) {scale = 0x7FF0000000000000 : f64} : (tensor<?x?x2x16xf32>, tensor<?x?x2x4xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32>) -> tensor<?x?x2x16xf32>
  return
}

// -----

func.func @absorbed_attention_c5(%q: tensor<?x?x2x16xf32>, %p: tensor<?x?x2x4xf32>, %c: tensor<?x?x16xf32>, %r: tensor<?x?x4xf32>, %i: tensor<?x?x6xi32>) {
  // expected-error @below {{expected 'indices' or 'causal', but got both}}
  %0 = fulgur.absorbed_attention %q, %p latent %c rope_key %r indices %i scale 0.25 causal : tensor<?x?x2x16xf32>, tensor<?x?x2x4xf32>, tensor<?x?x16xf32>, tensor<?x?x4xf32>, tensor<?x?x6xi32> -> tensor<?x?x2x16xf32>
  return
}
