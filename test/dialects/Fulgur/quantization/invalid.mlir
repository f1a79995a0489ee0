// RUN: fulgur-opt %s --split-input-file --verify-diagnostics

func.func @quantize_c1(%x: tensor<40x64xf32>) {
  // expected-error @below {{expected 'block' to have 2 sizes, but got 1}}
  %v, %s = fulgur.quantize %x block [32] : tensor<40x64xf32> -> tensor<40x64xf8E4M3FN>, tensor<3x2xf32>
  return
}

// -----

func.func @quantize_c1_positive(%x: tensor<40x64xf32>) {
  // expected-error @below {{expected 'block' to be positive, but got 0}}
  %v, %s = fulgur.quantize %x block [16, 0] : tensor<40x64xf32> -> tensor<40x64xf8E4M3FN>, tensor<3x2xf32>
  return
}

// -----

func.func @quantize_c2(%x: tensor<64xf32>) {
  // expected-error @below {{expected rank of 'input' to be at least 2, but got 1}}
  %v, %s = fulgur.quantize %x block [16, 32] : tensor<64xf32> -> tensor<64xf8E4M3FN>, tensor<2xf32>
  return
}

// -----

func.func @quantize_c2_scalar(%x: tensor<f32>) {
  // expected-error @below {{expected rank of 'input' to be at least 1, but got 0}}
  %v, %s = fulgur.quantize %x block [1, 32] : tensor<f32> -> tensor<f8E4M3FN>, tensor<f32>
  return
}

// -----

func.func @quantize_c3(%x: tensor<40x64xf32>) {
  // expected-error @below {{expected rank of 'values' to be 2, but got 1}}
  %v, %s = fulgur.quantize %x block [16, 32] : tensor<40x64xf32> -> tensor<64xf8E4M3FN>, tensor<3x2xf32>
  return
}

// -----

func.func @quantize_c3_size(%x: tensor<40x64xf32>) {
  // expected-error @below {{expected dimension 0 of 'values' to be dimension 0 of 'input' (40), but got 41}}
  %v, %s = fulgur.quantize %x block [16, 32] : tensor<40x64xf32> -> tensor<41x64xf8E4M3FN>, tensor<3x2xf32>
  return
}

// -----

func.func @quantize_c4(%x: tensor<40x64xf32>) {
  // expected-error @below {{expected rank of 'scales' to be 2, but got 1}}
  %v, %s = fulgur.quantize %x block [16, 32] : tensor<40x64xf32> -> tensor<40x64xf8E4M3FN>, tensor<2xf32>
  return
}

// -----

func.func @quantize_c4_leading(%x: tensor<7x40x64xf32>) {
  // expected-error @below {{expected dimension 0 of 'scales' to be dimension 0 of 'input' (7), but got 6}}
  %v, %s = fulgur.quantize %x block [16, 32] : tensor<7x40x64xf32> -> tensor<7x40x64xf8E4M3FN>, tensor<6x3x2xf32>
  return
}

// -----

func.func @quantize_c4_rows(%x: tensor<40x64xf32>) {
  // expected-error @below {{expected dimension 0 of 'scales' to be 3, but got 2}}
  %v, %s = fulgur.quantize %x block [16, 32] : tensor<40x64xf32> -> tensor<40x64xf8E4M3FN>, tensor<2x2xf32>
  return
}

// -----

func.func @quantize_c4_columns(%x: tensor<40x64xf32>) {
  // expected-error @below {{expected dimension 1 of 'scales' to be 2, but got 3}}
  %v, %s = fulgur.quantize %x block [16, 32] : tensor<40x64xf32> -> tensor<40x64xf8E4M3FN>, tensor<3x3xf32>
  return
}

// -----

func.func @dequantize_c1(%v: tensor<40x64xf8E4M3FN>, %s: tensor<3x2xf32>) {
  // expected-error @below {{expected 'block' to have 2 sizes, but got 3}}
  %x = fulgur.dequantize %v, %s block [1, 16, 32] : tensor<40x64xf8E4M3FN>, tensor<3x2xf32> -> tensor<40x64xf32>
  return
}

// -----

func.func @dequantize_c1_positive(%v: tensor<40x64xf8E4M3FN>, %s: tensor<3x2xf32>) {
  // expected-error @below {{expected 'block' to be positive, but got -1}}
  %x = fulgur.dequantize %v, %s block [-1, 32] : tensor<40x64xf8E4M3FN>, tensor<3x2xf32> -> tensor<40x64xf32>
  return
}

// -----

func.func @dequantize_c2(%v: tensor<64xf8E4M3FN>, %s: tensor<2xf32>) {
  // expected-error @below {{expected rank of 'values' to be at least 2, but got 1}}
  %x = fulgur.dequantize %v, %s block [16, 32] : tensor<64xf8E4M3FN>, tensor<2xf32> -> tensor<64xf32>
  return
}

// -----

func.func @dequantize_c3(%v: tensor<40x64xf8E4M3FN>, %s: tensor<3x2xf32>) {
  // expected-error @below {{expected dimension 1 of 'result' to be dimension 1 of 'values' (64), but got 65}}
  %x = fulgur.dequantize %v, %s block [16, 32] : tensor<40x64xf8E4M3FN>, tensor<3x2xf32> -> tensor<40x65xf32>
  return
}

// -----

func.func @dequantize_c4(%v: tensor<40x64xf8E4M3FN>, %s: tensor<3x4xf32>) {
  // expected-error @below {{expected dimension 1 of 'scales' to be 2, but got 4}}
  %x = fulgur.dequantize %v, %s block [16, 32] : tensor<40x64xf8E4M3FN>, tensor<3x4xf32> -> tensor<40x64xbf16>
  return
}

// -----

func.func @scaled_matmul_c1(%a: tensor<?x64xf8E4M3FN>, %as: tensor<?x2xf32>, %b: tensor<8x24x64xf8E4M3FN>, %bs: tensor<2x2xf32>) {
  // expected-error @below {{expected rank of 'rhs' to be 2, but got 3}}
  %y = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 16, 32] : tensor<?x64xf8E4M3FN>, tensor<?x2xf32>, tensor<8x24x64xf8E4M3FN>, tensor<2x2xf32> -> tensor<?x24xf32>
  return
}

// -----

func.func @scaled_matmul_c1_scales(%a: tensor<?x64xf8E4M3FN>, %as: tensor<?x2xf32>, %b: tensor<24x64xf8E4M3FN>, %bs: tensor<2xf32>) {
  // expected-error @below {{expected rank of 'rhs_scales' to be 2, but got 1}}
  %y = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 16, 32] : tensor<?x64xf8E4M3FN>, tensor<?x2xf32>, tensor<24x64xf8E4M3FN>, tensor<2xf32> -> tensor<?x24xf32>
  return
}

// -----

func.func @scaled_matmul_c2(%a: tensor<?x64xf8E4M3FN>, %as: tensor<?x2xf32>, %b: tensor<24x64xf8E4M3FN>, %bs: tensor<2x2xf32>) {
  // expected-error @below {{expected 'block' to have 3 sizes, but got 2}}
  %y = fulgur.scaled_matmul %a scales %as, %b scales %bs block [16, 32] : tensor<?x64xf8E4M3FN>, tensor<?x2xf32>, tensor<24x64xf8E4M3FN>, tensor<2x2xf32> -> tensor<?x24xf32>
  return
}

// -----

func.func @scaled_matmul_c2_positive(%a: tensor<?x64xf8E4M3FN>, %as: tensor<?x2xf32>, %b: tensor<24x64xf8E4M3FN>, %bs: tensor<2x2xf32>) {
  // expected-error @below {{expected 'block' to be positive, but got 0}}
  %y = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 0, 32] : tensor<?x64xf8E4M3FN>, tensor<?x2xf32>, tensor<24x64xf8E4M3FN>, tensor<2x2xf32> -> tensor<?x24xf32>
  return
}

// -----

func.func @scaled_matmul_c3(%a: tensor<?x64xf8E4M3FN>, %as: tensor<?x2xf32>, %b: tensor<24x63xf8E4M3FN>, %bs: tensor<2x2xf32>) {
  // expected-error @below {{expected dimension 1 of 'rhs' to be dimension 1 of 'lhs' (64), but got 63}}
  %y = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 16, 32] : tensor<?x64xf8E4M3FN>, tensor<?x2xf32>, tensor<24x63xf8E4M3FN>, tensor<2x2xf32> -> tensor<?x24xf32>
  return
}

// -----

func.func @scaled_matmul_c3_blocks(%a: tensor<?x?xf8E4M3FN>, %as: tensor<?x2xf32>, %b: tensor<24x?xf8E4M3FN>, %bs: tensor<2x3xf32>) {
  // expected-error @below {{expected dimension 1 of 'rhs_scales' to be dimension 1 of 'lhs_scales' (2), but got 3}}
  %y = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 16, 32] : tensor<?x?xf8E4M3FN>, tensor<?x2xf32>, tensor<24x?xf8E4M3FN>, tensor<2x3xf32> -> tensor<?x24xf32>
  return
}

// -----

func.func @scaled_matmul_c3_rows(%a: tensor<5x64xf8E4M3FN>, %as: tensor<?x2xf32>, %b: tensor<24x64xf8E4M3FN>, %bs: tensor<2x2xf32>) {
  // expected-error @below {{expected dimension 0 of 'result' to be dimension 0 of 'lhs' (5), but got 4}}
  %y = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 16, 32] : tensor<5x64xf8E4M3FN>, tensor<?x2xf32>, tensor<24x64xf8E4M3FN>, tensor<2x2xf32> -> tensor<4x24xf32>
  return
}

// -----

func.func @scaled_matmul_c3_columns(%a: tensor<?x64xf8E4M3FN>, %as: tensor<?x2xf32>, %b: tensor<24x64xf8E4M3FN>, %bs: tensor<2x2xf32>) {
  // expected-error @below {{expected dimension 1 of 'result' to be dimension 0 of 'rhs' (24), but got 25}}
  %y = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 16, 32] : tensor<?x64xf8E4M3FN>, tensor<?x2xf32>, tensor<24x64xf8E4M3FN>, tensor<2x2xf32> -> tensor<?x25xf32>
  return
}

// -----

func.func @scaled_matmul_c4(%a: tensor<5x64xf8E4M3FN>, %as: tensor<1x2xf32>, %b: tensor<24x64xf8E4M3FN>, %bs: tensor<2x2xf32>) {
  // expected-error @below {{expected dimension 0 of 'lhs_scales' to be 5, but got 1}}
  %y = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 16, 32] : tensor<5x64xf8E4M3FN>, tensor<1x2xf32>, tensor<24x64xf8E4M3FN>, tensor<2x2xf32> -> tensor<?x24xf32>
  return
}

// -----

func.func @scaled_matmul_c4_inner(%a: tensor<?x64xf8E4M3FN>, %as: tensor<?x1xf32>, %b: tensor<24x64xf8E4M3FN>, %bs: tensor<2x?xf32>) {
  // expected-error @below {{expected dimension 1 of 'lhs_scales' to be 2, but got 1}}
  %y = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 16, 32] : tensor<?x64xf8E4M3FN>, tensor<?x1xf32>, tensor<24x64xf8E4M3FN>, tensor<2x?xf32> -> tensor<?x24xf32>
  return
}

// -----

func.func @scaled_matmul_c4_columns(%a: tensor<?x64xf8E4M3FN>, %as: tensor<?x2xf32>, %b: tensor<24x64xf8E4M3FN>, %bs: tensor<3x2xf32>) {
  // expected-error @below {{expected dimension 0 of 'rhs_scales' to be 2, but got 3}}
  %y = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 16, 32] : tensor<?x64xf8E4M3FN>, tensor<?x2xf32>, tensor<24x64xf8E4M3FN>, tensor<3x2xf32> -> tensor<?x24xf32>
  return
}

// -----

func.func @scaled_matmul_c4_rhs_inner(%a: tensor<?x64xf8E4M3FN>, %as: tensor<?x?xf32>, %b: tensor<24x64xf8E4M3FN>, %bs: tensor<2x1xf32>) {
  // expected-error @below {{expected dimension 1 of 'rhs_scales' to be 2, but got 1}}
  %y = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 16, 32] : tensor<?x64xf8E4M3FN>, tensor<?x?xf32>, tensor<24x64xf8E4M3FN>, tensor<2x1xf32> -> tensor<?x24xf32>
  return
}

// -----

// 8 bits are what the operation is about.
func.func @dequantize_type(%v: tensor<40x64xbf16>, %s: tensor<3x2xf32>) {
  // expected-error @below {{operand #0 must be ranked tensor of f8E4M3FN type values}}
  %x = fulgur.dequantize %v, %s block [16, 32] : tensor<40x64xbf16>, tensor<3x2xf32> -> tensor<40x64xf32>
  return
}
