#!/usr/bin/env python3
"""Compiles exported models, runs them and compares what they give.

usage: check_models.py FOLDER SCRATCH [--raise=all|none] [--gpu-arch=A,…] [VARIANT …]

FOLDER holds VARIANT.onnx with VARIANT/inputs and VARIANT/outputs, which
PyTorch computed in float64. Each model is compiled once, with its dimensions
dynamic, and run twice: on the stored inputs, and on a part of them with another
batch and sequence, of which onnxruntime gives a second opinion. With architectures of
GPUs, the emulator runs the kernels of each, and ptxas has to accept them.

The tolerance is of the largest value of an output: float32 rounds to 6e-8, a
path through these models adds some thousand products of unit variance, and the
stored inputs keep every discrete decision 1e-3 away from a tie. Models whose
outputs are bfloat16 have a tolerance and a distance of their own
(models/export/configs.py); onnxruntime does not run them."""
import pathlib
import subprocess
import sys

import ml_dtypes
import numpy as np
import onnx
import onnxruntime

TOLERANCE, NARROW_TOLERANCE = 1e-4, 2e-2


def load(folder):
    arrays = {p.stem: np.load(p) for p in sorted(folder.glob("*.npy"))}
    # NumPy stores bfloat16 as two bytes.
    return {name: array.view(ml_dtypes.bfloat16) if array.dtype == "V2" else array for name, array in arrays.items()}


def save(arrays, folder):
    folder.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array.view("V2") if array.dtype == ml_dtypes.bfloat16 else array)
    return folder


def error_of(got, wanted, dtype=None):
    """Of outputs of `dtype`, or that of what is wanted."""
    if got.shape != wanted.shape or got.dtype != (dtype or wanted.dtype):
        return float("inf")
    scale = np.abs(wanted).max(initial=0)
    error = np.abs(got.astype(np.float64) - wanted).max(initial=0)
    return float(error / scale) if scale else float(error)


def cut(arrays, sizes):
    """Rows of a batch do not see each other, and tokens not the later ones: a
    leading part of the inputs gives that part of the outputs."""
    batch, seq, past = sizes
    parts = {}
    for name, array in arrays.items():
        array = array[:batch]
        if name in ("input_ids", "logits", "position_ids"):
            array = array[:, :seq]
        elif name.startswith("present_"):
            axis = array.ndim - 2
            array = np.take(array, range(past + seq), axis)
        parts[name] = np.ascontiguousarray(array)
    return parts


def run(program, inputs, folder, device="cpu"):
    """The outputs of the executable."""
    out = folder / "out"
    subprocess.run([program, "run", "--input-dir", save(inputs, folder / "in"), "--output-dir", out,
                    "--device", device], check=True, capture_output=True, text=True)
    return load(out)


def shapes_of(inputs):
    past = [a.shape[-2] for n, a in inputs.items() if n.startswith("past_")]
    return inputs["input_ids"].shape + (past[0] if past else 0,)


def compile_model(model, program, mode, archs):
    gpu = ["--target=cuda", "--gpu-emulator", "--gpu-arch=" + ",".join(archs)] if archs else []
    report = subprocess.run(["fulgur-compile", model, "-o", program, f"--raise={mode}", *gpu],
                            capture_output=True, text=True)
    # A note would say that there are no cubins.
    if report.returncode or report.stderr:
        raise RuntimeError(f"compiling gave {report.returncode}: {report.stderr.strip()}")


def is_narrow(model):
    kinds = {o.type.tensor_type.elem_type for o in onnx.load(model, load_external_data=False).graph.output}
    return onnx.TensorProto.BFLOAT16 in kinds


def check(model, scratch, mode, archs):
    """The largest error of all runs."""
    program = scratch / "model"
    compile_model(model, program, mode, archs)
    folder = model.with_suffix("")
    inputs, expected = load(folder / "inputs"), load(folder / "outputs")

    batch, seq, past = shapes_of(inputs)
    narrow = is_narrow(model)
    dtype = ml_dtypes.bfloat16 if narrow else np.float32
    session = None if narrow else onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    declared = [d.dim_param or d.dim_value for d in
                onnx.load(model, load_external_data=False).graph.input[0].type.tensor_type.shape.dim]
    small = (batch if isinstance(declared[0], int) else max(1, batch - 1),
             seq if isinstance(declared[1], int) or "attention_mask" in inputs else max(1, seq - 4), past)
    part, part_expected = cut(inputs, small), cut(expected, small)
    second = {}
    if session:
        names = [o.name for o in session.get_outputs()]
        second = dict(zip(names, session.run(names, part)))

    errors = []
    for device in [f"emulator:{arch}" for arch in archs] or ["cpu"]:
        place = scratch / device.replace(":", "-")
        got = run(program, inputs, place / "stored", device)
        errors += [error_of(got[name], wanted, dtype) for name, wanted in expected.items()]
        got = run(program, part, place / "part", device)
        for name, wanted in part_expected.items():
            errors += [error_of(got[name], other, dtype) for other in (wanted, second.get(name)) if other is not None]
    # Python's max would pass over a NaN.
    return float(np.max(errors)), NARROW_TOLERANCE if narrow else TOLERANCE


def main():
    folder, scratch, *rest = sys.argv[1:]
    mode = next((a.split("=")[1] for a in rest if a.startswith("--raise=")), "all")
    archs = [arch for a in rest if a.startswith("--gpu-arch=") for arch in a.split("=")[1].split(",")]
    only = [a for a in rest if not a.startswith("--")]
    failures = 0
    models = sorted(pathlib.Path(folder).glob("*.onnx"))
    assert models, f"no model in {folder}"
    for model in models:
        if only and model.stem not in only:
            continue
        place = pathlib.Path(scratch) / model.stem
        place.mkdir(parents=True)
        try:
            error, tolerance = check(model, place, mode, archs)
            problem = "" if error <= tolerance else f"; the tolerance is {tolerance:.0e}"
            text = f"error {error:.1e}{problem}"
        except (RuntimeError, subprocess.CalledProcessError) as wrong:
            problem = getattr(wrong, "stderr", None) or str(wrong)
            text = problem.strip()
        failures += bool(problem)
        print(f"{'WRONG' if problem else 'ok':5} {model.parent.name}/{model.stem} {' '.join(rest)}: {text}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
