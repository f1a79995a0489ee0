"""Measures the memory for the intermediate results of compiled models.

usage: arena.py MODELS SCRATCH

Every model in MODELS, compiled with --raise=all, must place all its buffers in
the arena, and the arena must be at most 1.1 times the largest set of buffers
that live at once. A buffer whose size the named dimensions do not tell can not
be placed before the step: it is allocated in it."""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

LARGEST_RATIO = 1.1
# VARIANT: how many allocations sizes that only the step knows force. None: the
# experts' rows, the only such sizes, are views of one buffer of all rows.
FORCED_ALLOCATIONS = {}
VERBOSE = re.compile(r"arena: (\d+) bytes; the largest live set is (\d+) bytes")


def run(*command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)


def count_allocations(module):
    """The allocations in @main, which are those of all functions that it calls."""
    return len(re.findall(r"\bmemref\.alloc\b", module.read_text()))


def measure(model, scratch):
    """The allocations left, the bytes of the arena and of the largest live set."""
    place = scratch / f"{model.parent.name}-{model.stem}"
    place.mkdir(parents=True)
    module, program = place / "bufferized.mlir", place / "model"
    run("fulgur-compile", model, "--raise=all", "--emit=mlir:bufferized", "-o", module)
    run("fulgur-compile", module, "-o", program)
    report = run(program, "run", "--verbose", "--input-dir", model.with_suffix("") / "inputs",
                 "--output-dir", place / "out").stderr
    arena, live = map(int, VERBOSE.search(report).groups())
    return count_allocations(module), arena, live


def main():
    models = sorted(pathlib.Path(sys.argv[1]).glob("*/*.onnx"))
    assert models, f"no model in {sys.argv[1]}"
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = list(pool.map(lambda model: measure(model, pathlib.Path(sys.argv[2])), models))
    wrong = 0
    print(f"{'model':40} {'arena':>9} {'live set':>9} {'ratio':>6} allocations")
    for model, (allocations, arena, live) in zip(models, rows):
        name = f"{model.parent.name}/{model.stem}"
        problem = arena > LARGEST_RATIO * live or allocations > FORCED_ALLOCATIONS.get(name, 0)
        wrong += problem
        print(f"{name:40} {arena:9} {live:9} {arena / live:6.3f} {allocations:11}{'  WRONG' if problem else ''}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
