//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tensor pieces that every layer uses: normalisation and the gated activation.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_TENSOR_OPS_TD
#define FULGUR_TENSOR_OPS_TD

include "dialects/Fulgur/IR/FulgurDialect.td"

def Fulgur_RMSNormOp : Fulgur_Op<"rms_norm",
    [AllTypesMatch<["input", "result"]>]> {
  let summary = "root-mean-square normalisation of the last dimension";
  let description = [{
    Divides each row by its root mean square and scales it.

    `result[…, d] = input[…, d] / sqrt(mean_d(input[…, d]²) + eps) · scale[d]`

    - `input` `[…, D]`, rank ≥ 1; `scale` `[D]`; `result` `[…, D]`.
    - The mean is taken in f32 (f64 for f64 input), whatever the element type.
    - An empty row gives an empty row; NaN and infinities spread over their row.

    Constraints:
    - (C1) `scale` has rank 1 and the size of the last dimension of `input`.
    - (C2) `scale` has the element type of `input`.
    - (C3) `eps` is finite and not negative.

    Example:

    ```mlir
    %y = fulgur.rms_norm %x, %w eps 1.0e-06 : tensor<?x7168xf32>, tensor<7168xf32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$input, Fulgur_FloatTensor:$scale,
                       F64Attr:$eps);
  let results = (outs Fulgur_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $scale `eps` custom<Real>($eps) attr-dict `:` type($input) `,` type($scale)
  }];
  let hasVerifier = 1;
}

def Fulgur_SwiGLUOp : Fulgur_Op<"swiglu",
    [AllTypesMatch<["gate", "up", "result"]>]> {
  let summary = "gated activation silu(gate) · up";
  let description = [{
    Multiplies the sigmoid-weighted gate with the up projection, element by
    element.

    `result = gate / (1 + exp(−gate)) · up`

    - `gate`, `up`, `result`: one shape and type.
    - A gate of −inf gives NaN (−inf · 0), as the formula does.

    Example:

    ```mlir
    %h = fulgur.swiglu %gate, %up : tensor<?x2048xf32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$gate, Fulgur_FloatTensor:$up);
  let results = (outs Fulgur_FloatTensor:$result);
  let assemblyFormat = "$gate `,` $up attr-dict `:` type($gate)";
}

#endif // FULGUR_TENSOR_OPS_TD
