"""The cases of operations whose kernels on a GPU multiply with tensor cores: sizes
that they take, whole tiles and parts of them."""
import numpy as np

import reference as ref
from case import DTYPES, Case, mask_of, normal, rounded


# ---------------------------------------------------------------- selection
def selection_cases():
    # Tokens of several tiles, the last one shorter; queries of several runs, and
    # none of something.
    runs = [dict(b=2, s=3, t=9), dict(b=1, s=5, t=140), dict(b=1, s=0, t=4), dict(b=0, s=2, t=4),
            dict(b=1, s=2, t=0)]

    def operands(kind, heads, width):
        return [f"?x?x{heads}x{width}x{kind}", f"?x?x{width}x{kind}", f"?x?x{heads}x{kind}"]

    def make(kind, heads, width, of=normal):
        def inputs(g, b, s, t):
            return [x.astype(DTYPES[kind]) for x in
                    (of(g, b, s, heads, width), of(g, b, t, width), of(g, b, s, heads))]
        return inputs
    text = "fulgur.lightning_indexer {0}, {1}, {2} scale %s : {operands} -> {r0}"
    for kind in ("f16", "bf16"):
        for heads, width, scale, sizes in ((4, 16, 0.35, runs), (20, 80, -0.25, runs), (64, 128, 0.125, runs[:2]),
                                           (128, 32, 0.5, runs[:2])):
            yield Case(f"tensor_core_indexer_{kind}_{heads}x{width}", operands(kind, heads, width),
                       [f"?x?x?x{kind}"], text % scale, sizes, make(kind, heads, width),
                       lambda *x, scale=scale: ref.lightning_indexer(*x, scale), rounded(kind))

    # Scores of f32, as transformers has them in models of bf16.
    def wide(make_narrow):
        def inputs(g, b, s, t):
            q, k, w = make_narrow(g, b, s, t)
            return [q, k, w.astype(np.float32)]
        return inputs
    mixed = operands("bf16", 20, 80)[:2] + ["?x?x20xf32"]
    yield Case("tensor_core_indexer_mixed", mixed, ["?x?x?xf32"], text % 0.35, runs, wide(make("bf16", 20, 80)),
               lambda *x: ref.lightning_indexer(*x, 0.35))
    yield Case("tensor_core_select_mixed", mixed, ["?x?x20xi32", "?x?x?xf32", "?x?x20xi32"],
               ["fulgur.index_select {0}, {1}, {2} scale 0.35 k 20 causal : {operands} -> {r0}",
                "fulgur.lightning_indexer {0}, {1}, {2} scale 0.35 : {operands} -> {r1}",
                "fulgur.select_tokens {v[1]} k 20 causal : {r1} -> {r2}"],
               runs, wide(make("bf16", 20, 80)), None, same=(0, 2))

    # Rows that do not begin at multiples of 16 bytes, and those that happen to.
    for first in (3, 8):
        yield Case(f"tensor_core_indexer_from_{first}", ["2x3x4x16xbf16", "2x9x32xbf16", "2x3x4xbf16"],
                   ["2x9x16xbf16", "2x3x9xbf16"],
                   [f"tensor.extract_slice {{1}}[0, 0, {first}] [2, 9, 16] [1, 1, 1] : {{t1}} to {{r0}}",
                    "fulgur.lightning_indexer {0}, {v[0]}, {2} scale 0.5 : {t0}, {r0}, {t2} -> {r1}"], [{}],
                   lambda g: [normal(g, *shape, kind=DTYPES["bf16"])
                              for shape in ((2, 3, 4, 16), (2, 9, 32), (2, 3, 4))],
                   lambda q, k, w, first=first: (
                       k[:, :, first:first + 16], ref.lightning_indexer(q, k[:, :, first:first + 16], w, 0.5)),
                   rounded("bf16"))

    # Whole numbers, so that scores are exact until they are rounded.
    def whole(g, *shape):
        return g.integers(-2, 3, shape).astype(np.float32)

    def selected(kind, k, causal):
        def reference(query, key, weights, mask=None):
            scores = ref.lightning_indexer(query, key, weights, 0.5).astype(DTYPES[kind])
            return ref.select_tokens(scores.astype(np.float64), k, mask, causal=causal)
        return reference
    # More queries than are selected for at a time, fewer tokens than k and than
    # queries.
    large = [dict(b=1, s=14, t=150), dict(b=2, s=7, t=140), dict(b=1, s=1, t=300), dict(b=1, s=9, t=4)]
    text = "fulgur.index_select {0}, {1}, {2}%s scale 0.5 k 20%s : {operands} -> {r0}"
    for kind in ("f16", "bf16"):
        for words in ("", " causal"):
            yield Case(f"tensor_core_select_{kind}{words.replace(' ', '_')}", operands(kind, 4, 16),
                       ["?x?x20xi32"], text % ("", words), runs + large, make(kind, 4, 16, whole),
                       selected(kind, 20, bool(words)))
    yield Case("tensor_core_select_mask", operands("bf16", 4, 16) + ["?x1x?xi1"], ["?x?x20xi32"],
               text % (" mask {3}", ""), large[1:],
               lambda g, b, s, t: make("bf16", 4, 16, whole)(g, b, s, t) + [mask_of(g, b, 1, t)],
               selected("bf16", 20, False))
    yield Case("tensor_core_select_mask_rows", operands("bf16", 4, 16) + ["1x?x?xi1"], ["?x?x20xi32"],
               text % (" mask {3}", " causal"), large,
               lambda g, b, s, t: make("bf16", 4, 16, whole)(g, b, s, t) + [mask_of(g, 1, s, t)],
               selected("bf16", 20, True))
    # The same scores, whichever way they come about.
    yield Case("tensor_core_select_steps", operands("bf16", 64, 128), ["?x?x20xi32", "?x?x?xbf16", "?x?x20xi32"],
               ["fulgur.index_select {0}, {1}, {2} scale 0.35 k 20 causal : {operands} -> {r0}",
                "fulgur.lightning_indexer {0}, {1}, {2} scale 0.35 : {operands} -> {r1}",
                "fulgur.select_tokens {v[1]} k 20 causal : {r1} -> {r2}"],
               [dict(b=1, s=6, t=140)], make("bf16", 64, 128), None, same=(0, 2))


# ----------------------------------------------------------------- products
def product_cases():
    def offsets_of(g, rows, count):
        # Some have no rows, some more than a tile.
        parts = g.choice(np.r_[0, rows // 2, rows // 2 + 1, g.integers(0, rows + 1, count)], count - 1)
        return np.sort(np.r_[0, parts, rows]).astype(np.int32)
    runs = [dict(n=7), dict(n=1), dict(n=0), dict(n=60)]
    for kind in ("f16", "bf16"):
        for words in ("", " transposed"):
            # Rows for tiles of each height, depths of part of a step and of several.
            for count, k, n, sizes in ((5, 24, 16, runs), (3, 328, 72, [dict(n=4), dict(n=100)]),
                                       (2, 136, 136, [dict(n=2), dict(n=270)]), (1, 16, 8, [dict(n=3), dict(n=150)]),
                                       (700, 16, 8, [dict(n=9)])):
                if (kind == "f16" and count != 3) or (words and count in (1, 700)):
                    continue
                shape = (count, n, k) if words else (count, k, n)
                text = "x".join(map(str, shape))
                yield Case(f"tensor_core_grouped_{kind}{words.replace(' ', '_')}_{text}",
                           [f"?x{k}x{kind}", f"{text}x{kind}", f"{count + 1}xi32"], [f"?x{n}x{kind}"],
                           f"fulgur.grouped_matmul {{0}}, {{1}}{words} offsets {{2}} : {{operands}} -> {{r0}}",
                           sizes,
                           lambda g, n, k=k, shape=shape, count=count, t=DTYPES[kind]: [
                               normal(g, n, k, kind=t), normal(g, *shape, kind=t), offsets_of(g, n, count)],
                           lambda x, w, o, words=words: ref.grouped_matmul(
                               x, w.transpose(0, 2, 1) if words else w, o), rounded(kind))
    # An odd number of columns; nothing to add up.
    yield Case("tensor_core_grouped_odd", ["?x24xbf16", "3x9x24xbf16", "4xi32"], ["?x9xbf16"],
               "fulgur.grouped_matmul {0}, {1} transposed offsets {2} : {operands} -> {r0}", [dict(n=20)],
               lambda g, n, t=DTYPES["bf16"]: [normal(g, n, 24, kind=t), normal(g, 3, 9, 24, kind=t),
                                               offsets_of(g, n, 3)],
               lambda x, w, o: ref.grouped_matmul(x, w.transpose(0, 2, 1), o), rounded("bf16"))
    yield Case("tensor_core_grouped_no_terms", ["?x0xbf16", "3x0x8xbf16", "4xi32"], ["?x8xbf16"],
               "fulgur.grouped_matmul {0}, {1} offsets {2} : {operands} -> {r0}", [dict(n=7)],
               lambda g, n, t=DTYPES["bf16"]: [normal(g, n, 0, kind=t), normal(g, 3, 0, 8, kind=t),
                                               offsets_of(g, n, 3)],
               ref.grouped_matmul, 0.0)


# ------------------------------------------------------------------ experts
def expert_cases():
    # From the tokens to the sum: rounded are gate and up, what they make, the
    # product and the sum.
    def experts(name, form, up=True, transposed=False, up_first=False, kind="bf16", width=16, inner=24, outer=40):
        t = DTYPES[kind]
        shape = lambda rows, columns: (6, columns, rows) if transposed else (6, rows, columns)
        columns = [2 * inner] if up else [inner, inner]
        stacks = [shape(width, c) for c in columns] + [shape(inner, outer)]
        text = ["x".join(map(str, stack)) + f"x{kind}" for stack in stacks]
        listed = lambda parts: parts[0] if up else f"[{', '.join(parts)}]"
        last, word = 2 + len(stacks), " transposed" if transposed else ""
        op = (f"fulgur.experts {{0}} to {{1}} weights {{2}} gate_up "
              f"{listed([f'{{{3 + i}}}' for i in range(len(columns))])}{word}{' up_first' if up_first else ''} "
              f"down {{{last}}}{word}{form} : {{t0}}, {{t1}}, {{t2}}, "
              f"{listed([f'{{t{3 + i}}}' for i in range(len(columns))])}, {{t{last}}} -> {{r0}}")

        def inputs(g, n):
            return ([normal(g, n, width, kind=t), np.argsort(g.random((n, 6)), -1)[:, :3].astype(np.int32),
                     normal(g, n, 3)] + [(normal(g, *stack) / np.sqrt(width)).astype(t) for stack in stacks])

        def reference(x, chosen, weights, *stacks):
            *gate_up, down = [w.transpose(0, 2, 1) for w in stacks] if transposed else stacks
            gate, up = gate_up if len(gate_up) == 2 else np.split(gate_up[0], 2, -1)
            return ref.experts(x, chosen, weights, *((up, gate) if up_first else (gate, up)), down)
        return Case(f"tensor_core_experts_{name}", [f"?x{width}x{kind}", "?x3xi32", "?x3xf32", *text],
                    [f"?x{outer}x{kind}"], op, [dict(n=5), dict(n=0), dict(n=30)], inputs, reference,
                    rounded(kind, 4))
    yield experts("grouped", " grouped")
    yield experts("per_token_transposed", " per_token", transposed=True)
    yield experts("two_stacks", "", up=False, transposed=True)
    yield experts("up_first", " grouped", up_first=True, kind="f16")
