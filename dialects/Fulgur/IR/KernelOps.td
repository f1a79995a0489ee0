//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How an operation that the target has a kernel for gets through bufferization.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_KERNEL_OPS_TD
#define FULGUR_KERNEL_OPS_TD

include "dialects/Fulgur/IR/FulgurDialect.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"

def Fulgur_CallKernelOp : Op<Fulgur_Dialect, "call_kernel", [
    AttrSizedOperandSegments, DestinationStyleOpInterface, Fulgur_Reify,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "an operation of this dialect that a kernel of the target computes";
  let description = [{
    What `fulgur.` followed by `kernel` computes of `inputs`, with the attributes
    in `config`, is written to `inits`. The operations of the model give values;
    a kernel has to be told where: this is the form in between, on tensors until
    bufferization and on memrefs after it.

    - On tensors there is a result for each of `inits`; on memrefs these are
      written to. What was in them is not read.
    - An optional operand that the operation does not have is not among `inputs`.
    - `inits` beyond the results of the operation are scratch memory: what is in
      them afterwards means nothing.

    Constraints:
    - (C1) The shaped operands are all tensors or all memrefs; `inits` are shaped.
    - (C2) On tensors the results have the types of `inits`; on memrefs there are
      none.
    - (C3) `fulgur.` followed by `kernel` is an operation of this dialect.

    Example:

    ```mlir
    %i = fulgur.call_kernel "select_tokens" (%scores) into (%e) config {k = 2048, causal}
        : (tensor<?x?x?xf32>) into (tensor<?x?x2048xi32>) -> tensor<?x?x2048xi32>
    fulgur.call_kernel "select_tokens" (%scores) into (%e) config {k = 2048, causal}
        : (memref<?x?x?xf32>) into (memref<?x?x2048xi32>)
    ```
  }];
  let arguments = (ins StrAttr:$kernel, Variadic<AnyType>:$inputs,
                       Variadic<AnyShaped>:$inits, DictionaryAttr:$config);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` `into` `(` $inits `)` `config` $config attr-dict
    `:` `(` type($inputs) `)` `into` `(` type($inits) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitsMutable(); }
  }];
  let hasVerifier = 1;
}

#endif // FULGUR_KERNEL_OPS_TD
