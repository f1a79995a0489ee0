//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What belongs to the whole model: the weights, which never enter the IR, and
// the named dimensions, from which every size is computed.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_MODULE_OPS_TD
#define FULGUR_MODULE_OPS_TD

include "dialects/Fulgur/IR/FulgurDialect.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferIntRangeInterface.td"

def Fulgur_WeightOp : Op<Fulgur_Dialect, "weight", [Symbol]> {
  let summary = "names the bytes of a weight in a file";
  let description = [{
    Declares a constant of the model by where its bytes are. The bytes are
    read, embedded or mapped when the model is linked or run; passes never see
    them.

    - `file` is relative to the folder of the model.
    - The bytes at `offset` are dense, row-major and little-endian.

    Constraints:
    - (C1) `weight_type` is a statically shaped tensor of integers or floats of
      8 to 64 bits, or of i1 (one byte each).
    - (C2) `offset` is not negative.
    - (C3) The tensor has at most 2⁶³−1 bytes.

    Example:

    ```mlir
    fulgur.weight @q_a in "model.onnx" at 4096 : tensor<7168x1536xf32>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$file,
                       I64Attr:$offset, TypeAttr:$weight_type);
  let assemblyFormat = [{
    $sym_name `in` $file `at` custom<Offset>($offset) attr-dict `:` $weight_type
  }];
  let hasVerifier = 1;
}

def Fulgur_GetWeightOp : Fulgur_Op<"get_weight",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a weight";
  let description = [{
    - `result`: a tensor of the type that the weight declares, or after
      bufferization a memref of the same shape and element type.

    Constraints:
    - (C1) `weight` names a `fulgur.weight`.
    - (C2) `result` has its shape and element type.

    Example:

    ```mlir
    %w = fulgur.get_weight @q_a : tensor<7168x1536xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs AnyTypeOf<[AnyStaticShapeTensor, AnyStaticShapeMemRef]>:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
  let extraClassDefinition = [{
    void $cppClass::getAsmResultNames(::mlir::OpAsmSetValueNameFn setName) {
      setName(getResult(), getWeight());
    }
  }];
}

def Fulgur_DimOp : Fulgur_Op<"dim", [
    DeclareOpInterfaceMethods<InferIntRangeInterface, ["inferResultRanges"]>]> {
  let summary = "the extent of a named dimension";
  let description = [{
    One value for the whole call of the model: dimensions of one name have one
    size. The executable reads it from the shapes of the inputs.

    - `min`, `max`: bounds that `--dim name=min..max` gave.

    Constraints:
    - (C1) `name` is not empty.
    - (C2) 0 ≤ `min` ≤ `max`.

    Example:

    ```mlir
    %s = fulgur.dim "seq" in 1 to 4096
    ```
  }];
  let arguments = (ins StrAttr:$name, DefaultValuedAttr<I64Attr, "0">:$min,
                       OptionalAttr<I64Attr>:$max);
  let results = (outs Index:$result);
  let assemblyFormat = [{
    $name (`in` custom<Offset>($min)^)? (`to` custom<Offset>($max)^)? attr-dict
  }];
  let extraClassDefinition = [{
    void $cppClass::getAsmResultNames(::mlir::OpAsmSetValueNameFn setName) {
      setName(getResult(), getName());
    }
  }];
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name), [{
    build($_builder, $_state, $_builder.getIndexType(),
          $_builder.getStringAttr(name), $_builder.getI64IntegerAttr(0),
          /*max=*/nullptr);
  }]>];
  let hasVerifier = 1;
}

#endif // FULGUR_MODULE_OPS_TD
