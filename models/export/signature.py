# ===----------------------------------------------------------------------===#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# The signatures: what graphs take and give, without PyTorch.
#
# ===----------------------------------------------------------------------===#

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Variant:
    """One exported graph: a signature, how it is traced, what is stored."""

    # Which inputs and outputs: prefill, decode, decode_mask.
    signature: str = "prefill"
    batch: int = 2
    seq: int = 11
    past: int = 0
    attention: str = "eager"
    experts: str = "batched_mm"
    opset: int = 20
    # Which of batch, seq and past stay symbolic.
    dynamic: tuple[str, ...] = ("batch", "seq", "past")
    # Whether to trace with the patches of transformers' own exporter.
    patched: bool = False
    # Whether to write the graph by hand in the domain `fulgur` instead; `past`
    # then says whether there are caches.
    compact: bool = False
    # Leading padding tokens of each batch row.
    padding: tuple[int, ...] = ()


def cache_kinds(config, layer: int) -> list[str]:
    """What a layer's cache holds, in the order of the signature. A layer that
    shares the selection of an earlier one has no index keys."""
    kinds = ["latent", "rope_key"]
    types = getattr(config, "indexer_types", None)
    if getattr(config, "index_topk", None) and (not types or types[layer] == "full"):
        kinds.append("index_key")
    return kinds


def cache_names(config, prefix: str) -> list[str]:
    return [
        f"{prefix}_{kind}_{layer}"
        for layer in range(config.num_hidden_layers)
        for kind in cache_kinds(config, layer)
    ]


def cache_widths(config) -> dict[str, int]:
    widths = {"latent": config.kv_lora_rank, "rope_key": config.qk_rope_head_dim}
    if getattr(config, "index_topk", None):
        widths["index_key"] = config.index_head_dim
    return widths


def input_names(config, variant: Variant) -> list[str]:
    names = ["input_ids"]
    if variant.signature == "decode_mask":
        names += ["attention_mask", "position_ids"]
    if variant.signature != "prefill":
        names += cache_names(config, "past")
    return names


def output_names(config, variant: Variant) -> list[str]:
    if variant.signature == "prefill":
        return ["logits"]
    return ["logits"] + cache_names(config, "present")


def symbols(config, variant: Variant) -> dict[str, list]:
    """The shape of every input and output: a number or the name of a symbol."""
    dyn = lambda name: name if name in variant.dynamic else getattr(variant, name)
    batch, seq = dyn("batch"), dyn("seq")
    shapes = {"input_ids": [batch, seq], "logits": [batch, seq, config.vocab_size]}
    if variant.signature == "decode_mask":
        shapes["attention_mask"] = [batch, "past + seq"]
        shapes["position_ids"] = [batch, seq]
    if variant.signature != "prefill":
        widths = cache_widths(config)
        for prefix, length in (("past", "past"), ("present", "past + seq")):
            for name in cache_names(config, prefix):
                kind = name[len(prefix) + 1 : name.rindex("_")]
                one = [] if kind == "index_key" else [1]
                shapes[name] = [batch, *one, length, widths[kind]]
    return shapes
