"""Cases of products with tensor cores: 16-bit elements, rows at multiples of 16
bytes, and numbers of rows for which each kernel is chosen."""
from case import DTYPES, Case, normal, rounded

# Rows for tiles of 16, 64 and 128, and none.
ROWS = [dict(b=2, s=3), dict(b=1, s=1), dict(b=3, s=20), dict(b=2, s=70), dict(b=0, s=4)]


def linear_cases():
    for kind in ("f16", "bf16"):
        t = DTYPES[kind]
        for transposed in (False, True):
            shape, text = ((40, 72), "transposed ") if transposed else ((72, 40), "")
            weight = f"{shape[0]}x{shape[1]}x{kind}"
            name = f"linear_{text.strip()}{kind}"
            turn = (lambda w: w.T) if transposed else (lambda w: w)
            yield Case(name, [f"?x?x72x{kind}", weight], [f"?x?x40x{kind}"],
                       f"fulgur.linear {{0}}, {{1}} {text}: {{t0}}, {{t1}} -> {{r0}}", ROWS,
                       lambda g, b, s, t=t, shape=shape: [normal(g, b, s, 72, kind=t), normal(g, *shape, kind=t)],
                       lambda x, w, turn=turn: x @ turn(w), rounded(kind))
            yield Case(f"{name}_residual", [f"?x?x72x{kind}", weight, f"?x?x40x{kind}"], [f"?x?x40x{kind}"],
                       f"fulgur.linear {{0}}, {{1}} {text}residual {{2}} : {{t0}}, {{t1}}, {{t2}} -> {{r0}}", ROWS,
                       lambda g, b, s, t=t, shape=shape: [normal(g, b, s, 72, kind=t), normal(g, *shape, kind=t),
                                                          normal(g, b, s, 40, kind=t)],
                       lambda x, w, r, turn=turn: x @ turn(w) + r, rounded(kind))
    t = DTYPES["bf16"]
    yield Case("linear_rank1", ["72xbf16", "72x40xbf16"], ["40xbf16"],
               "fulgur.linear {0}, {1} : {t0}, {t1} -> {r0}", [{}],
               lambda g: [normal(g, 72, kind=t), normal(g, 72, 40, kind=t)], lambda x, w: x @ w, rounded("bf16"))
    yield Case("linear_no_terms", ["?x0xbf16", "40x0xbf16", "?x40xbf16"], ["?x40xbf16"],
               "fulgur.linear {0}, {1} transposed residual {2} : {t0}, {t1}, {t2} -> {r0}", [dict(s=3), dict(s=100)],
               lambda g, s: [normal(g, s, 0, kind=t), normal(g, 40, 0, kind=t), normal(g, s, 40, kind=t)],
               lambda x, w, r: r, rounded("bf16"))
    # Rows of a part of a tensor: the second ones are not at multiples of 16 bytes.
    for first in (8, 5):
        yield Case(f"linear_slice_{first}", ["6x30x80xbf16", "40x72xbf16"], ["6x30x72xbf16", "6x30x40xbf16"],
                   [f"tensor.extract_slice {{0}}[0, 0, {first}] [6, 30, 72] [1, 1, 1] : {{t0}} to {{r0}}",
                    "fulgur.linear {v[0]}, {1} transposed : {r0}, {t1} -> {r1}"], [{}],
                   lambda g: [normal(g, 6, 30, 80, kind=t), normal(g, 40, 72, kind=t)],
                   lambda x, w, first=first: (x[..., first:first + 72], x[..., first:first + 72] @ w.T),
                   rounded("bf16"))


def product_cases():
    yield from linear_cases()
