// RUN: fulgur-opt %s --split-input-file --verify-diagnostics

// tensor_map type (C1)
// expected-error @+1 {{expected sizes of a box to be 1 to 256, but got 512}}
func.func private @map_size(!kernel.tensor_map<512x64xbf16, 128>)

// -----
// tensor_map type (C2)
// expected-error @+1 {{expected a swizzle of 0, 32, 64 or 128 bytes, but got 48}}
func.func private @map_swizzle(!kernel.tensor_map<8x16xbf16, 48>)

// -----
// tensor_map type (C3)
// expected-error @+1 {{expected a row of a box to be a multiple of 16 bytes, and not longer than the swizzle of 128, but got 256}}
func.func private @map_row(!kernel.tensor_map<8x128xbf16, 128>)

// -----
// expected-error @+1 {{expected at least 1 stage, but got 0}}
func.func private @stages(!kernel.pipeline<0>)

// -----
// tensor_map (C1)
func.func @rank(%x: memref<8x8x64xbf16>) {
  // expected-error @+1 {{expected a box of rank 3 and elements of 'bf16', but got '!kernel.tensor_map<8x64xbf16, 128>'}}
  %m = kernel.tensor_map %x : memref<8x8x64xbf16> to !kernel.tensor_map<8x64xbf16, 128>
  return
}

// -----
// tensor_map (C2)
func.func @contiguous(%x: memref<8x64xbf16, strided<[1, 8]>>) {
  // expected-error @+1 {{expected the innermost dimension of 'source' to be contiguous}}
  %m = kernel.tensor_map %x : memref<8x64xbf16, strided<[1, 8]>> to !kernel.tensor_map<8x64xbf16, 128>
  return
}

// -----
// tensor_map (C3)
func.func @stride(%x: memref<8x60xbf16>) {
  // expected-error @+1 {{expected strides to be multiples of 16 bytes, but got 120}}
  %m = kernel.tensor_map %x : memref<8x60xbf16> to !kernel.tensor_map<8x64xbf16, 128>
  return
}

// -----
// mbarrier (C1)
func.func @barrier_offset() {
  // expected-error @+1 {{expected 'offset' to be a multiple of 8, but got 12}}
  %b = kernel.mbarrier at 12
  return
}

// -----
// mbarrier (C2)
func.func @barrier_end() {
  // expected-error @+1 {{expected to end within the 232448 bytes of shared memory, but it ends at 232456}}
  %b = kernel.mbarrier at 232448
  return
}

// -----
// mbarrier_init (C1)
func.func @init(%b: !kernel.mbarrier) {
  // expected-error @+1 {{expected 'count' to be 1 to 1048575, but got 0}}
  kernel.mbarrier_init %b count 0
  return
}

// -----
// mbarrier_arrive (C1)
func.func @arrive(%b: !kernel.mbarrier, %r: i32) {
  // expected-error @+1 {{expected either 'rank' or 'bytes', but got both}}
  kernel.mbarrier_arrive %b rank %r bytes 16
  return
}

// -----
// shared (C1)
func.func @shared_offset() {
  // expected-error @+1 {{expected 'offset' to be a multiple of 16, but got 8}}
  %t = kernel.shared at 8 : memref<8xf32, #gpu.address_space<workgroup>>
  return
}

// -----
// shared (C2)
func.func @shared_shape() {
  // expected-error @+1 {{expected a static shape and an identity layout}}
  %t = kernel.shared at 16 : memref<?xf32, #gpu.address_space<workgroup>>
  return
}

// -----
// shared (C3)
func.func @shared_end() {
  // expected-error @+1 {{expected to end within the 232448 bytes of shared memory, but it ends at 262144}}
  %t = kernel.shared at 131072 : memref<256x256xbf16, #gpu.address_space<workgroup>>
  return
}

// -----
func.func @space() {
  // expected-error @+1 {{must be memref in shared memory}}
  %t = kernel.shared at 16 : memref<8xf32>
  return
}

// -----
// copy_async (C1)
func.func @copy(%x: memref<8x64xbf16>, %i: index) {
  %t = kernel.shared at 0 : memref<8x64xbf16, #gpu.address_space<workgroup>>
  // expected-error @+1 {{expected an index for each dimension of 'target', 2, but got 1}}
  kernel.copy_async %x[%i, %i] to %t[%i] : memref<8x64xbf16> to memref<8x64xbf16, #gpu.address_space<workgroup>>
  return
}

// -----
// copy_async (C2)
func.func @copy_stride(%x: memref<8x64xbf16, strided<[1, 8]>>, %i: index) {
  %t = kernel.shared at 0 : memref<8x64xbf16, #gpu.address_space<workgroup>>
  // expected-error @+1 {{expected the innermost dimension of 'source' to be contiguous}}
  kernel.copy_async %x[%i, %i] to %t[%i, %i] : memref<8x64xbf16, strided<[1, 8]>> to memref<8x64xbf16, #gpu.address_space<workgroup>>
  return
}

// -----
// ldmatrix (C1)
func.func @ldmatrix(%i: index) {
  %t = kernel.shared at 0 : memref<8x64xbf16, #gpu.address_space<workgroup>>
  // expected-error @+1 {{expected a fragment of 2, 4 or 8 values, but got 16}}
  %v = kernel.ldmatrix %t[%i, %i] : memref<8x64xbf16, #gpu.address_space<workgroup>> -> vector<16xbf16>
  return
}

// -----
// stmatrix (C2)
func.func @stmatrix(%i: index, %v: vector<8xf16>) {
  %t = kernel.shared at 0 : memref<8x64xbf16, #gpu.address_space<workgroup>>
  // expected-error @+1 {{expected elements of 'target' to be 'f16', but got 'bf16'}}
  kernel.stmatrix %v, %t[%i, %i] : vector<8xf16>, memref<8x64xbf16, #gpu.address_space<workgroup>>
  return
}

// -----
// ldmatrix (C3)
func.func @ldmatrix_rank(%i: index) {
  %t = kernel.shared at 0 : memref<8x64xbf16, #gpu.address_space<workgroup>>
  // expected-error @+1 {{expected an index for each dimension of 'source', 2, but got 1}}
  %v = kernel.ldmatrix %t[%i] : memref<8x64xbf16, #gpu.address_space<workgroup>> -> vector<8xbf16>
  return
}

// -----
// mma_sync (C1)
func.func @mma_sync(%a: vector<8xbf16>, %b: vector<4xf16>, %c: vector<4xf32>) {
  // expected-error @+1 {{expected fragments of 8 and 4 values of one type}}
  %d = kernel.mma_sync %a, %b, %c : vector<8xbf16>, vector<4xf16>, vector<4xf32>
  return
}
