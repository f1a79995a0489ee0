# ===----------------------------------------------------------------------===#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# What is exported: the tiny models (real architectures, small dimensions,
# random weights) and, for each, the signatures and exporter options.
#
# ===----------------------------------------------------------------------===#

from __future__ import annotations

import dataclasses
import math

import torch
import transformers

from .signature import Variant

# YaRN as the released checkpoints use it. The frequencies and the scale of
# the scores come from here.
YARN = {
    "rope_type": "yarn",
    "rope_theta": 10000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 32,
    "beta_fast": 32,
    "beta_slow": 1,
    "mscale": 1.0,
    "mscale_all_dim": 1.0,
}

# Dimensions that all models share, in the proportions of the released ones.
COMMON = dict(
    vocab_size=96,
    hidden_size=64,
    intermediate_size=96,
    moe_intermediate_size=16,
    num_hidden_layers=3,
    first_k_dense_replace=1,
    num_attention_heads=4,
    num_key_value_heads=4,
    q_lora_rank=32,
    kv_lora_rank=32,
    qk_nope_head_dim=16,
    qk_rope_head_dim=8,
    v_head_dim=12,
    n_routed_experts=8,
    n_shared_experts=1,
    num_experts_per_tok=3,
    n_group=4,
    topk_group=2,
    routed_scaling_factor=2.5,
    max_position_embeddings=128,
    rms_norm_eps=1e-6,
    bos_token_id=0,
    eos_token_id=1,
    rope_parameters=YARN,
)

INDEXER = dict(index_n_heads=4, index_head_dim=24, index_topk=6)


@dataclasses.dataclass(frozen=True)
class Model:
    """One set of weights and its variants."""

    architecture: str
    config: dict
    variants: dict[str, Variant]
    seed: int = 0
    # Of weights and caches: float32 or bfloat16.
    dtype: torch.dtype = torch.float32

    @property
    def margin(self) -> float:
        """The narrowest gap that a stored input may leave at a discrete
        decision: far above what the arithmetic of `dtype` loses, so every
        correct implementation decides alike."""
        return 1e-3 if self.dtype == torch.float32 else 3e-2

    @property
    def tolerance(self) -> float:
        """The error that an output may have, relative to its largest value.
        Through three layers PyTorch's own bfloat16 is off by up to 1.4e-2."""
        return 1e-4 if self.dtype == torch.float32 else 2e-2

    def build_config(self):
        cls = getattr(transformers, self.architecture + "Config")
        return cls(**{**COMMON, **self.config})


DECODE = Variant("decode", seq=1, past=10)

MODELS = {
    "deepseek_v32": Model(
        "DeepseekV32",
        INDEXER,
        {
            "prefill": Variant(),
            "decode": DECODE,
            "chunk": Variant("decode", seq=4, past=9),
            "decode_mask": Variant("decode_mask", seq=1, past=12, padding=(0, 3)),
            "prefill_opset23": Variant(opset=23),
            "prefill_grouped": Variant(experts="grouped_mm", patched=True),
            "prefill_sdpa": Variant(attention="sdpa"),
            "prefill_attention_op": Variant(attention="sdpa", opset=23),
            "prefill_static": Variant(dynamic=()),
            "prefill_dynb": Variant(dynamic=("batch",)),
            "compact": Variant(compact=True),
            "compact_decode": dataclasses.replace(DECODE, compact=True),
        },
    ),
    "deepseek_v3": Model(
        "DeepseekV3", {}, {"prefill": Variant(), "decode": DECODE}, seed=1
    ),
    "deepseek_v2": Model(
        "DeepseekV2",
        dict(topk_method="group_limited_greedy", routed_scaling_factor=4.0),
        {
            "prefill": Variant(patched=True),
            "decode": dataclasses.replace(DECODE, patched=True),
        },
        seed=2,
    ),
    "deepseek_v2_lite": Model(
        "DeepseekV2",
        dict(
            topk_method="greedy",
            q_lora_rank=None,
            n_group=None,
            topk_group=None,
            n_shared_experts=2,
            routed_scaling_factor=1.0,
        ),
        {"prefill": Variant(patched=True)},
        seed=3,
    ),
    # No two dimensions alike, none a multiple of a vector width; the scale of
    # the rotary tables is not 1 here.
    "deepseek_v32_odd": Model(
        "DeepseekV32",
        dict(
            vocab_size=83,
            hidden_size=57,
            intermediate_size=71,
            moe_intermediate_size=13,
            num_attention_heads=3,
            num_key_value_heads=3,
            q_lora_rank=29,
            kv_lora_rank=23,
            qk_nope_head_dim=11,
            qk_rope_head_dim=6,
            v_head_dim=7,
            n_routed_experts=6,
            n_group=3,
            topk_group=2,
            num_experts_per_tok=3,
            rms_norm_eps=1e-5,
            rope_parameters={**YARN, "mscale": 1.0, "mscale_all_dim": 0.5},
            index_n_heads=5,
            index_head_dim=17,
            index_topk=5,
        ),
        {"prefill": Variant(batch=3, seq=9), "decode": Variant("decode", 3, 1, 9)},
        seed=4,
    ),
    "kimi_k2": Model(
        "DeepseekV3",
        dict(n_group=1, topk_group=1, routed_scaling_factor=2.827),
        {"prefill": Variant(), "decode": DECODE},
        seed=5,
    ),
    # As checkpoints are: weights and caches of 16 bits, and sizes that tensor
    # cores take, which those of the others are too small for.
    "deepseek_v32_bf16": Model(
        "DeepseekV32",
        dict(
            INDEXER,
            moe_intermediate_size=32,
            kv_lora_rank=64,
            qk_rope_head_dim=16,
            v_head_dim=16,
            index_head_dim=32,
        ),
        {
            "prefill": Variant(batch=1, seq=5),
            "decode": dataclasses.replace(DECODE, batch=1),
        },
        seed=7,
        dtype=torch.bfloat16,
    ),
    "glm_5": Model(
        "GlmMoeDsa",
        dict(
            **INDEXER,
            n_group=1,
            topk_group=1,
            v_head_dim=20,
            rms_norm_eps=1e-5,
            rope_parameters={"rope_type": "default", "rope_theta": 1e6},
            # As GLM-5.2: the second layer takes the tokens that the first chose.
            indexer_types=["full", "shared", "full"],
        ),
        {"prefill": Variant(), "decode": DECODE},
        seed=6,
    ),
}


def build_model(model: Model):
    """The model with random weights, scaled so that signals keep their size
    through the layers and the logits spread over a few units."""
    config = model.build_config()
    cls = getattr(transformers, model.architecture + "ForCausalLM")
    net = cls(config).float().eval()
    generator = torch.Generator().manual_seed(model.seed)

    def normal(shape):
        return torch.randn(shape, generator=generator)

    with torch.no_grad():
        for name, value in sorted(net.named_parameters()):
            if name.endswith("layernorm.weight") or name.endswith("norm.weight"):
                value.copy_(1 + 0.2 * normal(value.shape))
            elif name.endswith("norm.bias"):
                value.copy_(0.2 * normal(value.shape))
            elif "embed_tokens" in name:
                value.copy_(normal(value.shape))
            else:
                # Linear weights and stacked expert weights: [..., out, in].
                gain = 1.2 if "lm_head" in name else 1.0
                value.copy_(gain / math.sqrt(value.shape[-1]) * normal(value.shape))
        for name, value in sorted(net.named_buffers()):
            if name.endswith("e_score_correction_bias"):
                value.copy_(0.1 * normal(value.shape))
    return net if model.dtype == torch.float32 else narrow(net, model.dtype)


def narrow(net, dtype):
    """All weights in `dtype`, but what a checkpoint has in float32 too."""
    wide = [
        (module, name, value)
        for module in net.modules()
        for name, value in module.named_buffers(recurse=False)
        if name in ("inv_freq", "e_score_correction_bias")
    ]
    net.to(dtype)
    for module, name, value in wide:
        setattr(module, name, value)
    return net
