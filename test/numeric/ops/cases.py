"""The cases of check_op.py: an operation's text, the sizes it runs at, its inputs
and the reference that it has to match."""
import numpy as np

import absorbed_attention_cases
import fused_expert_cases
import reference as ref
import tensor_core_cases
from case import DTYPES, Case, bias_of, mask_of, normal, rounded
from product_cases import product_cases
from quantization_cases import quantization_cases
from tensor_cases import tensor_cases


# ------------------------------------------------------------------- rotary
def rotary_cases():
    yield Case("rotary_table", ["?x?xi64", "4xf32"], ["?x?x4xf32", "?x?x4xf32"],
               "fulgur.rotary_table {0}, {1} scale 1.25 : {t0}, {t1} -> {r0}",
               [dict(b=1, s=5), dict(b=2, s=3)],
               lambda g, b, s: [g.integers(0, 500, (b, s)),
                                (1 / 100 ** (np.arange(4) / 4)).astype(np.float32)],
               lambda p, f: ref.rotary_table(p, f, 1.25), 2e-5)
    angles = lambda g, *shape: [np.cos(a := normal(g, *shape)), np.sin(a)]
    for layout in ("interleaved", "half_split", "deinterleaved"):
        for placement in ("leading", "trailing"):
            rotate = lambda x, c, s, l=layout, p=placement: ref.rotary_embedding(x, c, s, l, p)
            op = f"fulgur.rotary_embedding {{0}}, {{1}}, {{2}} {layout} {placement} : {{t0}}, {{t1}}"
            yield Case(f"heads_{layout}_{placement}", ["?x?x3x12xf32", "1x?x4xf32", "1x?x4xf32"],
                       ["?x?x3x12xf32"], op, [dict(b=2, s=5), dict(b=1, s=1)],
                       lambda g, b, s: [normal(g, b, s, 3, 12), *angles(g, 1, s, 4)], rotate)
            yield Case(f"rows_{layout}_{placement}", ["?x?x8xf32", "?x?x4xf32", "?x?x4xf32"],
                       ["?x?x8xf32"], op, [dict(b=2, s=5)],
                       lambda g, b, s: [normal(g, b, s, 8), *angles(g, b, s, 4)], rotate)
    for kind in ("f16", "bf16"):
        yield Case(f"rotary_{kind}", [f"?x?x3x12x{kind}", f"?x?x4x{kind}", f"?x?x4x{kind}"],
                   [f"?x?x3x12x{kind}"],
                   "fulgur.rotary_embedding {0}, {1}, {2} interleaved trailing : {t0}, {t1}",
                   [dict(b=2, s=5)],
                   lambda g, b, s, t=DTYPES[kind]: [normal(g, b, s, 3, 12, kind=t),
                                                    *[a.astype(t) for a in angles(g, b, s, 4)]],
                   lambda x, c, s: ref.rotary_embedding(x, c, s, "interleaved", "trailing"),
                   rounded(kind))


# ---------------------------------------------------------------- attention
def attention_cases():
    scale = 0.25
    runs = [dict(b=2, s=3, t=7), dict(b=1, s=1, t=5), dict(b=1, s=4, t=4), dict(b=2, s=3, t=2)]
    masks = {"": None, "i1": ("?x1x?x?xi1", lambda g, b, s, t: mask_of(g, b, 1, s, t)),
             "f32": ("1x?x1x?xf32", lambda g, b, s, t: bias_of(g, 1, 4, 1, t))}

    def case(name, heads, words="", mask="", **rule):
        extra = [masks[mask][0]] if mask else []
        inputs = lambda g, b, s, t: [normal(g, b, s, 4, 8), normal(g, b, t, heads, 8),
                                     normal(g, b, t, heads, 6)] + (
                                         [masks[mask][1](g, b, s, t)] if mask else [])
        return Case(name, ["?x?x4x8xf32", f"?x?x{heads}x8xf32", f"?x?x{heads}x6xf32"] + extra,
                    ["?x?x4x6xf32"],
                    f"fulgur.attention {{0}}, {{1}}, {{2}}{' mask {3}' if mask else ''} "
                    f"scale {scale}{words} : {{operands}} -> {{r0}}", runs, inputs,
                    lambda q, k, v, m=None: ref.attention(q, k, v, scale, m, **rule))
    yield case("plain", 4)
    yield case("causal", 4, " causal", causal=True)
    yield case("grouped_causal", 2, " causal", causal=True)
    yield case("one_key_head", 1)
    yield case("window", 2, " causal window 3", causal=True, window=3)
    yield case("mask_i1", 4, mask="i1")
    yield case("mask_f32_causal", 2, " causal", mask="f32", causal=True)
    yield Case("static", ["1x3x4x8xf32", "1x5x2x8xf32", "1x5x2x6xf32"], ["1x3x4x6xf32"],
               "fulgur.attention {0}, {1}, {2} scale 0.25 causal : {operands} -> {r0}", [{}],
               lambda g: [normal(g, 1, 3, 4, 8), normal(g, 1, 5, 2, 8), normal(g, 1, 5, 2, 6)],
               lambda q, k, v: ref.attention(q, k, v, 0.25, causal=True))
    yield Case("dynamic_heads", ["?x?x?x?xf32", "?x?x?x?xf32", "?x?x?x?xf32"], ["?x?x?x?xf32"],
               "fulgur.attention {0}, {1}, {2} scale 0.25 causal : {operands} -> {r0}", [{}],
               lambda g: [normal(g, 2, 3, 4, 8), normal(g, 2, 5, 2, 8), normal(g, 2, 5, 2, 6)],
               lambda q, k, v: ref.attention(q, k, v, 0.25, causal=True))
    # Scores of thousands: without the maximum taken off, exp overflows.
    yield Case("large_scores", ["1x?x4x8xf32", "1x?x4x8xf32", "1x?x4x6xf32"], ["1x?x4x6xf32"],
               "fulgur.attention {0}, {1}, {2} scale 1.0e+03 : {operands} -> {r0}", [{}],
               lambda g: [normal(g, 1, 3, 4, 8), normal(g, 1, 5, 4, 8), normal(g, 1, 5, 4, 6)],
               lambda q, k, v: ref.attention(q, k, v, 1e3), 1e-3)
    for kind in ("f16", "bf16"):  # the weights are rounded, and the result
        yield Case(kind, [f"?x?x4x8x{kind}", f"?x?x2x8x{kind}", f"?x?x2x6x{kind}"], [f"?x?x4x6x{kind}"],
                   "fulgur.attention {0}, {1}, {2} scale 0.25 causal : {operands} -> {r0}", [{}],
                   lambda g, t=DTYPES[kind]: [normal(g, *shape, kind=t) for shape in
                                              ((2, 3, 4, 8), (2, 5, 2, 8), (2, 5, 2, 6))],
                   lambda q, k, v: ref.attention(q, k, v, 0.25, causal=True), rounded(kind, 2))


# --------------------------------------------------------- latent attention
def latent_operands(g, b, s, t, kind=np.float32):
    """4 heads, Dn 8, Dr 4, L 16, Dv 6."""
    return [normal(g, *shape, kind=kind)
            for shape in ((b, s, 4, 12), (b, t, 16), (b, t, 4), (16, 4 * 14))]


LATENT = ["?x?x4x12xf32", "?x?x16xf32", "?x?x4xf32", "16x56xf32"]


def latent_attention_cases():
    scale = 0.29
    runs = [dict(b=2, s=3, t=7), dict(b=1, s=1, t=5), dict(b=1, s=4, t=4), dict(b=1, s=3, t=2)]
    # Without a form, the sizes decide when it is compiled.
    runs.append(dict(b=1, s=1, t=300))
    for form in ("expanded", "absorbed", ""):
        op = "fulgur.latent_attention {0} latent {1} rope_key {2} up {3}%s " + f"scale {scale}%s {form}" \
            " : {operands} -> {r0}"
        yield Case(f"{form or 'open'}_plain", LATENT, ["?x?x4x6xf32"], op % ("", ""), runs, latent_operands,
                   lambda *x: ref.latent_attention(*x, scale))
        yield Case(f"{form or 'open'}_causal", LATENT, ["?x?x4x6xf32"], op % ("", " causal"), runs,
                   latent_operands, lambda *x: ref.latent_attention(*x, scale, causal=True))
        yield Case(f"{form or 'open'}_mask_i1", LATENT + ["?x1x?x?xi1"], ["?x?x4x6xf32"],
                   op % (" mask {4}", " causal"), runs,
                   lambda g, b, s, t: latent_operands(g, b, s, t) + [mask_of(g, b, 1, s, t)],
                   lambda *x: ref.latent_attention(*x[:4], scale, x[4], causal=True))
        yield Case(f"{form or 'open'}_mask_f32", LATENT + ["1x4x?x?xf32"], ["?x?x4x6xf32"],
                   op % (" mask {4}", ""), runs,
                   lambda g, b, s, t: latent_operands(g, b, s, t) + [bias_of(g, 1, 4, s, t)],
                   lambda *x: ref.latent_attention(*x[:4], scale, x[4]))
        static = ["2x3x4x12xf32", "2x7x16xf32", "2x7x4xf32", "16x56xf32"]
        yield Case(f"{form or 'open'}_static", static, ["2x3x4x6xf32"], op % ("", " causal"), runs[:1],
                   latent_operands, lambda *x: ref.latent_attention(*x, scale, causal=True))
        # Queries or keys, weights, values and the result are rounded, each in its
        # own direction: together they are not off by more than twice one of them.
        for kind in ("f16", "bf16"):
            yield Case(f"{form or 'open'}_{kind}", [t.replace("f32", kind) for t in LATENT], [f"?x?x4x6x{kind}"],
                       op % ("", " causal"), runs[:2],
                       lambda g, b, s, t, kind=kind: latent_operands(g, b, s, t, DTYPES[kind]),
                       lambda *x: ref.latent_attention(*x, scale, causal=True), rounded(kind, 2))


def sparse_latent_attention_cases():
    scale = 0.29

    def inputs(g, b, s, t, k, holes=True, kind=np.float32):
        indices = np.stack([g.permutation(t)[:k] for _ in range(b * s)]).reshape(b, s, -1)
        indices = np.pad(indices, ((0, 0), (0, 0), (0, k - indices.shape[2])), constant_values=-1)
        if holes:  # a -1 in the middle, and a query without any token
            indices[g.random(indices.shape) < 0.3] = -1
            indices[0, 0] = -1
        return latent_operands(g, b, s, t, kind) + [indices.astype(np.int32)]
    op = "fulgur.sparse_latent_attention {0} latent {1} rope_key {2} up {3} indices {4} " \
        f"scale {scale}" " : {operands} -> {r0}"
    solve = lambda *x: ref.sparse_latent_attention(*x, scale)
    yield Case("dynamic", LATENT + ["?x?x?xi32"], ["?x?x4x6xf32"], op,
               [dict(b=2, s=3, t=9, k=5), dict(b=1, s=1, t=4, k=6, holes=False),
                dict(b=1, s=5, t=5, k=5, holes=False),
                # Several tiles, the last one not full or not used, and blocks of rows.
                dict(b=2, s=70, t=600, k=500), dict(b=1, s=2, t=230, k=600)], inputs, solve)
    yield Case("static", ["2x3x4x12xf32", "2x7x16xf32", "2x7x4xf32", "16x56xf32", "2x3x5xi32"],
               ["2x3x4x6xf32"], op, [dict(b=2, s=3, t=7, k=5)], inputs, solve)
    # Over a selection, as indices and as a mask. Compiled, sizes decide which of
    # the two it becomes: few tokens are masked, many gathered.
    operands = LATENT + ["?x?x?xf32"]
    runs = [dict(b=2, s=3, t=9), dict(b=1, s=1, t=4), dict(b=1, s=1, t=4000), dict(b=1, s=9, t=9)]
    make = lambda g, b, s, t: latent_operands(g, b, s, t) + [normal(g, b, s, t)]
    select = lambda x: ref.select_tokens(x, 5, causal=True)
    selection = "fulgur.select_tokens {4} k 5 causal : {t4} -> {r0}"
    attention = f"scale {scale}%s " ": {t0}, {t1}, {t2}, {t3}, %s -> "
    yield Case("selected", operands, ["?x?x5xi32", "?x?x4x6xf32"],
               [selection, "fulgur.sparse_latent_attention {0} latent {1} rope_key {2} up {3} "
                "indices {v[0]} " + attention % ("", "{r0}") + "{r1}"],
               runs, make, lambda *x: (i := select(x[4]), solve(*x[:4], i)))
    mask_sizes = """
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim {0}, %c0 : {t0}
  %s = tensor.dim {0}, %c1 : {t0}
  %t = tensor.dim {1}, %c1 : {t1}"""
    yield Case("masked", operands, ["?x?x5xi32", "?x?x?xi1", "?x1x?x?xi1", "?x?x4x6xf32"],
               [selection + mask_sizes, "fulgur.selection_mask {v[0]} of %t : {r0} -> {r1}",
                "tensor.expand_shape {v[1]} [[0, 1], [2], [3]] output_shape [%b, 1, %s, %t] "
                ": {r1} into {r2}",
                "fulgur.latent_attention {0} latent {1} rope_key {2} up {3} mask {v[2]} "
                + attention % (" causal", "{r2}") + "{r3}"],
               runs, make, lambda *x: (i := select(x[4]),
                                       m := ref.selection_mask(i, x[1].shape[1]),
                                       m[:, None], solve(*x[:4], i)))
    yield Case("bf16", [t.replace("f32", "bf16") for t in LATENT] + ["?x?x?xi32"], ["?x?x4x6xbf16"],
               op, [dict(b=2, s=3, t=9, k=5, kind=DTYPES["bf16"])], inputs, solve, rounded("bf16", 2))

    # All that a query may see, in any order, is what causal attention sees.
    def everything(g, b, s, t):
        keys = g.random((b, s, t)) + ~ref.visible(s, t, True)
        order = np.argsort(keys, -1)
        return latent_operands(g, b, s, t) + [
            np.where(np.take_along_axis(keys, order, -1) < 1, order, -1).astype(np.int32)]
    dense = "fulgur.latent_attention {0} latent {1} rope_key {2} up {3} scale 0.29 causal %s " \
        ": {t0}, {t1}, {t2}, {t3} -> {r0}"
    for form in ("expanded", "absorbed"):
        yield Case(f"all_tokens_{form}", LATENT + ["?x?x?xi32"], ["?x?x4x6xf32"] * 2, [op, dense % form],
                   [dict(b=2, s=5, t=7), dict(b=1, s=1, t=4), dict(b=1, s=4, t=2)], everything, None,
                   same=(0, 1))

    # A selection of all tokens: compiled, it is left out, and what it
    # does not see the attention must not see either.
    def skipped(q, latent, rope_key, up, scores, mask):
        return (ref.select_tokens(scores, 9, mask, causal=True),
                ref.latent_attention(q, latent, rope_key, up, scale, mask[:, None], causal=True))
    yield Case("skip_selection", ["2x3x4x12xf32", "2x7x16xf32", "2x7x4xf32", "16x56xf32",
                                  "2x3x7xf32", "2x1x7xi1"], ["2x3x9xi32", "2x3x4x6xf32"],
               ["fulgur.select_tokens {4} mask {5} k 9 causal : {t4}, {t5} -> {r0}",
                "fulgur.sparse_latent_attention {0} latent {1} rope_key {2} up {3} indices {v[0]} "
                f"scale {scale}" " : {t0}, {t1}, {t2}, {t3}, {r0} -> {r1}"], [{}],
               lambda g: latent_operands(g, 2, 3, 7) + [normal(g, 2, 3, 7), mask_of(g, 2, 1, 7)],
               skipped)


# ---------------------------------------------------------------- selection
def selection_cases():
    def indexed(g, b, s, t):
        return [normal(g, b, s, 4, 8), normal(g, b, t, 8), normal(g, b, s, 4)]
    runs = [dict(b=2, s=3, t=9), dict(b=1, s=1, t=4), dict(b=1, s=6, t=6)]
    yield Case("lightning_indexer", ["?x?x4x8xf32", "?x?x8xf32", "?x?x4xf32"], ["?x?x?xf32"],
               "fulgur.lightning_indexer {0}, {1}, {2} scale 0.35 : {operands} -> {r0}", runs,
               indexed, lambda *x: ref.lightning_indexer(*x, 0.35))

    for kind in ("f16", "bf16"):
        yield Case(f"lightning_indexer_{kind}", [f"?x?x4x8x{kind}", f"?x?x8x{kind}", f"?x?x4x{kind}"],
                   [f"?x?x?x{kind}"], "fulgur.lightning_indexer {0}, {1}, {2} scale 0.35 : {operands} -> {r0}",
                   runs[:1], lambda g, b, s, t, kind=kind: [
                       x.astype(DTYPES[kind]) for x in indexed(g, b, s, t)],
                   lambda *x: ref.lightning_indexer(*x, 0.35), rounded(kind))

    def whole(g, *shape):  # few values, so that most of them tie
        return g.integers(-2, 3, shape).astype(np.float32)

    def special(g, *shape):
        values = np.float32([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-42, -1e-42, 3e38, -3e38])
        return values[g.integers(0, len(values), shape)]
    plain = "fulgur.select_tokens {0} k 5%s : {operands} -> {r0}"
    for name, make in (("random", normal), ("ties", whole), ("special", special)):
        yield Case(f"select_{name}", ["?x?x?xf32"], ["?x?x5xi32"], plain % "",
                   runs + [dict(b=2, s=2, t=100)],
                   lambda g, b, s, t, make=make: [make(g, b, s, t)],
                   lambda x: ref.select_tokens(x, 5))
        yield Case(f"select_{name}_causal", ["?x?x?xf32"], ["?x?x5xi32"], plain % " causal",
                   runs + [dict(b=1, s=4, t=2)],
                   lambda g, b, s, t, make=make: [make(g, b, s, t)],
                   lambda x: ref.select_tokens(x, 5, causal=True))
    masked = "fulgur.select_tokens {0} mask {1} k 5%s : {operands} -> {r0}"
    yield Case("select_mask_i1", ["?x?x?xf32", "?x1x?xi1"], ["?x?x5xi32"], masked % "", runs,
               lambda g, b, s, t: [whole(g, b, s, t), mask_of(g, b, 1, t)],
               lambda x, m: ref.select_tokens(x, 5, m))
    yield Case("select_mask_f32", ["?x?x?xf32", "1x?x?xf32"], ["?x?x5xi32"], masked % " causal",
               runs, lambda g, b, s, t: [whole(g, b, s, t), bias_of(g, 1, s, t).round()],
               lambda x, m: ref.select_tokens(x, 5, m, causal=True))
    yield Case("select_static", ["2x3x16xf32"], ["2x3x5xi32"], plain % " causal", [{}],
               lambda g: [normal(g, 2, 3, 16)], lambda x: ref.select_tokens(x, 5, causal=True))
    yield Case("select_f64", ["?x?x?xf64"], ["?x?x5xi32"], plain % "", [{}],
               # Differences that f32 can not see.
               lambda g: [1 + whole(g, 2, 3, 20).astype(np.float64) * 1e-15],
               lambda x: ref.select_tokens(x, 5))
    yield Case("select_bf16", ["?x?x?xbf16"], ["?x?x5xi32"], plain % " causal", runs,
               lambda g, b, s, t: [normal(g, b, s, t, kind=DTYPES["bf16"])],
               lambda x: ref.select_tokens(x, 5, causal=True))
    yield Case("select_one", ["?x?x?xf32"], ["?x?x1xi32"],
               "fulgur.select_tokens {0} k 1 : {operands} -> {r0}", runs,
               lambda g, b, s, t: [whole(g, b, s, t)], lambda x: ref.select_tokens(x, 1))
    # Beyond the largest heap: keys are collected and sorted. Rising scores are
    # all wanted when they come, falling ones never after the first.
    many = "fulgur.select_tokens {0} k 70%s : {operands} -> {r0}"
    orders = {"random": normal, "ties": whole, "special": special,
              "rising": lambda g, *shape: np.sort(normal(g, *shape), axis=-1),
              "falling": lambda g, *shape: -np.sort(normal(g, *shape), axis=-1)}
    for name, make in orders.items():
        yield Case(f"select_many_{name}", ["?x?x?xf32"], ["?x?x70xi32"], many % "",
                   [dict(b=2, s=9, t=1000), dict(b=1, s=2, t=140), dict(b=1, s=2, t=30)],
                   lambda g, b, s, t, make=make: [make(g, b, s, t)],
                   lambda x: ref.select_tokens(x, 70))
    yield Case("select_many_f64", ["?x?x?xf64"], ["?x?x70xi32"], many % " causal",
               [dict(b=2, s=3, t=500)],
               lambda g, b, s, t: [1 + whole(g, b, s, t).astype(np.float64) * 1e-15],
               lambda x: ref.select_tokens(x, 70, causal=True))

    # Whole numbers and halves, so that scores are exact; all weights positive,
    # so that relu makes many of them.
    def exact(g, b, s, t):
        return [whole(g, b, s, 4, 8), whole(g, b, t, 8), np.abs(whole(g, b, s, 4))]

    def with_nan(g, b, s, t):
        query, key, weights = exact(g, b, s, t)
        key[:, ::7] = np.nan
        key[:, 3::11] = np.inf
        return [query, key, weights]

    def selected(k, causal):
        def reference(query, key, weights, mask=None):
            with np.errstate(invalid="ignore"):
                return ref.select_tokens(ref.lightning_indexer(query, key, weights, 0.5), k, mask,
                                         causal=causal)
        return reference
    # More tokens than a tile has, more rows than a group and a block, several
    # sequences in one block, fewer tokens than k, than queries, and none.
    large = [dict(b=3, s=11, t=1000), dict(b=2, s=1, t=4000), dict(b=1, s=70, t=70),
             dict(b=40, s=1, t=5), dict(b=1, s=9, t=4)]
    text = "fulgur.index_select {0}, {1}, {2}%s scale 0.5 k %d%s : {operands} -> {r0}"
    operands = ["?x?x4x8xf32", "?x?x8xf32", "?x?x4xf32"]
    for name, k, end, make in (("few", 5, " causal", exact), ("many", 70, " causal", exact),
                               ("more", 1500, "", exact), ("nan", 70, " causal", with_nan)):
        yield Case(f"index_select_{name}", operands, [f"?x?x{k}xi32"], text % ("", k, end),
                   runs + large, make, selected(k, bool(end)))
    yield Case("index_select_mask_i1", operands + ["?x1x?xi1"], ["?x?x70xi32"],
               text % (" mask {3}", 70, ""), runs + large,
               lambda g, b, s, t: exact(g, b, s, t) + [mask_of(g, b, 1, t)], selected(70, False))
    yield Case("index_select_mask_f32", operands + ["1x?x?xf32"], ["?x?x70xi32"],
               text % (" mask {3}", 70, " causal"), runs + large,
               lambda g, b, s, t: exact(g, b, s, t) + [bias_of(g, 1, s, t).round()],
               selected(70, True))
    # The same scores, whichever way they come about. That they are a result
    # keeps the two steps from being fused to the one.
    for kind in ("f32", "bf16"):
        yield Case(f"index_select_steps_{kind}",
                   [f"?x?x4x8x{kind}", f"?x?x8x{kind}", f"?x?x4x{kind}"],
                   ["?x?x70xi32", f"?x?x?x{kind}", "?x?x70xi32"],
                   ["fulgur.index_select {0}, {1}, {2} scale 0.35 k 70 causal : {operands} -> {r0}",
                    "fulgur.lightning_indexer {0}, {1}, {2} scale 0.35 : {operands} -> {r1}",
                    "fulgur.select_tokens {v[1]} k 70 causal : {r1} -> {r2}"],
                   runs + large, lambda g, b, s, t, kind=kind: [x.astype(DTYPES[kind])
                                                            for x in indexed(g, b, s, t)],
                   None, same=(0, 2))


# ------------------------------------------------------------------ experts
def expert_cases():
    runs = [dict(n=7), dict(n=1), dict(n=0)]

    def whole(g, *shape):  # ties
        return g.integers(-1, 2, shape).astype(np.float32)

    def routed(name, words, count, make=normal, bias=True, kind="f32", **rule):
        k, t = rule["k"], DTYPES[kind]
        operands = [f"?x{count}x{kind}"] + [f"{count}x{kind}"] * bias
        text = f"fulgur.route {{0}}{' bias {1}' if bias else ''} {words} : {{operands}} -> {{r0}}, {{r1}}"
        return Case(name, operands, [f"?x{k}xi32", f"?x{k}x{kind}"], text, runs,
                    lambda g, n: [make(g, n, count).astype(t)]
                    + [(make(g, count) / 8).astype(t)] * bias,
                    lambda x, b=0.0: ref.route(x, b, **rule),
                    1e-12 if kind == "f64" else rounded(kind))
    grouped = dict(score="sigmoid", k=3, groups=4, top_groups=2, normalize=True, scale=2.5)
    words = "sigmoid k 3 groups 4 top_groups 2 top2 normalize scale 2.5"
    yield routed("sigmoid_groups", words, 16, **grouped)
    yield routed("sigmoid_groups_ties", words, 16, whole, **grouped)
    for kind in ("f64", "f16", "bf16"):
        yield routed(f"sigmoid_groups_{kind}", words, 16, kind=kind, **grouped)
    yield routed("sigmoid_pairs", "sigmoid k 4 groups 6 top_groups 2 top2", 12, score="sigmoid",
                 k=4, groups=6, top_groups=2)
    yield routed("sigmoid_all_groups", "sigmoid k 2 groups 4 top_groups 4 top2", 16,
                 score="sigmoid", k=2, groups=4, top_groups=4)
    yield routed("softmax_groups", "softmax k 4 groups 5 top_groups 3 max scale 16.0", 15,
                 bias=False, score="softmax", k=4, groups=5, top_groups=3, group_score="max",
                 scale=16.0)
    yield routed("softmax_plain", "softmax k 6", 11, bias=False, score="softmax", k=6)
    # exp of these overflows; so far apart that most of the others vanish.
    yield routed("softmax_large", "softmax k 2 normalize", 9, lambda g, *s: normal(g, *s) * 20 + 500,
                 bias=False, score="softmax", k=2, normalize=True)
    yield routed("one_expert", "sigmoid k 1", 1, score="sigmoid", k=1)
    yield routed("every_expert", "sigmoid k 5 normalize", 5, score="sigmoid", k=5, normalize=True)

    def experts_of(g, n, k, count):
        # Half of the experts get nothing.
        return np.stack([g.permutation(count // 2)[:k] for _ in range(n)] or
                        [np.zeros(k)])[:n].astype(np.int32)
    yield Case("dispatch", ["?x6xf32", "?x3xi32"], ["?x6xf32", "?xi32", "11xi32"],
               "fulgur.dispatch {0} to {1} of 10 : {operands} -> {r0}, {r1}, {r2}", runs,
               lambda g, n: [normal(g, n, 6), experts_of(g, n, 3, 10)],
               lambda x, e: ref.dispatch(x, e, 10))
    yield Case("dispatch_static", ["4x6xf32", "4x2xi32"], ["8x6xf32", "8xi32", "9xi32"],
               "fulgur.dispatch {0} to {1} of 8 : {operands} -> {r0}, {r1}, {r2}", [{}],
               lambda g: [normal(g, 4, 6), experts_of(g, 4, 2, 8)],
               lambda x, e: ref.dispatch(x, e, 8))
    # More pairs than the threads that sort them, and rows of 16 bytes.
    yield Case("dispatch_many", ["?x8xbf16", "?x6xi32"], ["?x8xbf16", "?xi32", "301xi32"],
               "fulgur.dispatch {0} to {1} of 300 : {operands} -> {r0}, {r1}, {r2}", [dict(n=200), dict(n=86)],
               lambda g, n: [normal(g, n, 8, kind=DTYPES["bf16"]), experts_of(g, n, 6, 300)],
               lambda x, e: ref.dispatch(x, e, 300))
    yield Case("dispatch_to_one", ["?x4xf32", "?x1xi32"], ["?x4xf32", "?xi32", "2xi32"],
               "fulgur.dispatch {0} to {1} of 1 : {operands} -> {r0}, {r1}, {r2}", [dict(n=70)],
               lambda g, n: [normal(g, n, 4), np.zeros((n, 1), np.int32)],
               lambda x, e: ref.dispatch(x, e, 1))
    yield Case("dispatch_dynamic", ["?x?xf16", "?x?xi32"], ["?x?xf16", "?xi32", "?xi32"],
               "fulgur.dispatch {0} to {1} of 8 : {operands} -> {r0}, {r1}, {r2}", runs,
               lambda g, n: [normal(g, n, 6, kind=np.float16), experts_of(g, n, 2, 8)],
               lambda x, e: ref.dispatch(x, e, 8))

    def offsets_of(g, rows, count):
        return np.sort(np.r_[0, g.integers(0, rows + 1, count - 1), rows]).astype(np.int32)
    for kind in ("f32", "f16", "bf16", "f64"):
        tolerance = 1e-14 if kind == "f64" else rounded(kind)
        for shape, word in (((6, 12, 7), ""), ((6, 7, 12), " transposed")):
            text = "x".join(map(str, shape))
            yield Case(f"grouped_matmul_{kind}{word.replace(' ', '_')}",
                       [f"?x12x{kind}", f"{text}x{kind}", "7xi32"], [f"?x7x{kind}"],
                       f"fulgur.grouped_matmul {{0}}, {{1}}{word} offsets {{2}} : {{operands}} -> {{r0}}",
                       runs + [dict(n=3)],
                       lambda g, n, shape=shape, t=DTYPES[kind]: [
                           normal(g, n, 12, kind=t), normal(g, *shape, kind=t), offsets_of(g, n, 6)],
                       lambda x, w, o, word=word: ref.grouped_matmul(
                           x, w.transpose(0, 2, 1) if word else w, o), tolerance)
    yield Case("grouped_matmul_dynamic", ["?x?xf32", "?x?x?xf32", "?xi32"], ["?x?xf32"],
               "fulgur.grouped_matmul {0}, {1} offsets {2} : {operands} -> {r0}",
               [dict(n=7), dict(n=1), dict(n=0), dict(n=7, k=0)],
               lambda g, n, k=5: [normal(g, n, k), normal(g, 3, k, 4), offsets_of(g, n, 3)],
               ref.grouped_matmul)
    yield Case("grouped_matmul_no_terms", ["?x0xf32", "3x0x4xf32", "4xi32"], ["?x4xf32"],
               "fulgur.grouped_matmul {0}, {1} offsets {2} : {operands} -> {r0}", [dict(n=7)],
               lambda g, n: [normal(g, n, 0), normal(g, 3, 0, 4), offsets_of(g, n, 3)],
               ref.grouped_matmul, 0.0)
    shuffled = lambda g, n: g.permutation(n).astype(np.int32)
    yield Case("combine", ["?x6xf32", "?xi32", "?x3xf32"], ["?x6xf32"],
               "fulgur.combine {0} from {1} weights {2} : {operands} -> {r0}", runs,
               lambda g, n: [normal(g, 3 * n, 6), shuffled(g, 3 * n), normal(g, n, 3)],
               ref.combine, 1e-6)
    yield Case("combine_wide", ["?x32xbf16", "?xi32", "?x8xf32"], ["?x32xbf16"],
               "fulgur.combine {0} from {1} weights {2} : {operands} -> {r0}", runs,
               lambda g, n: [normal(g, 8 * n, 32, kind=DTYPES["bf16"]), shuffled(g, 8 * n), normal(g, n, 8)],
               ref.combine, rounded("bf16"))
    for kind in ("f16", "bf16"):
        yield Case(f"combine_{kind}", [f"8x6x{kind}", "8xi32", "4x2xf32"], [f"4x6x{kind}"],
                   "fulgur.combine {0} from {1} weights {2} : {operands} -> {r0}", [{}],
                   lambda g, t=DTYPES[kind]: [normal(g, 8, 6, kind=t), shuffled(g, 8), normal(g, 4, 2)],
                   ref.combine, rounded(kind))
    yield from fused_expert_cases.cases()


FAMILIES = {name: list(make()) for name, make in (
    ("tensor", tensor_cases), ("rotary", rotary_cases), ("attention", attention_cases),
    ("latent_attention", latent_attention_cases),
    ("sparse_latent_attention", sparse_latent_attention_cases),
    ("absorbed_attention", absorbed_attention_cases.cases), ("selection", selection_cases),
    ("experts", expert_cases), ("quantization", quantization_cases),
    ("product", product_cases),
    ("tensor_core_selection", tensor_core_cases.selection_cases),
    ("tensor_core_products", tensor_core_cases.product_cases),
    ("tensor_core_experts", tensor_core_cases.expert_cases))}
