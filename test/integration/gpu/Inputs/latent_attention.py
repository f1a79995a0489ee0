"""Compiles latent attention of bf16 for both architectures and runs it on the
emulator, with several orders of its threads. Argument: an empty folder.

The tolerance is that of a few roundings to bf16 on the way, 2^-8 each, of the
largest value."""

import json
import os
import subprocess
import sys

import ml_dtypes
import numpy as np
from onnx import TensorProto, helper, save

HEADS, PLAIN, ROTATED, RANK, VALUE, SCALE = 5, 32, 16, 128, 24, 0.17
ELEMENT = TensorProto.BFLOAT16


def write_model(name, queries, selected):
    values = [helper.make_tensor_value_info(tensor, ELEMENT, shape) for tensor, shape in (
        ("query", ["b", queries, HEADS, PLAIN + ROTATED]), ("latent", ["b", "t", RANK]),
        ("key", ["b", "t", ROTATED]), ("up", [RANK, HEADS * (PLAIN + VALUE)]))]
    if selected:
        values.append(helper.make_tensor_value_info("indices", TensorProto.INT32, ["b", queries, selected]))
    node = helper.make_node("SparseLatentAttention" if selected else "LatentAttention",
                            [value.name for value in values], ["y"], domain="fulgur", scale=SCALE, value_dim=VALUE)
    result = helper.make_tensor_value_info("y", ELEMENT, ["b", queries, HEADS, VALUE])
    save(helper.make_model(helper.make_graph([node], "graph", values, [result]), ir_version=10,
                           opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("fulgur", 1)]),
         name + ".onnx")


def solve(query, latent, key, up, indices=None):
    """Expanded, one query after the other."""
    both = (latent @ up).reshape(*latent.shape[:2], HEADS, -1)
    count, tokens = query.shape[1], latent.shape[1]
    result = np.zeros(query.shape[:3] + (VALUE,))
    for b, s in np.ndindex(query.shape[:2]):
        rows = np.arange(max(0, tokens - count + s + 1)) if indices is None else indices[b, s][indices[b, s] >= 0]
        if len(rows) == 0:
            continue
        keys = np.concatenate([both[b, rows, :, :PLAIN], np.repeat(key[b, rows, None], HEADS, 1)], -1)
        scores = np.einsum("hd,thd->ht", query[b, s], keys) * SCALE
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        result[b, s] = np.einsum("ht,thd->hd", weights, both[b, rows, :, PLAIN:])
    return result


def check(arch, batch, queries, tokens, selected=0):
    name = f"{arch}-{batch}x{queries}x{tokens}-{selected}"
    write_model(name, queries, selected)
    program = "./" + name
    subprocess.run(["fulgur-compile", name + ".onnx", "--target=cuda", "--gpu-arch=" + arch, "--gpu-emulator", "-o",
                    program], check=True)
    info = json.loads(subprocess.run([program, "info", "--json"], check=True, capture_output=True).stdout)
    kernels = [kernel["name"] for variant in info["variants"] for kernel in variant["kernels"]]
    if not any(kernel.startswith("absorbed_attention") for kernel in kernels) or \
            not any("matmul" in kernel for kernel in kernels):
        return f"{name}: expected attention and products, but got {kernels}"
    random = np.random.default_rng(tokens)
    operands = [random.normal(size=size).astype(ml_dtypes.bfloat16) for size in (
        (batch, queries, HEADS, PLAIN + ROTATED), (batch, tokens, RANK), (batch, tokens, ROTATED))]
    operands.append((random.normal(size=(RANK, HEADS * (PLAIN + VALUE))) / 8).astype(ml_dtypes.bfloat16))
    names = ["query", "latent", "key", "up"]
    for tensor, values in zip(names, operands):
        np.save(f"{tensor}.npy", values.view("V2"))
    arguments = [values.astype(np.float64) for values in operands]
    if selected:
        indices = random.integers(0, tokens, (batch, queries, selected)).astype(np.int32)
        indices[random.random(indices.shape) < 0.2] = -1
        np.save("indices.npy", indices)
        names.append("indices")
        arguments.append(indices)
    wanted = solve(*arguments)
    for seed in (0, 1, 2):
        run = subprocess.run([program, "run", "--device=emulator", f"--emulator-seed={seed}", "--output-dir=out",
                              *[f"--input={tensor}=@{tensor}.npy" for tensor in names]],
                             capture_output=True, text=True)
        if run.returncode:
            return f"{name}, seed {seed}: {run.stderr}"
        got = np.load("out/y.npy").view(ml_dtypes.bfloat16).astype(np.float64)
        error = np.abs(got - wanted).max() / np.abs(wanted).max()
        if got.shape != wanted.shape or not error <= 3 * 2**-8:
            return f"{name}, seed {seed}: error {error}"
    return None


def main():
    os.chdir(sys.argv[1])
    problems = [problem for problem in (
        check("sm_90a", 2, 1, 150),
        check("sm_80", 1, 14, 100),
        check("sm_90a", 1, 4, 3),
        check("sm_80", 2, 1, 300, selected=70),
        check("sm_90a", 1, 3, 90, selected=40),
    ) if problem]
    sys.exit("\n".join(problems) or None)


if __name__ == "__main__":
    main()
