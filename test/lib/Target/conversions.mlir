// The conversions between f16, bf16 and the rest need nothing but what is
// linked anyway, on a processor that has them and on one that has none.

// RUN: fulgur-compile %s --emit=shared-lib --mcpu=x86-64 -o %t.so
// RUN: fulgur-compile %s --emit=shared-lib --mcpu=x86-64-v3 -o %t.so
// RUN: fulgur-compile %s --emit=shared-lib --mcpu=sapphirerapids -o %t.so
// RUN: fulgur-compile %s --emit=object --mcpu=x86-64 -o %t.o
// RUN: llvm-nm %t.o | FileCheck %s
// CHECK: W __truncdfbf2
// CHECK: U __truncdfhf2
// CHECK: W __truncsfbf2
module attributes {fulgur.stage = "mlir:lowered"} {
  llvm.func @fulgur_step(%s: !llvm.ptr) {
    %f = llvm.load %s : !llvm.ptr -> f32
    %d = llvm.load %s : !llvm.ptr -> f64
    %h = llvm.load %s : !llvm.ptr -> f16
    %b = llvm.load %s : !llvm.ptr -> bf16
    %v = llvm.load %s : !llvm.ptr -> vector<8xf32>
    %1 = llvm.fptrunc %f : f32 to bf16
    llvm.store %1, %s : bf16, !llvm.ptr
    %2 = llvm.fptrunc %d : f64 to bf16
    llvm.store %2, %s : bf16, !llvm.ptr
    %3 = llvm.fptrunc %f : f32 to f16
    llvm.store %3, %s: f16, !llvm.ptr
    %4 = llvm.fptrunc %d : f64 to f16
    %5 = llvm.fpext %h : f16 to f32
    %6 = llvm.fpext %h : f16 to f64
    %7 = llvm.fpext %b : bf16 to f64
    %8 = llvm.fadd %b, %1 : bf16
    %9 = llvm.fadd %h, %3 : f16
    %10 = llvm.fptrunc %v : vector<8xf32> to vector<8xbf16>
    %11 = llvm.fptrunc %v : vector<8xf32> to vector<8xf16>
    %12 = llvm.intr.exp(%f) : (f32) -> f32
    %13 = llvm.intr.exp(%v) : (vector<8xf32>) -> vector<8xf32>
    %14 = llvm.intr.tanh(%f) : (f32) -> f32
    %15 = llvm.intr.exp(%b) : (bf16) -> bf16
    %16 = llvm.intr.exp(%h) : (f16) -> f16
    %i = llvm.load %s : !llvm.ptr -> i64
    %17 = llvm.sitofp %i : i64 to bf16
    %18 = llvm.uitofp %i : i64 to bf16
    llvm.store volatile %2, %s : bf16, !llvm.ptr
    llvm.store volatile %4, %s : f16, !llvm.ptr
    llvm.store volatile %5, %s : f32, !llvm.ptr
    llvm.store volatile %6, %s : f64, !llvm.ptr
    llvm.store volatile %7, %s : f64, !llvm.ptr
    llvm.store volatile %8, %s : bf16, !llvm.ptr
    llvm.store volatile %9, %s : f16, !llvm.ptr
    llvm.store volatile %10, %s : vector<8xbf16>, !llvm.ptr
    llvm.store volatile %11, %s : vector<8xf16>, !llvm.ptr
    llvm.store volatile %12, %s : f32, !llvm.ptr
    llvm.store volatile %13, %s : vector<8xf32>, !llvm.ptr
    llvm.store volatile %14, %s : f32, !llvm.ptr
    llvm.store volatile %15, %s : bf16, !llvm.ptr
    llvm.store volatile %16, %s : f16, !llvm.ptr
    llvm.store volatile %17, %s : bf16, !llvm.ptr
    llvm.store volatile %18, %s : bf16, !llvm.ptr
    llvm.return
  }
}
