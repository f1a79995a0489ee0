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

#endif // PASSES_RAISE_PASSES_TD
