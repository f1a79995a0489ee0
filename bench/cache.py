#!/usr/bin/env python3
"""Times decode steps with caches that are updated in place, and with caches that
are copied.

usage: cache.py [--runs N] [--threads N] [--past N[,N…]]

The model is the attention of one layer with the cache of DeepSeek-V3.2 (512
latent, 64 rotary and 128 index values a token, f32) and 16 heads: projections of
one token, the indexer over all past tokens, attention to the 256 that it
selects. Weights are random. A step reads the index keys of all tokens, which is
the least that it can do; the time that reading takes stands beside it. Times are
the shortest of many, without and with an update of the caches in place, and the
plan's memory comes from the same runs."""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time

import numpy as np

HIDDEN, HEADS, LATENT, ROPE, INDEX, INDEX_HEADS, TOP = 1024, 16, 512, 64, 128, 16, 256
NOPE = VALUE = 64
WEIGHTS = {"latent": (HIDDEN, LATENT), "rope": (HIDDEN, ROPE), "index": (HIDDEN, INDEX),
           "query": (HIDDEN, HEADS * (NOPE + ROPE)), "index_query": (HIDDEN, INDEX_HEADS * INDEX),
           "index_weight": (HIDDEN, INDEX_HEADS), "up": (LATENT, HEADS * (NOPE + VALUE)),
           "out": (HEADS * VALUE, HIDDEN)}


def tensor(*shape):
    return "tensor<" + "x".join(map(str, shape)) + "xf32>"


def row(size):
    return tensor("?", "?", size)


def write_model(folder):
    """The layer as MLIR that is raised already, and its weights."""
    offset, declared, bodies = 0, [], []
    generator = np.random.default_rng(0)
    with open(folder / "w.bin", "wb") as file:
        for name, shape in WEIGHTS.items():
            declared.append(f'fulgur.weight @{name} in "w.bin" at {offset} : {tensor(*shape)}')
            bodies.append(f"%w_{name} = fulgur.get_weight @{name} : {tensor(*shape)}")
            (generator.standard_normal(shape, np.float32) / shape[0] ** 0.5).tofile(file)
            offset += 4 * shape[0] * shape[1]
    for name in ("latent", "rope", "index", "query", "index_query", "index_weight"):
        k, n = WEIGHTS[name]
        bodies.append(f"%{name} = fulgur.linear %x, %w_{name} : {row(k)}, {tensor(k, n)} -> {row(n)}")
    caches = {"latent": LATENT, "rope": ROPE, "index": INDEX}
    for name, n in caches.items():
        bodies.append(f"%all_{name} = fulgur.cache_update %past_{name}, %{name} axis 1 "
                      f": {row(n)}, {row(n)} -> {row(n)}")
    q, iq = tensor("?", "?", HEADS, NOPE + ROPE), tensor("?", "?", INDEX_HEADS, INDEX)
    o = tensor("?", "?", HEADS, VALUE)
    k, n = WEIGHTS["out"]
    bodies.append(f"""%b = fulgur.dim "batch"
    %s = fulgur.dim "seq"
    %q = tensor.expand_shape %query [[0], [1], [2, 3]] output_shape [%b, %s, {HEADS}, {NOPE + ROPE}]
        : {row(HEADS * (NOPE + ROPE))} into {q}
    %iq = tensor.expand_shape %index_query [[0], [1], [2, 3]] output_shape [%b, %s, {INDEX_HEADS}, {INDEX}]
        : {row(INDEX_HEADS * INDEX)} into {iq}
    %scores = fulgur.lightning_indexer %iq, %all_index, %index_weight scale 1.0e-01
        : {iq}, {row(INDEX)}, {row(INDEX_HEADS)} -> {row("?")}
    %i = fulgur.select_tokens %scores k {TOP} causal : {row("?")} -> tensor<?x?x{TOP}xi32>
    %o = fulgur.sparse_latent_attention %q latent %all_latent rope_key %all_rope up %w_up indices %i scale 1.0e-01
        : {q}, {row(LATENT)}, {row(ROPE)}, {tensor(*WEIGHTS["up"])}, tensor<?x?x{TOP}xi32> -> {o}
    %flat = tensor.collapse_shape %o [[0], [1], [2, 3]] : {o} into {row(k)}
    %y = fulgur.linear %flat, %w_out : {row(k)}, {tensor(k, n)} -> {row(n)}""")
    arguments = "".join(f', %past_{name}: {row(n)} {{fulgur.name = "past_{name}", '
                        'fulgur.dims = ["batch", "past", ""]}' for name, n in caches.items())
    results = "".join(f', {row(n)} {{fulgur.name = "present_{name}", fulgur.dims = ["batch", "", ""]}}'
                      for name, n in caches.items())
    values = ", ".join(f"%all_{name}" for name in caches)
    types = ", ".join(row(n) for n in caches.values())
    lines = "\n    ".join(bodies)
    (folder / "cache.mlir").write_text(f"""module attributes {{fulgur.stage = "mlir:raised", fulgur.name = "cache",
    fulgur.model_folder = "{folder}"}} {{
  {chr(10).join(declared)}
  func.func @main(%x: {row(HIDDEN)} {{fulgur.name = "x", fulgur.dims = ["batch", "seq", ""]}}{arguments})
      -> ({row(HIDDEN)} {{fulgur.name = "y", fulgur.dims = ["batch", "seq", ""]}}{results}) {{
    {lines}
    return %y, {values} : {row(HIDDEN)}, {types}
  }}
}}
""")


def compile_model(folder, name, *options):
    subprocess.run(["fulgur-compile", folder / "cache.mlir", "-o", folder / name,
                    "--weights=reference", *options], check=True)
    return folder / name


def bench(program, past, options):
    out = subprocess.run([program, "bench", "--dim", "batch=1", "--dim", "seq=1", "--dim", f"past={past}",
                          "--threads", str(options.threads), "--repeat", str(options.runs), "--json"],
                         check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def measure_reading(bytes_read):
    """Seconds to read so many bytes once, the shortest of some."""
    data = np.ones(max(bytes_read // 4, 1), np.float32)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        data.max()
        best = min(best, time.perf_counter() - start)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--past", default="1024,16384,65536")
    options = parser.parse_args()
    row_bytes = 4 * (LATENT + ROPE + INDEX)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_model(folder)
        copied = compile_model(folder, "copied", "--disable-fusion=update-caches-in-place")
        placed = compile_model(folder, "placed")
        print(f"a decode step of one layer, {row_bytes} bytes a token, {options.threads} thread(s)")
        for past in map(int, options.past.split(",")):
            # In turns: other work on the machine slows both.
            slow, fast = bench(copied, past, options), bench(placed, past, options)
            reading = measure_reading(4 * INDEX * past)
            print(f"  past {past:6}: copied {slow['min_seconds'] * 1e3:8.3f} ms, "
                  f"in place {fast['min_seconds'] * 1e3:8.3f} ms "
                  f"({slow['min_seconds'] / fast['min_seconds']:.2f} times), "
                  f"reading the index keys {reading * 1e3:7.3f} ms; "
                  f"{row_bytes * past / 1e6:.1f} MB of caches not copied")


if __name__ == "__main__":
    main()
