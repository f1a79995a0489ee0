#!/usr/bin/env python3
"""Times matrix products of compiled models against what the machine can do.

usage: gemm.py [--runs N] [--threads N[,N…]]

Each product is a model of one operation, compiled and run by its own `bench`
command. Beside it stand the limits that `fulgur-compile --measure-machine` finds
in the same run: multiply-adds in registers for many rows, reading of memory for
few. All times are the shortest of many."""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile

import numpy as np

# Rows, K, N. The ones of few rows have as much of weights as is read to measure
# the memory, 256 MiB: a cache that does not throw out what is oldest keeps a part
# of what is read again and again. On an AMD EPYC with 32 MiB of L3, 56 MiB are
# read at 31 GB/s where 256 MiB are read at 24.
PRODUCTS = [(240, 2048, 2112), (12, 2048, 32768), (4, 7168, 9376), (2, 7168, 9376),
            (1, 7168, 9376), (1, 2048, 32768)]
MODEL = """module attributes {{fulgur.stage = "mlir:raised", fulgur.name = "gemm",
    fulgur.model_folder = "{folder}"}} {{
  fulgur.weight @w in "w.bin" at 0 : tensor<{k}x{n}xf32>
  func.func @main(%x: tensor<?x{k}xf32> {{fulgur.name = "x", fulgur.dims = ["m", ""]}})
      -> (tensor<?x{n}xf32> {{fulgur.name = "y", fulgur.dims = ["m", ""]}}) {{
    %w = fulgur.get_weight @w : tensor<{k}x{n}xf32>
    %y = fulgur.linear %x, %w : tensor<?x{k}xf32>, tensor<{k}x{n}xf32> -> tensor<?x{n}xf32>
    return %y : tensor<?x{n}xf32>
  }}
}}
"""


def compile_product(k, n, folder):
    """The executable of x[m, k] · w[k, n]."""
    path = folder / f"{k}x{n}"
    if not path.exists():
        path.mkdir()
        np.random.default_rng(0).standard_normal((k, n), np.float32).tofile(path / "w.bin")
        compile_model(MODEL.format(k=k, n=n, folder=path), path / "gemm")
    return path / "gemm"


def compile_model(text, path):
    """The executable `path` of a module."""
    source = path.with_suffix(".mlir")
    source.write_text(text)
    subprocess.run(["fulgur-compile", source, "-o", path, "--weights=reference"], check=True)
    return path


def seconds(model, dims, threads, runs):
    """The shortest run at these sizes of named dimensions, in seconds."""
    sizes = [option for name, size in dims.items() for option in ("--dim", f"{name}={size}")]
    out = subprocess.run([model, "bench", *sizes, "--threads", str(threads), "--repeat", str(runs),
                          "--json"], check=True, capture_output=True, text=True).stdout
    return json.loads(out)["min_seconds"]


def limits(threads):
    """What as many processors can do at most: operations and bytes a second."""
    cpus = sorted(os.sched_getaffinity(0))[:threads]
    out = subprocess.run(["fulgur-compile", "--measure-machine"], check=True, capture_output=True,
                         text=True, preexec_fn=lambda: os.sched_setaffinity(0, cpus)).stdout
    machine = json.loads(out)
    return machine["peak_flops"]["f32"] / 1e9, machine["memory"][-1]["bytes_per_second"] / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--threads", default=f"1,{len(os.sched_getaffinity(0))}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for threads in map(int, options.threads.split(",")):
            before = limits(threads)
            times = [seconds(compile_product(k, n, folder), {"m": m}, threads, options.runs)
                     for m, k, n in PRODUCTS]
            # Other work on the machine may have slowed one of the two.
            peak, bandwidth = map(max, before, limits(threads))
            print(f"{threads} thread(s): peak {peak:.1f} GFLOP/s, reading {bandwidth:.1f} GB/s")
            for (m, k, n), time in zip(PRODUCTS, times):
                flops, read = 2e-9 * m * k * n / time, 4e-9 * k * n / time
                print(f"  {m:4} x {k} x {n}: {flops:7.1f} GFLOP/s ({flops / peak:4.0%}), "
                      f"weights at {read:5.1f} GB/s ({read / bandwidth:4.0%})")


if __name__ == "__main__":
    main()
