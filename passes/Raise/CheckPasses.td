//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The passes that let a step check what only its inputs tell.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_CHECKPASSES_TD
#define PASSES_RAISE_CHECKPASSES_TD

include "mlir/Pass/PassBase.td"

def CheckSizesPass : Pass<"fulgur-check-sizes", "::mlir::ModuleOp"> {
  let summary = "let the step check that operands of fulgur operations agree";
  let description = [{
    ```mlir
    %y = fulgur.attention %q, %k, %v scale 1.0e+00 : tensor<?x?x4x8xf32>, tensor<?x?x4x8xf32>, …
    // gets, in front of it, unless the names of dimensions tell,
    %0 = tensor.dim %k, %c0 : tensor<?x?x4x8xf32>
    %1 = tensor.dim %q, %c0 : tensor<?x?x4x8xf32>
    %2 = arith.cmpi eq, %0, %1 : index
    cf.assert %2, "attention: expected dimension 0 of 'key' to be dimension 0 of 'query'"
    ```

    The indices of a sparse attention that were not selected from as many
    tokens are compared with their number. Does not look at operations of other
    dialects: `fulgur-check-extents` does.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def CheckExtentsPass : Pass<"fulgur-check-extents", "::mlir::ModuleOp"> {
  let summary = "let the step check that operands have the sizes they are read by";
  let description = [{
    ```mlir
    %y = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x4xf32>) outs(…)
    // gets, in front of it,
    %0 = tensor.dim %a, %c1 : tensor<?x?xf32>
    %1 = tensor.dim %b, %c0 : tensor<?x4xf32>
    %2 = arith.cmpi eq, %0, %1 : index
    cf.assert %2, "operands have different sizes"
    ```

    What is certain folds away once extents have names. Does not look at what
    bodies read by indices of their own.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::tensor::TensorDialect"];
}

#endif // PASSES_RAISE_CHECKPASSES_TD
