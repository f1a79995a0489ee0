"""The cases of experts from the tokens to the sum."""
import numpy as np

import reference as ref
from case import DTYPES, Case, normal, rounded

WIDTH, INNER, OUTER = 12, 7, 10


def experts(name, form, count=6, k=3, kind="f32", up=True, transposed=False, up_first=False,
            sizes=None, choose=None):
    """`up`: gate and up are one stack. `choose` takes a generator and n."""
    t = DTYPES[kind]
    swapped = lambda a: a.transpose(0, 2, 1) if transposed else a
    shape = lambda rows, columns: (count, columns, rows) if transposed else (count, rows, columns)
    text = lambda *s: "x".join(map(str, s)) + "x" + kind
    columns = [2 * INNER] if up else [INNER, INNER]
    stacks = [text(*shape(WIDTH, c)) for c in columns]
    names = [f"{{{3 + i}}}" for i in range(len(stacks))]
    listed = lambda parts: parts[0] if up else f"[{', '.join(parts)}]"
    types = [f"{{t{3 + i}}}" for i in range(len(stacks))]
    down = 3 + len(stacks)
    word = " transposed" if transposed else ""
    op = (f"fulgur.experts {{0}} to {{1}} weights {{2}} gate_up {listed(names)}{word}"
          f"{' up_first' if up_first else ''} down {{{down}}}{word}{form and ' ' + form}"
          f" : {{t0}}, {{t1}}, {{t2}}, {listed(types)}, {{t{down}}} -> {{r0}}")
    choose = choose or (lambda g, n: np.argsort(g.random((n, count)), -1)[:, :k])

    def inputs(g, n):
        # What the products sum keeps the size of a row.
        of = lambda *s: (normal(g, *s) / np.sqrt(WIDTH)).astype(t)
        return ([normal(g, n, WIDTH, kind=t), choose(g, n).astype(np.int32), normal(g, n, k)]
                + [of(*shape(WIDTH, c)) for c in columns] + [of(*shape(INNER, OUTER))])

    def reference(x, chosen, weights, *stacks):
        *gate_up, last = map(swapped, stacks)
        gate, up = gate_up if len(gate_up) == 2 else np.split(gate_up[0], 2, -1)
        if up_first:
            gate, up = up, gate
        return ref.experts(x, chosen, weights, gate, up, last)

    # Rounded are what `down` multiplies and the result; f64 has weights in f32.
    tolerance = 1e-12 if kind == "f64" else rounded(kind, 2)
    return Case(f"experts_{form or 'open'}_{name}",
                [f"?x{WIDTH}x{kind}", f"?x{k}xi32", f"?x{k}xf32", *stacks, text(*shape(INNER, OUTER))],
                [f"?x{OUTER}x{kind}"], op, sizes or [dict(n=7), dict(n=1), dict(n=0)], inputs,
                reference, tolerance)


def cases():
    # No form is the grouped one.
    yield experts("one_stack", "")
    for form in ("per_token", "grouped"):
        for kind in ("f32", "f16", "bf16", "f64"):
            yield experts(kind, form, kind=kind)
            yield experts(f"{kind}_transposed", form, kind=kind, transposed=True)
        yield experts("up_first", form, up_first=True)
        yield experts("two_stacks", form, up=False)
        yield experts("two_stacks_transposed", form, up=False, transposed=True)
        # Blocks of one expert, the last one shorter; others without a row.
        yield experts("blocks", form, sizes=[dict(n=250), dict(n=121), dict(n=120)], k=2,
                      choose=lambda g, n: np.tile([4, 1], (n, 1)))
        # One expert is all that a token has, again and again.
        yield experts("again", form, k=2, choose=lambda g, n: np.tile(g.integers(0, 6, (n, 1)), 2))
        yield experts("one_expert", form, count=1, k=1)
