//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The `onnx` dialect: a thin mirror of the ONNX standard, so that raise
// patterns can be written on the names that exporters use.
//
//===----------------------------------------------------------------------===//
#ifndef ONNX_DIALECT_TD
#define ONNX_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def ONNX_Dialect : Dialect {
  let name = "onnx";
  let cppNamespace = "::fulgur::onnx";
  let summary = "operators of the ONNX standard";
  let description = [{
    Lives from the import to the end of the raise stage. Every operator has the
    name, the inputs, the outputs and the attributes of the standard, in the
    newest form that the importer knows (`ReduceMean`'s axes, for example, are
    always an input):

    - Attributes are discardable: `INT` is an `i64`, `FLOAT` an `f32`, `STRING`
      a string, `INTS` an `array<i64>`, `FLOATS` an `array<f32>`, `TENSOR` a
      `dense<…>`.
    - An optional input that is absent is an `onnx.None`; absent ones at the end
      are dropped.
    - Everything is `Pure`: the random operators with no seed are refused at
      import.
  }];
}

class ONNX_Op<string name> : Op<ONNX_Dialect, name, [Pure]> {
  let summary = "the operator `" # name # "` of ai.onnx";
  let arguments = (ins Variadic<AnyType>:$inputs);
  let results = (outs Variadic<AnyType>:$outputs);
  let assemblyFormat = "`(` $inputs `)` attr-dict `:` functional-type($inputs, $outputs)";
}

def ONNX_NoneOp : Op<ONNX_Dialect, "None", [Pure]> {
  let summary = "an optional input that is absent";
  let results = (outs NoneType:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

#endif // ONNX_DIALECT_TD
