// RUN: fulgur-opt %s --fulgur-convert-nvvm-to-emulator --split-input-file --verify-diagnostics

gpu.module @kernels {
  llvm.func @assembly(%x: f32) attributes {gpu.kernel, nvvm.kernel} {
    // expected-error @below {{'llvm.inline_asm' op in this form is not known to the emulator}}
    %0 = llvm.inline_asm "tanh.approx.f32 $0, $1;", "=f,f" %x : (f32) -> f32
    llvm.return
  }
}

// -----

gpu.module @kernels {
  llvm.func @predicate(%x: !llvm.ptr<3>, %n: i32, %p: i1) attributes {gpu.kernel, nvvm.kernel} {
    // expected-error @below {{'nvvm.mbarrier.init' op in this form is not known to the emulator}}
    nvvm.mbarrier.init %x, %n, predicate = %p : !llvm.ptr<3>, i32, i1
    llvm.return
  }
}

// -----

gpu.module @kernels {
  // expected-error @below {{'llvm.func' op has no body, so that it can not be emulated}}
  llvm.func @__nv_expf(f32) -> f32
  llvm.func @library(%x: f32) attributes {gpu.kernel, nvvm.kernel} {
    %0 = llvm.call @__nv_expf(%x) : (f32) -> f32
    llvm.return
  }
}
