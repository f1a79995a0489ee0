// RUN: fulgur-opt %s --fulgur-convert-kernel-to-ptx | FileCheck %s

gpu.module @kernels {
  // CHECK-LABEL: llvm.func @shared
  // CHECK: llvm.inline_asm has_side_effects {{.*}}"{\0A.reg .pred p;\0Asetp.ne.b32 p, 1, 0;\0Awgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {$0, $1, $2, $3}, $8, $9, p, 1, 1, 0, 1;\0A}", "=f,=f,=f,=f,0,1,2,3,l,l"
  llvm.func @shared(%acc: vector<4xf32>, %a: i64) -> vector<4xf32> {
    %r = kernel.wgmma_issue %acc, %a, %a element bf16 transpose_b : vector<4xf32>, i64
    llvm.return %r : vector<4xf32>
  }

  // The accumulator counts or not at run time; 8-bit elements have no transposes.
  // CHECK-LABEL: llvm.func @registers
  // CHECK: %[[ON:.*]] = llvm.zext %{{.*}} : i1 to i32
  // CHECK: "{\0A.reg .pred p;\0Asetp.ne.b32 p, $13, 0;\0Awgmma.mma_async.sync.aligned.m64n8k32.f32.e4m3.e4m3 {$0, $1, $2, $3}, {$8, $9, $10, $11}, $12, p, 1, 1;\0A}", "=f,=f,=f,=f,0,1,2,3,r,r,r,r,l,r" {{.*}}%[[ON]]
  llvm.func @registers(%acc: vector<4xf32>, %a: vector<4xi32>, %b: i64, %on: i1) -> vector<4xf32> {
    %r = kernel.wgmma_issue %acc, %a, %b scale_d %on element f8E4M3FN : vector<4xf32>, vector<4xi32>
    llvm.return %r : vector<4xf32>
  }

  // CHECK-LABEL: llvm.func @first
  // CHECK: setp.ne.b32 p, 0, 0;
  llvm.func @first(%acc: vector<4xf32>, %a: i64) -> vector<4xf32> {
    %off = llvm.mlir.constant(false) : i1
    %r = kernel.wgmma_issue %acc, %a, %a scale_d %off element f16 : vector<4xf32>, i64
    llvm.return %r : vector<4xf32>
  }

  // CHECK-LABEL: llvm.func @wait
  // CHECK: "wgmma.wait_group.sync.aligned 1;", "=f,=f,=f,=f,=f,=f,=f,=f,0,1,2,3,4,5,6,7"
  // CHECK: llvm.inline_asm has_side_effects {{.*}}"", "=r,0"
  llvm.func @wait(%a: vector<4xf32>, %b: vector<4xf32>, %i: i32) -> i32 {
    %r:2 = kernel.wgmma_wait 1, %a, %b : vector<4xf32>, vector<4xf32>
    %p = kernel.pin %i
    llvm.return %p : i32
  }
}
