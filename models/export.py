#!/usr/bin/env python3
# ===----------------------------------------------------------------------===#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# Writes the models of this folder: exports, inputs, PyTorch's outputs, and
# the table of README.md. Usage: export.py [MODEL[/VARIANT]...] [--out DIR]
#
# ===----------------------------------------------------------------------===#

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import pathlib
import re
import shutil
import warnings

import numpy as np
import onnx
import torch

from export import compact
from export.check import Reference, compare, make_inputs, search
from export.configs import MODELS, Model, build_model
from export.signature import Variant, input_names, output_names, symbols
from export.wrappers import MODULES, pack

HERE = pathlib.Path(__file__).resolve().parent


def make_source(net) -> compact.Source:
    """The weights of a network for the graph that is written by hand."""
    arrays = {n: t.numpy() for n, t in net.state_dict().items()}
    rotary = net.model.rotary_emb
    return compact.Source(
        config=net.config,
        tensor=arrays.__getitem__,
        inv_freq=rotary.inv_freq.numpy(),
        rotary_scale=rotary.attention_scaling,
        attention_scale=net.model.layers[0].self_attn.scaling,
    )


def trace(model: Model, variant: Variant, tensors: dict) -> onnx.ModelProto:
    net = build_model(model)
    if variant.compact:
        return compact.write(make_source(net), variant)
    net.set_attn_implementation(variant.attention)
    net.set_experts_implementation(variant.experts)
    config = net.config
    module = MODULES[variant.signature](net)
    names = input_names(config, variant)

    dims = {n: torch.export.Dim(n, min=1, max=4096) for n in variant.dynamic}
    if "past" in dims and "seq" in dims:
        dims["past + seq"] = torch.export.Dim.AUTO
    shapes = symbols(config, variant)
    shapes = {
        n: {i: dims[s] for i, s in enumerate(shapes[n]) if isinstance(s, str)}
        for n in names
    }
    options = dict(
        args=pack(config, variant, tensors),
        dynamic_shapes=pack(config, variant, shapes) if dims else None,
    )
    options["dynamic_shapes"] = options["dynamic_shapes"] or None
    outputs = dict(
        input_names=names,
        output_names=output_names(config, variant),
        opset_version=variant.opset,
        verbose=False,
    )
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not variant.patched:
            program = torch.onnx.export(module, dynamo=True, **options, **outputs)
            return program.model_proto
        return trace_patched(module, options, outputs)


def trace_patched(module, options: dict, outputs: dict) -> onnx.ModelProto:
    """The same through the patches of transformers' exporter, which replace
    what torch's exporter cannot express (complex numbers, grouped products)."""
    from transformers.exporters import exporter_onnx as hf
    from transformers.exporters.utils import apply_fx_node_fixes, apply_patches

    with apply_patches("onnx"):
        with apply_patches("dynamo"):
            # Without the option, a guard that always holds (min(6, seq) <= seq)
            # is refused because the solver cannot prove it.
            program = torch.export.export(
                module,
                strict=False,
                prefer_deferred_runtime_asserts_over_guards=True,
                **options,
            )
        apply_fx_node_fixes("onnx", program.graph_module)
        program = torch.onnx.export(
            program,
            args=(),
            kwargs={},
            dynamo=True,
            custom_translation_table=hf._ONNX_TRANSLATION_TABLE,
            **outputs,
        )
    hf.apply_onnx_ir_fixes(program)
    return program.model_proto


def name_dims(proto: onnx.ModelProto, wanted: dict[str, list]) -> None:
    """Gives the symbols the names of the signature, in every shape."""
    mapping = {}
    values = [*proto.graph.input, *proto.graph.output]
    for value in values:
        for dim, want in zip(value.type.tensor_type.shape.dim, wanted[value.name]):
            if isinstance(want, str) and re.fullmatch(r"\w+", dim.dim_param):
                mapping.setdefault(dim.dim_param, want)

    def rename(text: str) -> str:
        if text in mapping:
            return mapping[text]

        def one(match):
            name = mapping.get(match[0], match[0])
            return name if name.isidentifier() else f"({name})"

        return re.sub(r"[A-Za-z_]\w*", one, text).replace("seq + past", "past + seq")

    for value in [*values, *proto.graph.value_info]:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = rename(dim.dim_param)


def check_dims(proto: onnx.ModelProto, wanted: dict[str, list]) -> None:
    for value in [*proto.graph.input, *proto.graph.output]:
        dims = value.type.tensor_type.shape.dim
        got = [d.dim_param or d.dim_value for d in dims]
        assert got == wanted[value.name], (value.name, got, wanted[value.name])


def traced_shape(variant: Variant) -> Variant:
    """The shape to trace at: a size of 1 would be taken for a constant."""
    sizes = dict(batch=(variant.batch, 2), seq=(variant.seq, 3))
    return dataclasses.replace(
        variant,
        **{n: w for n, (v, w) in sizes.items() if n in variant.dynamic and v == 1},
    )


def other_shape(variant: Variant) -> Variant:
    """Another shape that the same graph must accept."""
    other = dict(batch=1, seq=5 if variant.signature == "prefill" else 3, past=13)
    if not variant.past:
        other.pop("past")
    other = {n: v for n, v in other.items() if n in variant.dynamic}
    return dataclasses.replace(variant, **other, padding=variant.padding[-1:])


def save_tensors(folder: pathlib.Path, tensors: dict) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, tensor in tensors.items():
        if tensor.dtype == torch.bfloat16:
            # NumPy has no such type, and stores two bytes.
            array = tensor.contiguous().view(torch.int16).numpy().view("V2")
        else:
            tensor = tensor.float() if tensor.is_floating_point() else tensor
            array = tensor.contiguous().numpy()
        np.save(folder / f"{name}.npy", array)


def describe(variant: Variant) -> str:
    sizes = [f"B={variant.batch}", f"S={variant.seq}"]
    if variant.past:
        sizes.append(f"P={variant.past}")
    return " ".join(sizes)


def export(task: tuple[str, pathlib.Path]) -> list:
    """Writes one variant below a folder; returns its row of the table."""
    key, out = task
    torch.set_num_threads(1)
    name, variant_name = key.split("/")
    model = MODELS[name]
    variant = model.variants[variant_name]
    reference = Reference(model)
    tensors, outputs, margin = search(reference, variant)
    samples = make_inputs(reference, traced_shape(variant), seed=0)

    proto = trace(model, variant, samples)
    wanted = symbols(reference.config, variant)
    name_dims(proto, wanted)
    check_dims(proto, wanted)
    proto.doc_string = ""
    for node in proto.graph.node:
        # Source locations of the machine that traced.
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*proto.graph.value_info, *proto.graph.input, *proto.graph.output]:
        del value.metadata_props[:]
    del proto.metadata_props[:], proto.graph.metadata_props[:]
    onnx.checker.check_model(proto, full_check=True)

    path = out / name / f"{variant_name}.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(proto, path)
    assert path.stat().st_size < 2_000_000, path
    error = compare(model, path, variant, tensors, outputs)
    if variant.dynamic:
        other = other_shape(variant)
        other_tensors, other_outputs, _ = search(reference, other, best=False)
        error = max(
            error, compare(model, path, other, other_tensors, other_outputs)
        )
    save_tensors(out / name / variant_name / "inputs", tensors)
    save_tensors(out / name / variant_name / "outputs", outputs)

    logits = outputs["logits"]
    return [
        key,
        variant.opset,
        len(proto.graph.node),
        f"{path.stat().st_size // 1024} KB",
        describe(variant),
        f"{logits.abs().max():.1f}",
        f"{margin:.1e}",
        f"{error:.0e}",
    ]


def update_table(readme: pathlib.Path, row: list) -> None:
    """Replaces the row of README.md's table that was written anew."""
    begin, end = "<!-- rows: begin -->\n", "<!-- rows: end -->\n"
    head, rest = readme.read_text().split(begin)
    body, tail = rest.split(end)
    lines = body.splitlines()
    table = {line.split("|")[1].strip(" `"): line for line in lines[2:]}
    cells = [f"`{row[0]}`", *map(str, row[1:])]
    table[row[0]] = "| " + " | ".join(cells) + " |"
    order = [f"{m}/{v}" for m in MODELS for v in MODELS[m].variants]
    order += [key for key in table if key not in order]
    body = lines[:2] + [table[key] for key in order if key in table]
    readme.write_text(head + begin + "\n".join(body) + "\n" + end + tail)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the test models.")
    parser.add_argument("names", nargs="*", help="MODEL or MODEL/VARIANT; all if none")
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    args = parser.parse_args()
    known = [f"{m}/{v}" for m in MODELS for v in MODELS[m].variants]
    names = args.names or list(MODELS)
    chosen = [k for k in known if any(k == n or k.split("/")[0] == n for n in names)]
    for name in names:
        if name not in known and name not in MODELS:
            parser.error(f"expected one of {', '.join(known)}, but got {name}")

    # The exporter numbers values across exports, so each gets its own process
    # and the same file comes out whatever else is written.
    pool = multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1)
    with pool:
        for row in pool.imap(export, [(key, args.out) for key in chosen], 1):
            print(" | ".join(map(str, row)), flush=True)
            if args.out == HERE:
                update_table(HERE / "README.md", row)


if __name__ == "__main__":
    main()
