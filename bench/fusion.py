#!/usr/bin/env python3
"""Times a model with each fusion on and off.

usage: fusion.py [--model FILE.onnx] [--only NAME[,NAME…]] [--threads N]
                 [--rounds N] [--shape DIM=N[,DIM=N…]]…

The fusions are those that fulgur-compile lists. Without --model, the model is a
DeepSeek-V3.2 of one dense layer and one of experts, a quarter as wide as the
released one, with random weights. It is compiled with all fusions that are on
by default, and once for each fusion with that one switched; the executables
take turns, so that other work on the machine meets all of them. The time is the
shortest of all runs, `arena` the memory of a step."""
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
# One token behind a context, a few tokens behind one, and a prompt.
SHAPES = ["batch=1,seq=1,past=1024", "batch=1,seq=8,past=1024", "batch=1,seq=256,past=0"]
WIDTHS = dict(vocab_size=4096, hidden_size=2048, intermediate_size=4608, moe_intermediate_size=512,
              num_hidden_layers=2, first_k_dense_replace=1, num_attention_heads=32,
              q_lora_rank=512, n_routed_experts=64, index_n_heads=16, index_topk=512)


def write_model(path):
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
    config = full_size.make_config("deepseek_v32")
    config = types.SimpleNamespace(**{**vars(config), **WIDTHS, "mlp_layer_types": ["dense", "sparse"]})
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--only", help="of the fusions, these")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=10, help="of an executable in a round")
    parser.add_argument("--shape", action="append", help="sizes of the named dimensions")
    options = parser.parse_args()
    fusions = list_fusions()
    if options.only:
        fusions = {name: fusions[name] for name in options.only.split(",")}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model = options.model
        if not model:
            model = folder / "model.onnx"
            write_model(model)
        # Executables by what is switched: nothing, or one fusion.
        programs = {None: compile_model(model, folder / "default")}
        for fusion, is_off in fusions.items():
            switch = "--enable-fusion" if is_off else "--disable-fusion"
            programs[fusion] = compile_model(model, folder / fusion, f"{switch}={fusion}")
        for shape in options.shape or SHAPES:
            seconds, arena = dict.fromkeys(programs, math.inf), {}
            for _ in range(options.rounds):
                for switched, program in programs.items():
                    time, arena[switched] = measure(program, shape, options)
                    seconds[switched] = min(seconds[switched], time)
            print(f"{shape}, {options.threads} thread(s)")
            print(f"  {'fusion':26} {'on ms':>9} {'off ms':>9} {'off/on':>7} {'on arena KB':>12} {'off arena KB':>13}")
            for fusion, is_off in fusions.items():
                on, off = (fusion, None) if is_off else (None, fusion)
                print(f"  {fusion:26} {1e3 * seconds[on]:9.2f} {1e3 * seconds[off]:9.2f} "
                      f"{seconds[off] / seconds[on]:7.2f} {arena[on] / 1024:12.0f} "
                      f"{arena[off] / 1024:13.0f}", flush=True)


if __name__ == "__main__":
    main()
