#!/usr/bin/env python3
"""Times each fusion on and off, at sizes where it matters.

usage: fusion.py [--model FILE.onnx --shape DIM=N[,DIM=N…]…] [--only NAME[,NAME…]]
                 [--threads N] [--rounds N] [--runs N]

The fusions are those that fulgur-compile lists. Without --model, each meets a
scenario of its own (SCENARIOS): a DeepSeek-V3.2, or V3, of one dense layer and
one of experts, a quarter as wide as the released one, with random weights. It
is compiled with all fusions that are on by default, and with that one switched;
the two executables take turns, so that other work on the machine meets both.
The times are the shortest of all runs, `arena` the memory of a step. A ratio in
brackets is noise: some rounds say that the fusion helps, and some that it does
not. What outlines layers is measured by the compilation of a deeper model."""
import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import types

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "models"))
# For each fusion the model, options of the compiler, and shapes.
SCENARIOS = {
    # All of at most index_topk tokens are selected, which the bounds tell.
    "skip-selection": ("deepseek_v32", ["--dim=seq=1..128", "--dim=past=0..384"],
                       ["batch=1,seq=1,past=384", "batch=1,seq=128,past=384"]),
    # The scores that are not stored are as many as queries times tokens.
    "fuse-index-select": ("deepseek_v32", [], ["batch=1,seq=1,past=8191", "batch=1,seq=512,past=7680"]),
    "merge-projections": ("deepseek_v32", [], ["batch=1,seq=1,past=63", "batch=1,seq=64,past=0"]),
    # The rows that are not copied are those of the past.
    "update-caches-in-place": ("deepseek_v32", [], ["batch=1,seq=1,past=1023", "batch=1,seq=1,past=16383"]),
    # Gathered are index_topk tokens of a query; masked are all.
    "choose-sparse-attention": ("deepseek_v32", [], ["batch=1,seq=1,past=8191", "batch=1,seq=1,past=16383",
                                                     "batch=1,seq=256,past=0"]),
    "choose-latent-form": ("deepseek_v3", [], ["batch=1,seq=1,past=4095", "batch=1,seq=256,past=0"]),
}
DEFAULT_SCENARIO = ("deepseek_v32", [], ["batch=1,seq=1,past=1023", "batch=1,seq=64,past=0"])
OUTLINED_LAYERS = 8
WIDTHS = dict(vocab_size=4096, hidden_size=2048, intermediate_size=4608, moe_intermediate_size=512,
              num_hidden_layers=2, first_k_dense_replace=1, num_attention_heads=32,
              q_lora_rank=512, n_routed_experts=64, index_n_heads=16, index_topk=512)


def write_model(path, name):
    """The graph, and beside it files of weights that keep a row's variance."""
    import full_size
    import onnx
    from export.signature import Variant

    class RandomFiles(full_size.SparseFiles):
        def store(self, name, tensor):
            proto = super().store(name, tensor)
            entries = {e.key: e.value for e in proto.external_data}
            file = self.path.with_name(entries["location"])
            with open(file, "r+b" if file.exists() else "w+b") as out:
                out.seek(int(entries["offset"]))
                values = random.standard_normal(math.prod(tensor.shape), np.float32)
                (values / np.float32(math.sqrt(min(tensor.shape[-2:])))).tofile(out)
            return proto

    random = np.random.default_rng(0)
    config = full_size.make_config(name)
    # V3 has no indexer.
    widths = {key: value for key, value in WIDTHS.items() if hasattr(config, key)}
    config = types.SimpleNamespace(**{**vars(config), **widths, "mlp_layer_types": ["dense", "sparse"]})
    files = RandomFiles(path)
    variant = Variant("decode", past=1, opset=20, compact=True)
    onnx.save(full_size.make_graph(config, variant, files.store), path)


def list_fusions():
    """The names of all fusions, and which of them are off by default."""
    text = subprocess.run(["fulgur-compile", "--disable-fusion=help"], check=True,
                          capture_output=True, text=True).stdout
    return {line.split()[0]: "--enable-fusion" in line for line in text.splitlines()}


def compile_model(model, output, *options):
    subprocess.run(["fulgur-compile", model, "-o", output, "--weights=reference", *options],
                   check=True)
    return output


def measure(program, shape, options):
    """The shortest run in seconds, and the bytes of the arena."""
    dims = [word for pair in shape.split(",") for word in ("--dim", pair)]
    report = subprocess.run([program, "bench", *dims, "--threads", str(options.threads),
                             "--repeat", str(options.runs), "--json"],
                            check=True, capture_output=True, text=True).stdout
    report = json.loads(report)
    return report["min_seconds"], report["arena_bytes"]


def compare(fusion, on, off, shape, options):
    """Prints the line of one fusion at one shape."""
    best, arena, ratios = {}, {}, []
    for _ in range(options.rounds):
        times = {}
        for program in (on, off):
            times[program], arena[program] = measure(program, shape, options)
            best[program] = min(best.get(program, math.inf), times[program])
        ratios.append(times[off] / times[on])
    ratio = f"{best[off] / best[on]:.2f}"
    if min(ratios) <= 1 <= max(ratios):
        ratio = f"({ratio})"
    print(f"{fusion:24} {shape:26} {1e3 * best[on]:9.2f} {1e3 * best[off]:9.2f} {ratio:>8} "
          f"{arena[on] / 1024:12.0f} {arena[off] / 1024:13.0f}", flush=True)


def compare_compilation(folder, switch, rounds):
    """Prints what a fusion does to the time of a compilation and to its code."""
    graph = folder / "deep.onnx"
    subprocess.run([sys.executable, ROOT / "models/full_size.py", "deepseek_v32", graph,
                    "--layers", str(OUTLINED_LAYERS)], check=True, stdout=subprocess.DEVNULL)
    best, size = {}, {}
    for _ in range(rounds):
        for options in ((), (switch,)):
            before = os.times()
            program = compile_model(graph, folder / "deep", *options)
            after = os.times()
            spent = after.children_user + after.children_system - before.children_user - before.children_system
            best[options] = min(best.get(options, math.inf), spent)
            size[options] = program.stat().st_size
    on, off = (), (switch,)
    print(f"compilation of {OUTLINED_LAYERS} layers: {best[on]:.1f} s of the processor on, "
          f"{best[off]:.1f} s off ({best[off] / best[on]:.2f}); the executable has "
          f"{size[on] / 1024:.0f} KB on, {size[off] / 1024:.0f} KB off")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--only", help="of the fusions, these")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=5, help="of an executable in a round")
    parser.add_argument("--shape", action="append", help="sizes of the named dimensions")
    options = parser.parse_args()
    if bool(options.model) != bool(options.shape):
        parser.error("expected --model and --shape together")
    fusions = list_fusions()
    if options.only:
        fusions = {name: fusions[name] for name in options.only.split(",")}
    print(f"{options.threads} thread(s)\n{'fusion':24} {'shape':26} {'on ms':>9} {'off ms':>9} {'off/on':>8} "
          f"{'on arena KB':>12} {'off arena KB':>13}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for fusion, is_off in fusions.items():
            switch = f"--{'enable' if is_off else 'disable'}-fusion={fusion}"
            if fusion == "outline-layers" and not options.model:
                compare_compilation(folder, switch, options.rounds)
                continue
            kind, flags, shapes = SCENARIOS.get(fusion, DEFAULT_SCENARIO)
            model = options.model or folder / f"{kind}.onnx"
            if options.model:
                flags, shapes = [], options.shape
            elif not model.exists():
                write_model(model, kind)
            usual = compile_model(model, folder / "usual", *flags)
            switched = compile_model(model, folder / "switched", switch, *flags)
            on, off = (switched, usual) if is_off else (usual, switched)
            for shape in shapes:
                compare(fusion, on, off, shape, options)


if __name__ == "__main__":
    main()
