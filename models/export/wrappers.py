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

from .signature import Variant, cache_kinds, input_names


def load_cache(config, past) -> DynamicCache:
    cache = DynamicCache(config=config)
    tensors = iter(past)
    for i, layer in enumerate(cache.layers):
        entry = {kind: next(tensors) for kind in cache_kinds(config, i)}
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


def pack(config, variant: Variant, tensors: dict) -> tuple:
    """The arguments of the module from tensors by name."""
    names = input_names(config, variant)
    plain = [tensors[n] for n in names if not n.startswith("past_")]
    past = [tensors[n] for n in names if n.startswith("past_")]
    return (*plain, past) if variant.signature != "prefill" else tuple(plain)
