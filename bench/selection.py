#!/usr/bin/env python3
"""Times selection and sparse attention of compiled models against what the machine can do.

usage: selection.py [--runs N] [--threads N[,N…]] [--only NAME]

Each line is a model of one operation at sizes of DeepSeek V3.2, compiled and run
by its own `bench` command. Beside it stand the multiply-adds in registers of the
same run, which no product can pass. Selecting and gathering do none, so what
they take shows as distance to the limit."""
import argparse
import os
import pathlib
import tempfile

import gemm

HEADS, WIDTH = 64, 128  # of the indexer
RANK, PLAIN, ROTATED, VALUE = 512, 128, 64, 128
INDEXER = f"tensor<?x?x{HEADS}x{WIDTH}xf32>, tensor<?x?x{WIDTH}xf32>, tensor<?x?x{HEADS}xf32>"
INDEXER_INPUTS = [("q", f"?x?x{HEADS}x{WIDTH}xf32", ["b", "s", "", ""]),
                  ("k", f"?x?x{WIDTH}xf32", ["b", "t", ""]),
                  ("w", f"?x?x{HEADS}xf32", ["b", "s", ""])]


def index_select(k, end="causal"):
    op = (f"%y = fulgur.index_select %q, %k, %w scale 1.0e-01 k {k} {end} : {INDEXER}"
          f" -> tensor<?x?x{k}xi32>")
    return INDEXER_INPUTS, op, f"?x?x{k}xi32", ["b", "s", ""]


def lightning_indexer():
    op = f"%y = fulgur.lightning_indexer %q, %k, %w scale 1.0e-01 : {INDEXER} -> tensor<?x?x?xf32>"
    return INDEXER_INPUTS, op, "?x?x?xf32", ["b", "s", "t"]


def select_tokens(k):
    op = f"%y = fulgur.select_tokens %x k {k} : tensor<?x?x?xf32> -> tensor<?x?x{k}xi32>"
    return [("x", "?x?x?xf32", ["b", "s", "t"])], op, f"?x?x{k}xi32", ["b", "s", ""]


def sparse_attention(heads, k):
    """The indices are the tokens of the highest of given scores."""
    query, up = f"?x?x{heads}x{PLAIN + ROTATED}xf32", f"{RANK}x{heads * (PLAIN + VALUE)}xf32"
    inputs = [("x", "?x?x?xf32", ["b", "s", "t"]), ("q", query, ["b", "s", "", ""]),
              ("c", f"?x?x{RANK}xf32", ["b", "t", ""]), ("r", f"?x?x{ROTATED}xf32", ["b", "t", ""]),
              ("u", up, ["", ""])]
    op = f"""%i = fulgur.select_tokens %x k {k} : tensor<?x?x?xf32> -> tensor<?x?x{k}xi32>
    %y = fulgur.sparse_latent_attention %q latent %c rope_key %r up %u indices %i scale 1.0e-01
        : tensor<{query}>, tensor<?x?x{RANK}xf32>, tensor<?x?x{ROTATED}xf32>, tensor<{up}>,
          tensor<?x?x{k}xi32> -> tensor<?x?x{heads}x{VALUE}xf32>"""
    return inputs, op, f"?x?x{heads}x{VALUE}xf32", ["b", "s", "", ""]


def products_of_indexer(s, t, causal):
    tokens = s * t - (s * (s - 1) // 2 if causal else 0)
    return 2 * tokens * HEADS * WIDTH


def products_of_attention(s, heads, k):
    each = k * (RANK + ROTATED) + k * RANK + RANK * (PLAIN + VALUE)
    return 2 * s * heads * each


# Name: the model, its sizes, and the FLOPs of its products.
CASES = {
    "index_select prefill": (index_select(2048), dict(b=1, s=512, t=4096),
                             products_of_indexer(512, 4096, True)),
    "index_select decode": (index_select(2048), dict(b=1, s=1, t=32768),
                            products_of_indexer(1, 32768, True)),
    "lightning_indexer": (lightning_indexer(), dict(b=1, s=128, t=4096),
                          products_of_indexer(128, 4096, False)),
    "select_tokens": (select_tokens(2048), dict(b=1, s=128, t=16384), 0),
    "sparse 16 heads": (sparse_attention(16, 2048), dict(b=1, s=64, t=4096),
                        products_of_attention(64, 16, 2048)),
    "sparse 128 heads": (sparse_attention(128, 2048), dict(b=1, s=16, t=4096),
                         products_of_attention(16, 128, 2048)),
    "sparse decode": (sparse_attention(128, 2048), dict(b=1, s=1, t=4096),
                      products_of_attention(1, 128, 2048)),
}


def model_of(inputs, op, result, dims):
    quoted = lambda names: ", ".join(f'"{name}"' for name in names)
    arguments = ", ".join(f'%{name}: tensor<{kind}> {{fulgur.name = "{name}", fulgur.dims = '
                          f'[{quoted(axes)}]}}' for name, kind, axes in inputs)
    return (f'module attributes {{fulgur.stage = "mlir:raised", fulgur.name = "selection"}} {{\n'
            f"  func.func @main({arguments})\n      -> (tensor<{result}> "
            f'{{fulgur.name = "y", fulgur.dims = [{quoted(dims)}]}}) {{\n'
            f"    {op}\n    return %y : tensor<{result}>\n  }}\n}}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", default=f"1,{len(os.sched_getaffinity(0))}")
    parser.add_argument("--only", help="cases whose name has this in it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        cases = {name: case for name, case in CASES.items() if (options.only or "") in name}
        programs = {name: gemm.compile_model(model_of(*case[0]), folder / name.replace(" ", "_"))
                    for name, case in cases.items()}
        for threads in map(int, options.threads.split(",")):
            before = gemm.limits(threads)[0]
            times = {name: gemm.seconds(programs[name], dims, threads, options.runs)
                     for name, (_, dims, _) in cases.items()}
            # Other work on the machine may have slowed one of the two.
            peak = max(before, gemm.limits(threads)[0])
            print(f"{threads} thread(s): peak {peak:.1f} GFLOP/s")
            for name, (_, dims, flops) in cases.items():
                sizes = " ".join(f"{dim}={size}" for dim, size in dims.items())
                rate = 1e-9 * flops / times[name]
                share = f"{rate:7.1f} GFLOP/s ({rate / peak:4.0%})" if flops else ""
                print(f"  {name:22} {sizes:20} {1e3 * times[name]:9.2f} ms  {share}".rstrip())


if __name__ == "__main__":
    main()
