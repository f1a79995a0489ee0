#!/usr/bin/env python3
# ===----------------------------------------------------------------------===#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# Writes the graph of a released model in its true size, without weights: the
# matrices are zeros in files that take no space on the disk. Needs onnx and
# numpy alone.
#
# ===----------------------------------------------------------------------===#
"""Writes a released model's graph in its true size, with sparse files for
weights: vectors of random numbers, matrices of zeros."""

from __future__ import annotations

import argparse
import math
import pathlib
import re
import types

import numpy as np
import onnx
from onnx import TensorProto

from export import compact
from export.signature import Variant

YARN = dict(theta=1e4, factor=40.0, original=4096, beta_fast=32.0, beta_slow=1.0)

DEEPSEEK_V3 = dict(
    model_type="deepseek_v3",
    vocab_size=129280,
    hidden_size=7168,
    intermediate_size=18432,
    moe_intermediate_size=2048,
    num_hidden_layers=61,
    first_k_dense_replace=3,
    num_attention_heads=128,
    q_lora_rank=1536,
    kv_lora_rank=512,
    qk_nope_head_dim=128,
    qk_rope_head_dim=64,
    v_head_dim=128,
    n_routed_experts=256,
    n_shared_experts=1,
    num_experts_per_tok=8,
    n_group=8,
    topk_group=4,
    routed_scaling_factor=2.5,
    rms_norm_eps=1e-6,
    # Without a rope type the angles are plain powers of theta.
    rope=YARN,
)
INDEXER = dict(index_n_heads=64, index_head_dim=128, index_topk=2048)

# The fields and values of the released config.json files.
MODELS = {
    "deepseek_v3": DEEPSEEK_V3,
    "deepseek_r1": DEEPSEEK_V3,
    "deepseek_v32": {**DEEPSEEK_V3, "model_type": "deepseek_v32", **INDEXER},
    "kimi_k2": {
        **DEEPSEEK_V3,
        "model_type": "kimi_k2",
        "vocab_size": 163840,
        "first_k_dense_replace": 1,
        "num_attention_heads": 64,
        "n_routed_experts": 384,
        "n_group": 1,
        "topk_group": 1,
        "routed_scaling_factor": 2.827,
        "rope": {**YARN, "theta": 5e4, "factor": 32.0, "beta_fast": 1.0},
    },
    "glm_5": {
        **DEEPSEEK_V3,
        "model_type": "glm_moe_dsa",
        "vocab_size": 154880,
        "hidden_size": 6144,
        "intermediate_size": 12288,
        "num_hidden_layers": 78,
        "num_attention_heads": 64,
        "q_lora_rank": 2048,
        "qk_nope_head_dim": 192,
        "v_head_dim": 256,
        "n_group": 1,
        "topk_group": 1,
        "rms_norm_eps": 1e-5,
        "rope": dict(theta=1e6),
        **INDEXER,
        "index_n_heads": 32,
    },
}


def frequencies(rope: dict, width: int) -> np.ndarray:
    """The angle of each pair of elements per token: YaRN (arXiv 2309.00071), or
    plain powers of theta."""
    pair = np.arange(width // 2)
    plain = rope["theta"] ** (-2.0 * pair / width)
    if "factor" not in rope:
        return plain.astype(np.float32)

    def pair_of(turns: float) -> float:
        """The pair that turns so often over the original context."""
        context = rope["original"] / (turns * 2 * math.pi)
        return width * math.log(context) / (2 * math.log(rope["theta"]))

    low = max(math.floor(pair_of(rope["beta_fast"])), 0)
    high = min(math.ceil(pair_of(rope["beta_slow"])), width - 1)
    ramp = np.clip((pair - low) / max(high - low, 1e-3), 0, 1)
    return (plain / rope["factor"] * ramp + plain * (1 - ramp)).astype(np.float32)


def attention_scale(config) -> float:
    """1/√(width of a head), and YaRN's correction with mscale_all_dim = 1."""
    scale = (config.qk_nope_head_dim + config.qk_rope_head_dim) ** -0.5
    factor = config.rope.get("factor", 1.0)
    return scale * (0.1 * math.log(factor) + 1) ** 2 if factor > 1 else scale


def shapes(c) -> dict[str, tuple]:
    """The shape of each weight, by its name in checkpoints behind the layer."""
    width = c.qk_nope_head_dim + c.qk_rope_head_dim
    both = c.qk_nope_head_dim + c.v_head_dim
    heads, hidden, experts = c.num_attention_heads, c.hidden_size, c.n_routed_experts
    inner, shared = c.moe_intermediate_size, c.moe_intermediate_size * c.n_shared_experts
    table = {
        "model.embed_tokens.weight": (c.vocab_size, hidden),
        "lm_head.weight": (c.vocab_size, hidden),
        "model.norm.weight": (hidden,),
        "input_layernorm.weight": (hidden,),
        "post_attention_layernorm.weight": (hidden,),
        "self_attn.q_a_proj.weight": (c.q_lora_rank, hidden),
        "self_attn.q_a_layernorm.weight": (c.q_lora_rank,),
        "self_attn.q_b_proj.weight": (heads * width, c.q_lora_rank),
        "self_attn.kv_a_proj_with_mqa.weight": (
            c.kv_lora_rank + c.qk_rope_head_dim,
            hidden,
        ),
        "self_attn.kv_a_layernorm.weight": (c.kv_lora_rank,),
        "self_attn.kv_b_proj.weight": (heads * both, c.kv_lora_rank),
        "self_attn.o_proj.weight": (hidden, heads * c.v_head_dim),
        "mlp.gate_proj.weight": (c.intermediate_size, hidden),
        "mlp.up_proj.weight": (c.intermediate_size, hidden),
        "mlp.down_proj.weight": (hidden, c.intermediate_size),
        "mlp.gate.weight": (experts, hidden),
        "mlp.gate.e_score_correction_bias": (experts,),
        "mlp.experts.gate_up_proj": (experts, 2 * inner, hidden),
        "mlp.experts.down_proj": (experts, hidden, inner),
        "mlp.shared_experts.gate_proj.weight": (shared, hidden),
        "mlp.shared_experts.up_proj.weight": (shared, hidden),
        "mlp.shared_experts.down_proj.weight": (hidden, shared),
    }
    if getattr(c, "index_topk", None):
        indexer, dim = "self_attn.indexer", c.index_head_dim
        table |= {
            f"{indexer}.wq_b.weight": (c.index_n_heads * dim, c.q_lora_rank),
            f"{indexer}.wk.weight": (dim, hidden),
            f"{indexer}.k_norm.weight": (dim,),
            f"{indexer}.k_norm.bias": (dim,),
            f"{indexer}.weights_proj.weight": (c.index_n_heads, hidden),
        }
    return table


class Weight:
    """A weight of which only the shape is known, and to whom it belongs."""

    def __init__(self, shape: tuple, owner: str):
        self.shape, self.owner = shape, owner

    @property
    def T(self) -> Weight:
        return Weight(self.shape[::-1], self.owner)


class SparseFiles:
    """One file for each layer, and one for the rest. Matrices are holes; vectors
    have numbers, of which no compiler can make one constant."""

    ALIGNMENT = 4096

    def __init__(self, path: pathlib.Path):
        self.path, self.sizes, self.vectors = path, {}, []
        self.random = np.random.default_rng(0)

    def store(self, name: str, tensor: Weight) -> TensorProto:
        file = f"{self.path.stem}.{tensor.owner}.data"
        offset, length = self.sizes.get(file, 0), 4 * math.prod(tensor.shape)
        self.sizes[file] = -(-(offset + length) // self.ALIGNMENT) * self.ALIGNMENT
        if len(tensor.shape) == 1:
            # A norm scales by about 1, and a bias adds little.
            values = self.random.normal(0, 0.1, tensor.shape) + (not name.endswith("bias"))
            self.vectors.append((file, offset, values.astype(np.float32)))
        proto = TensorProto(name=name, dims=tensor.shape, data_type=TensorProto.FLOAT)
        proto.data_location = TensorProto.EXTERNAL
        for key, value in dict(location=file, offset=offset, length=length).items():
            proto.external_data.add(key=key, value=str(value))
        return proto

    def write(self) -> None:
        for name, size in self.sizes.items():
            with open(self.path.with_name(name), "wb") as file:
                file.truncate(size)
        for name, offset, values in self.vectors:
            with open(self.path.with_name(name), "r+b") as file:
                file.seek(offset)
                file.write(values.tobytes())


def make_config(name: str, layers: int | None = None):
    """The configuration of a model with its first `layers` layers."""
    config = types.SimpleNamespace(**MODELS[name])
    if layers is not None:
        config.num_hidden_layers = layers
    count, dense = config.num_hidden_layers, config.first_k_dense_replace
    config.mlp_layer_types = ["dense" if i < dense else "sparse" for i in range(count)]
    return config


def make_graph(config, variant: Variant, store) -> onnx.ModelProto:
    """The graph of a configuration, the weights of which `store` places."""
    known = shapes(config)

    def tensor(name: str) -> Weight:
        layer = re.match(r"model\.layers\.(\d+)\.", name)
        owner = f"layer{layer[1]}" if layer else "other"
        return Weight(known[name[layer.end() :] if layer else name], owner)

    glm = config.model_type == "glm_moe_dsa"
    source = compact.Source(
        config=config,
        tensor=tensor,
        inv_freq=frequencies(config.rope, config.qk_rope_head_dim),
        # mscale and mscale_all_dim are equal in all of them.
        rotary_scale=1.0,
        attention_scale=attention_scale(config),
        index_layout="interleaved" if glm else "half_split",
        store=store,
    )
    return compact.write(source, variant)


def write(path: pathlib.Path, name: str, layers: int | None, opset: int) -> None:
    """Writes the graph, whose caches may be empty, and the files beside it."""
    files = SparseFiles(path)
    variant = Variant("decode", past=1, opset=opset, compact=True)
    model = make_graph(make_config(name, layers), variant, files.store)
    files.write()
    onnx.save(model, path)
    print(
        f"{path}: {len(model.graph.node)} nodes, {path.stat().st_size} bytes, "
        f"weights of {sum(files.sizes.values())} bytes"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("output", type=pathlib.Path, help="the .onnx file")
    parser.add_argument("--layers", type=int, help="the first of them only")
    parser.add_argument("--opset", type=int, default=20, help="18 or later (20)")
    args = parser.parse_args()
    if args.opset < 18:
        parser.error(f"expected opset 18 or later, but got {args.opset}")
    if args.layers is not None and args.layers < 1:
        parser.error(f"expected 1 layer or more, but got {args.layers}")
    args.output.parent.mkdir(parents=True, exist_ok=True)
    write(args.output, args.model, args.layers, args.opset)


if __name__ == "__main__":
    main()
