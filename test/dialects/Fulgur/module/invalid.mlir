// RUN: fulgur-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{(C4) expected a packed weight to have panels of 1 column or more and rank 2 or more, but got 0 and 2}}
fulgur.weight @weight_c4 in "w.bin" at 0 {packed = 0 : i64} : tensor<4x4xf32>

// -----

// expected-error @below {{(C4) expected a packed weight to have panels of 1 column or more and rank 2 or more, but got 16 and 1}}
fulgur.weight @weight_c4_rank in "w.bin" at 0 {packed = 16 : i64} : tensor<4xf32>

// -----

// expected-error @below {{(C5) expected a transposed weight to be packed}}
fulgur.weight @weight_c5 in "w.bin" at 0 {transposed} : tensor<4x4xf32>

// -----

// expected-error @below {{(C6) expected 'deinterleaved' to have 4 numbers, but got 3}}
fulgur.weight @weight_c6 in "w.bin" at 0 {deinterleaved = array<i64: 1, 4, 0>} : tensor<4x4xf32>

// -----

// expected-error @below {{(C6) expected the period of 'deinterleaved' to divide a dimension of 'tensor<4x6xf32>', but got 4 along dimension 1}}
fulgur.weight @weight_c6_period in "w.bin" at 0 {deinterleaved = array<i64: 1, 4, 0, 4>} : tensor<4x6xf32>

// -----

// expected-error @below {{(C6) expected 'deinterleaved' to move pairs of a period of 4, but got [1, 4)}}
fulgur.weight @weight_c6_pairs in "w.bin" at 0 {deinterleaved = array<i64: 0, 4, 1, 4>} : tensor<4x6xf32>

// -----

fulgur.weight @w in "w.bin" at 0 {packed = 16 : i64} : tensor<4x17xf32>
func.func @get_weight_c2() {
  // expected-error @below {{(C2) expected the type of the weight, 'tensor<2x4x16xf32>', but got 'tensor<4x17xf32>'}}
  %w = fulgur.get_weight @w : tensor<4x17xf32>
  return
}

// -----

func.func @select_weight_c1_none(%l: index) {
  // expected-error @below {{(C1) expected one weight or more, but got none}}
  %w = fulgur.select_weight [] at %l : tensor<4xf32>
  return
}

// -----

func.func @select_weight_c1(%l: index) {
  // expected-error @below {{(C1) expected @absent to name a fulgur.weight}}
  %w = fulgur.select_weight [@absent] at %l : tensor<4xf32>
  return
}

// -----

fulgur.weight @a in "w.bin" at 0 : tensor<4xf32>
fulgur.weight @b in "w.bin" at 0 : tensor<5xf32>
func.func @select_weight_c2(%l: index) {
  // expected-error @below {{(C2) expected the type of the weight @b, 'tensor<5xf32>', but got 'tensor<4xf32>'}}
  %w = fulgur.select_weight [@a, @b] at %l : tensor<4xf32>
  return
}

// -----

fulgur.weight @a in "w.bin" at 0 {packed = 16 : i64} : tensor<4x16xf32>
fulgur.weight @b in "w.bin" at 0 {packed = 16 : i64, transposed} : tensor<16x4xf32>
func.func @select_weight_c3(%l: index) {
  // expected-error @below {{(C3) expected @b to be stored like @a}}
  %w = fulgur.select_weight [@a, @b] at %l : tensor<1x4x16xf32>
  return
}

// -----

func.func @packed_matmul_c1(%x: memref<4x4xf32>, %w: memref<4x16xf32>) {
  // expected-error @below {{(C1) expected two matrices and panels of rank 3}}
  fulgur.packed_matmul %x, %w, %x : memref<4x4xf32>, memref<4x16xf32>, memref<4x4xf32>
  return
}

// -----

func.func @packed_matmul_c2(%x: memref<4x4xf32>, %w: memref<2x4x16xf32>, %y: memref<4x16xf32>) {
  // expected-error @below {{(C2) expected sizes [M, K], [ceil(N / R), K, R] and [M, N]}}
  fulgur.packed_matmul %x, %w, %y : memref<4x4xf32>, memref<2x4x16xf32>, memref<4x16xf32>
  return
}

// -----

func.func @packed_matmul_c3(%x: memref<4x4xf16>, %w: memref<1x4x16xf32>, %y: memref<4x16xf32>) {
  // expected-error @below {{(C3) expected f32, f16 or bf16 with sums in f32}}
  fulgur.packed_matmul %x, %w, %y : memref<4x4xf16>, memref<1x4x16xf32>, memref<4x16xf32>
  return
}

// -----

func.func @packed_matmul_c4(%x: tensor<4x4xf32>, %w: tensor<1x4x16xf32>, %y: tensor<4x16xf32>) {
  // expected-error @below {{(C4) expected a result of the type of 'init'}}
  "fulgur.packed_matmul"(%x, %w, %y) : (tensor<4x4xf32>, tensor<1x4x16xf32>, tensor<4x16xf32>) -> ()
  return
}

// -----

func.func @packed_matmul_c5(%x: memref<4x4xf32>, %w: memref<2x4x16xf32>, %y: memref<4x40xf32>) {
  // expected-error @below {{(C5) expected the columns of each of several weights, together those of 'init', but got [20, 21] for 2 weights}}
  fulgur.packed_matmul %x, [%w, %w], %y columns [20, 21] : memref<4x4xf32>, [memref<2x4x16xf32>, memref<2x4x16xf32>], memref<4x40xf32>
  return
}

// -----

func.func @packed_matmul_c5_none(%x: memref<4x4xf32>, %w: memref<2x4x16xf32>, %y: memref<4x40xf32>) {
  // expected-error @below {{(C5) expected the columns of each of several weights, together those of 'init', but got [] for 2 weights}}
  fulgur.packed_matmul %x, [%w, %w], %y : memref<4x4xf32>, [memref<2x4x16xf32>, memref<2x4x16xf32>], memref<4x40xf32>
  return
}
