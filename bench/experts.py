#!/usr/bin/env python3
"""Times a mixture of experts with and without `fuse-experts`.

usage: experts.py [--tokens N[,N…]] [--threads N[,N…]] [--runs N] [--rounds N]
                  [--experts N] [--width N] [--hidden N] [--type f32|bf16]

The model is a router, its dispatch, both products of the experts and the way
back, by default at a quarter of the width of DeepSeek V3.2. The executables of
both take turns. `weights at` is what of the weights of the experts that the
router of that run chose has to be read, over the time; beside it stands how fast
`fulgur-compile --measure-machine` reads in the same run."""
import argparse
import json
import math
import os
import pathlib
import subprocess
import tempfile

import gemm
import numpy as np

TOP = 8
BYTES = {"f32": 4, "bf16": 2}
MODEL = """module attributes {{fulgur.stage = "mlir:raised", fulgur.name = "experts",
    fulgur.model_folder = "{folder}"}} {{
  fulgur.weight @gate_up in "w.bin" at 0 : tensor<{x}x{n}x{k}x{t}>
  fulgur.weight @down in "w.bin" at 0 : tensor<{x}x{k}x{i}x{t}>
  func.func @main(%x: tensor<?x{k}x{t}> {{fulgur.name = "x", fulgur.dims = ["tokens", ""]}},
                  %l: tensor<?x{x}xf32> {{fulgur.name = "l", fulgur.dims = ["tokens", ""]}})
      -> (tensor<?x{k}x{t}> {{fulgur.name = "y", fulgur.dims = ["tokens", ""]}}) {{
    %c0 = arith.constant 0 : index
    %c{top} = arith.constant {top} : index
    %tokens = tensor.dim %x, %c0 : tensor<?x{k}x{t}>
    %pairs = arith.muli %tokens, %c{top} : index
    %e, %w = fulgur.route %l sigmoid k {top} normalize : tensor<?x{x}xf32> -> tensor<?x{top}xi32>, tensor<?x{top}xf32>
    %gu = fulgur.get_weight @gate_up : tensor<{x}x{n}x{k}x{t}>
    %d = fulgur.get_weight @down : tensor<{x}x{k}x{i}x{t}>
    %rows, %sources, %offsets = fulgur.dispatch %x to %e of {x} : tensor<?x{k}x{t}>, tensor<?x{top}xi32> -> tensor<?x{k}x{t}>, tensor<?xi32>, tensor<{x1}xi32>
    %p = fulgur.grouped_matmul %rows, %gu transposed offsets %offsets : tensor<?x{k}x{t}>, tensor<{x}x{n}x{k}x{t}>, tensor<{x1}xi32> -> tensor<?x{n}x{t}>
    %gate = tensor.extract_slice %p[0, 0] [%pairs, {i}] [1, 1] : tensor<?x{n}x{t}> to tensor<?x{i}x{t}>
    %up = tensor.extract_slice %p[0, {i}] [%pairs, {i}] [1, 1] : tensor<?x{n}x{t}> to tensor<?x{i}x{t}>
    %h = fulgur.swiglu %gate, %up : tensor<?x{i}x{t}>
    %r = fulgur.grouped_matmul %h, %d transposed offsets %offsets : tensor<?x{i}x{t}>, tensor<{x}x{k}x{i}x{t}>, tensor<{x1}xi32> -> tensor<?x{k}x{t}>
    %y = fulgur.combine %r from %sources weights %w : tensor<?x{k}x{t}>, tensor<?xi32>, tensor<?x{top}xf32> -> tensor<?x{k}x{t}>
    return %y : tensor<?x{k}x{t}>
  }}
}}
"""


def compile_model(folder, options, name, *flags):
    source, program = folder / f"{name}.mlir", folder / name
    source.write_text(MODEL.format(
        folder=folder, x=options.experts, x1=options.experts + 1, k=options.width,
        i=options.hidden, n=2 * options.hidden, top=TOP, t=options.type))
    subprocess.run(["fulgur-compile", source, "-o", program, "--weights=reference", *flags],
                   check=True)
    return program


def write_inputs(folder, tokens, options):
    """The folder of the inputs, and how many experts they go to."""
    random = np.random.default_rng(tokens)
    inputs = folder / f"inputs_{tokens}"
    inputs.mkdir()
    x = random.standard_normal((tokens, options.width), np.float32)
    if options.type == "bf16":
        import ml_dtypes
        x = x.astype(ml_dtypes.bfloat16)
    logits = random.standard_normal((tokens, options.experts), np.float32)
    np.save(inputs / "x.npy", x)
    np.save(inputs / "l.npy", logits)
    return inputs, len(np.unique(np.argsort(-logits)[:, :TOP]))


def measure(program, inputs, threads, runs):
    """The shortest run in seconds, and the bytes of the arena."""
    out = subprocess.run([program, "bench", "--input-dir", inputs, "--threads", str(threads),
                          "--repeat", str(runs), "--json"], check=True, capture_output=True,
                         text=True).stdout
    report = json.loads(out)
    return report["min_seconds"], report["arena_bytes"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", default="1,2,8,64,512")
    parser.add_argument("--threads", default=f"1,{len(os.sched_getaffinity(0))}")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--experts", type=int, default=256)
    parser.add_argument("--width", type=int, default=1792)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--type", choices=BYTES, default="f32")
    options = parser.parse_args()
    expert = 3 * options.width * options.hidden
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # Two weights of the same bytes: what they are changes no time.
        values = np.random.default_rng(0).standard_normal(expert, np.float32)
        if options.type == "bf16":
            values = (values.view(np.uint32) >> 16).astype(np.uint16)
        with open(folder / "w.bin", "wb") as file:
            for _ in range(options.experts):
                values[:2 * expert // 3].tofile(file)
        programs = {"fused": compile_model(folder, options, "fused"),
                    "not": compile_model(folder, options, "not", "--disable-fusion=fuse-experts")}
        inputs = {n: write_inputs(folder, n, options) for n in map(int, options.tokens.split(","))}
        for threads in map(int, options.threads.split(",")):
            peak, bandwidth = gemm.limits(threads)
            print(f"{threads} thread(s): peak {peak:.1f} GFLOP/s of f32, reading {bandwidth:.1f} GB/s")
            for tokens, (directory, used) in inputs.items():
                seconds, arena = dict.fromkeys(programs, math.inf), {}
                for _ in range(options.rounds):
                    for which, program in programs.items():
                        time, arena[which] = measure(program, directory, threads, options.runs)
                        seconds[which] = min(seconds[which], time)
                for which, time in seconds.items():
                    read = 1e-9 * used * expert * BYTES[options.type] / time
                    rate = 2e-9 * tokens * TOP * expert / time
                    print(f"  {tokens:5} tokens, {used:3} experts, {which:5}: {1e3 * time:9.2f} ms, "
                          f"{rate:6.1f} GFLOP/s ({rate / peak:4.0%}), weights at {read:5.1f} GB/s "
                          f"({read / bandwidth:4.0%}), arena {arena[which] / 1024:8.0f} KB", flush=True)


if __name__ == "__main__":
    main()
