"""Operations whose kernels are mutated, and changes that are no mistakes."""
import ml_dtypes
import numpy as np
from shipped import Case


def small(rng, *shape):
    """Numbers whose products and sums are exact."""
    return rng.integers(-8, 9, shape).astype(np.float32) / 4


def matmul(m, n, k, transposed=False, batch=(), adds=False, cluster=1, target="sm_90a"):
    """Tiles, stages and sizes that do not divide each other."""
    lead, name = ("b, ", "batch_matmul") if batch else ("", "matmul")
    maps = ", ".join(f"affine_map<({lead}m, n, k) -> ({lead}{dims})>" for dims in ("m, k", "n, k" if transposed else "k, n", "m, n"))
    left, right, result = batch + (m, k), batch + ((n, k) if transposed else (k, n)), batch + (m, n)
    a, b, c = (f"memref<{'x'.join(map(str, shape))}x{element}>"
               for shape, element in ((left, "bf16"), (right, "bf16"), (result, "f32")))
    zeros = "" if adds else f"%zero = arith.constant 0.0 : f32\n  linalg.fill ins(%zero : f32) outs(%c : {c})"

    def make(rng):
        x, w, y = small(rng, *left), small(rng, *right), small(rng, *result)
        product = x @ (w.swapaxes(-1, -2) if transposed else w)
        return ([x.astype(ml_dtypes.bfloat16), w.astype(ml_dtypes.bfloat16), y if adds else np.full_like(y, np.nan)],
                [product + y if adds else product])

    return Case(target, f"""(%a: {a}, %b: {b}, %c: {c}) {{
  {zeros}
  linalg.{name} indexing_maps = [{maps}] ins(%a, %b : {a}, {b}) outs(%c : {c})""", make, cluster=cluster)


def rows_of(op, inputs, results, config, make, tolerance=1e-5, target="sm_90a"):
    """The kernel of an operation: types of its operands and of its results."""
    names = [f"%a{i}" for i in range(len(inputs) + len(results))]
    types = [f"memref<{kind}>" for kind in inputs + results]
    count = len(inputs)
    parameters = ", ".join(f"{name}: {kind}" for name, kind in zip(names, types))
    return Case(target, f"""({parameters}) {{
  fulgur.call_kernel "{op}"({", ".join(names[:count])}) into({", ".join(names[count:])}) config {{{config}}}
      : ({", ".join(types[:count])}) into ({", ".join(types[count:])})""", make, tolerance=tolerance)


EPS = "eps = 1.0e-06 : f64"


def normalize(x, scale):
    return x / np.sqrt((x.astype(np.float64)**2).mean(axis=-1, keepdims=True) + 1e-6) * scale


def rms_norm():
    def make(rng):
        x, scale = small(rng, 3, 2, 300), small(rng, 300)
        return [x, scale, np.full_like(x, np.nan)], [normalize(x, scale)]
    return rows_of("rms_norm", ["3x2x300xf32", "300xf32"], ["3x2x300xf32"], EPS, make)


def add_rms_norm():
    """Rows that do not start at multiples of 16 bytes."""
    def make(rng):
        x, other, scale = (small(rng, *shape).astype(ml_dtypes.bfloat16) for shape in ((5, 301), (5, 301), (301,)))
        total = x.astype(np.float64) + other.astype(np.float64)
        empty = np.full_like(x, np.nan)
        return [x, other, scale, empty, empty], [total, normalize(total, scale.astype(np.float64))]
    return rows_of("add_rms_norm", ["5x301xbf16", "5x301xbf16", "301xbf16"], ["5x301xbf16", "5x301xbf16"], EPS, make, 2**-7)


def layer_norm():
    def make(rng):
        x, scale, bias = small(rng, 5, 1100) + 3, small(rng, 1100), small(rng, 1100)
        wide = x.astype(np.float64)
        apart = wide - wide.mean(axis=1, keepdims=True)
        result = apart / np.sqrt((apart**2).mean(axis=1, keepdims=True) + 1e-6) * scale + bias
        return [x, scale, bias, np.full_like(x, np.nan)], [result]
    return rows_of("layer_norm", ["5x1100xf32", "1100xf32", "1100xf32"], ["5x1100xf32"], EPS, make, 1e-4)


def swiglu():
    def make(rng):
        gate, up = (small(rng, 5, 304).astype(ml_dtypes.bfloat16) for _ in range(2))
        wide = gate.astype(np.float64)
        return [gate, up, np.full_like(gate, np.nan)], [wide / (1 + np.exp(-wide)) * up.astype(np.float64)]
    return rows_of("swiglu", ["5x304xbf16"] * 2, ["5x304xbf16"], "", make, 2**-7)


def chosen_experts(rng, tokens, experts, k):
    """One of which is nobody's."""
    return np.stack([rng.permutation(experts - 1)[:k] for _ in range(tokens)]).astype(np.int32)


def dispatch():
    """Pairs of tokens and experts that threads and warps do not share evenly."""
    tokens, k, experts, width = 105, 3, 9, 40

    def make(rng):
        x, chosen = small(rng, tokens, width), chosen_experts(rng, tokens, experts, k)
        flat = chosen.reshape(-1)
        sources = np.argsort(flat, kind="stable")
        offsets = np.searchsorted(flat[sources], np.arange(experts + 1))
        results = [x[sources // k], sources.astype(np.int32), offsets.astype(np.int32)]
        return [x, chosen] + [np.full_like(result, -7) for result in results], results
    return rows_of("dispatch", [f"{tokens}x{width}xf32", f"{tokens}x{k}xi32"],
                   [f"{tokens * k}x{width}xf32", f"{tokens * k}xi32", f"{experts + 1}xi32"],
                   f"num_experts = {experts} : i64", make, 0)


def combine():
    tokens, k, width = 37, 3, 300

    def make(rng):
        rows, weights = small(rng, tokens * k, width), small(rng, tokens, k)
        sources = rng.permutation(tokens * k).astype(np.int32)
        result = np.zeros((tokens, width), np.float32)
        for row, source in zip(rows, sources):
            result[source // k] += weights[source // k, source % k] * row
        return [rows, sources, weights, np.full_like(result, np.nan), np.full_like(sources, -7)], [result, None]
    return rows_of("combine", [f"{tokens * k}x{width}xf32", f"{tokens * k}xi32", f"{tokens}x{k}xf32"],
                   [f"{tokens}x{width}xf32", f"{tokens * k}xi32"], "", make, 0)


def route(score, groups=1, top_groups=1, group_score=0, normalize=False, scale=1.0, has_bias=False):
    """More experts than threads."""
    tokens, experts, k = 2, 288, 6

    def make(rng):
        logits = rng.normal(size=(tokens, experts)).astype(np.float32)
        bias = (rng.permutation(experts) / experts - 0.5).astype(np.float32) / 32
        # Two that are equal.
        logits[1, [10, 20]], bias[[10, 20]] = 5, 0
        if groups > 1:
            # Groups that are equal, better, worse, and less than nothing.
            logits[0] = np.tile(logits[0, :experts // groups], groups)
            bias = np.repeat([0, 0, 2**-7, 2**-7] + [-2**-7] * (groups - 5) + [-3], experts // groups).astype(np.float32)
            bias[experts // groups - 1::experts // groups] -= 2
        if score:
            # Of one lane, and greater than what has an exponential in f32.
            logits[0, 31:32 * k:32] += 100
        wide = logits.astype(np.float64)
        powers = np.exp(wide)
        affinities = powers / powers.sum(axis=1, keepdims=True) if score else 1 / (1 + np.exp(-wide))
        choices = affinities + (bias if has_bias else 0)
        sorted_groups = np.sort(choices.reshape(tokens, groups, -1), axis=2)
        worth = sorted_groups[:, :, -1] if group_score else sorted_groups[:, :, -2:].sum(axis=2)
        best = np.argsort(-worth, axis=1, kind="stable")[:, :top_groups]
        dropped = np.ones((tokens, groups), bool)
        np.put_along_axis(dropped, best, False, axis=1)
        choices = np.where(np.repeat(dropped, experts // groups, axis=1), -np.inf, choices)
        chosen = np.argsort(-choices, axis=1, kind="stable")[:, :k]
        weights = np.take_along_axis(affinities, chosen, axis=1)
        if normalize:
            weights /= weights.sum(axis=1, keepdims=True)
        empty = [np.full((tokens, k), -7, np.int32), np.full((tokens, k), np.nan, np.float32)]
        return [logits] + [bias] * has_bias + empty, [chosen, weights * scale]

    inputs, types = ("%l, %b", f"memref<{tokens}x{experts}xf32>, memref<{experts}xf32>") if has_bias else \
        ("%l", f"memref<{tokens}x{experts}xf32>")
    bias = f"%b: memref<{experts}xf32>, " if has_bias else ""
    return Case("sm_90a", f"""(%l: memref<{tokens}x{experts}xf32>, {bias}%e: memref<{tokens}x{k}xi32>, %w: memref<{tokens}x{k}xf32>) {{
  fulgur.call_kernel "route"({inputs}) into(%e, %w) config {{group_score = {group_score} : i32, groups = {groups} : i64, k = {k} : i64,
      {"normalize, " if normalize else ""}scale = {scale} : f64, score = {score} : i32, top_groups = {top_groups} : i64}}
      : ({types}) into (memref<{tokens}x{k}xi32>, memref<{tokens}x{k}xf32>)""", make, tolerance=1e-5)


def select_tokens():
    """More tokens than threads; in a row with few visible ones, equal scores, and
    scores that differ late."""
    rows, tokens, k = 4, 300, 6

    def make(rng):
        scores = np.stack([rng.normal(size=tokens), small(rng, tokens), 1 + rng.normal(size=tokens) * 1e-5,
                           rng.normal(size=tokens)]).astype(np.float32)[None]
        mask = rng.random((1, rows, tokens)) < 0.9
        mask[0, 3, 4:] = False
        result = np.full((1, rows, k), -1, np.int32)
        for row in range(rows):
            seen = np.flatnonzero(mask[0, row, :tokens - rows + row + 1])
            best = seen[np.argsort(-scores[0, row, seen], kind="stable")][:k]
            result[0, row, :len(best)] = best
        return [scores, mask, np.full_like(result, -7)], [result]

    scores, mask, result = (f"memref<1x{rows}x{size}>" for size in (f"{tokens}xf32", f"{tokens}xi1", f"{k}xi32"))
    return Case("sm_90a", f"""(%s: {scores}, %m: {mask}, %i: {result}) {{
  fulgur.call_kernel "select_tokens"(%s, %m) into(%i) config {{causal, k = {k} : i64}}
      : ({scores}, {mask}) into ({result})""", make)


def grouped_matmul():
    """Experts of more than one warp: some with more rows than a tile, some with none."""
    experts, rows, depth, columns = 80, 150, 328, 72

    def make(rng):
        counts = rng.integers(0, 3, experts)
        counts[[3, 70]] = 35, 0
        offsets = np.minimum(np.concatenate([[0], np.cumsum(counts)]), rows).astype(np.int32)
        offsets[-1] = rows
        x, weights = (small(rng, *shape).astype(ml_dtypes.bfloat16) for shape in ((rows, depth), (experts, depth, columns)))
        result = np.concatenate([x[a:b].astype(np.float64) @ w.astype(np.float64)
                                 for a, b, w in zip(offsets, offsets[1:], weights)])
        return [x, weights, offsets, np.full((rows, columns), np.nan, ml_dtypes.bfloat16)], [result]
    return rows_of("grouped_matmul", [f"{rows}x{depth}xbf16", f"{experts}x{depth}x{columns}xbf16", f"{experts + 1}xi32"],
                   [f"{rows}x{columns}xbf16"], "", make, 2**-7, "sm_80")


CASES = {
    "wgmma_matmul": matmul(200, 120, 456),
    "wgmma_matmul_batch_add": matmul(140, 120, 456, batch=(2,), adds=True),
    "wgmma_matmul_cluster": matmul(300, 120, 456, transposed=True, cluster=2),
    "mma_matmul_16": matmul(13, 72, 328, target="sm_80"),
    "mma_matmul_64": matmul(40, 72, 456, transposed=True, batch=(2,), adds=True, target="sm_80"),
    "mma_matmul_128": matmul(140, 71, 328, transposed=True, target="sm_80"),
    "grouped_matmul": grouped_matmul(),
    "rms_norm": rms_norm(),
    "add_rms_norm": add_rms_norm(),
    "layer_norm": layer_norm(),
    "swiglu": swiglu(),
    "dispatch": dispatch(),
    "combine": combine(),
    "route_softmax": route(score=1, has_bias=True),
    "route_sigmoid": route(score=0, groups=8, top_groups=3, group_score=0, normalize=True, scale=2.5, has_bias=True),
    "select_tokens": select_tokens(),
}

LAST = "nothing is written there again"
LOOP, ZEROS = "loop's bound off by one", "behind the last step all is zero"
EQUIVALENT = {
    "rms_norm": {"barrier missing (2 of 2)": LAST},
    "mma_matmul_16": {LOOP: ZEROS},
    "mma_matmul_64": {LOOP: ZEROS},
    "mma_matmul_128": {LOOP: ZEROS, "barrier missing (2 of 2)": "no sums are added up in shared memory"},
    "grouped_matmul": {LOOP + " (4 of 4)": ZEROS,
                       "bound off by one (1 of 5)": "a thread looks for the tile among its experts in vain"},
    "add_rms_norm": {"barrier missing (2 of 2)": LAST},
    "layer_norm": {"barrier missing (4 of 4)": LAST},
    "dispatch": {"bound off by one (3 of 3) in dispatch_sort": "the least of two that are equal is either",
                 "loop's bound off by one (11 of 12) in dispatch_sort": "lanes behind the end have no pair"},
    "route_softmax": {"barrier missing (4 of 6)": LAST},
    "select_tokens": {"loop's bound off by one (1 of 13)": "no round but the eighth leaves keys of one digit"},
}
