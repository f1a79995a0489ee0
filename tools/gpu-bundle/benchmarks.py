"""Kernels of DeepSeek-V3.2 in its sizes, each as a model of one operation that
takes everything as an input, with the work it does and what has been published
for it. Sources of the published figures stand beside them; they are of other
kernels, and not always of the same element type or GPU."""
from dataclasses import dataclass, field


@dataclass
class Size:
    dims: dict
    # Operations of multiplications and additions, and bytes that have to move.
    flop: float
    bytes: float
    published: str = ""
    # Short enough for the emulator.
    emulated: bool = False


@dataclass
class Benchmark:
    name: str
    # Arguments and results as (name, type, names of dimensions), and the code
    # between them, which defines the results by their names.
    arguments: list
    results: list
    code: str
    sizes: list = field(default_factory=list)
    # What its operations are done in, as machine descriptions call it.
    element: str = "bf16"
    # Columns of a product, for other programs that compute it.
    product: tuple = ()

    def text(self):
        def describe(name, kind, dims):
            quoted = ", ".join(f'"{dim}"' for dim in dims)
            return f'{{fulgur.name = "{name}", fulgur.dims = [{quoted}]}}'
        takes = ", ".join(f"%{name}: {kind} {describe(name, kind, dims)}" for name, kind, dims in self.arguments)
        gives = ", ".join(f"{kind} {describe(name, kind, dims)}" for name, kind, dims in self.results)
        values = ", ".join(f"%{name}" for name, _, _ in self.results)
        types = ", ".join(kind for _, kind, _ in self.results)
        return (f'module attributes {{fulgur.stage = "mlir:raised", fulgur.name = "{self.name}"}} {{\n'
                f"func.func @main({takes}) -> ({gives}) {{\n{self.code}  return {values} : {types}\n}}\n}}\n")


def matmul(k, n, published={}, emulated=False):
    """x[rows, k] · w[k, n], bf16, with sums and results in f32."""
    x, w, y = f"tensor<?x{k}xbf16>", f"tensor<{k}x{n}xbf16>", f"tensor<?x{n}xf32>"
    code = f"""  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %rows = tensor.dim %x, %c0 : {x}
  %empty = tensor.empty(%rows) : {y}
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : {y}) -> {y}
  %y = linalg.matmul ins(%x, %w : {x}, {w}) outs(%zeros : {y}) -> {y}
"""
    sizes = [Size({"rows": m}, 2 * m * k * n, 2 * (m * k + k * n) + 4 * m * n, published.get(m, ""),
                  emulated and m == 1) for m in (1, 64, 128, 4096)]
    return Benchmark(f"matmul-{k}x{n}", [("x", x, ["rows", ""]), ("w", w, ["", ""])], [("y", y, ["rows", ""])], code,
                     sizes, product=(k, n))


def rms_norm():
    x = "tensor<?x7168xbf16>"
    return Benchmark("rms_norm-7168", [("x", x, ["rows", ""]), ("scale", "tensor<7168xbf16>", [""])], [("y", x, ["rows", ""])],
                     f"  %y = fulgur.rms_norm %x, %scale eps 1.0e-06 : {x}, tensor<7168xbf16>\n",
                     [Size({"rows": rows}, 4 * rows * 7168, 4 * rows * 7168, emulated=rows == 1) for rows in (1, 64, 4096)],
                     element="f32")


def route():
    """Few rows: where choices nearly tie, devices may round to different experts."""
    x, bias = "tensor<?x256xf32>", "tensor<256xf32>"
    experts, weights = "tensor<?x8xi32>", "tensor<?x8xf32>"
    return Benchmark("route-256", [("logits", x, ["rows", ""]), ("bias", bias, [""])],
                     [("experts", experts, ["rows", ""]), ("weights", weights, ["rows", ""])],
                     "  %experts, %weights = fulgur.route %logits bias %bias sigmoid k 8 groups 8 top_groups 4 top2 "
                     f"normalize scale 2.5 : {x}, {bias} -> {experts}, {weights}\n",
                     [Size({"rows": rows}, 8 * rows * 256, rows * (256 + 16) * 4,
                           "8 us, H200, rows not stated (sglang PR 5371)" if rows == 64 else "", rows == 1)
                      for rows in (1, 64)], element="f32")


def select_tokens():
    scores, tokens = "tensor<1x?x?xf32>", "tensor<1x?x2048xi32>"
    published = {(64, 131072): "31.6 us, B200 (flashinfer PR 3009)", (1, 131072): "9.9 us, B200 (tokenspeed PR 1366)"}
    return Benchmark("select_tokens-2048", [("scores", scores, ["", "rows", "tokens"])], [("tokens", tokens, ["", "rows", ""])],
                     f"  %tokens = fulgur.select_tokens %scores k 2048 : {scores} -> {tokens}\n",
                     [Size({"rows": rows, "tokens": size}, rows * size, rows * (size + 2048) * 4,
                           published.get((rows, size), ""), (rows, size) == (1, 4096))
                      for rows, size in ((1, 4096), (1, 131072), (64, 131072), (4096, 8192))], element="f32")


CUBLAS = "TFLOP/s, cuBLAS bf16, H100 (vllm PR 23280)"
DEEPGEMM = "TFLOP/s, DeepGEMM in f8, H800 (its README, commit 55ab91f)"

BENCHMARKS = [
    matmul(7168, 576, emulated=True),
    matmul(7168, 1536),
    # Both of the above as one product.
    matmul(7168, 2112, {128: f"276 {CUBLAS}", 4096: f"716 {CUBLAS}", 64: f"206 {DEEPGEMM}"}),
    matmul(1536, 24576, {64: f"289 {DEEPGEMM}", 4096: f"1125 {DEEPGEMM}"}),
    matmul(16384, 7168, {64: f"336 {DEEPGEMM}", 128: f"645 {DEEPGEMM}", 4096: f"1426 {DEEPGEMM}"}),
    matmul(7168, 4096, {64: f"287 {DEEPGEMM}", 4096: f"1265 {DEEPGEMM}"}),
    rms_norm(),
    route(),
    select_tokens(),
]
