#!/usr/bin/env python3
"""Writes a folder that checks and times what Fulgur makes on a machine with a
GPU of NVIDIA, a driver and a shell.

usage: bundle.py FOLDER [--models=LIST] [--benchmarks=LIST] [--gpu-emulator]

LIST holds names or patterns, separated by commas: of models/NAME/VARIANT.onnx as
NAME or NAME/VARIANT, and of benchmarks.py. FOLDER gets

  run                        the script; ./run --help
  checks                     one line for each check, in order
  programs/NAME.gz           executables for sm_90a and sm_80, each with cubins and PTX
  models/NAME/{inputs,outputs}  arrays of the models, computed by PyTorch
  torch_matmul.py            the same products by PyTorch, where that is installed
"""
import argparse
import concurrent.futures
import fnmatch
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import ml_dtypes
import numpy as np
import onnx
from benchmarks import BENCHMARKS

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MACHINE = "h100"
MAX_BYTES = 64 << 20


def compile_program(source, name, folder, options):
    """Compiles to programs/NAME.gz; a message if that fails."""
    with tempfile.TemporaryDirectory() as scratch:
        program = pathlib.Path(scratch) / name
        # Any recent x86-64 can be the host of a GPU.
        done = subprocess.run(["fulgur-compile", source, "-o", program, "--target=cuda", "--gpu-arch=sm_90a,sm_80",
                               "--mcpu=x86-64-v3", "--weights=embed", *options], capture_output=True, text=True)
        # A note would say that there are no cubins.
        if done.returncode or done.stderr:
            return f"{source}: {done.stderr.strip()}"
        with open(folder / "programs" / f"{name}.gz", "wb") as file:
            file.write(gzip.compress(program.read_bytes(), mtime=0))
    return ""


def copy_arrays(model, folder):
    """Inputs and expected outputs, and the tolerance of these, as
    test/integration/cpu/check_models.py has it. What a model gives in bfloat16 was
    computed in float64, and is stored as NumPy stores what it does not know."""
    graph = onnx.load(model, load_external_data=False).graph
    narrow = {output.name for output in graph.output if output.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16}
    for kind in ("inputs", "outputs"):
        (folder / kind).mkdir(parents=True)
        for path in sorted((model.with_suffix("") / kind).glob("*.npy")):
            array = np.load(path)
            if kind == "outputs" and path.stem in narrow:
                array = array.astype(ml_dtypes.bfloat16).view("V2")
            np.save(folder / kind / path.name, array)
    return "2e-2" if narrow else "1e-4"


def select(names, patterns, parser):
    """Those of the names that one of the patterns means."""
    chosen = set()
    for pattern in filter(None, patterns.split(",")):
        meant = [name for name in names if fnmatch.fnmatch(name, pattern) or name.startswith(pattern + "/")]
        if not meant:
            parser.error(f"expected one of {', '.join(names)}, but got {pattern}")
        chosen.update(meant)
    return [name for name in names if name in chosen]


def floor_of(benchmark, size, machine):
    """Seconds that the machine needs at least."""
    return max(size.flop / machine["peak_flops"][benchmark.element],
               size.bytes / machine["memory"][-1]["bytes_per_second"])


def describe(benchmark, machine):
    """Its lines of `checks`: fields, and what was published as the rest."""
    for size in benchmark.sizes:
        dims = ",".join(f"{name}={value}" for name, value in size.dims.items())
        product = ",".join(map(str, benchmark.product)) or "-"
        yield (f"benchmark {benchmark.name} {dims} {size.flop:.0f} {size.bytes:.0f} {floor_of(benchmark, size, machine):.4g} "
               f"{'yes' if size.emulated else 'no'} {product} {size.published}").rstrip()


def write(folder, models, benchmarks, machine, options):
    """Writes the folder; how many checks it has."""
    checks, work = [f"machine {MACHINE}"], []
    (folder / "programs").mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch, \
            concurrent.futures.ThreadPoolExecutor(int(os.environ.get("FULGUR_JOBS", os.cpu_count()))) as pool:
        for name, path in models.items():
            flat = name.replace("/", "-")
            checks.append(f"model {flat} {copy_arrays(path, folder / 'models' / flat)}")
            work.append(pool.submit(compile_program, path, flat, folder, options))
        for benchmark in benchmarks:
            source = pathlib.Path(scratch) / f"{benchmark.name}.mlir"
            source.write_text(benchmark.text())
            checks += describe(benchmark, machine)
            work.append(pool.submit(compile_program, source, benchmark.name, folder, options))
        problems = []
        for number, future in enumerate(work, 1):
            problems.append(future.result())
            if sys.stderr.isatty():
                print(f"[{number}/{len(work)}] compiled", end="\n" if number == len(work) else "\r", file=sys.stderr)
    if any(problems):
        sys.exit("\n".join(filter(None, problems)))
    (folder / "checks").write_text("\n".join(checks) + "\n")
    for name in ("run", "torch_matmul.py"):
        shutil.copy(HERE / name, folder / name)
    return len(checks) - 1


def main():
    parser = argparse.ArgumentParser(description="Writes a folder that checks and times Fulgur on a GPU.")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--models", default="*", metavar="LIST")
    parser.add_argument("--benchmarks", default="*", metavar="LIST")
    parser.add_argument("--gpu-emulator", action="store_true", help="so that ./run --device=emulator works")
    options = parser.parse_args()
    if options.folder.exists() and any(options.folder.iterdir()):
        parser.error(f"expected a folder that is new or empty, but got {options.folder}")
    machine = json.loads((ROOT / f"lib/CostModel/machines/{MACHINE}.json").read_text())
    models = {f"{path.parent.name}/{path.stem}": path for path in sorted(ROOT.glob("models/*/*.onnx"))}
    models = {name: models[name] for name in select(models, options.models, parser)}
    names = select([benchmark.name for benchmark in BENCHMARKS], options.benchmarks, parser)
    benchmarks = [benchmark for benchmark in BENCHMARKS if benchmark.name in names]
    if not models and not benchmarks:
        parser.error("expected a model or a benchmark, but the lists name none")

    target = options.folder.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        folder = pathlib.Path(scratch) / "bundle"
        checks = write(folder, models, benchmarks, machine, ["--gpu-emulator"] if options.gpu_emulator else [])
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if size > MAX_BYTES:
            sys.exit(f"expected at most {MAX_BYTES >> 20} MiB, but got {size / (1 << 20):.1f} MiB: name fewer models")
        if target.exists():
            target.rmdir()
        folder.rename(target)
    print(f"{target}: {checks} checks, {size / (1 << 20):.1f} MiB")


if __name__ == "__main__":
    main()
