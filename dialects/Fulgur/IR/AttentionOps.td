//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Attention over heads of keys and values, over a latent cache, and over the
// selected rows of a latent cache.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_ATTENTION_OPS_TD
#define FULGUR_ATTENTION_OPS_TD

include "dialects/Fulgur/IR/FulgurDialect.td"
include "dialects/Fulgur/IR/FulgurEnums.td"

def Fulgur_AttentionOp : Fulgur_Op<"attention", [Fulgur_Reify, Fulgur_EqualSizes]> {
  let summary = "softmax(scale · query · keyᵀ + mask) · value for each head";
  let description = [{
    Mixes the values of all visible tokens by the softmax of their scores.

    `result[b, s, h] = Σ_t softmax_t(scale · query[b, s, h] · key[b, t, g] +
    mask[b, h, s, t]) · value[b, t, g]` with g = h · Hk / H, rounded down

    - `query` `[B, S, H, D]`; `key` `[B, T, Hk, D]`; `value`
      `[B, T, Hk, Dv]`; `result` `[B, S, H, Dv]`.
    - `mask`: i1 (true is visible) or a float that is added, of size 1 or that
      of `[B, H, S, T]` in each dimension; a dynamic size is the full one.
    - `causal`: query s sees the tokens t ≤ T−S+s only.
    - `window`: query s sees the tokens t > T−S+s−window only.
    - A query that sees no token gives zeros. Scores and sums are f32 (f64 for
      f64), whatever the element type.

    Constraints:
    - (C1) All operands and the result have rank 4.
    - (C2) The sizes of one letter agree.
    - (C3) Hk divides H.
    - (C4) The sizes of `mask` are 1 or those of `[B, H, S, T]`.
    - (C5) `query`, `key`, `value` and `result` have one element type.
    - (C6) `scale` is finite.
    - (C7) `window` is positive.

    Example:

    ```mlir
    %o = fulgur.attention %q, %k, %v scale 7.2e-02 causal
        : tensor<?x?x32x192xf32>, tensor<?x?x8x192xf32>, tensor<?x?x8x128xf32>
        -> tensor<?x?x32x128xf32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$query, Fulgur_FloatTensor:$key,
                       Fulgur_FloatTensor:$value, Optional<Fulgur_MaskTensor>:$mask,
                       F64Attr:$scale, UnitAttr:$causal, OptionalAttr<I64Attr>:$window);
  let results = (outs Fulgur_FloatTensor:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`mask` $mask^)? `scale` custom<Real>($scale)
    (`causal` $causal^)? (`window` custom<Offset>($window)^)? attr-dict
    `:` type($query) `,` type($key) `,` type($value) (`,` type($mask)^)?
    `->` type($result)
  }];
  let hasVerifier = 1;
}

def Fulgur_LatentAttentionOp : Fulgur_Op<"latent_attention", [Fulgur_Reify, Fulgur_EqualSizes]> {
  let summary = "attention whose keys and values are up-projected from a latent";
  let description = [{
    Attention over a cache of one latent and one rotated key a token, shared by
    all heads.

    `[Kn | V] = latent · up` for each head, `K = [Kn | rope_key]`,
    `result = softmax(scale · query · Kᵀ + mask) · V`

    - `query` `[B, S, H, Dn+Dr]`: the last Dr elements of a head are rotated;
      `latent` `[B, T, L]`; `rope_key` `[B, T, Dr]`;
      `up` `[L, H·(Dn+Dv)]`, per head Dn columns for keys, then Dv for values;
      `result` `[B, S, H, Dv]`.
    - `form` says how to compute it, not what: `expanded` builds K and V;
      `absorbed` multiplies the query with the key columns of `up` and attends
      over the latents themselves, and the value columns come last. Absorbed is
      the cheaper one for a few queries over many tokens. Without a form none is
      chosen yet, and `expanded` is what it means.
    - `mask`, `causal` and queries that see nothing as in `fulgur.attention`.

    Constraints:
    - (C1) `query`, `mask` and `result` have rank 4, `latent` and `rope_key`
      rank 3 and `up` rank 2.
    - (C2) The sizes of one letter agree.
    - (C3) Dr is at most the last size of `query`, the columns of `up` are
      H·(Dn+Dv), and Dv is static.
    - (C4) The sizes of `mask` are 1 or those of `[B, H, S, T]`.
    - (C5) All but `mask` have one element type.
    - (C6) `scale` is finite.

    Example:

    ```mlir
    %o = fulgur.latent_attention %q latent %c rope_key %r up %u scale 7.2e-02 causal absorbed
        : tensor<?x?x128x192xf32>, tensor<?x?x512xf32>, tensor<?x?x64xf32>,
          tensor<512x32768xf32> -> tensor<?x?x128x128xf32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$query, Fulgur_FloatTensor:$latent,
                       Fulgur_FloatTensor:$rope_key, Fulgur_FloatTensor:$up,
                       Optional<Fulgur_MaskTensor>:$mask, F64Attr:$scale, UnitAttr:$causal,
                       OptionalAttr<Fulgur_LatentForm>:$form);
  let results = (outs Fulgur_FloatTensor:$result);
  let assemblyFormat = [{
    $query `latent` $latent `rope_key` $rope_key `up` $up (`mask` $mask^)?
    `scale` custom<Real>($scale) (`causal` $causal^)? ($form^)? attr-dict
    `:` type($query) `,` type($latent) `,` type($rope_key) `,` type($up)
    (`,` type($mask)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def Fulgur_SparseLatentAttentionOp : Fulgur_Op<"sparse_latent_attention", [Fulgur_Reify, Fulgur_EqualSizes]> {
  let summary = "latent attention over the selected tokens of each query";
  let description = [{
    `fulgur.latent_attention`, absorbed, in which query (b, s) sees exactly the
    tokens `indices[b, s, :]`. No other token is read.

    - `query` `[B, S, H, Dn+Dr]`; `latent` `[B, T, L]`; `rope_key`
      `[B, T, Dr]`; `up` `[L, H·(Dn+Dv)]`; `indices` `[B, S, K]`;
      `result` `[B, S, H, Dv]`.
    - A negative index selects nothing; a query without any gives zeros. An
      index that comes twice counts twice.
    - An index of T or more is undefined behaviour.

    Constraints:
    - (C1) `query` and `result` have rank 4, `latent`, `rope_key` and `indices`
      rank 3 and `up` rank 2.
    - (C2) The sizes of one letter agree.
    - (C3) Dr is at most the last size of `query`, the columns of `up` are
      H·(Dn+Dv), and Dv is static.
    - (C4) All but `indices` have one element type.
    - (C5) `scale` is finite.

    Example:

    ```mlir
    %o = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 7.2e-02
        : tensor<?x?x128x192xf32>, tensor<?x?x512xf32>, tensor<?x?x64xf32>,
          tensor<512x32768xf32>, tensor<?x?x2048xi32> -> tensor<?x?x128x128xf32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$query, Fulgur_FloatTensor:$latent,
                       Fulgur_FloatTensor:$rope_key, Fulgur_FloatTensor:$up,
                       RankedTensorOf<[I32]>:$indices, F64Attr:$scale);
  let results = (outs Fulgur_FloatTensor:$result);
  let assemblyFormat = [{
    $query `latent` $latent `rope_key` $rope_key `up` $up `indices` $indices
    `scale` custom<Real>($scale) attr-dict
    `:` type($query) `,` type($latent) `,` type($rope_key) `,` type($up) `,`
    type($indices) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Fulgur_AbsorbedAttentionOp : Fulgur_Op<"absorbed_attention", [Fulgur_Reify, Fulgur_EqualSizes]> {
  let summary = "attention of all heads to the latents themselves";
  let description = [{
    What is left of latent attention when the query is multiplied with the key
    columns of the up projection before it, and the value columns come behind:
    all heads have one key, `[latent | rope_key]`, and one value, `latent`.

    `result[b, s, h] = Σ_t softmax_t(scale · (query[b, s, h] · latent[b, t] +
    rope_query[b, s, h] · rope_key[b, t])) · latent[b, t]`

    - `query` `[B, S, H, L]`; `rope_query` `[B, S, H, Dr]`; `latent`
      `[B, T, L]`; `rope_key` `[B, T, Dr]`; `result` `[B, S, H, L]`.
    - `indices` `[B, S, K]`: query (b, s) sees exactly these tokens, as in
      `fulgur.sparse_latent_attention`.
    - `causal`, and queries that see nothing, as in `fulgur.attention`.

    Constraints:
    - (C1) `query`, `rope_query` and `result` have rank 4, `latent`, `rope_key`
      and `indices` rank 3.
    - (C2) The sizes of one letter agree.
    - (C3) All but `indices` have one element type.
    - (C4) `scale` is finite.
    - (C5) There are no `indices` with `causal`.

    Example:

    ```mlir
    %o = fulgur.absorbed_attention %q, %p latent %c rope_key %r scale 7.2e-02 causal
        : tensor<?x?x128x512xbf16>, tensor<?x?x128x64xbf16>, tensor<?x?x512xbf16>,
          tensor<?x?x64xbf16> -> tensor<?x?x128x512xbf16>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$query, Fulgur_FloatTensor:$rope_query,
                       Fulgur_FloatTensor:$latent, Fulgur_FloatTensor:$rope_key,
                       Optional<RankedTensorOf<[I32]>>:$indices, F64Attr:$scale,
                       UnitAttr:$causal);
  let results = (outs Fulgur_FloatTensor:$result);
  let assemblyFormat = [{
    $query `,` $rope_query `latent` $latent `rope_key` $rope_key
    (`indices` $indices^)? `scale` custom<Real>($scale) (`causal` $causal^)? attr-dict
    `:` type($query) `,` type($rope_query) `,` type($latent) `,` type($rope_key)
    (`,` type($indices)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif // FULGUR_ATTENTION_OPS_TD
