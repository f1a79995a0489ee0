"""Compares the memory that compiled models need for many tokens and for twice as many.

usage: linear_memory.py MODELS SCRATCH MODEL…

What `info` tells is the arena at the largest sizes that `--dim` allows. A buffer
with an element for each pair of a query and a token would grow fourfold. Models
with a cache get a step of 512 queries, and the tokens are in the cache."""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

TOKENS = 1 << 16
LARGEST_GROWTH = 2.01


def arena_bytes(model, tokens, scratch):
    program = scratch / f"{model.stem}-{tokens}"
    has_cache = any(model.with_suffix("").glob("inputs/past_*"))
    sizes = ["past=0.." + str(tokens), "seq=1..512"] if has_cache else [f"seq=1..{tokens}"]
    dims = [option for size in ["batch=1", *sizes] for option in ("--dim", size)]
    subprocess.run(["fulgur-compile", model, *dims, "-o", program], check=True)
    info = subprocess.run([program, "info", "--json"], check=True, capture_output=True, text=True)
    return json.loads(info.stdout)["max_arena_bytes"]


def main():
    folder, scratch, *names = sys.argv[1:]
    models = [pathlib.Path(folder) / f"{name}.onnx" for name in names]
    scratch = pathlib.Path(scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    runs = [(model, tokens) for model in models for tokens in (TOKENS, 2 * TOKENS)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        sizes = dict(zip(runs, pool.map(lambda run: arena_bytes(*run, scratch), runs)))
    wrong = 0
    for model in models:
        few, many = sizes[model, TOKENS], sizes[model, 2 * TOKENS]
        is_wrong = many > LARGEST_GROWTH * few
        wrong += is_wrong
        print(f"{model.stem:20} {few:13} bytes for {TOKENS} tokens, {many:13} for {2 * TOKENS}, "
              f"{many / few:5.3f} times{'  WRONG' if is_wrong else ''}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
