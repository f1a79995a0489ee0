// RUN: fulgur-opt %s --split-input-file --verify-diagnostics --fulgur-verify-stage=stage=mlir:bufferized

// A function on memrefs keeps the contract.
func.func @memrefs(%x: memref<4xf32>) -> memref<4xf32> {
  return %x : memref<4xf32>
}

// -----

// Each kind of operation is reported once.
func.func @tensors(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{operation 'arith.addf' still works on tensors (contract of mlir:bufferized)}}
  %0 = arith.addf %x, %x : tensor<4xf32>
  %1 = arith.addf %0, %x : tensor<4xf32>
  // expected-error @below {{operation 'func.return' still works on tensors (contract of mlir:bufferized)}}
  return %1 : tensor<4xf32>
}
