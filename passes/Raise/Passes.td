//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_PASSES_TD
#define PASSES_RAISE_PASSES_TD

include "mlir/Pass/PassBase.td"

def SetDimsPass : Pass<"fulgur-set-dims", "::mlir::ModuleOp"> {
  let summary = "Fix or bound the named dimensions of the model";
  let description = [{
    `name=N` makes a named dimension static in the types of the arguments and
    wherever the code asks for it; `name=MIN..MAX` records bounds, which the
    executable checks and the arena is planned for.

    ```mlir
    func.func @main(%x: tensor<?x4xf32> {fulgur.dims = ["batch", ""]}) …
      %b = fulgur.dim "batch" : index
    // with dims=batch=2
    func.func @main(%x: tensor<2x4xf32> {fulgur.dims = ["", ""]}) …
      %b = arith.constant 2 : index
    ```

    Does not change the types of results; fulgur-fold-onnx refines them. Fails
    on names that the model does not have.
  }];
  let options = [
    ListOption<"dims", "dims", "std::string",
               "Dimensions as name=N or name=MIN..MAX">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def FoldONNXPass : Pass<"fulgur-fold-onnx", "::mlir::ModuleOp"> {
  let summary = "Compute the shape arithmetic of imported graphs at compile time";
  let description = [{
    Exporters compute shapes with operators: `Shape`, `Gather`, `Concat`, … in
    front of `Reshape` and `Expand`. This pass knows every size as an expression
    over the named dimensions, and with it

    - makes extents static in types where they are constant,
    - replaces small integer tensors by constants, or by index arithmetic over
      `fulgur.dim`,
    - folds operators on small constants, and removes those that do nothing.

    ```mlir
    %s = onnx.Shape(%x) {start = 1 : i64} : (tensor<?x?x8xf32>) -> tensor<2xi64>
    // with fulgur.dims = ["batch", "seq", ""]
    %d = fulgur.dim "seq"
    %c = arith.index_cast %d : index to i64
    %s = tensor.from_elements %c, %c8 : tensor<2xi64>
    ```

    Does not touch floating-point arithmetic whose result could differ.
  }];
  let dependentDialects = ["::fulgur::FulgurDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

#endif // PASSES_RAISE_PASSES_TD
