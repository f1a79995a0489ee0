#!/usr/bin/env python3
"""Compiles exported models with each fusion left out, and with all of them,
and compares what they give.

usage: check_fusions.py SCRATCH MODEL.onnx …

The fusions are those that fulgur-compile lists, without the ones that change
the signature. Each is left out of one model of each name ("prefill", "decode")
that it changes; fusions take turns with the models, so that all of these are
met. Each has to change one at least, or nothing would be tested. What the
executables give is compared with what PyTorch computed, by the tolerance of
check_models.py."""
import concurrent.futures
import functools
import os
import pathlib
import subprocess
import sys

import numpy as np

from check_models import TOLERANCE, error_of, load, run

# No stored input has as few tokens as a selection takes: skip-selection.test
# compares models for fewer.
TESTED_ELSEWHERE = {"skip-selection"}


def list_fusions():
    text = subprocess.run(["fulgur-compile", "--disable-fusion=help"], check=True,
                          capture_output=True, text=True).stdout
    return [line.split()[0] for line in text.splitlines() if "--enable-fusion" not in line]


@functools.cache
def fused_code(model, *options):
    return subprocess.run(["fulgur-compile", model, "--emit=mlir:fused", "-o", "-", *options],
                          check=True, capture_output=True, text=True).stdout


def check(model, scratch, *options):
    """The largest error of an executable on the stored inputs."""
    scratch.mkdir(parents=True)
    program = scratch / "model"
    subprocess.run(["fulgur-compile", model, "-o", program, *options], check=True)
    folder = model.with_suffix("")
    got = run(program, load(folder / "inputs"), scratch)
    expected = load(folder / "outputs")
    # Python's max would pass over a NaN.
    return float(np.max([error_of(got[name], expected[name]) for name in expected]))


def choose(models, left_out, uses):
    """What to compile without which fusions: pairs of a model and the option.
    Counts in `uses` how often a model was chosen."""
    chosen, option = [], f"--disable-fusion={','.join(left_out)}"
    for name in sorted({model.stem for model in models}):
        named = [model for model in models if model.stem == name]
        # Those that were chosen least come first.
        for model in sorted(named, key=lambda model: uses.get(model, 0)):
            # A fusion that does not apply needs no second executable.
            if fused_code(model, option) != fused_code(model):
                uses[model] = uses.get(model, 0) + 1
                chosen.append((model, option))
                break
    return chosen


def main():
    scratch = pathlib.Path(sys.argv[1])
    models = [pathlib.Path(model) for model in sys.argv[2:]]
    fusions = list_fusions()
    assert fusions, "no fusion is listed"
    failures, jobs, uses = 0, [], {}
    for left_out in [[name] for name in fusions] + [fusions]:
        chosen = choose(models, left_out, uses)
        jobs += chosen
        if not chosen and not TESTED_ELSEWHERE.issuperset(left_out):
            failures += 1
            print(f"WRONG {left_out} changes no model", flush=True)
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        errors = pool.map(lambda job: check(job[1][0], scratch / str(job[0]), job[1][1]), enumerate(jobs))
        for (model, option), error in zip(jobs, errors):
            # Not the other way round, for NaN.
            good = error <= TOLERANCE
            failures += not good
            print(f"{'ok' if good else 'WRONG':5} {model.parent.name}/{model.stem} {option}: "
                  f"error {error:.1e}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
