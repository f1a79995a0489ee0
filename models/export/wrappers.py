# ===----------------------------------------------------------------------===#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# The modules that are traced: a model behind a flat list of named tensors.
# Caches are taken and returned as the model stores them, compressed.
#
# ===----------------------------------------------------------------------===#

from __future__ import annotations

import torch
from transformers.cache_utils import DynamicCache

from .configs import Variant


def cache_kinds(config) -> list[str]:
    """What a layer's cache holds, in the order of the signature."""
    kinds = ["latent", "rope_key"]
    if getattr(config, "index_topk", None):
        kinds.append("index_key")
    return kinds


def cache_names(config, prefix: str) -> list[str]:
    return [
        f"{prefix}_{kind}_{layer}"
        for layer in range(config.num_hidden_layers)
        for kind in cache_kinds(config)
    ]


def cache_widths(config) -> dict[str, int]:
    widths = {"latent": config.kv_lora_rank, "rope_key": config.qk_rope_head_dim}
    if getattr(config, "index_topk", None):
        widths["index_key"] = config.index_head_dim
    return widths


def load_cache(config, past) -> DynamicCache:
    cache = DynamicCache(config=config)
    kinds = cache_kinds(config)
    for i, layer in enumerate(cache.layers):
        entry = dict(zip(kinds, past[i * len(kinds) :]))
        layer.keys, layer.values = entry["latent"], entry["rope_key"]
        layer.dtype, layer.device = layer.keys.dtype, layer.keys.device
        layer.is_initialized = True
        if "index_key" in entry:
            layer.indexer_keys = entry["index_key"]
            layer.indexer_dtype, layer.indexer_device = layer.dtype, layer.device
            layer.is_indexer_initialized = True
    return cache


def dump_cache(cache: DynamicCache) -> list[torch.Tensor]:
    tensors = []
    for layer in cache.layers:
        tensors += [layer.keys, layer.values]
        if getattr(layer, "is_indexer_initialized", False):
            tensors.append(layer.indexer_keys)
    return tensors


class Prefill(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, input_ids):
        return self.net(input_ids=input_ids, use_cache=False).logits


class Decode(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, input_ids, past):
        cache = load_cache(self.net.config, past)
        out = self.net(input_ids=input_ids, past_key_values=cache, use_cache=True)
        return out.logits, *dump_cache(cache)


class DecodeMask(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, input_ids, attention_mask, position_ids, past):
        cache = load_cache(self.net.config, past)
        out = self.net(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=True,
        )
        return out.logits, *dump_cache(cache)


MODULES = {"prefill": Prefill, "decode": Decode, "decode_mask": DecodeMask}


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


def pack(config, variant: Variant, tensors: dict) -> tuple:
    """The arguments of the module from tensors by name."""
    names = input_names(config, variant)
    plain = [tensors[n] for n in names if not n.startswith("past_")]
    past = [tensors[n] for n in names if n.startswith("past_")]
    return (*plain, past) if variant.signature != "prefill" else tuple(plain)
