"""Writes small.onnx, y = softmax(x @ w), with inputs and outputs beside it.

Usage: small.py FOLDER
"""
import os
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

os.chdir(sys.argv[1])
rng = np.random.default_rng(0)
w = rng.standard_normal((8, 16), np.float32)
x = rng.standard_normal((3, 8), np.float32)
graph = helper.make_graph(
    [helper.make_node("MatMul", ["x", "w"], ["product"], "multiply"),
     helper.make_node("Softmax", ["product"], ["y"], "weigh")],
    "small", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 16])],
    [numpy_helper.from_array(w, "w")])
save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10), "small.onnx")
y = np.exp(x @ w)
for folder, name, array in ("in", "x", x), ("out", "y", y / y.sum(1, keepdims=True)):
    os.mkdir(folder)
    np.save(f"{folder}/{name}.npy", array)
