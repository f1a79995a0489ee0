# ===----------------------------------------------------------------------===#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# DeepSeek's models written by hand in the operators of the domain `fulgur`,
# with the signatures of the exported graphs. The weights are arrays, or only
# shapes: full_size.py writes graphs whose weights nobody has to hold.
#
# ===----------------------------------------------------------------------===#

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .domain import DOMAIN, VERSION, functions
from .signature import Variant, input_names, output_names, symbols

# What transformers gives the norms inside of attention, whatever
# `rms_norm_eps` says.
INNER_EPSILON = 1e-6


@dataclasses.dataclass(frozen=True)
class Source:
    """What a graph is written from. `config` has the fields of transformers'
    configurations; `tensor` gives a weight by its name in checkpoints, as
    something with the members `shape` and `T`."""

    config: Any
    tensor: Callable[[str], Any]
    inv_freq: np.ndarray
    rotary_scale: float
    attention_scale: float
    # Of the indexer's rotary embedding.
    index_layout: str = "half_split"
    # Makes an initializer of a name and what `tensor` gave.
    store: Callable[[str, Any], TensorProto] = None


class Builder:
    """A graph that grows node by node; values are their names."""

    def __init__(self, store=None):
        self.nodes, self.weights, self.names = [], [], {}
        self.store = store or self.constant

    @staticmethod
    def constant(name: str, array) -> TensorProto:
        return numpy_helper.from_array(np.ascontiguousarray(array), name)

    def unique(self, hint: str) -> str:
        self.names[hint] = count = self.names.get(hint, 0) + 1
        return hint if count == 1 else f"{hint}_{count}"

    def weight(self, name: str, tensor) -> str:
        self.weights.append(self.store(name, tensor))
        return name

    def small(self, name: str, value) -> str:
        """A constant of the graph itself."""
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def ints(self, *values: int) -> str:
        name = "ints_" + "_".join(str(v).replace("-", "m") for v in values)
        if name not in self.names:
            self.names[name] = 1
            self.small(name, np.array(values, np.int64))
        return name

    def add(self, op, inputs, name, outputs=1, domain="", **attributes):
        hints = [name] if outputs == 1 else [f"{name}_{i}" for i in range(outputs)]
        results = [self.unique(h) for h in hints]
        node = helper.make_node(op, inputs, results, domain=domain, **attributes)
        self.nodes.append(node)
        return results[0] if outputs == 1 else results

    def fulgur(self, op, inputs, name, outputs=1, **attributes):
        return self.add(op, inputs, name, outputs, domain=DOMAIN, **attributes)


class Writer:
    """Writes one graph. Paths are those of modules in checkpoints."""

    def __init__(self, source: Source, variant: Variant):
        self.source, self.config, self.variant = source, source.config, variant
        self.b = Builder(source.store)

    def linear(self, x: str, path: str, name: str) -> str:
        tensor = self.source.tensor(f"{path}.weight").T
        weight = self.b.weight(f"{name}.weight", tensor)
        return self.b.add("MatMul", [x, weight], name)

    def norm(self, x: str, path: str, name: str, eps: float = INNER_EPSILON) -> str:
        scale = self.b.weight(f"{name}.weight", self.source.tensor(f"{path}.weight"))
        return self.b.fulgur("RMSNorm", [x, scale], name, epsilon=eps)

    def rotate(self, x: str, layout: str, placement: str, name: str) -> str:
        inputs = [x, self.cos, self.sin]
        return self.b.fulgur(
            "RotaryEmbedding", inputs, name, layout=layout, placement=placement
        )

    def swiglu(self, x: str, path: str, name: str) -> str:
        gate = self.linear(x, f"{path}.gate_proj", f"{name}.gate")
        up = self.linear(x, f"{path}.up_proj", f"{name}.up")
        hidden = self.b.fulgur("SwiGLU", [gate, up], f"{name}.hidden")
        return self.linear(hidden, f"{path}.down_proj", f"{name}.down")

    def positions(self) -> str:
        """Row [1, S] of the positions of the new tokens."""
        b = self.b
        zero = b.small("zero", np.int64(0))
        one = b.small("one", np.int64(1))
        seq = b.add("Shape", ["input_ids"], "seq", start=1, end=2)
        seq = b.add("Squeeze", [seq], "seq_scalar")
        row = b.add("Range", [zero, seq, one], "position_row")
        if self.variant.past:
            past = b.add("Shape", ["past_latent_0"], "past", start=2, end=3)
            row = b.add("Add", [row, past], "position_after_past")
        return b.add("Unsqueeze", [row, b.ints(0)], "positions")

    def cache(self, new: str, kind: str, layer: int) -> str:
        """All tokens' entries, [B, T, width], and the cache that is returned."""
        if not self.variant.past:
            return new
        b, past = self.b, f"past_{kind}_{layer}"
        present = f"present_{kind}_{layer}"
        if kind == "index_key":
            b.nodes.append(helper.make_node("Concat", [past, new], [present], axis=1))
            return present
        past = b.add("Squeeze", [past, b.ints(1)], f"{past}_rows")
        total = b.add("Concat", [past, new], f"all_{kind}_{layer}", axis=1)
        b.nodes.append(helper.make_node("Unsqueeze", [total, b.ints(1)], [present]))
        return total

    def select(self, h: str, q_resid: str, path: str, layer: int, name: str) -> str:
        b, c, tensor = self.b, self.config, self.source.tensor
        layout = self.source.index_layout
        shape = b.ints(0, 0, c.index_n_heads, c.index_head_dim)
        query = self.linear(q_resid, f"{path}.wq_b", f"{name}.query")
        query = b.add("Reshape", [query, shape], f"{name}.query_heads")
        query = self.rotate(query, layout, "leading", f"{name}.query_rotated")
        key = self.linear(h, f"{path}.wk", f"{name}.key")
        scale = b.weight(f"{name}.key_norm.weight", tensor(f"{path}.k_norm.weight"))
        bias = b.weight(f"{name}.key_norm.bias", tensor(f"{path}.k_norm.bias"))
        key = b.add(
            "LayerNormalization",
            [key, scale, bias],
            f"{name}.key_norm",
            axis=-1,
            epsilon=INNER_EPSILON,
        )
        key = self.rotate(key, layout, "leading", f"{name}.key_rotated")
        key = self.cache(key, "index_key", layer)
        weights = self.linear(h, f"{path}.weights_proj", f"{name}.head_weights")
        factor = b.small(f"{name}.head_scale", np.float32(c.index_n_heads**-0.5))
        weights = b.add("Mul", [weights, factor], f"{name}.head_weights_scaled")
        scores = b.fulgur(
            "LightningIndexer",
            [query, key, weights],
            f"{name}.scores",
            scale=c.index_head_dim**-0.5,
        )
        return b.fulgur("SelectTokens", [scores], f"{name}.tokens", k=c.index_topk)

    def attention(self, h: str, path: str, layer: int, name: str) -> str:
        b, c = self.b, self.config
        q_resid = self.linear(h, f"{path}.q_a_proj", f"{name}.q_a")
        q_resid = self.norm(q_resid, f"{path}.q_a_layernorm", f"{name}.q_a_norm")
        query = self.linear(q_resid, f"{path}.q_b_proj", f"{name}.q_b")
        width = c.qk_nope_head_dim + c.qk_rope_head_dim
        shape = b.ints(0, 0, c.num_attention_heads, width)
        query = b.add("Reshape", [query, shape], f"{name}.query")
        query = self.rotate(query, "deinterleaved", "trailing", f"{name}.query_rotated")
        both = self.linear(h, f"{path}.kv_a_proj_with_mqa", f"{name}.kv_a")
        sizes = b.ints(c.kv_lora_rank, c.qk_rope_head_dim)
        latent, key = b.add("Split", [both, sizes], f"{name}.kv", outputs=2, axis=2)
        latent = self.norm(latent, f"{path}.kv_a_layernorm", f"{name}.latent")
        key = self.rotate(key, "deinterleaved", "trailing", f"{name}.rope_key")
        latent = self.cache(latent, "latent", layer)
        key = self.cache(key, "rope_key", layer)
        op, tokens = "LatentAttention", []
        if getattr(c, "index_topk", None):
            indexer = f"{path}.indexer"
            op = "SparseLatentAttention"
            tokens = [self.select(h, q_resid, indexer, layer, f"{name}.indexer")]
        up = self.source.tensor(f"{path}.kv_b_proj.weight").T
        up = b.weight(f"{name}.kv_b.weight", up)
        out = b.fulgur(
            op,
            [query, latent, key, up, *tokens],
            f"{name}.mixed",
            scale=self.source.attention_scale,
            value_dim=c.v_head_dim,
        )
        out = b.add("Reshape", [out, b.ints(0, 0, -1)], f"{name}.heads")
        return self.linear(out, f"{path}.o_proj", f"{name}.out")

    def experts(self, h: str, path: str, name: str) -> str:
        b, c, tensor = self.b, self.config, self.source.tensor
        rows = b.add("Reshape", [h, b.ints(-1, c.hidden_size)], f"{name}.rows")
        gate = b.weight(f"{name}.gate.weight", tensor(f"{path}.gate.weight"))
        bias = b.weight(
            f"{name}.gate.bias", tensor(f"{path}.gate.e_score_correction_bias")
        )
        chosen, weights = b.fulgur(
            "Route",
            [rows, gate, bias],
            f"{name}.route",
            outputs=2,
            top_k=c.num_experts_per_tok,
            groups=c.n_group,
            top_groups=c.topk_group,
            scale=c.routed_scaling_factor,
        )
        gate_up = b.weight(
            f"{name}.experts.gate_up", tensor(f"{path}.experts.gate_up_proj")
        )
        down = b.weight(f"{name}.experts.down", tensor(f"{path}.experts.down_proj"))
        inputs = [rows, chosen, weights, gate_up, down]
        routed = b.fulgur("MoE", inputs, f"{name}.routed")
        shape = b.add("Shape", [h], f"{name}.shape")
        routed = b.add("Reshape", [routed, shape], f"{name}.routed_rows")
        shared = self.swiglu(h, f"{path}.shared_experts", f"{name}.shared")
        return b.add("Add", [routed, shared], f"{name}.sum")

    def layer(self, x: str, index: int) -> str:
        b, name, path = self.b, f"layer{index}", f"model.layers.{index}"
        eps = self.config.rms_norm_eps
        h = self.norm(x, f"{path}.input_layernorm", f"{name}.input_norm", eps)
        h = self.attention(h, f"{path}.self_attn", index, f"{name}.attention")
        x = b.add("Add", [x, h], f"{name}.attended")
        h = self.norm(x, f"{path}.post_attention_layernorm", f"{name}.post_norm", eps)
        dense = self.config.mlp_layer_types[index] == "dense"
        mlp = self.swiglu if dense else self.experts
        return b.add("Add", [x, mlp(h, f"{path}.mlp", f"{name}.mlp")], name)

    def write(self) -> onnx.ModelProto:
        b, source = self.b, self.source
        table = source.tensor("model.embed_tokens.weight")
        table = b.weight("embedding.weight", table)
        x = b.add("Gather", [table, "input_ids"], "embedding", axis=0)
        inv_freq = b.small("inv_freq", source.inv_freq)
        self.cos, self.sin = b.fulgur(
            "RotaryTable",
            [self.positions(), inv_freq],
            "rotary",
            outputs=2,
            scale=source.rotary_scale,
        )
        for index in range(self.config.num_hidden_layers):
            x = self.layer(x, index)
        x = self.norm(x, "model.norm", "norm", self.config.rms_norm_eps)
        weight = b.weight("lm_head.weight", source.tensor("lm_head.weight").T)
        b.nodes.append(helper.make_node("MatMul", [x, weight], ["logits"]))
        return self.model()

    def model(self) -> onnx.ModelProto:
        shapes = symbols(self.config, self.variant)

        def value(name):
            kind = TensorProto.INT64 if name == "input_ids" else TensorProto.FLOAT
            return helper.make_tensor_value_info(name, kind, shapes[name])

        graph = helper.make_graph(
            self.b.nodes,
            self.config.model_type,
            [value(n) for n in input_names(self.config, self.variant)],
            [value(n) for n in output_names(self.config, self.variant)],
            self.b.weights,
        )
        used = {node.op_type for node in self.b.nodes if node.domain == DOMAIN}
        bodies = functions(self.variant.opset)
        return helper.make_model(
            graph,
            functions=[body for body in bodies if body.name in used],
            opset_imports=[
                helper.make_opsetid("", self.variant.opset),
                helper.make_opsetid(DOMAIN, VERSION),
            ],
            ir_version=10,
            producer_name="fulgur",
        )


def write(source: Source, variant: Variant) -> onnx.ModelProto:
    return Writer(source, variant).write()
