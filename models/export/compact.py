# ===----------------------------------------------------------------------===#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# DeepSeek V3.2 written by hand in the operators of the domain `fulgur`, with
# the weights and the signatures of the exported graphs.
#
# ===----------------------------------------------------------------------===#

from __future__ import annotations

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from .configs import Variant
from .domain import DOMAIN, VERSION, functions
from .wrappers import input_names, output_names, symbols


class Builder:
    """A graph that grows node by node; values are their names."""

    def __init__(self):
        self.nodes, self.weights, self.names = [], [], {}

    def unique(self, hint: str) -> str:
        self.names[hint] = count = self.names.get(hint, 0) + 1
        return hint if count == 1 else f"{hint}_{count}"

    def weight(self, name: str, tensor) -> str:
        array = torch.as_tensor(tensor).detach().contiguous().numpy()
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def ints(self, *values: int) -> str:
        name = "ints_" + "_".join(str(v).replace("-", "m") for v in values)
        if name not in self.names:
            self.names[name] = 1
            self.weight(name, torch.tensor(values, dtype=torch.int64))
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
    def __init__(self, net, variant: Variant):
        self.net, self.config, self.variant = net, net.config, variant
        self.b = Builder()
        self.eps = self.config.rms_norm_eps

    def linear(self, x: str, module, name: str) -> str:
        weight = self.b.weight(f"{name}.weight", module.weight.T)
        return self.b.add("MatMul", [x, weight], name)

    def norm(self, x: str, module, name: str) -> str:
        scale = self.b.weight(f"{name}.weight", module.weight)
        eps = module.variance_epsilon
        return self.b.fulgur("RMSNorm", [x, scale], name, epsilon=eps)

    def rotate(self, x: str, layout: str, placement: str, name: str) -> str:
        inputs = [x, self.cos, self.sin]
        return self.b.fulgur(
            "RotaryEmbedding", inputs, name, layout=layout, placement=placement
        )

    def swiglu(self, x: str, mlp, name: str) -> str:
        gate = self.linear(x, mlp.gate_proj, f"{name}.gate")
        up = self.linear(x, mlp.up_proj, f"{name}.up")
        hidden = self.b.fulgur("SwiGLU", [gate, up], f"{name}.hidden")
        return self.linear(hidden, mlp.down_proj, f"{name}.down")

    def positions(self) -> str:
        """Row [1, S] of the positions of the new tokens."""
        b = self.b
        zero = b.weight("zero", torch.tensor(0))
        one = b.weight("one", torch.tensor(1))
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

    def select(self, h: str, q_resid: str, indexer, layer: int, name: str) -> str:
        b, c = self.b, self.config
        shape = b.ints(0, 0, c.index_n_heads, c.index_head_dim)
        query = self.linear(q_resid, indexer.wq_b, f"{name}.query")
        query = b.add("Reshape", [query, shape], f"{name}.query_heads")
        query = self.rotate(query, "half_split", "leading", f"{name}.query_rotated")
        key = self.linear(h, indexer.wk, f"{name}.key")
        scale = b.weight(f"{name}.key_norm.weight", indexer.k_norm.weight)
        bias = b.weight(f"{name}.key_norm.bias", indexer.k_norm.bias)
        key = b.add(
            "LayerNormalization",
            [key, scale, bias],
            f"{name}.key_norm",
            axis=-1,
            epsilon=indexer.k_norm.eps,
        )
        key = self.rotate(key, "half_split", "leading", f"{name}.key_rotated")
        key = self.cache(key, "index_key", layer)
        weights = self.linear(h, indexer.weights_proj, f"{name}.head_weights")
        factor = b.weight(f"{name}.head_scale", torch.tensor(c.index_n_heads**-0.5))
        weights = b.add("Mul", [weights, factor], f"{name}.head_weights_scaled")
        scores = b.fulgur(
            "LightningIndexer",
            [query, key, weights],
            f"{name}.scores",
            scale=indexer.softmax_scale,
        )
        return b.fulgur("SelectTokens", [scores], f"{name}.tokens", k=c.index_topk)

    def attention(self, h: str, module, layer: int, name: str) -> str:
        b, c = self.b, self.config
        q_resid = self.linear(h, module.q_a_proj, f"{name}.q_a")
        q_resid = self.norm(q_resid, module.q_a_layernorm, f"{name}.q_a_norm")
        query = self.linear(q_resid, module.q_b_proj, f"{name}.q_b")
        shape = b.ints(0, 0, c.num_attention_heads, module.qk_head_dim)
        query = b.add("Reshape", [query, shape], f"{name}.query")
        query = self.rotate(query, "deinterleaved", "trailing", f"{name}.query_rotated")
        both = self.linear(h, module.kv_a_proj_with_mqa, f"{name}.kv_a")
        sizes = b.ints(c.kv_lora_rank, c.qk_rope_head_dim)
        latent, key = b.add("Split", [both, sizes], f"{name}.kv", outputs=2, axis=2)
        latent = self.norm(latent, module.kv_a_layernorm, f"{name}.latent")
        key = self.rotate(key, "deinterleaved", "trailing", f"{name}.rope_key")
        latent = self.cache(latent, "latent", layer)
        key = self.cache(key, "rope_key", layer)
        tokens = self.select(h, q_resid, module.indexer, layer, f"{name}.indexer")
        up = b.weight(f"{name}.kv_b.weight", module.kv_b_proj.weight.T)
        out = b.fulgur(
            "SparseLatentAttention",
            [query, latent, key, up, tokens],
            f"{name}.mixed",
            scale=module.scaling,
            value_dim=c.v_head_dim,
        )
        out = b.add("Reshape", [out, b.ints(0, 0, -1)], f"{name}.heads")
        return self.linear(out, module.o_proj, f"{name}.out")

    def experts(self, h: str, moe, name: str) -> str:
        b, c = self.b, self.config
        rows = b.add("Reshape", [h, b.ints(-1, c.hidden_size)], f"{name}.rows")
        gate = b.weight(f"{name}.gate.weight", moe.gate.weight)
        bias = b.weight(f"{name}.gate.bias", moe.gate.e_score_correction_bias)
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
        gate_up = b.weight(f"{name}.experts.gate_up", moe.experts.gate_up_proj)
        down = b.weight(f"{name}.experts.down", moe.experts.down_proj)
        inputs = [rows, chosen, weights, gate_up, down]
        routed = b.fulgur("MoE", inputs, f"{name}.routed")
        shape = b.add("Shape", [h], f"{name}.shape")
        routed = b.add("Reshape", [routed, shape], f"{name}.routed_rows")
        shared = self.swiglu(h, moe.shared_experts, f"{name}.shared")
        return b.add("Add", [routed, shared], f"{name}.sum")

    def layer(self, x: str, module, index: int) -> str:
        b, name = self.b, f"layer{index}"
        h = self.norm(x, module.input_layernorm, f"{name}.input_norm")
        h = self.attention(h, module.self_attn, index, f"{name}.attention")
        x = b.add("Add", [x, h], f"{name}.attended")
        h = self.norm(x, module.post_attention_layernorm, f"{name}.post_norm")
        dense = self.config.mlp_layer_types[index] == "dense"
        mlp = self.swiglu if dense else self.experts
        return b.add("Add", [x, mlp(h, module.mlp, f"{name}.mlp")], name)

    def write(self) -> onnx.ModelProto:
        b, net = self.b, self.net.model
        table = b.weight("embedding.weight", net.embed_tokens.weight)
        x = b.add("Gather", [table, "input_ids"], "embedding", axis=0)
        inv_freq = b.weight("inv_freq", net.rotary_emb.inv_freq)
        self.cos, self.sin = b.fulgur(
            "RotaryTable",
            [self.positions(), inv_freq],
            "rotary",
            outputs=2,
            scale=net.rotary_emb.attention_scaling,
        )
        for index, module in enumerate(net.layers):
            x = self.layer(x, module, index)
        x = self.norm(x, net.norm, "norm")
        weight = b.weight("lm_head.weight", self.net.lm_head.weight.T)
        b.nodes.append(helper.make_node("MatMul", [x, weight], ["logits"]))
        return self.model()

    def model(self) -> onnx.ModelProto:
        shapes = symbols(self.config, self.variant)

        def value(name):
            kind = TensorProto.INT64 if name == "input_ids" else TensorProto.FLOAT
            return helper.make_tensor_value_info(name, kind, shapes[name])

        graph = helper.make_graph(
            self.b.nodes,
            "deepseek_v32",
            [value(n) for n in input_names(self.config, self.variant)],
            [value(n) for n in output_names(self.config, self.variant)],
            self.b.weights,
        )
        return helper.make_model(
            graph,
            functions=functions(),
            opset_imports=[
                helper.make_opsetid("", 20),
                helper.make_opsetid(DOMAIN, VERSION),
            ],
            ir_version=10,
            producer_name="fulgur",
        )


def write(net, variant: Variant) -> onnx.ModelProto:
    with torch.no_grad():
        return Writer(net, variant).write()
