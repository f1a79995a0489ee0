#!/usr/bin/env python3
"""Compares matrix products of compiled models with numpy.

usage: check_matmul.py FOLDER

Each depth K and element type is one model that multiplies the same rows with a
weight, a weight stored transposed, one of a stack of weights, several weights
side by side, an input as columns in batches and as rows; and it transposes rows,
which goes in blocks. Rows come in every number up to more than a tile."""
import pathlib
import shutil
import subprocess
import sys

import numpy as np

N, T, EXPERTS = 45, 64, 3
MODEL = """module attributes {{fulgur.stage = "mlir:raised", fulgur.name = "matmul",
    fulgur.model_folder = "{folder}"}} {{
  fulgur.weight @plain in "plain.bin" at 0 : tensor<{k}x{n}x{type}>
  fulgur.weight @turned in "turned.bin" at 0 : tensor<{t}x{k}x{type}>
  fulgur.weight @stack in "stack.bin" at 0 : tensor<{e}x{k}x{n}x{type}>
  func.func @main(%x: tensor<?x{k}x{type}> {{fulgur.name = "x", fulgur.dims = ["m", ""]}},
                  %a: tensor<2x?x{k}x{type}> {{fulgur.name = "a", fulgur.dims = ["", "m", ""]}},
                  %b: tensor<2x{k}x?x{type}> {{fulgur.name = "b", fulgur.dims = ["", "", "n"]}},
                  %c: tensor<?x{k}x{type}> {{fulgur.name = "c", fulgur.dims = ["n", ""]}})
      -> (tensor<?x{n}xf32> {{fulgur.name = "plain", fulgur.dims = ["m", ""]}},
          tensor<?x{t}xf32> {{fulgur.name = "turned", fulgur.dims = ["m", ""]}},
          tensor<?x{n}xf32> {{fulgur.name = "stack", fulgur.dims = ["m", ""]}},
          tensor<?x{s}xf32> {{fulgur.name = "several", fulgur.dims = ["m", ""]}},
          tensor<?x?xf32> {{fulgur.name = "rows", fulgur.dims = ["m", "n"]}},
          tensor<2x{k}x?x{type}> {{fulgur.name = "transpose", fulgur.dims = ["", "", "m"]}},
          tensor<2x?x?xf32> {{fulgur.name = "batch", fulgur.dims = ["", "m", "n"]}}) {{
    %zero = arith.constant 0.0 : f32
    %m = fulgur.dim "m"
    %n = fulgur.dim "n"
    %e0 = tensor.empty(%m) : tensor<?x{n}xf32>
    %z0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x{n}xf32>) -> tensor<?x{n}xf32>
    %e1 = tensor.empty(%m) : tensor<?x{t}xf32>
    %z1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x{t}xf32>) -> tensor<?x{t}xf32>
    %e2 = tensor.empty(%m, %n) : tensor<2x?x?xf32>
    %z2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<2x?x?xf32>) -> tensor<2x?x?xf32>
    %w0 = fulgur.get_weight @plain : tensor<{k}x{n}x{type}>
    %y0 = linalg.matmul ins(%x, %w0 : tensor<?x{k}x{type}>, tensor<{k}x{n}x{type}>) outs(%z0 : tensor<?x{n}xf32>) -> tensor<?x{n}xf32>
    %w1 = fulgur.get_weight @turned : tensor<{t}x{k}x{type}>
    %y1 = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
        ins(%x, %w1 : tensor<?x{k}x{type}>, tensor<{t}x{k}x{type}>) outs(%z1 : tensor<?x{t}xf32>) -> tensor<?x{t}xf32>
    %w2 = fulgur.get_weight @stack : tensor<{e}x{k}x{n}x{type}>
    %s2 = tensor.extract_slice %w2[1, 0, 0] [1, {k}, {n}] [1, 1, 1] : tensor<{e}x{k}x{n}x{type}> to tensor<{k}x{n}x{type}>
    %y2 = linalg.matmul ins(%x, %s2 : tensor<?x{k}x{type}>, tensor<{k}x{n}x{type}>) outs(%z0 : tensor<?x{n}xf32>) -> tensor<?x{n}xf32>
    %y3 = linalg.batch_matmul ins(%a, %b : tensor<2x?x{k}x{type}>, tensor<2x{k}x?x{type}>) outs(%z2 : tensor<2x?x?xf32>) -> tensor<2x?x?xf32>
    %e4 = tensor.empty(%m) : tensor<?x{s}xf32>
    %z4 = linalg.fill ins(%zero : f32) outs(%e4 : tensor<?x{s}xf32>) -> tensor<?x{s}xf32>
    %t4 = tensor.empty() : tensor<{k}x{t}x{type}>
    %w4 = linalg.transpose ins(%w1 : tensor<{t}x{k}x{type}>) outs(%t4 : tensor<{k}x{t}x{type}>) permutation = [1, 0]
    %c4 = tensor.concat dim(1) %w0, %w4, %s2 : (tensor<{k}x{n}x{type}>, tensor<{k}x{t}x{type}>, tensor<{k}x{n}x{type}>) -> tensor<{k}x{s}x{type}>
    %y4 = linalg.matmul ins(%x, %c4 : tensor<?x{k}x{type}>, tensor<{k}x{s}x{type}>) outs(%z4 : tensor<?x{s}xf32>) -> tensor<?x{s}xf32>
    %e5 = tensor.empty(%m) : tensor<2x{k}x?x{type}>
    %y5 = linalg.transpose ins(%a : tensor<2x?x{k}x{type}>) outs(%e5 : tensor<2x{k}x?x{type}>) permutation = [0, 2, 1]
    %e6 = tensor.empty(%m, %n) : tensor<?x?xf32>
    %z6 = linalg.fill ins(%zero : f32) outs(%e6 : tensor<?x?xf32>) -> tensor<?x?xf32>
    %y6 = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
        ins(%x, %c : tensor<?x{k}x{type}>, tensor<?x{k}x{type}>) outs(%z6 : tensor<?x?xf32>) -> tensor<?x?xf32>
    return %y0, %y1, %y2, %y4, %y6, %y5, %y3 : tensor<?x{n}xf32>, tensor<?x{t}xf32>, tensor<?x{n}xf32>, tensor<?x{s}xf32>, tensor<?x?xf32>, tensor<2x{k}x?x{type}>, tensor<2x?x?xf32>
  }}
}}
"""


def check(folder, k, kind, cpu):
    """Compiles one model and runs it; returns the largest relative error."""
    dtype = {"f32": np.float32, "f16": np.float16}[kind]
    g = np.random.default_rng(k)
    make = lambda *shape: g.standard_normal(shape).astype(dtype)
    weights = {"plain": make(k, N), "turned": make(T, k), "stack": make(EXPERTS, k, N)}
    for name, value in weights.items():
        value.tofile(folder / f"{name}.bin")
    source = folder / "matmul.mlir"
    source.write_text(MODEL.format(folder=folder, k=k, n=N, t=T, s=2 * N + T, e=EXPERTS, type=kind))
    subprocess.run(["fulgur-compile", source, f"--mcpu={cpu}", "-o", folder / "matmul"], check=True)
    worst = 0.0
    for m, n in [(i, 33) for i in range(1, 14)] + [(0, 3), (25, 1), (121, 64)]:
        inputs = {"x": make(m, k), "a": make(2, m, k), "b": make(2, k, n), "c": make(n, k)}
        for name, value in inputs.items():
            np.save(folder / f"{name}.npy", value)
        subprocess.run([folder / "matmul", "run", "--input-dir", folder, "--output-dir",
                        folder / "out"], check=True, stdout=subprocess.DEVNULL)
        x, a, b, c = (inputs[i].astype(np.float64) for i in "xabc")
        wide = {name: value.astype(np.float64) for name, value in weights.items()}
        several = np.hstack([wide["plain"], wide["turned"].T, wide["stack"][1]])
        for name, wanted in (("several", x @ several), ("rows", x @ c.T), ("transpose", a.transpose(0, 2, 1)), ("plain", x @ wide["plain"]), ("turned", x @ wide["turned"].T),
                             ("stack", x @ wide["stack"][1]), ("batch", a @ b)):
            got = np.load(folder / "out" / f"{name}.npy")
            assert got.shape == wanted.shape, (name, got.shape, wanted.shape)
            error = np.abs(got - wanted).max(initial=0) / max(np.abs(wanted).max(initial=0), 1e-30)
            # Sums of K products in f32, each rounded: K · 2⁻²⁴ at the very most.
            assert error <= 1e-5, f"{name}: {m} x {k} x {n} of {kind} on {cpu}: error {error}"
            worst = max(worst, error)
    return worst


def main(folder):
    folder = pathlib.Path(folder).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for k, kind, cpu in ((1, "f32", "native"), (7, "f16", "native"), (513, "f32", "native"),
                         (1100, "f16", "native"), (513, "f32", "x86-64-v3")):
        print(f"K {k} {kind} {cpu}: error {check(folder, k, kind, cpu):.1e}")


if __name__ == "__main__":
    main(sys.argv[1])
