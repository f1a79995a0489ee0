// RUN: fulgur-opt %s --split-input-file --verify-diagnostics

func.func @rotary_table_c1(%p: tensor<?xi64>, %f: tensor<4xf32>) {
  // expected-error @below {{expected rank of 'positions' to be 2, but got 1}}
  %c, %s = fulgur.rotary_table %p, %f : tensor<?xi64>, tensor<4xf32> -> tensor<?x?x4xf32>
  return
}

// -----

func.func @rotary_table_c2(%p: tensor<1x?xi64>, %f: tensor<4xf32>) {
  // expected-error @below {{expected dimension 2 of 'cos' to be dimension 0 of 'inv_freq' (4), but got 8}}
  %c, %s = fulgur.rotary_table %p, %f : tensor<1x?xi64>, tensor<4xf32> -> tensor<1x?x8xf32>
  return
}

// -----

func.func @rotary_table_c3(%p: tensor<1x?xi64>, %f: tensor<4xf32>) {
  // expected-error @below {{expected element type of 'cos' to be that of 'inv_freq' ('f32'), but got 'f16'}}
  %c, %s = fulgur.rotary_table %p, %f : tensor<1x?xi64>, tensor<4xf32> -> tensor<1x?x4xf16>
  return
}

// -----

func.func @rotary_table_c4(%p: tensor<1x?xi64>, %f: tensor<4xf32>) {
  // expected-error @below {{expected 'scale' to be finite, but got +Inf}}
  %c, %s = "fulgur.rotary_table"(%p, %f) {scale = 0x7FF0000000000000 : f64} : (tensor<1x?xi64>, tensor<4xf32>) -> (tensor<1x?x4xf32>, tensor<1x?x4xf32>)
  return
}

// -----

func.func @rotary_embedding_c1(%x: tensor<?x8xf32>, %c: tensor<1x?x4xf32>) {
  // expected-error @below {{expected rank of 'input' to be 3 or 4, but got 2}}
  %0 = fulgur.rotary_embedding %x, %c, %c interleaved leading : tensor<?x8xf32>, tensor<1x?x4xf32>
  return
}

// -----

func.func @rotary_embedding_c2(%x: tensor<2x?x8xf32>, %c: tensor<3x?x4xf32>) {
  // expected-error @below {{expected dimension 0 of 'cos' to be 1 or 2, but got 3}}
  %0 = fulgur.rotary_embedding %x, %c, %c interleaved leading : tensor<2x?x8xf32>, tensor<3x?x4xf32>
  return
}

// -----

func.func @rotary_embedding_c3(%x: tensor<2x?x7xf32>, %c: tensor<1x?x4xf32>) {
  // expected-error @below {{expected twice the last size of 'cos' to be at most the last size of 'input' (7), but got 8}}
  %0 = fulgur.rotary_embedding %x, %c, %c interleaved leading : tensor<2x?x7xf32>, tensor<1x?x4xf32>
  return
}

// -----

func.func @rotary_embedding_c4(%x: tensor<2x?x8xf16>, %c: tensor<1x?x4xf32>) {
  // expected-error @below {{expected element type of 'cos' to be that of 'input' ('f16'), but got 'f32'}}
  %0 = fulgur.rotary_embedding %x, %c, %c interleaved leading : tensor<2x?x8xf16>, tensor<1x?x4xf32>
  return
}
