#!/usr/bin/env python3
"""Compiles exported models with each fusion left out, and with all of them,
and compares what they give.

usage: check_fusions.py SCRATCH MODEL.onnx …

The fusions are those that fulgur-compile lists, without the ones that change
the signature. Each has to change the code of one of the models at least, or
nothing would be tested; the outputs of all executables are compared with what
PyTorch computed, by the tolerance of check_models.py."""
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


def fused_code(model, *options):
    return subprocess.run(["fulgur-compile", model, "--emit=mlir:fused", "-o", "-", *options],
                          check=True, capture_output=True, text=True).stdout


def check(model, scratch, *options):
    """The largest error of an executable on the stored inputs."""
    scratch.mkdir(parents=True)
    program = scratch / "model"
    subprocess.run(["fulgur-compile", model, "-o", program, *options], check=True)
    folder = model.with_suffix("")
    got, _ = run(program, load(folder / "inputs"), scratch)
    expected = load(folder / "outputs")
    # Python's max would pass over a NaN.
    return float(np.max([error_of(got[name], expected[name]) for name in expected]))


def main():
    scratch = pathlib.Path(sys.argv[1])
    models = [pathlib.Path(model) for model in sys.argv[2:]]
    fusions = list_fusions()
    assert fusions, "no fusion is listed"
    failures = 0
    for left_out in [[name] for name in fusions] + [fusions]:
        option = f"--disable-fusion={','.join(left_out)}"
        changes = False
        for model in models:
            # A fusion that does not apply needs no second executable.
            if fused_code(model, option) == fused_code(model):
                continue
            changes = True
            name = left_out[0] if len(left_out) == 1 else "all"
            error = check(model, scratch / f"{name}-{model.parent.name}", option)
            # Not the other way round, for NaN.
            good = error <= TOLERANCE
            failures += not good
            print(f"{'ok' if good else 'WRONG':5} {model.parent.name}/{model.stem} {option}: "
                  f"error {error:.1e}", flush=True)
        if not changes and not TESTED_ELSEWHERE.issuperset(left_out):
            failures += 1
            print(f"WRONG {option} changes no model", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
