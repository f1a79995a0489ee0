//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rotary position embedding: the table of angles, and the rotation.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_ROTARY_OPS_TD
#define FULGUR_ROTARY_OPS_TD

include "dialects/Fulgur/IR/FulgurDialect.td"
include "dialects/Fulgur/IR/FulgurEnums.td"

def Fulgur_RotaryTableOp : Fulgur_Op<"rotary_table", [
    Fulgur_Reify, AllTypesMatch<["cos", "sin"]>], "cos sin"> {
  let summary = "cosine and sine of position times inverse frequency";
  let description = [{
    Computes the rotation of every position, once for all layers.

    `angle = f(positions[b, s]) · inv_freq[i]`,
    `cos = scale · cos(angle)`, `sin = scale · sin(angle)`

    - `positions` `[Bp, S]`; `inv_freq` `[R/2]`; `cos`, `sin` `[Bp, S, R/2]`.
    - `scale` is the attention factor of stretched embeddings (1 without).
    - The angle is taken in f32 (f64 for f64 `inv_freq`), whatever the element
      type.

    Constraints:
    - (C1) `positions` has rank 2, `inv_freq` rank 1 and the results rank 3.
    - (C2) The sizes of the results are those of `positions` and `inv_freq`.
    - (C3) The element type of the results is that of `inv_freq`.
    - (C4) `scale` is finite.

    Example:

    ```mlir
    %cos, %sin = fulgur.rotary_table %positions, %inv_freq
        : tensor<?x?xi64>, tensor<32xf32> -> tensor<?x?x32xf32>
    ```
  }];
  let arguments = (ins RankedTensorOf<[I32, I64]>:$positions,
                       Fulgur_FloatTensor:$inv_freq,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale);
  let results = (outs Fulgur_FloatTensor:$cos, Fulgur_FloatTensor:$sin);
  let assemblyFormat = [{
    $positions `,` $inv_freq (`scale` custom<Real>($scale)^)? attr-dict
    `:` type($positions) `,` type($inv_freq) `->` type($cos)
  }];
  let hasVerifier = 1;
}

def Fulgur_RotaryEmbeddingOp : Fulgur_Op<"rotary_embedding", [
    Fulgur_Reify, Fulgur_EqualSizes, AllTypesMatch<["input", "result"]>,
    AllTypesMatch<["cos", "sin"]>]> {
  let summary = "rotates pairs of elements by the angle of their position";
  let description = [{
    Rotates R of the D elements of each row, the first (`leading`) or the last
    (`trailing`), where R is twice the last size of `cos`; the others pass
    through.

    `out_a = a · cos − b · sin`, `out_b = b · cos + a · sin`, where the i-th
    pair (a, b) stands at

    | layout          | read from      | written to     |
    |-----------------|----------------|----------------|
    | `interleaved`   | (2i, 2i+1)     | (2i, 2i+1)     |
    | `half_split`    | (i, i+R/2)     | (i, i+R/2)     |
    | `deinterleaved` | (2i, 2i+1)     | (i, i+R/2)     |

    - `input`, `result` `[B, S, D]` or `[B, S, H, D]`; `cos`, `sin`
      `[Bp, S, R/2]`. A static Bp of 1 serves the whole batch; any other is B.

    Constraints:
    - (C1) `input` has rank 3 or 4 and `cos` rank 3.
    - (C2) The first size of `cos` is 1 or that of `input`, the second that of
      `input`.
    - (C3) R is at most the last size of `input`.
    - (C4) `cos` has the element type of `input`.

    Example:

    ```mlir
    %r = fulgur.rotary_embedding %q, %cos, %sin interleaved trailing
        : tensor<?x?x128x192xf32>, tensor<?x?x32xf32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$input, Fulgur_FloatTensor:$cos,
                       Fulgur_FloatTensor:$sin, Fulgur_RotaryLayout:$layout,
                       Fulgur_RotaryPlacement:$placement);
  let results = (outs Fulgur_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $cos `,` $sin $layout $placement attr-dict
    `:` type($input) `,` type($cos)
  }];
  let hasVerifier = 1;
}

#endif // FULGUR_ROTARY_OPS_TD
