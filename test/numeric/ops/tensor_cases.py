"""Cases of check_op.py for norms, projections, the gated activation and caches."""
import numpy as np

import reference as ref
from case import DTYPES, Case, normal, rounded


def tensor_cases():
    rows = [dict(b=2, s=3), dict(b=1, s=1), dict(b=0, s=4)]
    for kind in ("f32", "f16", "bf16", "f64"):
        t, tolerance = DTYPES[kind], 1e-12 if kind == "f64" else rounded(kind)
        yield Case(f"rms_norm_{kind}", [f"?x?x24x{kind}", f"24x{kind}"], [f"?x?x24x{kind}"],
                   "fulgur.rms_norm {0}, {1} eps 1.0e-06 : {t0}, {t1}", rows,
                   lambda g, b, s, t=t: [normal(g, b, s, 24, kind=t), normal(g, 24, kind=t)],
                   lambda x, w: ref.rms_norm(x, w, 1e-6), tolerance)
        # Rows of no whole number of 16 bytes.
        yield Case(f"rms_norm_odd_{kind}", [f"?x27x{kind}", f"27x{kind}"], [f"?x27x{kind}"],
                   "fulgur.rms_norm {0}, {1} eps 1.0e-06 : {t0}, {t1}", [dict(s=3), dict(s=1), dict(s=0)],
                   lambda g, s, t=t: [normal(g, s, 27, kind=t), normal(g, 27, kind=t)],
                   lambda x, w: ref.rms_norm(x, w, 1e-6), tolerance)
        yield Case(f"linear_{kind}", [f"?x?x24x{kind}", f"24x10x{kind}"], [f"?x?x10x{kind}"],
                   "fulgur.linear {0}, {1} : {t0}, {t1} -> {r0}", rows,
                   lambda g, b, s, t=t: [normal(g, b, s, 24, kind=t), normal(g, 24, 10, kind=t)],
                   lambda x, w: x @ w, tolerance)
        yield Case(f"linear_residual_{kind}", [f"?x?x24x{kind}", f"24x10x{kind}", f"?x?x10x{kind}"],
                   [f"?x?x10x{kind}"],
                   "fulgur.linear {0}, {1} residual {2} : {t0}, {t1}, {t2} -> {r0}", rows,
                   lambda g, b, s, t=t: [normal(g, b, s, 24, kind=t), normal(g, 24, 10, kind=t),
                                         normal(g, b, s, 10, kind=t)],
                   lambda x, w, r: x @ w + r, tolerance)
        # The sum is rounded before it is normalised: two roundings.
        yield Case(f"add_rms_norm_{kind}", [f"?x?x24x{kind}", f"?x?x24x{kind}", f"24x{kind}"],
                   [f"?x?x24x{kind}"] * 2,
                   "fulgur.add_rms_norm {0}, {1}, {2} eps 1.0e-06 : {t0}, {t2}", rows,
                   lambda g, b, s, t=t: [normal(g, b, s, 24, kind=t), normal(g, b, s, 24, kind=t),
                                         normal(g, 24, kind=t)],
                   lambda x, r, w: (x + r, ref.rms_norm(x + r, w, 1e-6)), 2 * tolerance)
    # Rows whose threads take several pieces, which they keep or read again.
    for name, kind, columns in (("kept", "bf16", 4360), ("long", "bf16", 16400), ("long_odd", "f32", 2051)):
        t = DTYPES[kind]
        yield Case(f"add_rms_norm_{name}", [f"?x{columns}x{kind}"] * 2 + [f"{columns}x{kind}"],
                   [f"?x{columns}x{kind}"] * 2, "fulgur.add_rms_norm {0}, {1}, {2} eps 1.0e-06 : {t0}, {t2}",
                   [dict(s=2)],
                   lambda g, s, d=columns, t=t: [normal(g, s, d, kind=t), normal(g, s, d, kind=t),
                                                 normal(g, d, kind=t)],
                   lambda x, r, w: (x + r, ref.rms_norm(x + r, w, 1e-6)), 2 * rounded(kind))
    # A mean far from 0 is where a variance from the mean of squares goes wrong.
    yield Case("layer_norm", ["?x?x24xf32", "24xf32", "24xf32"], ["?x?x24xf32"],
               "fulgur.layer_norm {0}, {1}, {2} eps 1.0e-06 : {t0}, {t1}", rows,
               lambda g, b, s: [normal(g, b, s, 24) + np.float32(8), normal(g, 24), normal(g, 24)],
               lambda x, w, c: ref.layer_norm(x, w, c, 1e-6))
    yield Case("layer_norm_static", ["5x24xf32", "24xf32", "24xf32"], ["5x24xf32"],
               "fulgur.layer_norm {0}, {1}, {2} eps 1.0e-06 : {t0}, {t1}", [{}],
               lambda g: [normal(g, 5, 24), normal(g, 24), normal(g, 24)],
               lambda x, w, c: ref.layer_norm(x, w, c, 1e-6))
    yield Case("layer_norm_bf16", ["?x24xbf16", "24xbf16", "24xbf16"], ["?x24xbf16"],
               "fulgur.layer_norm {0}, {1}, {2} eps 1.0e-06 : {t0}, {t1}", [dict(s=5)],
               lambda g, s: [normal(g, *shape, kind=DTYPES["bf16"]) for shape in ((s, 24), (24,), (24,))],
               lambda x, w, c: ref.layer_norm(x, w, c, 1e-6), rounded("bf16"))
    yield Case("swiglu", ["?x24xf32", "?x24xf32"], ["?x24xf32"],
               "fulgur.swiglu {0}, {1} : {t0}", [dict(s=5)],
               lambda g, s: [normal(g, s, 24) * np.float32(4), normal(g, s, 24)], ref.swiglu)
    for kind, columns in (("f16", 24), ("f32", 27), ("bf16", 2104)):
        yield Case(f"swiglu_{columns}_{kind}", [f"?x{columns}x{kind}"] * 2, [f"?x{columns}x{kind}"],
                   "fulgur.swiglu {0}, {1} : {t0}", [dict(s=3), dict(s=1), dict(s=0)],
                   lambda g, s, d=columns, t=DTYPES[kind]: [normal(g, s, d, kind=t) for _ in range(2)],
                   ref.swiglu, rounded(kind))
    yield Case("swiglu_bf16", ["?x24xbf16", "?x24xbf16"], ["?x24xbf16"],
               "fulgur.swiglu {0}, {1} : {t0}", [dict(s=5)],
               lambda g, s: [normal(g, s, 24, kind=DTYPES["bf16"]) for _ in range(2)],
               ref.swiglu, rounded("bf16"))
    for rank, operand, shape in ((1, "?xf32", (12,)), (2, "?x12xf32", (5, 12)),
                                 (4, "2x?x?x12xf32", (2, 3, 4, 12))):
        result = operand.replace("12", "7") if rank > 1 else "7xf32"
        yield Case(f"linear_rank{rank}", [operand, "12x7xf32"], [result],
                   "fulgur.linear {0}, {1} : {t0}, {t1} -> {r0}", [{}],
                   lambda g, shape=shape: [normal(g, *shape), normal(g, 12, 7)],
                   lambda x, w: x @ w)
        yield Case(f"linear_rank{rank}_transposed", [operand, "7x12xf32"], [result],
                   "fulgur.linear {0}, {1} transposed : {t0}, {t1} -> {r0}", [{}],
                   lambda g, shape=shape: [normal(g, *shape), normal(g, 7, 12)],
                   lambda x, w: x @ w.T)
    yield Case("linear_rank1_residual", ["?xf32", "12x7xf32", "7xf32"], ["7xf32"],
               "fulgur.linear {0}, {1} residual {2} : {t0}, {t1}, {t2} -> {r0}", [{}],
               lambda g: [normal(g, 12), normal(g, 12, 7), normal(g, 7)],
               lambda x, w, r: x @ w + r)
    # Sums of nothing.
    yield Case("linear_no_terms", ["?x0xf32", "0x10xf32"], ["?x10xf32"],
               "fulgur.linear {0}, {1} : {t0}, {t1} -> {r0}", [dict(s=3)],
               lambda g, s: [normal(g, s, 0), normal(g, 0, 10)], lambda x, w: x @ w, 0.0)
    yield Case("linear_dynamic", ["?x?xf32", "?x?xf32"], ["?x?xf32"],
               "fulgur.linear {0}, {1} transposed : {t0}, {t1} -> {r0}", [dict(s=3, k=12), dict(s=3, k=0)],
               lambda g, s, k: [normal(g, s, k), normal(g, 10, k)], lambda x, w: x @ w.T)
    yield Case("cache_update", ["?x?x8xf32", "?x?x8xf32"], ["?x?x8xf32"],
               "fulgur.cache_update {0}, {1} axis 1 : {t0}, {t1} -> {r0}",
               [dict(b=2, p=5, s=3), dict(b=1, p=0, s=2), dict(b=1, p=4, s=0)],
               lambda g, b, p, s: [normal(g, b, p, 8), normal(g, b, s, 8)],
               lambda p, u: np.concatenate([p, u], 1))
    yield Case("cache_update_heads", ["2x4x?x8xf32", "2x4x3x8xf32"], ["2x4x?x8xf32"],
               "fulgur.cache_update {0}, {1} axis 2 : {t0}, {t1} -> {r0}", [dict(p=5)],
               lambda g, p: [normal(g, 2, 4, p, 8), normal(g, 2, 4, 3, 8)],
               lambda p, u: np.concatenate([p, u], 2))
