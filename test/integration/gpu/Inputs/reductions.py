"""Compiles reductions of rows that warps and blocks share, and runs their kernels on
the emulator, with several orders of its threads. Argument: an empty folder."""

import json
import os
import subprocess
import sys

import numpy as np
from onnx import TensorProto, helper, save

# Shorter than a warp (no kernel of its own), a warp, two warps, a whole block; and
# one that the kernel finds out.
SIZES = {"short": 7, "warp": 45, "block": 500, "long": 8200, "unknown": None}
FAMILY = {
    "sum": ("ReduceSum", np.sum), "max": ("ReduceMax", np.max), "min": ("ReduceMin", np.min),
    "product": ("ReduceProd", np.prod), "first": ("ArgMax", np.argmax), "least": ("ArgMin", np.argmin),
    "last": ("ArgMax", lambda x, axis: x.shape[axis] - 1 - np.argmax(np.flip(x, axis), axis)),
}


def write_model(path):
    values, results, nodes = [], [], []
    for size, columns in SIZES.items():
        width = columns or "t"
        values.append(helper.make_tensor_value_info(f"x_{size}", TensorProto.FLOAT, ["b", 3, width]))
        for kind, (name, _) in FAMILY.items():
            out = f"{kind}_{size}"
            inputs, attributes = [f"x_{size}"], {"keepdims": 0}
            if name.startswith("Arg"):
                attributes |= {"axis": -1, "select_last_index": int(kind == "last")}
            else:
                inputs.append("axes")
            nodes.append(helper.make_node(name, inputs, [out], **attributes))
            element = TensorProto.INT64 if name.startswith("Arg") else TensorProto.FLOAT
            results.append(helper.make_tensor_value_info(out, element, ["b", 3]))
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [-1])
    save(helper.make_model(helper.make_graph(nodes, "reductions", values, results, [axes]),
                           opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)


def make_input(random, batch, columns):
    # Few values, so that the best is there more than once, also across threads.
    x = random.integers(-3, 4, (batch, 3, columns)).astype(np.float32)
    x[:, 0] *= random.uniform(0.5, 1, columns)
    if batch > 1:
        x[1, 2] = -np.inf
        x[1, 1, [2, columns - 2]] = np.nan
    return x


def main():
    os.chdir(sys.argv[1])
    write_model("m.onnx")
    subprocess.run(["fulgur-compile", "m.onnx", "--target=cuda", "--gpu-arch=sm_80", "--gpu-emulator", "-o", "m"],
                   check=True)
    info = json.loads(subprocess.run(["./m", "info", "--json"], check=True, capture_output=True).stdout)
    kernels = [kernel["name"] for variant in info["variants"] for kernel in variant["kernels"]]
    found = sum(name.startswith("reduction") for name in kernels)
    if found != 4 * len(FAMILY):
        sys.exit(f"expected a kernel for each of {4 * len(FAMILY)} reductions, but got {found}: {kernels}")
    problems = []
    for seed, (batch, columns) in enumerate(((2, 300), (1, 5), (1, 1), (0, 4))):
        random = np.random.default_rng(seed)
        inputs = {size: make_input(random, batch, width or columns) for size, width in SIZES.items()}
        for size, x in inputs.items():
            np.save(f"x_{size}.npy", x)
        subprocess.run(["./m", "run", "--device=emulator", f"--emulator-seed={seed}", "--output-dir=out",
                        *(f"--input=x_{size}=@x_{size}.npy" for size in SIZES)], check=True, stdout=subprocess.DEVNULL)
        for kind, (_, reference) in FAMILY.items():
            for size, x in inputs.items():
                got = np.load(f"out/{kind}_{size}.npy")
                with np.errstate(all="ignore"):
                    wanted = reference(x.astype(np.float64), axis=-1)
                if kind == "last":
                    # Of NaN, the last one: what is better as it is not less.
                    finite = ~np.isnan(x).any(-1)
                    got, wanted = got[finite], wanted[finite]
                good = (np.array_equal(got, wanted) if got.dtype.kind == "i" else
                        np.allclose(got, wanted, rtol=1e-4, atol=1e-3, equal_nan=True))
                if not good:
                    problems.append(f"{kind} of {size}, batch {batch}: got {got}, wanted {wanted}")
    if problems:
        sys.exit("\n".join(problems))


main()
