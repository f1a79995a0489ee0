// RUN: fulgur-opt %s --split-input-file --verify-diagnostics

func.func @rms_norm_c1(%x: tensor<?x16xf32>, %w: tensor<8xf32>) {
  // expected-error @below {{expected dimension 0 of 'scale' to be dimension 1 of 'input' (16), but got 8}}
  %y = fulgur.rms_norm %x, %w eps 1.0e-06 : tensor<?x16xf32>, tensor<8xf32>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<?x16xf32>, %w: tensor<16xf16>) {
  // expected-error @below {{expected element type of 'scale' to be that of 'input' ('f32'), but got 'f16'}}
  %y = fulgur.rms_norm %x, %w eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf16>
  return
}

// -----

func.func @rms_norm_c3(%x: tensor<?x16xf32>, %w: tensor<16xf32>) {
  // expected-error @below {{expected 'eps' to be finite and not negative, but got -1}}
  %y = fulgur.rms_norm %x, %w eps -1.0 : tensor<?x16xf32>, tensor<16xf32>
  return
}

// -----

func.func @add_rms_norm_c1(%x: tensor<?x16xf32>, %w: tensor<8xf32>) {
  // expected-error @below {{expected dimension 0 of 'scale' to be dimension 1 of 'input' (16), but got 8}}
  %h, %y = fulgur.add_rms_norm %x, %x, %w eps 1.0e-06 : tensor<?x16xf32>, tensor<8xf32>
  return
}

// -----

func.func @add_rms_norm_c2(%x: tensor<?x16xf32>, %w: tensor<16xf16>) {
  // expected-error @below {{expected element type of 'scale' to be that of 'input' ('f32'), but got 'f16'}}
  %h, %y = fulgur.add_rms_norm %x, %x, %w eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf16>
  return
}

// -----

func.func @add_rms_norm_c3(%x: tensor<?x16xf32>, %w: tensor<16xf32>) {
  // expected-error @below {{expected 'eps' to be finite and not negative, but got -1}}
  %h, %y = fulgur.add_rms_norm %x, %x, %w eps -1.0 : tensor<?x16xf32>, tensor<16xf32>
  return
}

// -----

func.func @layer_norm_c1(%x: tensor<?x16xf32>, %w: tensor<8xf32>) {
  // expected-error @below {{expected dimension 0 of 'scale' to be dimension 1 of 'input' (16), but got 8}}
  %y = fulgur.layer_norm %x, %w, %w eps 1.0e-06 : tensor<?x16xf32>, tensor<8xf32>
  return
}

// -----

func.func @layer_norm_c2(%x: tensor<?x16xf32>, %w: tensor<16xf16>) {
  // expected-error @below {{expected element type of 'scale' to be that of 'input' ('f32'), but got 'f16'}}
  %y = fulgur.layer_norm %x, %w, %w eps 1.0e-06 : tensor<?x16xf32>, tensor<16xf16>
  return
}

// -----

func.func @layer_norm_c3(%x: tensor<?x16xf32>, %w: tensor<16xf32>) {
  // expected-error @below {{expected 'eps' to be finite and not negative, but got -1}}
  %y = fulgur.layer_norm %x, %w, %w eps -1.0 : tensor<?x16xf32>, tensor<16xf32>
  return
}

// -----

func.func @linear_c1(%x: tensor<?x16xf32>, %w: tensor<1x16x8xf32>) {
  // expected-error @below {{expected rank of 'weight' to be 2, but got 3}}
  %y = fulgur.linear %x, %w : tensor<?x16xf32>, tensor<1x16x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<?x16xf32>, %w: tensor<12x8xf32>) {
  // expected-error @below {{expected dimension 0 of 'weight' to be dimension 1 of 'input' (16), but got 12}}
  %y = fulgur.linear %x, %w : tensor<?x16xf32>, tensor<12x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c2_transposed(%x: tensor<?x16xf32>, %w: tensor<16x8xf32>) {
  // expected-error @below {{expected dimension 1 of 'weight' to be dimension 1 of 'input' (16), but got 8}}
  %y = fulgur.linear %x, %w transposed : tensor<?x16xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
  return
}

// -----

func.func @linear_c3(%x: tensor<?x16xf32>, %w: tensor<16x8xf32>) {
  // expected-error @below {{expected dimension 1 of 'result' to be dimension 1 of 'weight' (8), but got 9}}
  %y = fulgur.linear %x, %w : tensor<?x16xf32>, tensor<16x8xf32> -> tensor<?x9xf32>
  return
}

// -----

func.func @linear_c4(%x: tensor<?x16xf32>, %w: tensor<16x8xf16>) {
  // expected-error @below {{expected element type of 'weight' to be that of 'input' ('f32'), but got 'f16'}}
  %y = fulgur.linear %x, %w : tensor<?x16xf32>, tensor<16x8xf16> -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c4_residual(%x: tensor<?x16xf32>, %w: tensor<16x8xf32>, %r: tensor<?x8xf16>) {
  // expected-error @below {{expected element type of 'residual' to be that of 'input' ('f32'), but got 'f16'}}
  %y = fulgur.linear %x, %w residual %r : tensor<?x16xf32>, tensor<16x8xf32>, tensor<?x8xf16> -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c5_rank(%x: tensor<?x16xf32>, %w: tensor<16x8xf32>, %r: tensor<8xf32>) {
  // expected-error @below {{expected rank of 'residual' to be 2, but got 1}}
  %y = fulgur.linear %x, %w residual %r : tensor<?x16xf32>, tensor<16x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c5_rows(%x: tensor<4x16xf32>, %w: tensor<16x8xf32>, %r: tensor<5x8xf32>) {
  // expected-error @below {{expected dimension 0 of 'residual' to be dimension 0 of 'input' (4), but got 5}}
  %y = fulgur.linear %x, %w residual %r : tensor<4x16xf32>, tensor<16x8xf32>, tensor<5x8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @linear_c5_columns(%x: tensor<?x16xf32>, %w: tensor<8x16xf32>, %r: tensor<?x9xf32>) {
  // expected-error @below {{expected dimension 1 of 'residual' to be dimension 0 of 'weight' (8), but got 9}}
  %y = fulgur.linear %x, %w transposed residual %r : tensor<?x16xf32>, tensor<8x16xf32>, tensor<?x9xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @cache_update_c1(%p: tensor<2x?x8xf32>) {
  // expected-error @below {{expected 'axis' to be in [0, 3), but got 3}}
  %y = fulgur.cache_update %p, %p axis 3 : tensor<2x?x8xf32>, tensor<2x?x8xf32> -> tensor<2x?x8xf32>
  return
}

// -----

func.func @cache_update_c2(%p: tensor<2x?x8xf32>, %u: tensor<2x?x9xf32>) {
  // expected-error @below {{expected dimension 2 of 'update' to be dimension 2 of 'past' (8), but got 9}}
  %y = fulgur.cache_update %p, %u axis 1 : tensor<2x?x8xf32>, tensor<2x?x9xf32> -> tensor<2x?x8xf32>
  return
}

// -----

func.func @cache_update_c3(%p: tensor<2x4x8xf32>, %u: tensor<2x1x8xf32>) {
  // expected-error @below {{expected dimension 1 of 'result' to be 5, but got 4}}
  %y = fulgur.cache_update %p, %u axis 1 : tensor<2x4x8xf32>, tensor<2x1x8xf32> -> tensor<2x4x8xf32>
  return
}

// -----

func.func @cache_update_c4(%p: tensor<2x4x8xf32>, %u: tensor<2x1x8xf16>) {
  // expected-error @below {{expected element type of 'update' to be that of 'past' ('f32'), but got 'f16'}}
  %y = fulgur.cache_update %p, %u axis 1 : tensor<2x4x8xf32>, tensor<2x1x8xf16> -> tensor<2x5x8xf32>
  return
}
