"""The cases of fulgur.absorbed_attention: what its kernel can do, and what it can
not, at sizes around those of its tiles (64 rows, 32 or 64 tokens)."""
import numpy as np

import reference as ref
from case import DTYPES, Case, normal, rounded

SCALE = 0.11


def shapes(kind, heads, rank, rotated):
    return [f"?x?x{heads}x{rank}x{kind}", f"?x?x{heads}x{rotated}x{kind}", f"?x?x{rank}x{kind}",
            f"?x?x{rotated}x{kind}"]


def operands(g, b, s, t, kind, heads, rank, rotated):
    return [normal(g, *shape, kind=DTYPES[kind]) for shape in
            ((b, s, heads, rank), (b, s, heads, rotated), (b, t, rank), (b, t, rotated))]


def chosen(g, b, s, t, k):
    """Some tokens, one of them twice; here and there none, for one query at all."""
    indices = g.integers(0, t, (b, s, k)).astype(np.int32)
    indices[g.random(indices.shape) < 0.3] = -1
    if s > 1:
        indices[0, 0] = -1
    return indices


def case(kind, heads, rank, rotated, causal, runs):
    name = f"absorbed_{kind}_{heads}x{rank}_{rotated}{'_causal' if causal else ''}"
    return Case(name, shapes(kind, heads, rank, rotated), [f"?x?x{heads}x{rank}x{kind}"],
                "fulgur.absorbed_attention {0}, {1} latent {2} rope_key {3} " +
                f"scale {SCALE}{' causal' if causal else ''}" + " : {operands} -> {r0}", runs,
                lambda g, b, s, t: operands(g, b, s, t, kind, heads, rank, rotated),
                lambda *x: ref.absorbed_attention(*x, SCALE, causal=causal), rounded(kind, 2))


def selected(kind, heads, rank, rotated, runs):
    return Case(f"absorbed_{kind}_{heads}x{rank}_{rotated}_selected",
                shapes(kind, heads, rank, rotated) + ["?x?x?xi32"], [f"?x?x{heads}x{rank}x{kind}"],
                "fulgur.absorbed_attention {0}, {1} latent {2} rope_key {3} indices {4} " +
                f"scale {SCALE}" + " : {operands} -> {r0}", runs,
                lambda g, b, s, t, k: operands(g, b, s, t, kind, heads, rank, rotated) + [chosen(g, b, s, t, k)],
                lambda *x: ref.absorbed_attention(*x[:4], SCALE, indices=x[4]), rounded(kind, 2))


def cases():
    dense = [dict(b=1, s=1, t=70), dict(b=2, s=3, t=9), dict(b=1, s=23, t=130), dict(b=2, s=4, t=3),
             dict(b=1, s=2, t=0), dict(b=0, s=2, t=5), dict(b=2, s=2, t=390)]
    sparse = [dict(b=1, s=1, t=100, k=70), dict(b=2, s=3, t=9, k=4), dict(b=2, s=2, t=300, k=330),
              dict(b=1, s=1, t=1, k=0)]
    for kind in ("bf16", "f16"):
        for causal in (False, True):
            yield case(kind, 6, 64, 16, causal, dense)
        yield selected(kind, 6, 64, 16, sparse)
    # More rows than a block has, and the tile that the widest latents leave room for.
    yield case("bf16", 70, 512, 64, True, [dict(b=1, s=1, t=70)])
    yield selected("bf16", 70, 512, 64, [dict(b=1, s=2, t=100, k=70)])
    yield case("f16", 3, 128, 48, True, [dict(b=1, s=23, t=40)])
    # Rows that start anywhere.
    part = "tensor.extract_slice {0}[0, 0, 0, 1] [2, 5, 3, 64] [1, 1, 1, 1] : {t0} to {r0}"
    attend = "fulgur.absorbed_attention {v[0]}, {1} latent {2} rope_key {3} scale 0.11 : {r0}, {t1}, {t2}, {t3} -> {r1}"
    yield Case("absorbed_odd_rows", ["2x5x3x67xbf16", "2x5x3x16xbf16", "2x9x64xbf16", "2x9x16xbf16"],
               ["2x5x3x64xbf16"] * 2, [part, attend], [{}],
               lambda g: [normal(g, 2, 5, 3, 67, kind=DTYPES["bf16"])] + operands(g, 2, 5, 9, "bf16", 3, 64, 16)[1:],
               lambda q, *x: (q[..., 1:65], ref.absorbed_attention(q[..., 1:65], *x, SCALE)), rounded("bf16", 2))
    # No kernel: f32, and latents that are not made of 64.
    yield case("f32", 6, 64, 16, True, dense)
    yield case("bf16", 6, 24, 16, False, dense)
    yield selected("f32", 6, 64, 16, sparse)
