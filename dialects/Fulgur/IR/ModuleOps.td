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
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferIntRangeInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Fulgur_WeightOp : Op<Fulgur_Dialect, "weight", [Symbol]> {
  let summary = "names the bytes of a weight in a file";
  let description = [{
    Declares a constant of the model by where its bytes are. The bytes are
    read, embedded or mapped when the model is linked or run; passes never see
    them.

    - `file` is relative to the folder of the model.
    - The bytes at `offset` are dense, row-major and little-endian.
    - `packed`: the step gets each matrix `[K, N]` of the last two dimensions as
      `[ceil(N / packed), K, packed]`, padded with zeros. The runtime packs once,
      when it loads the weight.
    - `transposed`: the matrices are stored as `[N, K]`.
    - `deinterleaved = [axis, period, begin, end]`: of every `period` entries
      along `axis`, as stored, the step gets those of [begin, end) in another
      order: the even ones, then the odd ones. The runtime moves them when it
      loads the weight, before it packs.

    Constraints:
    - (C1) `weight_type` is a statically shaped tensor of integers or floats of
      8 to 64 bits, or of i1 (one byte each).
    - (C2) `offset` is not negative.
    - (C3) The tensor has at most 2⁶³−1 bytes.
    - (C4) `packed` is positive, and the weight then has 2 dimensions or more.
    - (C5) Only a packed weight is `transposed`.
    - (C6) `deinterleaved` has 4 numbers; `axis` is a dimension, `period` is
      positive and divides its size, 0 ≤ begin < end ≤ period, and end − begin
      is even.

    Example:

    ```mlir
    fulgur.weight @q_a in "model.onnx" at 4096 : tensor<7168x1536xf32>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$file,
                       I64Attr:$offset, OptionalAttr<I64Attr>:$packed,
                       UnitAttr:$transposed,
                       OptionalAttr<DenseI64ArrayAttr>:$deinterleaved,
                       TypeAttr:$weight_type);
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name,
                                 "::llvm::StringRef":$file, "int64_t":$offset,
                                 "::mlir::Type":$type), [{
    build($_builder, $_state, name, file, offset, /*packed=*/nullptr,
          /*transposed=*/false, /*deinterleaved=*/nullptr, type);
  }]>];
  let extraClassDeclaration = [{
    /// The type of what the step gets: the stored one, or that of the panels.
    ::mlir::RankedTensorType getStepType();
  }];
  let assemblyFormat = [{
    $sym_name `in` $file `at` custom<Offset>($offset) attr-dict `:` $weight_type
  }];
  let hasVerifier = 1;
}

def Fulgur_GetWeightOp : Fulgur_Op<"get_weight",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a weight";
  let description = [{
    - `result`: a tensor of the type that the weight declares, of panels if it
      is packed, or after bufferization a memref of the same shape and element
      type.

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

def Fulgur_SelectWeightOp : Fulgur_Op<"select_weight",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of one of several weights of one type";
  let description = [{
    What a function of several layers reads: each call gives the number of its
    layer. `result = get_weight weights[layer]`

    - `result` as in `fulgur.get_weight`.
    - `layer` outside of the table is undefined behaviour.

    Constraints:
    - (C1) `weights` has one name or more, and each names a `fulgur.weight`.
    - (C2) `result` has the shape and element type of each of them.
    - (C3) All have the same `packed` and `transposed`.

    Example:

    ```mlir
    %w = fulgur.select_weight [@q_a_0, @q_a_1] at %layer : tensor<7168x1536xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefArrayAttr:$weights, Index:$layer);
  let results = (outs AnyTypeOf<[AnyStaticShapeTensor, AnyStaticShapeMemRef]>:$result);
  let assemblyFormat = "$weights `at` $layer attr-dict `:` type($result)";
  let extraClassDefinition = [{
    void $cppClass::getAsmResultNames(::mlir::OpAsmSetValueNameFn setName) {
      setName(getResult(), "weight");
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

def Fulgur_PackedMatmulOp : Op<Fulgur_Dialect, "packed_matmul", [
    DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "matrix product with panels of packed weights";
  let description = [{
    Adds a product to `init`, in f32, like `linalg.matmul`. What it needs is one
    layout of the weight for many rows and for one: a panel is read from its
    first byte to its last.

    `result[m, n] = init[m, n] + Σ_k lhs[m, k] · panels[n / R, k, n mod R]`

    - `lhs` `[M, K]`; `panels` `[ceil(N / R), K, R]`; `init`, `result` `[M, N]`.
    - On tensors there is a result; on memrefs `init` is written to.
    - The columns of the last panel behind N are not read.
    - `columns`: there are several weights, whose products lie side by side in
      the result; weight i has `columns[i]` columns, and panels of its own.

    Constraints:
    - (C1) `lhs` and `init` have rank 2 and `panels` rank 3; all are tensors or
      all are memrefs.
    - (C2) The sizes M, K and ceil(N / R) of the operands agree.
    - (C3) `init` is f32; `lhs` and `panels` have one type: f32, f16 or bf16.
    - (C4) The result has the type of `init`; there is none on memrefs.
    - (C5) `columns` has a positive number for each of several weights, and
      their sum is N; for one weight there is none.

    Example:

    ```mlir
    %y = fulgur.packed_matmul %x, %w, %zero
        : tensor<?x2048xf32>, tensor<66x2048x32xf32>, tensor<?x2112xf32>
    %z = fulgur.packed_matmul %x, [%a, %b], %zero columns [1536, 576]
        : tensor<?x2048xf32>, [tensor<48x2048x32xf32>, tensor<18x2048x32xf32>],
          tensor<?x2112xf32>
    ```
  }];
  let arguments = (ins AnyShaped:$lhs, Variadic<AnyShaped>:$panels, AnyShaped:$init,
                       OptionalAttr<DenseI64ArrayAttr>:$columns);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $lhs `,` custom<OneOrList>($panels) `,` $init (`columns` $columns^)? attr-dict
    `:` type($lhs) `,` custom<OneOrListTypes>(type($panels)) `,`
    custom<InitAndResult>(type($init), type($results))
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
  let hasVerifier = 1;
}

#endif // FULGUR_MODULE_OPS_TD
