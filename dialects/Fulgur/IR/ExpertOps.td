//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A mixture of experts: which experts a token goes to, the order of its rows by
// expert, the products of each expert with its rows, and the way back; and all
// behind the choice in one operation.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_EXPERT_OPS_TD
#define FULGUR_EXPERT_OPS_TD

include "dialects/Fulgur/IR/FulgurDialect.td"
include "dialects/Fulgur/IR/FulgurEnums.td"

def Fulgur_IndexTensor : RankedTensorOf<[I32]>;

def Fulgur_RouteOp : Fulgur_Op<"route", [Fulgur_Reify], "experts weights"> {
  let summary = "chooses k experts for every token, and their weights";
  let description = [{
    Takes the k experts of the best choice among those of the best groups, best
    first, and weighs them by their affinity.

    `affinity = score(logits)`, `choice = affinity + bias`,
    `experts[n, :] = top_k(e ↦ choice[n, e])`,
    `weights[n, j] = scale · affinity[n, experts[n, j]]`, which `normalize`
    divides by `Σ_j affinity[n, experts[n, j]] + 1e−20`

    - `logits` `[N, E]`; `bias` `[E]`, for the choice only; `experts`,
      `weights` `[N, k]`.
    - `groups`: the experts are as many groups of neighbours, and only those of
      the `top_groups` groups of the best score are chosen from. A group's
      score is its greatest choice (`max`) or the sum of its two greatest
      (`top2`).
    - Of equal choices the lowest expert wins, of equal groups the lowest
      group. NaN ranks below every number.
    - Affinities, choices and sums are f32 (f64 for f64), whatever the element
      type.

    Constraints:
    - (C1) `logits`, `experts` and `weights` have rank 2, `bias` rank 1.
    - (C2) E is static, and the size of `bias`.
    - (C3) `groups` divides E, and `top_groups` is in [1, `groups`].
    - (C4) More than one group and `top2` need two experts a group.
    - (C5) `k` is in [1, E · `top_groups` / `groups`].
    - (C6) `experts` and `weights` are `[N, k]`.
    - (C7) `logits`, `bias` and `weights` have one element type.
    - (C8) `scale` is finite.

    Example:

    ```mlir
    %e, %w = fulgur.route %logits bias %b sigmoid k 8 groups 8 top_groups 4 top2 normalize scale 2.5e+00
        : tensor<?x256xf32>, tensor<256xf32> -> tensor<?x8xi32>, tensor<?x8xf32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$logits, Optional<Fulgur_FloatTensor>:$bias,
                       Fulgur_RouterScore:$score, I64Attr:$k,
                       DefaultValuedAttr<I64Attr, "1">:$groups,
                       DefaultValuedAttr<I64Attr, "1">:$top_groups,
                       DefaultValuedAttr<Fulgur_GroupScore, "::fulgur::GroupScore::Top2">:$group_score,
                       UnitAttr:$normalize, DefaultValuedAttr<F64Attr, "1.0">:$scale);
  let results = (outs Fulgur_IndexTensor:$experts, Fulgur_FloatTensor:$weights);
  let assemblyFormat = [{
    $logits (`bias` $bias^)? $score `k` custom<Offset>($k)
    (`groups` custom<Offset>($groups)^ `top_groups` custom<Offset>($top_groups) $group_score)?
    (`normalize` $normalize^)? (`scale` custom<Real>($scale)^)? attr-dict
    `:` type($logits) (`,` type($bias)^)? `->` type($experts) `,` type($weights)
  }];
  let hasVerifier = 1;
}

def Fulgur_DispatchOp : Fulgur_Op<"dispatch", [Fulgur_Reify, Fulgur_EqualSizes], "rows sources offsets"> {
  let summary = "copies the row of a token to each of its experts";
  let description = [{
    Orders the pairs of a token and one of its experts by expert, and by token
    and place for one expert, so that the rows of an expert lie side by side.

    `sources = stable_sort(i ↦ experts[i / k, i mod k])`,
    `rows[r, :] = input[sources[r] / k, :]`,
    `offsets[e] = |{i : experts[i / k, i mod k] < e}|`

    - `input` `[N, D]`, any element type; `experts` `[N, k]`; `rows`
      `[N·k, D]`; `sources` `[N·k]`; `offsets` `[X+1]`, where X is the number
      of experts.
    - The rows of expert e are those in [`offsets[e]`, `offsets[e+1]`), none if
      the two are equal.
    - An expert outside of [0, X) is undefined behaviour.

    Constraints:
    - (C1) `input`, `experts` and `rows` have rank 2, `sources` and `offsets`
      rank 1.
    - (C2) The sizes of one letter agree, and `rows` and `sources` have N·k
      rows.
    - (C3) The number of experts is positive.
    - (C4) `offsets` has one element more than there are experts.
    - (C5) `rows` has the element type of `input`.

    Example:

    ```mlir
    %rows, %sources, %offsets = fulgur.dispatch %x to %experts of 256
        : tensor<?x7168xf32>, tensor<?x8xi32> -> tensor<?x7168xf32>, tensor<?xi32>, tensor<257xi32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$input, Fulgur_IndexTensor:$experts,
                       I64Attr:$num_experts);
  let results = (outs AnyRankedTensor:$rows, Fulgur_IndexTensor:$sources,
                      Fulgur_IndexTensor:$offsets);
  let assemblyFormat = [{
    $input `to` $experts `of` custom<Offset>($num_experts) attr-dict
    `:` type($input) `,` type($experts)
    `->` type($rows) `,` type($sources) `,` type($offsets)
  }];
  let hasVerifier = 1;
}

def Fulgur_GroupedMatmulOp : Fulgur_Op<"grouped_matmul", [Fulgur_Reify, Fulgur_EqualSizes]> {
  let summary = "multiplies the rows of every expert with its weight";
  let description = [{
    `result[r, n] = Σ_k rows[r, k] · weights[e, k, n]` for r in
    [`offsets[e]`, `offsets[e+1]`)

    - `rows` `[R, K]`; `weights` `[X, K, N]`, or `[X, N, K]` if `transposed`;
      `offsets` `[X+1]`; `result` `[R, N]`.
    - Sums are taken in f32 (f64 for f64), whatever the element type.
    - The weights of an expert without rows are not read. K = 0 gives zeros.
    - `offsets` that do not grow from 0 to R are undefined behaviour.

    Constraints:
    - (C1) `rows` and `result` have rank 2, `weights` rank 3 and `offsets`
      rank 1.
    - (C2) The sizes of one letter agree, and `offsets` has one element more
      than there are weights.
    - (C3) `rows`, `weights` and `result` have one element type.

    Example:

    ```mlir
    %y = fulgur.grouped_matmul %rows, %w transposed offsets %offsets
        : tensor<?x7168xf32>, tensor<256x4096x7168xf32>, tensor<257xi32> -> tensor<?x4096xf32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$rows, Fulgur_FloatTensor:$weights,
                       Fulgur_IndexTensor:$offsets, UnitAttr:$transposed);
  let results = (outs Fulgur_FloatTensor:$result);
  let assemblyFormat = [{
    $rows `,` $weights (`transposed` $transposed^)? `offsets` $offsets attr-dict
    `:` type($rows) `,` type($weights) `,` type($offsets) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Fulgur_CombineOp : Fulgur_Op<"combine", [Fulgur_Reify, Fulgur_EqualSizes]> {
  let summary = "adds up the weighted rows that belong to a token";
  let description = [{
    The way back from `fulgur.dispatch`.

    `result[n, :] = Σ_j weights[n, j] · rows[r, :]`, where
    `sources[r] = n·k + j`

    - `rows` `[N·k, D]`; `sources` `[N·k]`, a permutation; `weights` `[N, k]`;
      `result` `[N, D]`.
    - Sums are taken in f32 (f64 for f64), in the order of j.
    - `sources` that are no permutation of [0, N·k) are undefined behaviour.

    Constraints:
    - (C1) `rows`, `weights` and `result` have rank 2, `sources` rank 1.
    - (C2) The sizes of one letter agree, and `rows` and `sources` have N·k
      rows.
    - (C3) `result` has the element type of `rows`.

    Example:

    ```mlir
    %y = fulgur.combine %rows from %sources weights %w
        : tensor<?x7168xf32>, tensor<?xi32>, tensor<?x8xf32> -> tensor<?x7168xf32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$rows, Fulgur_IndexTensor:$sources,
                       Fulgur_FloatTensor:$weights);
  let results = (outs Fulgur_FloatTensor:$result);
  let assemblyFormat = [{
    $rows `from` $sources `weights` $weights attr-dict
    `:` type($rows) `,` type($sources) `,` type($weights) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Fulgur_ExpertsOp : Fulgur_Op<"experts", [Fulgur_Reify, Fulgur_EqualSizes]> {
  let summary = "adds up what the experts of a token make of it";
  let description = [{
    Gated experts from the tokens to the sum: `fulgur.dispatch`, the products
    with gate and up, `fulgur.swiglu`, the product with down and
    `fulgur.combine` in one.

    `result[n, :] = Σ_j weights[n, j] · (swiglu(input[n, :] · G[e],
    input[n, :] · U[e]) · D[e])` with `e = experts[n, j]`

    - `input` `[N, K]`; `experts`, `weights` `[N, k]`; `result` `[N, D]`.
    - `gate_up` `[X, K, 2·I]`, the columns of G and behind them those of U, or
      the other way round if `up_first`; or two stacks, G and U, `[X, K, I]`.
      `down`, which is D, `[X, I, D]`. The last two dimensions of each are
      swapped if it is `transposed`.
    - `form` says how to compute it, not what: `per_token` takes the experts of
      one token after the other, and reads an expert once for each token that
      chose it; `grouped` sorts the pairs of token and expert by expert, and
      takes the rows of one expert after the other, a block at a time. No form
      has more than a block of intermediate rows. Without a form none is chosen
      yet, and `grouped` is what it means.
    - Sums are taken in f32 (f64 for f64), whatever the element type, in the
      order of j (`per_token`) or of experts (`grouped`). The weight is a factor
      of what D multiplies.
    - The weights of an expert that no token chose are not read.
    - An expert outside of [0, X) is undefined behaviour.

    Constraints:
    - (C1) `gate_up` is one stack or two.
    - (C2) `input`, `experts`, `weights` and `result` have rank 2, `gate_up`
      and `down` rank 3.
    - (C3) The sizes of one letter agree.
    - (C4) One stack of `gate_up` has an even number of columns.
    - (C5) Only one stack can be `up_first`.
    - (C6) `input`, `gate_up`, `down` and `result` have one element type.

    Example:

    ```mlir
    %y = fulgur.experts %x to %e weights %w gate_up %gu transposed down %d transposed grouped
        : tensor<?x7168xf32>, tensor<?x8xi32>, tensor<?x8xf32>, tensor<256x4096x7168xf32>, tensor<256x7168x2048xf32> -> tensor<?x7168xf32>
    ```
  }];
  let arguments = (ins Fulgur_FloatTensor:$input, Fulgur_IndexTensor:$experts,
                       Fulgur_FloatTensor:$weights, Variadic<Fulgur_FloatTensor>:$gate_up,
                       Fulgur_FloatTensor:$down,
                       UnitAttr:$transposed, UnitAttr:$up_first, UnitAttr:$down_transposed,
                       OptionalAttr<Fulgur_ExpertsForm>:$form);
  let results = (outs Fulgur_FloatTensor:$result);
  let assemblyFormat = [{
    $input `to` $experts `weights` $weights
    `gate_up` custom<OneOrList>($gate_up) (`transposed` $transposed^)? (`up_first` $up_first^)?
    `down` $down (`transposed` $down_transposed^)? ($form^)? attr-dict
    `:` type($input) `,` type($experts) `,` type($weights) `,` custom<OneOrListTypes>(type($gate_up))
    `,` type($down) `->` type($result)
  }];
  let extraClassDeclaration = [{
    /// Whether gate and up are stacks of their own.
    bool hasTwoStacks() { return getGateUp().size() == 2; }
  }];
  let hasVerifier = 1;
}

#endif // FULGUR_EXPERT_OPS_TD
