//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Which tokens a query attends to: the scores of the lightning indexer and the
// selection of the best.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_SELECTION_OPS_TD
#define FULGUR_SELECTION_OPS_TD

include "dialects/Fulgur/IR/FulgurDialect.td"

def Fulgur_LightningIndexerOp : Fulgur_Op<"lightning_indexer", [Fulgur_Reify, Fulgur_EqualSizes]> {
  let summary = "scores every token for every query with a few cheap heads";
  let description = [{
    `result[b, s, t] = Σ_h weights[b, s, h] ·
    max(0, scale · Σ_d query[b, s, h, d] · key[b, t, d])`

    - `query` `[B, S, Hi, Di]`; `key` `[B, T, Di]`; `weights` `[B, S, Hi]`;
      `result` `[B, S, T]`.
    - Sums are taken in f32 (f64 for f64), whatever the element type.
    - Nothing is masked: `fulgur.select_tokens` sees to that.

    Constraints:
    - (C1) `query` has rank 4, `key`, `weights` and `result` rank 3.
    - (C2) The sizes of one letter agree.
    - (C3) `query` and `key` have one element type, `weights` and `result` the
      same or f32.
    - (C4) `scale` is finite.

    Example:

    ```mlir
    %scores = fulgur.lightning_indexer %q, %k, %w scale 1.0e+00
        : tensor<?x?x64x128xf32>, tensor<?x?x128xf32>, tensor<?x?x64xf32>
        -> tensor<?x?x?xf32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$query, Fulgur_FloatTensor:$key,
                       Fulgur_FloatTensor:$weights, F64Attr:$scale);
  let results = (outs Fulgur_FloatTensor:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $weights `scale` custom<Real>($scale) attr-dict
    `:` type($query) `,` type($key) `,` type($weights) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Fulgur_SelectTokensOp : Fulgur_Op<"select_tokens", [Fulgur_Reify, Fulgur_EqualSizes]> {
  let summary = "the k tokens of the highest score";
  let description = [{
    Names, for every query, the k visible tokens of the highest score, best
    first. Of equal scores the lowest token wins, so the result is exact and
    the same on every machine.

    `result[b, s, :] = top_k(t ↦ scores[b, s, t] + mask[b, s, t])`

    - `scores` `[B, S, T]`; `result` `[B, S, k]`.
    - `mask`: i1 (true is visible) or a float that is added, of size 1 or that
      of `scores` in each dimension; a dynamic size is that of `scores`. Where
      score plus float mask is at most −1e30, the token is not visible.
    - `causal`: query s sees the tokens t ≤ T−S+s only.
    - Where fewer than k tokens are visible, −1 fills the rest.
    - NaN ranks below every number and is still visible.

    Constraints:
    - (C1) `scores`, `mask` and `result` have rank 3.
    - (C2) The sizes of `mask` are 1 or those of `scores`.
    - (C3) `k` is positive.
    - (C4) `result` is `[B, S, k]`.

    Example:

    ```mlir
    %i = fulgur.select_tokens %scores k 2048 causal
        : tensor<?x?x?xf32> -> tensor<?x?x2048xi32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$scores, Optional<Fulgur_MaskTensor>:$mask,
                       I64Attr:$k, UnitAttr:$causal);
  let results = (outs RankedTensorOf<[I32]>:$result);
  let assemblyFormat = [{
    $scores (`mask` $mask^)? `k` custom<Offset>($k) (`causal` $causal^)? attr-dict
    `:` type($scores) (`,` type($mask)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def Fulgur_IndexSelectOp : Fulgur_Op<"index_select", [Fulgur_Reify, Fulgur_EqualSizes]> {
  let summary = "scores the tokens and selects the best k";
  let description = [{
    `fulgur.select_tokens` of `fulgur.lightning_indexer`, without the scores
    between them in memory.

    - `query` `[B, S, Hi, Di]`; `key` `[B, T, Di]`; `weights` `[B, S, Hi]`;
      `mask`, `causal` and ties as in `fulgur.select_tokens`;
      `result` `[B, S, k]`.

    Constraints:
    - (C1) `query` has rank 4, the others rank 3.
    - (C2) The sizes of one letter agree.
    - (C3) `query` and `key` have one element type, and `weights` the same or f32:
      it is that of the scores.
    - (C4) `scale` is finite.
    - (C5) The sizes of `mask` are 1 or those of `[B, S, T]`.
    - (C6) `k` is positive.
    - (C7) `result` is `[B, S, k]`.

    Example:

    ```mlir
    %i = fulgur.index_select %q, %k, %w scale 1.0e+00 k 2048 causal
        : tensor<?x?x64x128xf32>, tensor<?x?x128xf32>, tensor<?x?x64xf32>
        -> tensor<?x?x2048xi32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$query, Fulgur_FloatTensor:$key,
                       Fulgur_FloatTensor:$weights, Optional<Fulgur_MaskTensor>:$mask,
                       F64Attr:$scale, I64Attr:$k, UnitAttr:$causal);
  let results = (outs RankedTensorOf<[I32]>:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $weights (`mask` $mask^)? `scale` custom<Real>($scale)
    `k` custom<Offset>($k) (`causal` $causal^)? attr-dict
    `:` type($query) `,` type($key) `,` type($weights) (`,` type($mask)^)?
    `->` type($result)
  }];
  let hasVerifier = 1;
}

def Fulgur_SelectionMaskOp : Fulgur_Op<"selection_mask", [Fulgur_Reify]> {
  let summary = "a selection as a mask of all tokens";
  let description = [{
    The form in which attention over all tokens takes what attention over
    selected ones takes as indices.

    `result[b, s, t]` is true if `indices[b, s, :]` has t.

    - `indices` `[B, S, K]`; `tokens` is T; `result` `[B, S, T]`.
    - A negative index selects nothing.
    - An index of T or more is undefined behaviour.

    Constraints:
    - (C1) `indices` and `result` have rank 3.
    - (C2) The sizes of one letter agree.

    Example:

    ```mlir
    %m = fulgur.selection_mask %i of %t : tensor<?x?x2048xi32> -> tensor<?x?x?xi1>
    ```
  }];
  let arguments = (ins RankedTensorOf<[I32]>:$indices, Index:$tokens);
  let results = (outs RankedTensorOf<[I1]>:$result);
  let assemblyFormat = [{
    $indices `of` $tokens attr-dict `:` type($indices) `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif // FULGUR_SELECTION_OPS_TD
