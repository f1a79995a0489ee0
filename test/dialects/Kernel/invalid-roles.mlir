// RUN: fulgur-opt %s --split-input-file --verify-diagnostics

// pipeline_create (C1)
func.func @create_end() {
  // expected-error @+1 {{expected to end within the 232448 bytes of shared memory, but it ends at 232464}}
  %p = kernel.pipeline_create at 232400 producers 1 consumers 1 : !kernel.pipeline<4>
  return
}

// -----
// pipeline_create (C2)
func.func @create_count() {
  // expected-error @+1 {{expected 'consumers' to be positive, but got 0}}
  %p = kernel.pipeline_create at 0 producers 1 consumers 0 : !kernel.pipeline<4>
  return
}

// -----
// pipeline_acquire (C1)
func.func @acquire_stages(%p: !kernel.pipeline<4>) {
  %s = kernel.pipeline_start : !kernel.pipeline_state<3>
  // expected-error @+1 {{expected a state of 4 stages, but got 3}}
  %i, %f = kernel.pipeline_acquire %p, %s : !kernel.pipeline<4>, !kernel.pipeline_state<3>
  return
}

// -----
// pipeline_wait (C1)
func.func @wait_stages(%p: !kernel.pipeline<4>, %s: !kernel.pipeline_state<3>) {
  // expected-error @+1 {{expected a state of 4 stages, but got 3}}
  %i = kernel.pipeline_wait %p, %s : !kernel.pipeline<4>, !kernel.pipeline_state<3>
  return
}

// -----
// pipeline_release (C1)
func.func @release_stages(%p: !kernel.pipeline<4>, %s: !kernel.pipeline_state<3>) {
  // expected-error @+1 {{expected a state of 4 stages, but got 3}}
  kernel.pipeline_release %p, %s : !kernel.pipeline<4>, !kernel.pipeline_state<3>
  return
}

// -----
// pipeline_commit (C1)
func.func @commit_stages(%p: !kernel.pipeline<4>, %s: !kernel.pipeline_state<3>) {
  // expected-error @+1 {{expected a state of 4 stages, but got 3}}
  kernel.pipeline_commit %p, %s : !kernel.pipeline<4>, !kernel.pipeline_state<3>
  return
}

// -----
// pipeline_acquire (C2)
func.func @bytes(%p: !kernel.pipeline<2>, %m: !kernel.tensor_map<64x64xbf16, 128>, %c: i32) {
  %c0 = arith.constant 0 : index
  %t = kernel.shared at 0 : memref<2x64x64xbf16, #gpu.address_space<workgroup>>
  %s = kernel.pipeline_start : !kernel.pipeline_state<2>
  // expected-error @+1 {{expected 'bytes' to be what the copies on the stage bring, 8192, but got 4096}}
  %i, %f = kernel.pipeline_acquire %p, %s bytes 4096 : !kernel.pipeline<2>, !kernel.pipeline_state<2>
  kernel.tma_load %m[%c, %c] to %t[%i, %c0, %c0], %f : !kernel.tensor_map<64x64xbf16, 128>, memref<2x64x64xbf16, #gpu.address_space<workgroup>>
  return
}

// -----
// roles (C1)
func.func @regions() {
  // expected-error @+1 {{expected 'groups' and 'registers' to have 1 values, one for each region, but got 2 and 1}}
  kernel.roles groups [1, 2] registers [40] {
  ^bb0(%group: i32, %thread: i32):
  }
  return
}

// -----
// roles (C2)
func.func @registers() {
  // expected-error @+1 {{expected 'registers' to be a multiple of 8, 24 to 256, but got 100}}
  kernel.roles groups [1] registers [100] {
  ^bb0(%group: i32, %thread: i32):
  }
  return
}

// -----
// roles (C3)
func.func @budget() {
  // expected-error @+1 {{expected registers of all threads to fit in the 64512 of the launch, but got 66560}}
  kernel.roles groups [1, 2] registers [40, 240] {
  ^bb0(%group: i32, %thread: i32):
  }, {
  ^bb0(%group: i32, %thread: i32):
  }
  return
}

// -----
// roles (C4)
gpu.module @kernels {
  gpu.func @block() kernel attributes {known_block_size = array<i32: 384, 1, 1>} {
    // expected-error @+1 {{expected warp groups of 384 threads, the block, but got 256}}
    kernel.roles groups [2] registers [128] {
    ^bb0(%group: i32, %thread: i32):
    }
    gpu.return
  }
}

// -----
// roles (C5)
func.func @release(%p: !kernel.pipeline<2>) {
  // expected-error @+1 {{expected role 0 to release the pipeline that it waits for}}
  kernel.roles groups [1] registers [128] {
  ^bb0(%group: i32, %thread: i32):
    %s = kernel.pipeline_start : !kernel.pipeline_state<2>
    %i = kernel.pipeline_wait %p, %s : !kernel.pipeline<2>, !kernel.pipeline_state<2>
  }
  return
}

// -----
// roles (C5)
func.func @commit(%p: !kernel.pipeline<2>) {
  // expected-error @+1 {{expected role 0 to commit the pipeline that it acquires}}
  kernel.roles groups [1] registers [128] {
  ^bb0(%group: i32, %thread: i32):
    %s = kernel.pipeline_start : !kernel.pipeline_state<2>
    %i, %f = kernel.pipeline_acquire %p, %s : !kernel.pipeline<2>, !kernel.pipeline_state<2>
  }
  return
}

// -----
// roles (C6)
func.func @arguments() {
  // expected-error @+1 {{expected role 0 to have two arguments of i32}}
  kernel.roles groups [1] registers [128] {
  ^bb0(%group: i32):
  }
  return
}
