// RUN: fulgur-opt %s --fulgur-lower-tensor-maps --split-input-file --verify-diagnostics | FileCheck %s

// The innermost dimension first; strides in bytes.
// CHECK: llvm.func @fulgur_tensor_map(!llvm.ptr, !llvm.ptr, i32, i32, !llvm.ptr, !llvm.ptr, !llvm.ptr, i32)
module attributes {gpu.container_module} {
  // CHECK-LABEL: func.func @host
  func.func @host(%x: memref<?x64xbf16>) {
    %c1 = arith.constant 1 : index
    // CHECK: %[[MAP:[0-9]+]] = llvm.alloca %{{.*}} x i8 {alignment = 64 : i64}
    // CHECK-DAG: memref.extract_strided_metadata
    // CHECK-DAG: memref.extract_aligned_pointer_as_index
    // CHECK-DAG: llvm.mlir.constant(64 : i32)
    // CHECK-DAG: llvm.mlir.constant(3 : i32)
    // CHECK-DAG: llvm.mlir.constant(128 : i32)
    // CHECK: llvm.call @fulgur_tensor_map(%[[MAP]], %{{.*}}) : (!llvm.ptr, !llvm.ptr, i32, i32, !llvm.ptr, !llvm.ptr, !llvm.ptr, i32) -> ()
    %m = kernel.tensor_map %x : memref<?x64xbf16> to !kernel.tensor_map<128x64xbf16, 128>
    // CHECK: gpu.launch_func @kernels::@prefetch {{.*}} args(%[[MAP]] : !llvm.ptr)
    gpu.launch_func @kernels::@prefetch blocks in (%c1, %c1, %c1) threads in (%c1, %c1, %c1) args(%m : !kernel.tensor_map<128x64xbf16, 128>)
    return
  }
  gpu.module @kernels {
    // CHECK: gpu.func @prefetch(%{{.*}}: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>}) kernel
    gpu.func @prefetch(%m: !kernel.tensor_map<128x64xbf16, 128>) kernel {
      // CHECK: builtin.unrealized_conversion_cast %{{.*}} : !llvm.ptr to !kernel.tensor_map<128x64xbf16, 128>
      kernel.tensor_map_prefetch %m : !kernel.tensor_map<128x64xbf16, 128>
      gpu.return
    }
  }
}

// -----

func.func @returned(%x: memref<?x64xbf16>) -> !kernel.tensor_map<128x64xbf16, 128> {
  // expected-error @+1 {{expected launches of kernels to be all that uses it, but 'func.return' does too}}
  %m = kernel.tensor_map %x : memref<?x64xbf16> to !kernel.tensor_map<128x64xbf16, 128>
  return %m : !kernel.tensor_map<128x64xbf16, 128>
}
