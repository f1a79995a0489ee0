// RUN: fulgur-opt %s --split-input-file --verify-diagnostics

!map = !kernel.tensor_map<64x64xbf16, 128>
!tile = memref<2x64x64xbf16, #gpu.address_space<workgroup>>

// tma_load (C1)
func.func @coordinates(%m: !map, %b: !kernel.mbarrier, %c: i32, %i: index) {
  %t = kernel.shared at 0 : !tile
  // expected-error @+1 {{expected a coordinate for each size of the box, 2, but got 1}}
  kernel.tma_load %m[%c] to %t[%i, %i, %i], %b : !map, !tile
  return
}

// -----
// tma_store (C2)
func.func @element(%m: !kernel.tensor_map<64x64xf16, 128>, %c: i32, %i: index) {
  %t = kernel.shared at 0 : memref<2x64x64xbf16, #gpu.address_space<workgroup>>
  // expected-error @+1 {{expected elements of the tile to be 'f16', but got 'bf16'}}
  kernel.tma_store %t[%i, %i, %i] to %m[%c, %c] : memref<2x64x64xbf16, #gpu.address_space<workgroup>>, !kernel.tensor_map<64x64xf16, 128>
  return
}

// -----
// tma_load (C3)
func.func @indices(%m: !kernel.tensor_map<64x64xbf16, 128>, %b: !kernel.mbarrier, %c: i32, %i: index) {
  %t = kernel.shared at 0 : memref<2x64x64xbf16, #gpu.address_space<workgroup>>
  // expected-error @+1 {{expected an index for each dimension of 'tile', 3, but got 2}}
  kernel.tma_load %m[%c, %c] to %t[%i, %i], %b : !kernel.tensor_map<64x64xbf16, 128>, memref<2x64x64xbf16, #gpu.address_space<workgroup>>
  return
}

// -----
// tma_load (C4)
func.func @rows(%m: !kernel.tensor_map<64x64xbf16, 128>, %b: !kernel.mbarrier, %c: i32, %i: index) {
  %t = kernel.shared at 0 : memref<64x128xbf16, #gpu.address_space<workgroup>>
  // expected-error @+1 {{expected rows of the tile to be the 128 bytes of a row of the box, but got 256}}
  kernel.tma_load %m[%c, %c] to %t[%i, %i], %b : !kernel.tensor_map<64x64xbf16, 128>, memref<64x128xbf16, #gpu.address_space<workgroup>>
  return
}

// -----
// tma_load (C4)
func.func @fits(%m: !kernel.tensor_map<64x64xbf16, 128>, %b: !kernel.mbarrier, %c: i32, %i: index) {
  %t = kernel.shared at 0 : memref<32x64xbf16, #gpu.address_space<workgroup>>
  // expected-error @+1 {{expected the box to fit in the tile, but it has 8192 bytes, and the tile 4096}}
  kernel.tma_load %m[%c, %c] to %t[%i, %i], %b : !kernel.tensor_map<64x64xbf16, 128>, memref<32x64xbf16, #gpu.address_space<workgroup>>
  return
}

// -----
// tma_load (C5)
func.func @offset(%m: !kernel.tensor_map<64x64xbf16, 128>, %b: !kernel.mbarrier, %c: i32, %i: index) {
  %t = kernel.shared at 128 : memref<64x64xbf16, #gpu.address_space<workgroup>>
  // expected-error @+1 {{expected an address in shared memory that is a multiple of 1024 bytes, but got 128}}
  kernel.tma_load %m[%c, %c] to %t[%i, %i], %b : !kernel.tensor_map<64x64xbf16, 128>, memref<64x64xbf16, #gpu.address_space<workgroup>>
  return
}

// -----
// tma_load (C5): the second stage
func.func @stage(%m: !kernel.tensor_map<4x64xbf16, 128>, %b: !kernel.mbarrier, %c: i32, %i: index) {
  %t = kernel.shared at 0 : memref<2x4x64xbf16, #gpu.address_space<workgroup>>
  // expected-error @+1 {{expected an address in shared memory that is a multiple of 1024 bytes, but got 512}}
  kernel.tma_load %m[%c, %c] to %t[%i, %i, %i], %b : !kernel.tensor_map<4x64xbf16, 128>, memref<2x4x64xbf16, #gpu.address_space<workgroup>>
  return
}

// -----
!tile = memref<2x64x64xbf16, #gpu.address_space<workgroup>>
// wgmma (C1)
func.func @types(%acc: vector<32xf32>, %a: vector<32xf16>, %t: !tile, %i: index) {
  // expected-error @+1 {{expected elements of 'b' to be 'f16' as those of 'a', but got 'bf16'}}
  %r = kernel.wgmma %acc, %a, %t[%i, %i, %i] k 64 : vector<32xf32>, vector<32xf16>, !tile
  return
}

// -----
!tile = memref<2x64x64xbf16, #gpu.address_space<workgroup>>
// wgmma (C2)
func.func @columns(%acc: vector<6xf32>, %t: !tile, %i: index) {
  // expected-error @+1 {{expected columns to be a multiple of 8 of at most 256, but got 12}}
  %r = kernel.wgmma %acc, %t[%i, %i, %i], %t[%i, %i, %i] k 64 : vector<6xf32>, !tile, !tile
  return
}

// -----
!tile = memref<2x64x64xbf16, #gpu.address_space<workgroup>>
// wgmma (C3)
func.func @k(%acc: vector<32xf32>, %t: !tile, %i: index) {
  // expected-error @+1 {{expected 'k' to be a positive multiple of 16, but got 24}}
  %r = kernel.wgmma %acc, %t[%i, %i, %i], %t[%i, %i, %i] k 24 : vector<32xf32>, !tile, !tile
  return
}

// -----
!tile = memref<64x32xbf16, #gpu.address_space<workgroup>>
// wgmma (C4)
func.func @row(%acc: vector<32xf32>, %t: !tile, %i: index) {
  // expected-error @+1 {{expected rows of 'a' to be 128 bytes, but got 64}}
  %r = kernel.wgmma %acc, %t[%i, %i], %t[%i, %i] k 32 : vector<32xf32>, !tile, !tile
  return
}

// -----
!tile = memref<2x64x64xbf16, #gpu.address_space<workgroup>>
// wgmma (C5)
func.func @fragment(%acc: vector<32xf32>, %a: vector<16xbf16>, %t: !tile, %i: index) {
  // expected-error @+1 {{expected a fragment of 32 values without indices}}
  %r = kernel.wgmma %acc, %a, %t[%i, %i, %i] k 64 : vector<32xf32>, vector<16xbf16>, !tile
  return
}

// -----
!tile = memref<64x128xf8E4M3FN, #gpu.address_space<workgroup>>
// wgmma (C6)
func.func @transpose(%acc: vector<32xf32>, %t: !tile, %i: index) {
  // expected-error @+1 {{expected elements of 16 bits with 'transpose_b', but got 'f8E4M3FN'}}
  %r = kernel.wgmma %acc, %t[%i, %i], %t[%i, %i] k 64 transpose_b : vector<32xf32>, !tile, !tile
  return
}

// -----
!tile = memref<60x64xbf16, #gpu.address_space<workgroup>>
// wgmma (C7)
func.func @block(%acc: vector<32xf32>, %t: !tile, %i: index) {
  // expected-error @+1 {{expected rows of a block of 'a' to be a multiple of 8, but got 60}}
  %r = kernel.wgmma %acc, %t[%i, %i], %t[%i, %i] k 64 : vector<32xf32>, !tile, !tile
  return
}

// -----
!tile = memref<64x64xbf16, #gpu.address_space<workgroup>>
// wgmma (C8)
func.func @address(%acc: vector<32xf32>) {
  %t = kernel.shared at 0 : !tile
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  // expected-error @+1 {{expected an address in shared memory that is a multiple of 1024 bytes, but got 512}}
  %r = kernel.wgmma %acc, %t[%c4, %c0], %t[%c0, %c0] k 64 : vector<32xf32>, !tile, !tile
  return
}

// -----
// wgmma_issue (C1)
func.func @issue_columns(%acc: vector<6xf32>, %d: i64) {
  // expected-error @+1 {{expected columns to be a multiple of 8 of at most 256, but got 12}}
  %r = kernel.wgmma_issue %acc, %d, %d element bf16 : vector<6xf32>, i64
  return
}

// -----
// wgmma_issue (C2)
func.func @issue_element(%acc: vector<32xf32>, %d: i64) {
  // expected-error @+1 {{expected 'element' to be bf16, f16 or f8E4M3FN, but got 'f64'}}
  %r = kernel.wgmma_issue %acc, %d, %d element f64 : vector<32xf32>, i64
  return
}

// -----
// wgmma_issue (C3)
func.func @issue_registers(%acc: vector<32xf32>, %a: vector<2xi32>, %d: i64) {
  // expected-error @+1 {{expected 'a' to be 4 registers, but got 'vector<2xi32>'}}
  %r = kernel.wgmma_issue %acc, %a, %d element bf16 : vector<32xf32>, vector<2xi32>
  return
}

// -----
// wgmma_wait (C1)
func.func @wait_types(%acc: vector<32xf32>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{are incompatible with return type(s) of operation}}
  %r = "kernel.wgmma_wait"(%acc) {pending = 0 : i32} : (vector<32xf32>) -> vector<16xf32>
  return
}

// -----
// wgmma_wait (C2)
func.func @wait(%acc: vector<32xf32>) {
  // expected-error @+1 {{expected 'pending' to be 0 to 7, but got 8}}
  %r = kernel.wgmma_wait 8, %acc : vector<32xf32>
  return
}
