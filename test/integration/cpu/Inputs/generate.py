"""Greedy generation with onnxruntime: what generate.c does.

Usage: generate.py MODEL.onnx FOLDER STEPS
"""
import pathlib
import sys

import numpy as np
import onnxruntime

model, folder, steps = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
inputs = {i.name: np.load(folder / f"{i.name}.npy") for i in session.get_inputs()}
names = [o.name for o in session.get_outputs()]
for _ in range(steps):
    outputs = dict(zip(names, session.run(names, inputs)))
    tokens = outputs["logits"][:, -1].argmax(-1)
    print(*tokens)
    inputs = {n: outputs[n.replace("past_", "present_")] if n.startswith("past_") else a for n, a in inputs.items()}
    inputs["input_ids"] = tokens[:, None].astype(np.int64)
