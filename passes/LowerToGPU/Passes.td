//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_PASSES_TD
#define PASSES_LOWERTOGPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExpandMathPass : Pass<"fulgur-expand-math", "::mlir::ModuleOp"> {
  let summary = "Write mathematical functions in kernels as arithmetic";
  let description = [{
    PTX has no instruction for most functions, and the library that NVIDIA's
    compiler takes them from is not part of LLVM. In each `gpu.module`, functions
    of f32 that models call often (`exp`, `log`, `log1p`, `tanh`, `erf`, `erfc`)
    become polynomials with an error of a few units in the last place.

    Before:

    ```mlir
    %e = math.exp %x : f32
    ```

    After:

    ```mlir
    %n = math.floor %scaled : f32
    …
    %e = arith.mulf %polynomial, %power : f32
    ```

    Does not touch code outside of kernels, nor what LLVM knows an instruction
    for, such as `sqrt` and `floor`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif // PASSES_LOWERTOGPU_PASSES_TD
