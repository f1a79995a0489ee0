//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The executable contracts between stages.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_VERIFY_PASSES_TD
#define PASSES_VERIFY_PASSES_TD

include "mlir/Pass/PassBase.td"

def VerifyStagePass : Pass<"fulgur-verify-stage", "::mlir::ModuleOp"> {
  let summary = "Check that a module keeps the contract of a stage";
  let description = [{
    Reports the first operation of each kind that must not be left at the end
    of the stage named by `stage`, with its location (for an imported model:
    the name of its ONNX node), then fails.

    ```mlir
    // fails for stage=mlir:raised: an `onnx` operation is left
    %0 = onnx.Relu(%x) : (tensor<4xf32>) -> tensor<4xf32>
    ```

    Does not change the module, and says nothing about stages without a
    contract.
  }];
  let options = [
    Option<"stage", "stage", "std::string", /*default=*/"\"mlir:raised\"",
           "The stage, as `fulgur-compile --emit=` names it">
  ];
}

#endif // PASSES_VERIFY_PASSES_TD
