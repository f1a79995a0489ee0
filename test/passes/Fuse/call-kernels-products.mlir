// RUN: fulgur-opt %s --split-input-file --fulgur-call-kernels --verify-diagnostics --remark-format=emitRemark --remarks-filter=kernel | FileCheck %s

// CHECK-LABEL: func.func @kernels(
// CHECK: fulgur.call_kernel "linear"
// CHECK: fulgur.call_kernel "scaled_matmul"
func.func @kernels(%x: tensor<?x3x72xbf16>, %w: tensor<72x40xbf16>, %a: tensor<?x256xf8E4M3FN>, %as: tensor<?x2xf32>,
                   %b: tensor<64x256xf8E4M3FN>, %bs: tensor<1x2xf32>) -> (tensor<?x3x40xbf16>, tensor<?x64xbf16>) {
  // expected-remark @below {{a kernel of its own}}
  %y = fulgur.linear %x, %w : tensor<?x3x72xbf16>, tensor<72x40xbf16> -> tensor<?x3x40xbf16>
  // expected-remark @below {{a kernel of its own}}
  %z = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 128, 128]
      : tensor<?x256xf8E4M3FN>, tensor<?x2xf32>, tensor<64x256xf8E4M3FN>, tensor<1x2xf32> -> tensor<?x64xbf16>
  return %y, %z : tensor<?x3x40xbf16>, tensor<?x64xbf16>
}

// -----

// CHECK-LABEL: func.func @misses(
// CHECK-NOT: fulgur.call_kernel
func.func @misses(%x: tensor<4x72xf32>, %w: tensor<72x40xf32>, %u: tensor<4x70xbf16>, %v: tensor<40x70xbf16>,
                  %d: tensor<4x?xbf16>, %e: tensor<?x40xbf16>, %a: tensor<4x256xf8E4M3FN>, %as: tensor<4x4xf32>,
                  %b: tensor<64x256xf8E4M3FN>, %bs: tensor<1x4xf32>, %c: tensor<9x256xf8E4M3FN>, %cs: tensor<1x2xf32>,
                  %s: tensor<4x2xf32>) {
  // expected-remark @below {{elements are not those of tensor cores, bf16 or f16}}
  %0 = fulgur.linear %x, %w : tensor<4x72xf32>, tensor<72x40xf32> -> tensor<4x40xf32>
  // expected-remark @below {{rows do not start at multiples of 16 bytes that are known}}
  %1 = fulgur.linear %u, %v transposed : tensor<4x70xbf16>, tensor<40x70xbf16> -> tensor<4x40xbf16>
  // expected-remark @below {{rows do not start at multiples of 16 bytes that are known}}
  %2 = fulgur.linear %d, %e : tensor<4x?xbf16>, tensor<?x40xbf16> -> tensor<4x40xbf16>
  // expected-remark @below {{blocks are not those of 1, 128 and 128}}
  %3 = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 128, 64]
      : tensor<4x256xf8E4M3FN>, tensor<4x4xf32>, tensor<64x256xf8E4M3FN>, tensor<1x4xf32> -> tensor<4x64xbf16>
  // expected-remark @below {{rows do not start at multiples of 16 bytes that are known}}
  %4 = fulgur.scaled_matmul %a scales %s, %c scales %cs block [1, 128, 128]
      : tensor<4x256xf8E4M3FN>, tensor<4x2xf32>, tensor<9x256xf8E4M3FN>, tensor<1x2xf32> -> tensor<4x9xbf16>
  return
}

// -----

module attributes {fulgur.target = "sm_80"} {
  // CHECK-LABEL: func.func @sm_80(
  // CHECK-NOT: fulgur.call_kernel
  func.func @sm_80(%a: tensor<?x256xf8E4M3FN>, %as: tensor<?x2xf32>, %b: tensor<64x256xf8E4M3FN>, %bs: tensor<1x2xf32>) {
    // expected-remark @below {{sm_80 has no tensor cores for 8-bit floats}}
    %z = fulgur.scaled_matmul %a scales %as, %b scales %bs block [1, 128, 128]
        : tensor<?x256xf8E4M3FN>, tensor<?x2xf32>, tensor<64x256xf8E4M3FN>, tensor<1x2xf32> -> tensor<?x64xbf16>
    return
  }
}
