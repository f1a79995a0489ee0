"""Gives compiled models inputs that only the run can tell to be wrong: it has to
end with exit code 2 and one line. The same models run with inputs that are right.

Usage: runtime_checks.py FOLDER MODEL INPUTS
  FOLDER         an empty one
  MODEL INPUTS   a language model, and the folder of its inputs
"""
import os
import subprocess
import sys

import numpy as np
from onnx import TensorProto as T
from onnx import helper, save

folder, language_model, inputs_folder = sys.argv[1:]
os.chdir(folder)
failures = 0


def check(what, executable, inputs, code, error=""):
    global failures
    for name, array in inputs.items():
        np.save(name, array)
    done = subprocess.run([executable, "--output-dir", "out", *(f"--input={name}=@{name}.npy" for name in inputs)],
                          capture_output=True, text=True, timeout=60)
    lines = done.stderr.splitlines()
    if done.returncode != code or len(lines) != (code != 0) or error not in done.stderr:
        print(f"{what}: exit code {done.returncode}, not {code}: {done.stderr}")
        failures += 1


def compile_node(op, inputs, rank, **attributes):
    """The executable of one operator; the inputs' sizes are not known."""
    kinds = {"f": T.FLOAT, "i": T.INT64}
    values = [helper.make_tensor_value_info(name, kinds[array.dtype.kind], [f"{name}{i}" for i in range(array.ndim - 1)]
                                            + [array.shape[-1]] if op.endswith("ND") else
                                            [f"{name}{i}" for i in range(array.ndim)])
              for name, array in inputs.items()]
    result = helper.make_tensor_value_info("y", T.FLOAT, [f"y{i}" for i in range(rank)])
    graph = helper.make_graph([helper.make_node(op, list(inputs), ["y"], **attributes)], "graph", values, [result])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), op + ".onnx")
    subprocess.run(["fulgur-compile", op + ".onnx", "-o", op], check=True)
    return "./" + op


x = np.arange(24, dtype=np.float32).reshape(4, 6)
right = np.array([[0, -4], [3, 1]])
updates = np.ones((2, 2), dtype=np.float32)
for op, inputs, rank in (
        ("Gather", {"x": x, "i": right}, 3),
        ("GatherElements", {"x": x, "i": right}, 2),
        ("GatherND", {"x": x, "i": right}, 1),
        ("ScatterElements", {"x": x, "i": right, "u": updates}, 2),
        ("ScatterND", {"x": x, "i": right, "u": updates[0]}, 2)):
    executable = compile_node(op, inputs, rank)
    check(op, executable, inputs, 0)
    for wrong in (99, 4, -5, 2**62):
        # The second column's dimension, where there is one, has 6 elements.
        at = right.copy()
        at[1, 0] = wrong
        check(f"{op} of {wrong}", executable, inputs | {"i": at}, 2, f"{op}: an index is out of range")

executable = compile_node("MatMul", {"a": np.ones((1, 2, 3), np.float32), "b": np.ones((1, 3, 4), np.float32)}, 3)
for left, right_batch in ((3, 3), (1, 3), (3, 1)):
    a = np.random.default_rng(0).normal(size=(left, 2, 3)).astype(np.float32)
    b = np.random.default_rng(1).normal(size=(right_batch, 3, 4)).astype(np.float32)
    check(f"MatMul of batches {left} and {right_batch}", executable, {"a": a, "b": b}, 0)
    if not np.allclose(np.load("out/y.npy"), a @ b, atol=1e-5):
        print(f"MatMul of batches {left} and {right_batch}: wrong result")
        failures += 1
check("MatMul of batches 2 and 3", executable,
      {"a": np.ones((2, 2, 3), np.float32), "b": np.ones((3, 3, 4), np.float32)}, 2, "MatMul: shapes can not be broadcast")

# Sizes that only the run tells to be different.
def ones(*shape):
    return np.ones(shape, np.float32)


def zeros(*shape):
    return np.zeros(shape, np.int64)


different = "operands have different sizes"
for op, inputs, rank, attributes, error in (
        ("MatMul", {"a": ones(4, 100000), "b": ones(3, 5)}, 2, {}, different),
        ("Gemm", {"a": ones(4, 100000), "b": ones(3, 5)}, 2, {}, different),
        ("Einsum", {"a": ones(4, 100000), "b": ones(3, 5)}, 2, {"equation": "ij,jk->ik"}, different),
        ("Conv", {"a": ones(1, 4, 5), "b": ones(3, 400000, 1)}, 3, {"kernel_shape": [1]}, different),
        ("BatchNormalization", {"x": ones(2, 40000, 3)} | {name: ones(1) for name in "sbmv"}, 3, {}, different),
        ("LSTM", {"x": ones(5, 2, 30000), "w": ones(1, 16, 3), "r": ones(1, 16, 4)}, 4, {"hidden_size": 4}, different),
        ("GatherElements", {"x": ones(2, 3), "i": zeros(2000, 3000)}, 2, {"axis": 1}, "dimension 0 of the indices"),
        ("ScatterElements", {"x": ones(2, 3), "i": zeros(200, 3), "u": ones(200, 3)}, 2, {"axis": 1},
         "dimension 0 of the indices"),
        ("ScatterElements", {"x": ones(2, 3), "i": zeros(2, 3), "u": ones(1, 1)}, 2, {"axis": 1},
         "dimension 0 of input 1"),
        ("Reshape", {"x": ones(2, 4), "i": np.array([3, 4])}, 2, {}, "has not as many elements")):
    check(f"{op} of {[array.shape for array in inputs.values()]}", compile_node(op, inputs, rank, **attributes),
          inputs, 2, error)

# What is joined is computed in the place where it is joined, once that has room.
nodes = [helper.make_node("Exp", ["x"], ["e"]), helper.make_node("Neg", ["p"], ["n"]),
         helper.make_node("Concat", ["n", "e"], ["y"], axis=1)]
values = [helper.make_tensor_value_info(name, T.FLOAT, [f"{name}{i}" for i in range(2)]) for name in "xpy"]
save(helper.make_model(helper.make_graph(nodes, "graph", values[:2], values[2:]),
                       opset_imports=[helper.make_opsetid("", 18)], ir_version=10), "joined.onnx")
subprocess.run(["fulgur-compile", "joined.onnx", "-o", "joined"], check=True)
check("Concat", "./joined", {"x": ones(2, 3), "p": ones(2, 5)}, 0)
check("Concat of different rows", "./joined", {"x": ones(400000, 3), "p": ones(2, 5)}, 2,
      "Concat: expected dimension 0 of input 1")

# A token that is not in the vocabulary, with and without recognition.
inputs = {name[:-4]: np.load(os.path.join(inputs_folder, name)) for name in os.listdir(inputs_folder)}
for recognise in ("all", "none"):
    subprocess.run(["fulgur-compile", language_model, "--raise=" + recognise, "-o", "model"], check=True)
    check("tokens", "./model", inputs, 0)
    tokens = inputs["input_ids"].copy()
    tokens.flat[-1] = 10**6
    check("a token out of the vocabulary", "./model", inputs | {"input_ids": tokens}, 2,
          "Gather: an index is out of range")
sys.exit(failures != 0)
