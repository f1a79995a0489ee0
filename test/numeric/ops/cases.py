"""The cases of check_op.py: an operation's text, the sizes it runs at, its inputs
and the reference that it has to match."""
import dataclasses
from typing import Callable

import numpy as np

import reference as ref

DTYPES = {"f32": np.dtype(np.float32), "f16": np.dtype(np.float16), "f64": np.dtype(np.float64),
          "i1": np.dtype(np.bool_), "i32": np.dtype(np.int32), "i64": np.dtype(np.int64)}


@dataclasses.dataclass
class Case:
    name: str
    operands: list  # the text between tensor< and >
    results: list
    op: str         # {0}, {1} … are operands, {t0}, {r0} … types
    sizes: list     # keyword arguments of `inputs`, one dictionary a run
    inputs: Callable
    reference: Callable
    tolerance: float = 1e-5


def normal(g, *shape, kind=np.float32):
    return g.standard_normal(shape).astype(kind)


def mask_of(g, *shape):
    """Mostly visible, and whole rows hidden now and then."""
    return (g.random(shape) < 0.7) & (g.random(shape[:-1] + (1,)) < 0.8)


def bias_of(g, *shape):
    return np.where(mask_of(g, *shape), normal(g, *shape), np.float32(-np.inf)).astype(np.float32)


# ------------------------------------------------------------------- tensor
def tensor_cases():
    rows = [dict(b=2, s=3), dict(b=1, s=1), dict(b=0, s=4)]
    for kind, tolerance in (("f32", 1e-5), ("f16", 2e-3), ("f64", 1e-12)):
        t = DTYPES[kind]
        yield Case(f"rms_norm_{kind}", [f"?x?x24x{kind}", f"24x{kind}"], [f"?x?x24x{kind}"],
                   "fulgur.rms_norm {0}, {1} eps 1.0e-06 : {t0}, {t1}", rows,
                   lambda g, b, s, t=t: [normal(g, b, s, 24, kind=t), normal(g, 24, kind=t)],
                   lambda x, w: ref.rms_norm(x, w, 1e-6), tolerance)
        yield Case(f"linear_{kind}", [f"?x?x24x{kind}", f"24x10x{kind}"], [f"?x?x10x{kind}"],
                   "fulgur.linear {0}, {1} : {t0}, {t1} -> {r0}", rows,
                   lambda g, b, s, t=t: [normal(g, b, s, 24, kind=t), normal(g, 24, 10, kind=t)],
                   lambda x, w: x @ w, tolerance)
    # A mean far from 0 is where a variance from the mean of squares goes wrong.
    yield Case("layer_norm", ["?x?x24xf32", "24xf32", "24xf32"], ["?x?x24xf32"],
               "fulgur.layer_norm {0}, {1}, {2} eps 1.0e-06 : {t0}, {t1}", rows,
               lambda g, b, s: [normal(g, b, s, 24) + np.float32(8), normal(g, 24), normal(g, 24)],
               lambda x, w, c: ref.layer_norm(x, w, c, 1e-6))
    yield Case("layer_norm_static", ["5x24xf32", "24xf32", "24xf32"], ["5x24xf32"],
               "fulgur.layer_norm {0}, {1}, {2} eps 1.0e-06 : {t0}, {t1}", [{}],
               lambda g: [normal(g, 5, 24), normal(g, 24), normal(g, 24)],
               lambda x, w, c: ref.layer_norm(x, w, c, 1e-6))
    yield Case("swiglu", ["?x24xf32", "?x24xf32"], ["?x24xf32"],
               "fulgur.swiglu {0}, {1} : {t0}", [dict(s=5)],
               lambda g, s: [normal(g, s, 24) * np.float32(4), normal(g, s, 24)], ref.swiglu)
    for rank, operand, shape in ((1, "?xf32", (12,)), (2, "?x12xf32", (5, 12)),
                                 (4, "2x?x?x12xf32", (2, 3, 4, 12))):
        result = operand.replace("12", "7") if rank > 1 else "7xf32"
        yield Case(f"linear_rank{rank}", [operand, "12x7xf32"], [result],
                   "fulgur.linear {0}, {1} : {t0}, {t1} -> {r0}", [{}],
                   lambda g, shape=shape: [normal(g, *shape), normal(g, 12, 7)],
                   lambda x, w: x @ w)
    yield Case("cache_update", ["?x?x8xf32", "?x?x8xf32"], ["?x?x8xf32"],
               "fulgur.cache_update {0}, {1} axis 1 : {t0}, {t1} -> {r0}",
               [dict(b=2, p=5, s=3), dict(b=1, p=0, s=2), dict(b=1, p=4, s=0)],
               lambda g, b, p, s: [normal(g, b, p, 8), normal(g, b, s, 8)],
               lambda p, u: np.concatenate([p, u], 1))
    yield Case("cache_update_heads", ["2x4x?x8xf32", "2x4x3x8xf32"], ["2x4x?x8xf32"],
               "fulgur.cache_update {0}, {1} axis 2 : {t0}, {t1} -> {r0}", [dict(p=5)],
               lambda g, p: [normal(g, 2, 4, p, 8), normal(g, 2, 4, 3, 8)],
               lambda p, u: np.concatenate([p, u], 2))


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
    yield Case("rotary_f16", ["?x?x3x12xf16", "?x?x4xf16", "?x?x4xf16"], ["?x?x3x12xf16"],
               "fulgur.rotary_embedding {0}, {1}, {2} interleaved trailing : {t0}, {t1}",
               [dict(b=2, s=5)],
               lambda g, b, s: [normal(g, b, s, 3, 12, kind=np.float16),
                                *[a.astype(np.float16) for a in angles(g, b, s, 4)]],
               lambda x, c, s: ref.rotary_embedding(x, c, s, "interleaved", "trailing"), 2e-3)


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
    half = lambda g, *shape: normal(g, *shape, kind=np.float16)
    yield Case("f16", ["?x?x4x8xf16", "?x?x2x8xf16", "?x?x2x6xf16"], ["?x?x4x6xf16"],
               "fulgur.attention {0}, {1}, {2} scale 0.25 causal : {operands} -> {r0}", [{}],
               lambda g: [half(g, 2, 3, 4, 8), half(g, 2, 5, 2, 8), half(g, 2, 5, 2, 6)],
               lambda q, k, v: ref.attention(q, k, v, 0.25, causal=True), 3e-3)


# --------------------------------------------------------- latent attention
def latent_operands(g, b, s, t, kind=np.float32):
    """4 heads, Dn 8, Dr 4, L 16, Dv 6."""
    return [normal(g, *shape, kind=kind)
            for shape in ((b, s, 4, 12), (b, t, 16), (b, t, 4), (16, 4 * 14))]


LATENT = ["?x?x4x12xf32", "?x?x16xf32", "?x?x4xf32", "16x56xf32"]


def latent_attention_cases():
    scale = 0.29
    runs = [dict(b=2, s=3, t=7), dict(b=1, s=1, t=5), dict(b=1, s=4, t=4), dict(b=1, s=3, t=2)]
    for form in ("expanded", "absorbed"):
        op = "fulgur.latent_attention {0} latent {1} rope_key {2} up {3}%s " + f"scale {scale}%s {form}" \
            " : {operands} -> {r0}"
        yield Case(f"{form}_plain", LATENT, ["?x?x4x6xf32"], op % ("", ""), runs, latent_operands,
                   lambda *x: ref.latent_attention(*x, scale))
        yield Case(f"{form}_causal", LATENT, ["?x?x4x6xf32"], op % ("", " causal"), runs,
                   latent_operands, lambda *x: ref.latent_attention(*x, scale, causal=True))
        yield Case(f"{form}_mask_i1", LATENT + ["?x1x?x?xi1"], ["?x?x4x6xf32"],
                   op % (" mask {4}", " causal"), runs,
                   lambda g, b, s, t: latent_operands(g, b, s, t) + [mask_of(g, b, 1, s, t)],
                   lambda *x: ref.latent_attention(*x[:4], scale, x[4], causal=True))
        yield Case(f"{form}_mask_f32", LATENT + ["1x4x?x?xf32"], ["?x?x4x6xf32"],
                   op % (" mask {4}", ""), runs,
                   lambda g, b, s, t: latent_operands(g, b, s, t) + [bias_of(g, 1, 4, s, t)],
                   lambda *x: ref.latent_attention(*x[:4], scale, x[4]))
        static = ["2x3x4x12xf32", "2x7x16xf32", "2x7x4xf32", "16x56xf32"]
        yield Case(f"{form}_static", static, ["2x3x4x6xf32"], op % ("", " causal"), runs[:1],
                   latent_operands, lambda *x: ref.latent_attention(*x, scale, causal=True))
        yield Case(f"{form}_f16", [t.replace("f32", "f16") for t in LATENT], ["?x?x4x6xf16"],
                   op % ("", " causal"), runs[:2],
                   lambda g, b, s, t: latent_operands(g, b, s, t, np.float16),
                   lambda *x: ref.latent_attention(*x, scale, causal=True), 5e-3)


def sparse_latent_attention_cases():
    scale = 0.29

    def inputs(g, b, s, t, k, holes=True):
        indices = np.stack([g.permutation(t)[:k] for _ in range(b * s)]).reshape(b, s, -1)
        indices = np.pad(indices, ((0, 0), (0, 0), (0, k - indices.shape[2])), constant_values=-1)
        if holes:  # a -1 in the middle, and a query without any token
            indices[g.random(indices.shape) < 0.3] = -1
            indices[0, 0] = -1
        return latent_operands(g, b, s, t) + [indices.astype(np.int32)]
    op = "fulgur.sparse_latent_attention {0} latent {1} rope_key {2} up {3} indices {4} " \
        f"scale {scale}" " : {operands} -> {r0}"
    solve = lambda *x: ref.sparse_latent_attention(*x, scale)
    yield Case("dynamic", LATENT + ["?x?x?xi32"], ["?x?x4x6xf32"], op,
               [dict(b=2, s=3, t=9, k=5), dict(b=1, s=1, t=4, k=6, holes=False),
                dict(b=1, s=5, t=5, k=5, holes=False)], inputs, solve)
    yield Case("static", ["2x3x4x12xf32", "2x7x16xf32", "2x7x4xf32", "16x56xf32", "2x3x5xi32"],
               ["2x3x4x6xf32"], op, [dict(b=2, s=3, t=7, k=5)], inputs, solve)


# ---------------------------------------------------------------- selection
def selection_cases():
    def indexed(g, b, s, t):
        return [normal(g, b, s, 4, 8), normal(g, b, t, 8), normal(g, b, s, 4)]
    runs = [dict(b=2, s=3, t=9), dict(b=1, s=1, t=4), dict(b=1, s=6, t=6)]
    yield Case("lightning_indexer", ["?x?x4x8xf32", "?x?x8xf32", "?x?x4xf32"], ["?x?x?xf32"],
               "fulgur.lightning_indexer {0}, {1}, {2} scale 0.35 : {operands} -> {r0}", runs,
               indexed, lambda *x: ref.lightning_indexer(*x, 0.35))

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
    yield Case("select_one", ["?x?x?xf32"], ["?x?x1xi32"],
               "fulgur.select_tokens {0} k 1 : {operands} -> {r0}", runs,
               lambda g, b, s, t: [whole(g, b, s, t)], lambda x: ref.select_tokens(x, 1))
    yield Case("index_select", ["?x?x4x8xf32", "?x?x8xf32", "?x?x4xf32"], ["?x?x5xi32"],
               "fulgur.index_select {0}, {1}, {2} scale 0.5 k 5 causal : {operands} -> {r0}", runs,
               # Whole numbers and halves, so that scores are exact; all
               # weights positive, so that relu makes many of them.
               lambda g, b, s, t: [whole(g, b, s, 4, 8), whole(g, b, t, 8),
                                   np.abs(whole(g, b, s, 4))],
               lambda q, k, w: ref.select_tokens(
                   ref.lightning_indexer(q, k, w, 0.5), 5, causal=True))


FAMILIES = {name: list(make()) for name, make in (
    ("tensor", tensor_cases), ("rotary", rotary_cases), ("attention", attention_cases),
    ("latent_attention", latent_attention_cases),
    ("sparse_latent_attention", sparse_latent_attention_cases), ("selection", selection_cases))}
