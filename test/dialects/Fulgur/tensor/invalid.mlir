// RUN: fulgur-opt %s --split-input-file --verify-diagnostics

func.func @rms_norm_c1(%x: tensor<?x16xf32>, %w: tensor<8xf32>) {
  // expected-error @below {{expected size of 'scale' to be that of the last dimension of 'input' (16), but got 8}}
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
