"""The cases of 8-bit values with scales of blocks. Values and scales must be those
of ml_dtypes and numpy to the last bit."""
import numpy as np

import reference as ref
from case import DTYPES, ROUNDING, Case, normal

FLOAT8 = DTYPES["f8E4M3FN"]


def spread(g, *shape, kind=np.float32):
    """Numbers whose size differs from row to row, so that no two scales are alike,
    and some of which are above the 448 that 8 bits reach."""
    sizes = np.exp2(g.integers(-12, 14, shape[:-1] + (1,)))
    return (g.standard_normal(shape) * sizes).astype(kind)


def special(g, n, k):
    """Rows of zeros, of the greatest and least floats, of a NaN, of an infinity."""
    rows = np.float32([0.0, 3.4e38, 1e-42, 1.0, 1.0])[:, None] * np.sign(normal(g, 5, k))
    rows[3, 1] = rows[3, -1] = np.nan
    rows[4, 2], rows[4, -1] = np.inf, -np.inf
    return rows[np.arange(n) % 5].astype(np.float32)


def edges(g, n, k):
    """Greatest magnitudes at and next to 448 times a power of two: what tells
    whether a scale is rounded up; and halves of what the last bit is worth."""
    top = np.float32([448, 224, 1.75, 448 * 2 ** 20])[np.arange(n) % 4]
    top = np.stack([top, np.nextafter(top, np.float32(0)), np.nextafter(top, np.float32(1e9))])
    top = top[g.integers(0, 3, n), np.arange(n)]
    rows = g.integers(-448 * 32, 448 * 32 + 1, (n, k)).astype(np.float32) / 32
    return np.where(np.arange(k) % 8 == 3, top[:, None], np.clip(rows, -top[:, None], top[:, None]))


def quantize(name, operand, values, scales, block, sizes, make=spread, ue8m0=False):
    word = " ue8m0" if ue8m0 else ""
    return Case(name, [operand], [values, scales],
                f"fulgur.quantize {{0}} block {list(block)}{word} : {{t0}} -> {{r0}}, {{r1}}", sizes,
                lambda g, **s: [make(g, **s)], lambda x: ref.quantize(x, block, ue8m0), 0.0)


def quantize_cases():
    data = {"spread": spread, "edges": edges, "special": special}
    for name, ue8m0 in (("quantize", False), ("quantize_ue8m0", True)):
        yield quantize(name, "?x256xf32", "?x256xf8E4M3FN", "?x2xf32", (1, 128),
                       [dict(n=5, kind="spread"), dict(n=1, kind="spread"), dict(n=0, kind="spread"),
                        dict(n=16, kind="edges"), dict(n=10, kind="special")],
                       lambda g, n, kind: data[kind](g, n, 256), ue8m0)
    yield quantize("quantize_blocks", "?x?xf32", "?x?xf8E4M3FN", "?x?xf32", (16, 32),
                   [dict(n=40, k=70), dict(n=16, k=32), dict(n=5, k=100), dict(n=48, k=20),
                    dict(n=0, k=40), dict(n=3, k=0)], lambda g, n, k: spread(g, n, k))
    yield quantize("quantize_dynamic", "?x?xf32", "?x?xf8E4M3FN", "?x?xf32", (1, 128),
                   [dict(n=3, k=300), dict(n=1, k=256), dict(n=2, k=100), dict(n=2, k=0),
                    dict(n=0, k=256)], lambda g, n, k: spread(g, n, k))
    yield quantize("quantize_ragged", "20x72xf32", "20x72xf8E4M3FN", "2x3xf32", (16, 32), [{}],
                   lambda g: spread(g, 20, 72))
    yield quantize("quantize_rank1", "?xf32", "?xf8E4M3FN", "?xf32", (1, 16),
                   [dict(k=40), dict(k=16), dict(k=0)], lambda g, k: spread(g, k))
    yield quantize("quantize_rank3", "?x3x40xf32", "?x3x40xf8E4M3FN", "?x3x3xf32", (1, 16),
                   [dict(n=2)], lambda g, n: spread(g, n, 3, 40))
    yield quantize("quantize_experts", "3x?x?xf32", "3x?x?xf8E4M3FN", "3x?x?xf32", (8, 16),
                   [dict(n=20, k=40), dict(n=8, k=8)], lambda g, n, k: spread(g, 3, n, k))
    yield quantize("quantize_one_block", "3x5xf32", "3x5xf8E4M3FN", "1x1xf32", (128, 128), [{}],
                   lambda g: spread(g, 3, 5))
    yield quantize("quantize_elements", "?x5xf32", "?x5xf8E4M3FN", "?x5xf32", (1, 1), [dict(n=3)],
                   lambda g, n: spread(g, n, 5))
    for kind in ("f16", "bf16"):
        yield quantize(f"quantize_{kind}", f"?x72x{kind}", "?x72xf8E4M3FN", "?x3xf32", (1, 32), [dict(n=5)],
                       lambda g, n, t=DTYPES[kind]: np.clip(spread(g, n, 72), -6e4, 6e4).astype(t))


def eights(g, *shape):
    return (normal(g, *shape) * np.float32(100)).astype(FLOAT8)


def scales_of(g, *shape):
    return np.exp2(g.uniform(-11, -4, shape)).astype(np.float32)


def blocks(shape, block):
    block = (1,) * (len(shape) - 2) + block[max(0, 2 - len(shape)):]
    return tuple(-(-n // b) for n, b in zip(shape, block))


def dequantize(name, shape, scales, block, sizes, kind="f32"):
    """`sizes` are those of the dynamic dimensions, in order."""
    def inputs(g, dims=()):
        left = iter(dims)
        full = tuple(next(left) if size == "?" else int(size) for size in shape.split("x"))
        values = eights(g, *full)
        values.reshape(-1)[:3] = [np.nan, 0.0, 2.0 ** -9][:values.size]
        return [values, scales_of(g, *blocks(full, block))]
    return Case(name, [f"{shape}xf8E4M3FN", f"{scales}xf32"], [f"{shape}x{kind}"],
                f"fulgur.dequantize {{0}}, {{1}} block {list(block)} : {{operands}} -> {{r0}}",
                [dict(dims=d) for d in sizes], inputs,
                lambda v, s: ref.dequantize(v, s, block), ROUNDING[kind])


def dequantize_cases():
    yield dequantize("dequantize", "?x256", "?x2", (1, 128), [(5,), (1,), (0,)])
    yield dequantize("dequantize_weight", "72x256", "5x2", (16, 128), [()])
    yield dequantize("dequantize_dynamic", "?x?", "?x?", (16, 32), [(40, 70), (16, 32), (5, 0)])
    yield dequantize("dequantize_rank1", "?", "?", (1, 16), [(40,), (1,)])
    yield dequantize("dequantize_experts", "2x?x40", "2x?x3", (8, 16), [(20,)])
    for kind in ("bf16", "f16"):
        yield dequantize(f"dequantize_{kind}", "?x72", "?x3", (16, 32), [(40,)], kind)


def scaled_matmul(name, lhs, rhs, block, sizes, kind="f32", poison=False):
    """`lhs` and `rhs` are [M, K] and [N, K] with a `?` for each dynamic size."""
    def text(shape, block):
        return "x".join("?" if n == "?" else str(-(-int(n) // b)) for n, b in
                        zip(shape.split("x"), block))

    def inputs(g, m, n, k):
        a, b = eights(g, m, k), eights(g, n, k)
        if poison:
            a[0, -1] = np.nan
        return [a, scales_of(g, *blocks((m, k), (block[0], block[2]))),
                b, scales_of(g, *blocks((n, k), block[1:]))]
    rows, columns = lhs.split("x")[0], rhs.split("x")[0]
    # Sums of up to 300 products in f32, some of which cancel, and one rounding.
    return Case(name, [f"{lhs}xf8E4M3FN", text(lhs, (block[0], block[2])) + "xf32",
                       f"{rhs}xf8E4M3FN", text(rhs, block[1:]) + "xf32"], [f"{rows}x{columns}x{kind}"],
                "fulgur.scaled_matmul {0} scales {1}, {2} scales {3} "
                f"block {list(block)} : {{operands}} -> {{r0}}",
                [dict(m=m, n=n, k=k) for m, n, k in sizes], inputs,
                lambda *x: ref.scaled_matmul(*x, block), 1e-6 + ROUNDING[kind])


def scaled_matmul_cases():
    yield scaled_matmul("scaled_matmul", "?x256", "200x256", (1, 128, 128),
                        [(5, 200, 256), (1, 200, 256), (0, 200, 256)])
    yield scaled_matmul("scaled_matmul_ragged", "?x300", "40x300", (1, 16, 128),
                        [(7, 40, 300), (1, 40, 300)])
    yield scaled_matmul("scaled_matmul_dynamic", "?x?", "?x?", (1, 16, 32),
                        [(7, 40, 70), (1, 16, 32), (3, 5, 20), (2, 3, 0), (3, 0, 64)])
    yield scaled_matmul("scaled_matmul_rows", "?x70", "?x70", (4, 8, 32), [(9, 20, 70), (4, 8, 70)])
    yield scaled_matmul("scaled_matmul_nan", "?x64", "24x64", (1, 16, 32), [(3, 24, 64)], poison=True)
    yield scaled_matmul("scaled_matmul_bf16", "?x80", "24x80", (1, 16, 32),
                        [(5, 24, 80), (1, 24, 80)], "bf16")
    # What the kernel for sm_90a takes: rows for one block and for several.
    for kind in ("f32", "bf16", "f16"):
        yield scaled_matmul(f"scaled_matmul_kernel_{kind}", "?x400", "264x400", (1, 128, 128),
                            [(1, 264, 400), (200, 264, 400), (300, 264, 400)], kind, poison=kind == "f32")


def quantization_cases():
    yield from quantize_cases()
    yield from dequantize_cases()
    yield from scaled_matmul_cases()
