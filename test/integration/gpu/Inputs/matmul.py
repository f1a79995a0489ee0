"""Compiles products of bf16 and f16 for both architectures and runs their kernels on
the emulator, with several orders of its threads. Argument: an empty folder.

The tolerance is that of one rounding of the result, 2^-8 and 2^-11 of it, and
of sums of K products in f32."""

import json
import os
import subprocess
import sys

import ml_dtypes
import numpy as np
from onnx import TensorProto, helper, save

TYPES = {"bf16": (TensorProto.BFLOAT16, ml_dtypes.bfloat16, 2**-8), "f16": (TensorProto.FLOAT16, np.float16, 2**-11)}


def write_model(name, element, batch, k, n, transposed):
    lead = ["b"] if batch else []
    right = [n, k] if transposed else [k, n]
    values = [helper.make_tensor_value_info("x", element, lead + ["m", k]),
              helper.make_tensor_value_info("w", element, lead + right)]
    result = helper.make_tensor_value_info("y", element, lead + ["m", n])
    order = list(range(len(lead))) + [len(lead) + 1, len(lead)]
    nodes = [helper.make_node("Transpose", ["w"], ["t"], perm=order)] if transposed else []
    nodes.append(helper.make_node("MatMul", ["x", "t" if transposed else "w"], ["y"]))
    save(helper.make_model(helper.make_graph(nodes, "graph", values, [result]),
                           opset_imports=[helper.make_opsetid("", 18)], ir_version=10), name + ".onnx")


def kernels_of(program):
    info = json.loads(subprocess.run([program, "info", "--json"], check=True, capture_output=True).stdout)
    return [kernel["name"] for variant in info["variants"] for kernel in variant["kernels"]]


def check(arch, type_name, batch, m, k, n, transposed, *kernels):
    """`kernels` are parts of the names of those that there have to be."""
    element, dtype, rounding = TYPES[type_name]
    name = f"{arch}-{type_name}-{batch}x{m}x{k}x{n}{'-transposed' if transposed else ''}"
    write_model(name, element, batch, k, n, transposed)
    program = "./" + name
    subprocess.run(["fulgur-compile", name + ".onnx", "--target=cuda", "--gpu-arch=" + arch, "--gpu-emulator", "-o",
                    program], check=True)
    found = [kernel for kernel in kernels_of(program) if "matmul" in kernel]
    if len(found) != len(kernels) or not all(any(part in kernel for kernel in found) for part in kernels):
        return f"{name}: expected kernels for {kernels}, but got {found}"
    random = np.random.default_rng(len(name))
    lead = (batch,) if batch else ()
    x = random.normal(size=lead + (m, k)).astype(dtype)
    w = random.normal(size=lead + ((n, k) if transposed else (k, n))).astype(dtype)
    for tensor, values in (("x", x), ("w", w)):
        np.save(f"{tensor}.npy", values if dtype is np.float16 else values.view("V2"))
    wide = w.astype(np.float64).swapaxes(-1, -2) if transposed else w.astype(np.float64)
    wanted = x.astype(np.float64) @ wide
    allowed = rounding * np.abs(wanted) + 2**-22 * np.sqrt(k) * np.abs(wanted).max()
    for seed in (0, 1, 2):
        run = subprocess.run([program, "run", "--device=emulator", f"--emulator-seed={seed}", "--input=x=@x.npy",
                              "--input=w=@w.npy", "--output-dir=out"], capture_output=True, text=True)
        if run.returncode:
            return f"{name}, seed {seed}: {run.stderr}"
        got = np.load("out/y.npy").view(dtype).astype(np.float64)
        if got.shape != wanted.shape or not (np.abs(got - wanted) <= allowed).all():
            return f"{name}, seed {seed}: error {np.abs(got - wanted).max()} of {np.abs(wanted).max()}"
    return None


def main():
    os.chdir(sys.argv[1])
    problems = [problem for problem in (
        # The rows decide at run time which kernel it is.
        check("sm_90a", "bf16", 0, 200, 328, 136, False, "_16x64", "_64x64", "_128x256x64"),
        check("sm_90a", "bf16", 0, 200, 328, 136, True, "_16x64", "_64x64", "_128x256x64"),
        # More tiles than a block takes at a time, in each direction.
        check("sm_90a", "bf16", 0, 300, 64, 520, False, "_16x64", "_64x64", "_128x128x64"),
        check("sm_90a", "f16", 0, 130, 200, 264, True, "_16x64", "_64x64", "_128x128x64"),
        check("sm_90a", "bf16", 3, 70, 72, 88, False, "_16x64", "_64x64", "_128x128x64"),
        check("sm_90a", "bf16", 2, 70, 72, 88, True, "_16x64", "_64x64", "_128x128x64"),
        *[check("sm_80", *size, "_16x64", "_64x64", "_128x128") for size in (
            ("bf16", 0, 1, 1024, 256, True), ("f16", 0, 13, 328, 136, False), ("bf16", 2, 61, 264, 72, True),
            ("bf16", 0, 40, 200, 136, False), ("f16", 0, 150, 328, 136, True), ("bf16", 2, 130, 72, 264, False))],
        # Rows of the result that do not start at multiples of 16 bytes, and then also of an operand.
        check("sm_90a", "f16", 0, 70, 72, 33, True, "_16x64", "_64x64", "_128x128"),
        check("sm_90a", "bf16", 0, 20, 33, 17, False)) if problem]
    print("\n".join(problems))
    return 1 if problems else 0


sys.exit(main())
