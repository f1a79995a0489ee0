// f32 to bf16 in vectors on a processor that has no instruction for it: no call
// for each element.

// RUN: fulgur-compile %s --emit=asm --mcpu=x86-64-v3 -o - | FileCheck %s --check-prefix=WITHOUT
// RUN: fulgur-compile %s --emit=asm --mcpu=sapphirerapids -o - | FileCheck %s --check-prefix=WITH
// WITHOUT: fulgur_step:
// WITHOUT-NOT: call
// WITHOUT: retq
// WITH: vcvtneps2bf16
module attributes {fulgur.stage = "mlir:lowered"} {
  llvm.func @fulgur_step(%s: !llvm.ptr) {
    %v = llvm.load %s : !llvm.ptr -> vector<16xf32>
    %10 = llvm.fptrunc %v : vector<16xf32> to vector<16xbf16>
    llvm.store %10, %s : vector<16xbf16>, !llvm.ptr
    llvm.return
  }
}
