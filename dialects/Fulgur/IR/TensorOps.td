//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tensor pieces that every layer uses: normalisation, projection, the gated
// activation, and the growing of a cache.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_TENSOR_OPS_TD
#define FULGUR_TENSOR_OPS_TD

include "dialects/Fulgur/IR/FulgurDialect.td"

def Fulgur_RMSNormOp : Fulgur_Op<"rms_norm",
    [Fulgur_Reify, Fulgur_EqualSizes, AllTypesMatch<["input", "result"]>]> {
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

def Fulgur_AddRMSNormOp : Fulgur_Op<"add_rms_norm", [
    Fulgur_Reify, Fulgur_EqualSizes,
    AllTypesMatch<["input", "residual", "sum", "result"]>]> {
  let summary = "root-mean-square normalisation of a sum that is kept";
  let description = [{
    Adds to the residual stream, and normalises what it then is.

    `sum = input + residual`

    `result[…, d] = sum[…, d] / sqrt(mean_d(sum[…, d]²) + eps) · scale[d]`

    - `input`, `residual`, `sum`, `result` `[…, D]`, rank ≥ 1; `scale` `[D]`.
    - The sum is rounded to its element type before it is normalised. The mean
      is taken in f32 (f64 for f64), whatever the element type.
    - An empty row gives an empty row; NaN and infinities spread over their row.

    Constraints:
    - (C1) `scale` has rank 1 and the size of the last dimension of `input`.
    - (C2) `scale` has the element type of `input`.
    - (C3) `eps` is finite and not negative.

    Example:

    ```mlir
    %h, %y = fulgur.add_rms_norm %x, %r, %w eps 1.0e-06 : tensor<?x7168xf32>, tensor<7168xf32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$input, Fulgur_FloatTensor:$residual,
                       Fulgur_FloatTensor:$scale, F64Attr:$eps);
  let results = (outs Fulgur_FloatTensor:$sum, Fulgur_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $residual `,` $scale `eps` custom<Real>($eps) attr-dict
    `:` type($input) `,` type($scale)
  }];
  let hasVerifier = 1;
}

def Fulgur_SwiGLUOp : Fulgur_Op<"swiglu",
    [Fulgur_Reify, Fulgur_EqualSizes, AllTypesMatch<["gate", "up", "result"]>]> {
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

def Fulgur_LayerNormOp : Fulgur_Op<"layer_norm", [
    Fulgur_Reify, Fulgur_EqualSizes, AllTypesMatch<["input", "result"]>,
    AllTypesMatch<["scale", "bias"]>]> {
  let summary = "layer normalisation of the last dimension";
  let description = [{
    Moves each row to mean 0 and variance 1, scales it and adds a bias.

    `result[…, d] = (input[…, d] − mean) / sqrt(variance + eps) · scale[d] +
    bias[d]`, where the variance is `mean_d((input[…, d] − mean)²)`

    - `input`, `result` `[…, D]`, rank ≥ 1; `scale`, `bias` `[D]`.
    - Mean and variance are taken in f32 (f64 for f64 input), whatever the
      element type.
    - An empty row gives an empty row; NaN and infinities spread over their row.

    Constraints:
    - (C1) `scale` has rank 1 and the size of the last dimension of `input`.
    - (C2) `scale` has the element type of `input`.
    - (C3) `eps` is finite and not negative.

    Example:

    ```mlir
    %y = fulgur.layer_norm %x, %w, %b eps 1.0e-06 : tensor<?x128xf32>, tensor<128xf32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$input, Fulgur_FloatTensor:$scale,
                       Fulgur_FloatTensor:$bias, F64Attr:$eps);
  let results = (outs Fulgur_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $scale `,` $bias `eps` custom<Real>($eps) attr-dict
    `:` type($input) `,` type($scale)
  }];
  let hasVerifier = 1;
}

def Fulgur_LinearOp : Fulgur_Op<"linear", [Fulgur_Reify, Fulgur_EqualSizes]> {
  let summary = "multiplies every row with a weight";
  let description = [{
    `result[…, n] = residual[…, n] + Σ_k input[…, k] · weight[k, n]`

    - `input` `[…, K]`, rank ≥ 1; `weight` `[K, N]`, or `[N, K]` if
      `transposed`; `result` `[…, N]`.
    - `residual` `[…, N]`, 0 where there is none: what the product is added to
      before it is rounded and stored.
    - Sums are taken in f32 (f64 for f64), whatever the element type.
    - K = 0 gives the residual.

    Constraints:
    - (C1) `weight` has rank 2; `result` has the rank of `input`, at least 1.
    - (C2) The last size of `input` is K of `weight`.
    - (C3) `result` has the sizes of `input`, the last one N of `weight`.
    - (C4) All have one element type.
    - (C5) `residual` has the rank and the sizes of `result`.

    Example:

    ```mlir
    %y = fulgur.linear %x, %w : tensor<?x?x7168xf32>, tensor<7168x1536xf32> -> tensor<?x?x1536xf32>
    %z = fulgur.linear %x, %o residual %h
        : tensor<?x16384xf32>, tensor<16384x7168xf32>, tensor<?x7168xf32> -> tensor<?x7168xf32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$input, Fulgur_FloatTensor:$weight,
                       Optional<Fulgur_FloatTensor>:$residual,
                       UnitAttr:$transposed);
  let results = (outs Fulgur_FloatTensor:$result);
  let builders = [OpBuilder<(ins "::mlir::Type":$type, "::mlir::Value":$input,
                                 "::mlir::Value":$weight, "bool":$transposed), [{
    build($_builder, $_state, type, input, weight, /*residual=*/{}, transposed);
  }]>];
  let assemblyFormat = [{
    $input `,` $weight (`transposed` $transposed^)? (`residual` $residual^)? attr-dict
    `:` type($input) `,` type($weight) (`,` type($residual)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def Fulgur_CacheUpdateOp : Fulgur_Op<"cache_update", [Fulgur_Reify, Fulgur_EqualSizes]> {
  let summary = "the past entries of a cache, followed by the new ones";
  let description = [{
    Concatenates along `axis`. It is an operation of its own so that later
    stages can append in place instead of copying the past.

    `result = past ++ update`

    - `past` `[…, P, …]`; `update` `[…, S, …]`; `result` `[…, P+S, …]`; any
      element type.
    - P = 0 gives `update`, S = 0 gives `past`.

    Constraints:
    - (C1) All have one rank and `axis` is one of their dimensions.
    - (C2) The sizes agree but for those of `axis`.
    - (C3) The size of `result` along `axis` is P+S.
    - (C4) All have one element type.

    Example:

    ```mlir
    %c = fulgur.cache_update %past, %new axis 1
        : tensor<?x?x512xf32>, tensor<?x?x512xf32> -> tensor<?x?x512xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$past, AnyRankedTensor:$update, I64Attr:$axis);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $past `,` $update `axis` custom<Offset>($axis) attr-dict
    `:` type($past) `,` type($update) `->` type($result)
  }];
  let hasCanonicalizeMethod = 1;
  let hasVerifier = 1;
}

#endif // FULGUR_TENSOR_OPS_TD
