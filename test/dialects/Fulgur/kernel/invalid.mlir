// RUN: fulgur-opt %s --split-input-file --verify-diagnostics

func.func @call_kernel_c1(%x: tensor<4xf32>, %y: memref<4xf32>) {
  // expected-error @below {{(C1) expected tensors or memrefs, but got 'tensor<4xf32>', 'memref<4xf32>'}}
  fulgur.call_kernel "swiglu"(%x) into(%y) config {} : (tensor<4xf32>) into (memref<4xf32>)
  return
}

// -----

func.func @call_kernel_c2(%x: tensor<4xf32>) {
  // expected-error @below {{(C2) expected results of the types of 'inits', but got}}
  fulgur.call_kernel "swiglu"(%x) into(%x) config {} : (tensor<4xf32>) into (tensor<4xf32>)
  return
}

// -----

func.func @call_kernel_c2_memrefs(%x: memref<4xf32>) {
  // expected-error @below {{(C2) expected no results on memrefs, but got 'tensor<4xf32>'}}
  %y = fulgur.call_kernel "swiglu"(%x) into(%x) config {} : (memref<4xf32>) into (memref<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @call_kernel_c3(%x: memref<4xf32>) {
  // expected-error @below {{(C3) expected an operation of the dialect, but got 'fulgur.sort'}}
  fulgur.call_kernel "sort"(%x) into(%x) config {} : (memref<4xf32>) into (memref<4xf32>)
  return
}
