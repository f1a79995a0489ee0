//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The `fulgur` dialect: the model level of a sparse latent-attention
// mixture-of-experts network.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_DIALECT_TD
#define FULGUR_DIALECT_TD

include "dialects/Fulgur/IR/FulgurInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Fulgur_Dialect : Dialect {
  let name = "fulgur";
  let cppNamespace = "::fulgur";
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
  let hasCanonicalizer = 1;
  let summary = "sparse latent-attention mixture-of-experts models";
  let description = [{
    Each operation says *what* a part of the model computes and has an
    executable meaning: `--fulgur-decompose` rewrites it into plain `linalg`.
    Constraints are numbered `(C1)…` in the description, in the verifier and in
    `test/dialects/Fulgur/…/invalid.mlir`.
  }];
}

/// In the text form a result is called by its name in `valueNames`, and a single
/// one by the operation.
class Fulgur_Op<string mnemonic, list<Trait> traits = [], string valueNames = mnemonic>
    : Op<Fulgur_Dialect, mnemonic, !listconcat(traits, [
        Pure, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>])> {
  let extraClassDefinition = [{
    void $cppClass::getAsmResultNames(::mlir::OpAsmSetValueNameFn setName) {
      nameResults(*this, "}] # valueNames # [{", setName);
    }
  }];
}

def Fulgur_FloatTensor : RankedTensorOf<[AnyFloat]>;
/// i1: true is visible. A float is added to the scores.
def Fulgur_MaskTensor : RankedTensorOf<[I1, AnyFloat]>;
/// The sizes of the results as sizes of the operands.
def Fulgur_Reify : DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface,
                                             ["reifyResultShapes"]>;
/// The dimensions of operands that have one size.
def Fulgur_EqualSizes : DeclareOpInterfaceMethods<Fulgur_EqualSizesOpInterface>;

#endif // FULGUR_DIALECT_TD
