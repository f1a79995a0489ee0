"""Compares graphs by full_size.py, made small, with the stored ones, and what
they compute with onnxruntime, which runs the bodies of the functions.

usage: full_size.py MODELS SCRATCH"""
import math
import pathlib
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime

sys.path.insert(0, sys.argv[1])
import full_size  # noqa: E402
from export.signature import Variant  # noqa: E402

TOLERANCE = 1e-4
DECODE = Variant("decode", past=1, compact=True)
# The dimensions of models/README.md.
SMALL = dict(vocab_size=96, hidden_size=64, intermediate_size=96, moe_intermediate_size=16,
             num_hidden_layers=3, first_k_dense_replace=1, num_attention_heads=4, q_lora_rank=32,
             kv_lora_rank=32, qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=12,
             n_routed_experts=8, num_experts_per_tok=3)


def make_small(name):
    """The configuration of a model in small."""
    model = {**full_size.MODELS[name], **SMALL}
    if model["n_group"] > 1:
        model |= dict(n_group=4, topk_group=2)
    if "index_topk" in model:
        model |= dict(index_n_heads=4, index_head_dim=24, index_topk=6)
    if "factor" in model["rope"]:
        model["rope"] = {**full_size.YARN, "factor": 4.0, "original": 32}
    full_size.MODELS["small"] = model
    return full_size.make_config("small")


def compare_with_stored(folder):
    """With the stored weights, the stored bytes."""
    for name, variant in (("compact", Variant(compact=True)), ("compact_decode", DECODE)):
        stored = (folder / "deepseek_v32" / f"{name}.onnx").read_bytes()
        weights = {t.name: t for t in onnx.load_from_string(stored).graph.initializer}

        def store(weight, tensor):
            assert tuple(weights[weight].dims) == tensor.shape, (weight, tensor.shape)
            return weights[weight]

        graph = full_size.make_graph(make_small("deepseek_v32"), variant, store)
        # export.py clears them; that leaves an empty field in the file.
        graph.doc_string = ""
        for node in graph.graph.node:
            node.doc_string = ""
        assert graph.SerializeToString() == stored, name


def compare_with_onnxruntime(model, scratch):
    """Random weights; caches of some tokens, and of none."""
    generator = np.random.default_rng(0)

    def store(name, tensor):
        values = generator.standard_normal(tensor.shape, np.float32)
        values /= math.sqrt(tensor.shape[-1] if len(tensor.shape) > 1 else 4)
        return onnx.numpy_helper.from_array(values, name)

    graph = full_size.make_graph(make_small(model), DECODE, store)
    path, program = scratch / f"{model}.onnx", scratch / model
    onnx.save(graph, path)
    subprocess.run(["fulgur-compile", path, "-o", program], check=True)
    session = onnxruntime.InferenceSession(path)
    for past in (0, 5):
        sizes = {"batch": 2, "seq": 4, "past": past}
        inputs = {"input_ids": generator.integers(0, SMALL["vocab_size"], (2, 4))}
        for value in session.get_inputs()[1:]:
            shape = [sizes.get(size, size) for size in value.shape]
            inputs[value.name] = generator.standard_normal(shape, np.float32)
        given, got = scratch / f"{model}-{past}-in", scratch / f"{model}-{past}-out"
        given.mkdir()
        for name, array in inputs.items():
            np.save(given / f"{name}.npy", array)
        subprocess.run([program, "run", "--input-dir", given, "--output-dir", got], check=True)
        for value, wanted in zip(session.get_outputs(), session.run(None, inputs)):
            result = np.load(got / f"{value.name}.npy")
            assert result.shape == wanted.shape, (model, past, value.name, result.shape)
            error = np.abs(result - wanted).max() / np.abs(wanted).max()
            assert error < TOLERANCE, (model, past, value.name, error)


def main():
    models, scratch = map(pathlib.Path, sys.argv[1:])
    compare_with_stored(models)
    for model in ("deepseek_v3", "deepseek_v32", "kimi_k2", "glm_5"):
        compare_with_onnxruntime(model, scratch)


if __name__ == "__main__":
    main()
