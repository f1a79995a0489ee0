// Code for other processors than this one: the widest registers that each has.

// RUN: fulgur-compile %s --emit=asm --mcpu=x86-64-v4 -o - | FileCheck %s --check-prefix=V4
// RUN: fulgur-compile %s --emit=asm --mcpu=x86-64-v3 -o - | FileCheck %s --check-prefix=V3
// RUN: fulgur-compile %s --emit=asm --mcpu=x86-64 -o - | FileCheck %s --check-prefix=V1
// V4: vaddps {{.*}}%zmm
// V3-NOT: %zmm
// V3: vaddps {{.*}}%ymm
// V3-NOT: %zmm
// V1-NOT: %ymm
// V1: addps {{.*}}%xmm
// V1-NOT: %ymm

// RUN: sh -c 'fulgur-compile %s --emit=asm --mcpu=abacus -o - 2>%t.err; test $? = 1'
// RUN: FileCheck %s --check-prefix=ABACUS --input-file=%t.err
// RUN: sh -c 'fulgur-compile %s --emit=asm --mcpu=i386 -o - 2>%t.err; test $? = 1'
// RUN: FileCheck %s --check-prefix=I386 --input-file=%t.err
// ABACUS: error: expected the processor to be 'native' or a 64-bit one that LLVM knows, such as {{.*}}, but got 'abacus'
// I386: error: expected the processor to be {{.*}}, but got 'i386'
module attributes {fulgur.stage = "mlir:lowered"} {
  llvm.func @fulgur_step(%step: !llvm.ptr) {
    %v = llvm.load %step : !llvm.ptr -> vector<16xf32>
    %sum = llvm.fadd %v, %v : vector<16xf32>
    llvm.store %sum, %step : vector<16xf32>, !llvm.ptr
    llvm.return
  }
}
