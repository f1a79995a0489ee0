//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// 8-bit floats with one scale for each block of a tensor: activations in blocks
// of a row, weights in blocks of a matrix, and products of the two.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_QUANTIZATION_OPS_TD
#define FULGUR_QUANTIZATION_OPS_TD

include "dialects/Fulgur/IR/FulgurDialect.td"

def Fulgur_Float8Tensor : RankedTensorOf<[F8E4M3FN]>;
/// What is worth 8 bits; they would be too few for an f64.
def Fulgur_WideTensor : RankedTensorOf<[F32, BF16, F16]>;
def Fulgur_ScaleTensor : RankedTensorOf<[F32]>;

def Fulgur_QuantizeOp : Fulgur_Op<"quantize", [Fulgur_Reify], "values scales"> {
  let summary = "stores a tensor in 8 bits, with a scale for each block";
  let description = [{
    Scales every block so that its greatest magnitude becomes 448, the largest
    finite value of `f8E4M3FN`, and rounds to nearest, ties to even.

    `amax[i, j] = max(1e−4, max_(r, c in block (i, j)) |input[r, c]|)`,
    `scales[i, j] = amax[i, j] / 448`,
    `values[r, c] = clamp(input[r, c] / scales[r / rows, c / columns], ±448)`,
    where `block = [rows, columns]`

    - `input` and `values` `[…, R, C]`; `scales` `[…, ⌈R / rows⌉,
      ⌈C / columns⌉]`. Leading dimensions are not blocked, and a tensor of rank
      1 is one row.
    - Blocks at the end of a row or column that does not divide are smaller.
    - `ue8m0`: scales are rounded up to a power of two, which 8 bits of
      exponent can store.
    - All of this is computed in f32, and the quotient rounded once more.
    - A block of zeros has the scale of 1e−4 / 448.
    - NaN stays NaN in its element, and does not count for the scale.
    - An infinity makes the scale of its block infinite, its own element NaN
      and the others zero.

    This is DeepSeek's `act_quant` with `[1, 128]`, and how it stores weights
    with `[128, 128]`.

    Constraints:
    - (C1) `block` is two positive sizes.
    - (C2) `input` has a rank of at least 1, and of at least 2 if a block has
      more than one row.
    - (C3) `values` has the shape of `input`.
    - (C4) `scales` has the rank of `input`, and a size for each block.

    Example:

    ```mlir
    %v, %s = fulgur.quantize %x block [1, 128] ue8m0
        : tensor<?x7168xf32> -> tensor<?x7168xf8E4M3FN>, tensor<?x56xf32>
    ```
  }];
  let arguments = (ins Fulgur_WideTensor:$input, DenseI64ArrayAttr:$block,
                       UnitAttr:$ue8m0);
  let results = (outs Fulgur_Float8Tensor:$values, Fulgur_ScaleTensor:$scales);
  let assemblyFormat = [{
    $input `block` $block (`ue8m0` $ue8m0^)? attr-dict
    `:` type($input) `->` type($values) `,` type($scales)
  }];
  let hasVerifier = 1;
}

def Fulgur_DequantizeOp : Fulgur_Op<"dequantize", [Fulgur_Reify]> {
  let summary = "multiplies 8-bit values with the scales of their blocks";
  let description = [{
    `result[r, c] = values[r, c] · scales[r / rows, c / columns]`, where
    `block = [rows, columns]`

    - `values` and `result` `[…, R, C]`; `scales` `[…, ⌈R / rows⌉,
      ⌈C / columns⌉]`, as `fulgur.quantize` makes them.
    - The product is f32, and rounded once to the element type of `result`.
    - Scales multiply, also those that checkpoints call `weight_scale_inv`.

    It does not undo `fulgur.quantize`, which rounds.

    Constraints:
    - (C1) `block` is two positive sizes.
    - (C2) `values` has a rank of at least 1, and of at least 2 if a block has
      more than one row.
    - (C3) `result` has the shape of `values`.
    - (C4) `scales` has the rank of `values`, and a size for each block.

    Example:

    ```mlir
    %w = fulgur.dequantize %v, %s block [128, 128]
        : tensor<576x7168xf8E4M3FN>, tensor<5x56xf32> -> tensor<576x7168xbf16>
    ```
  }];
  let arguments = (ins Fulgur_Float8Tensor:$values, Fulgur_ScaleTensor:$scales,
                       DenseI64ArrayAttr:$block);
  let results = (outs Fulgur_WideTensor:$result);
  let assemblyFormat = [{
    $values `,` $scales `block` $block attr-dict
    `:` type($values) `,` type($scales) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Fulgur_ScaledMatmulOp : Fulgur_Op<"scaled_matmul", [Fulgur_Reify]> {
  let summary = "multiplies two matrices of 8-bit values with scales of blocks";
  let description = [{
    `result[m, n] = Σ_b lhs_scales[m / bm, b] · rhs_scales[n / bn, b] ·
    Σ_(k in block b) lhs[m, k] · rhs[n, k]`, where `block = [bm, bn, bk]`

    - `lhs` `[M, K]`; `lhs_scales` `[⌈M / bm⌉, ⌈K / bk⌉]`; `rhs` `[N, K]`, as
      checkpoints store weights; `rhs_scales` `[⌈N / bn⌉, ⌈K / bk⌉]`; `result`
      `[M, N]`.
    - Both sums are f32. The inner one is scaled by the product of the two
      scales, and the outer one rounded to the element type of `result`.
    - The last block of each dimension may be smaller. K = 0 gives zeros.

    This is DeepSeek's `fp8_gemm` with `[1, 128, 128]`: activations in blocks of
    a row, and weights in blocks of a matrix.

    Constraints:
    - (C1) `lhs`, `rhs`, their scales and `result` have rank 2.
    - (C2) `block` is three positive sizes.
    - (C3) The sizes of one letter agree.
    - (C4) The scales have a size for each block.

    Example:

    ```mlir
    %y = fulgur.scaled_matmul %x scales %xs, %w scales %ws block [1, 128, 128]
        : tensor<?x7168xf8E4M3FN>, tensor<?x56xf32>, tensor<576x7168xf8E4M3FN>, tensor<5x56xf32>
        -> tensor<?x576xbf16>
    ```
  }];
  let arguments = (ins Fulgur_Float8Tensor:$lhs, Fulgur_ScaleTensor:$lhs_scales,
                       Fulgur_Float8Tensor:$rhs, Fulgur_ScaleTensor:$rhs_scales,
                       DenseI64ArrayAttr:$block);
  let results = (outs Fulgur_WideTensor:$result);
  let assemblyFormat = [{
    $lhs `scales` $lhs_scales `,` $rhs `scales` $rhs_scales `block` $block
    attr-dict `:` type($lhs) `,` type($lhs_scales) `,` type($rhs) `,`
    type($rhs_scales) `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif // FULGUR_QUANTIZATION_OPS_TD
