#!/usr/bin/env python3
"""Runs decomposed operations on random inputs and compares them with numpy.

usage: check_op.py FAMILY [CASE]

The cases of a family are the functions of one module. It is decomposed, taken
down to LLVM IR by upstream's simplest passes, built as a shared library, and
called through the C interface of memrefs. So this tests what an operation
means, not how a target makes it fast."""
import ctypes
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

import cases

LOWER = """builtin.module(fulgur-decompose,canonicalize,cse,
one-shot-bufferize{bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map},
canonicalize,cse,convert-linalg-to-loops,fulgur-expand-views,lower-affine,convert-scf-to-cf,
convert-math-to-llvm,convert-math-to-libm,convert-arith-to-llvm,finalize-memref-to-llvm,
convert-func-to-llvm,convert-cf-to-llvm,reconcile-unrealized-casts)""".replace("\n", "")


def text_of(case):
    """The function that computes one case; %0, %1 … are its operands."""
    names = [f"%a{i}" for i in range(len(case.operands))]
    arguments = ", ".join(f"{n}: tensor<{t}>" for n, t in zip(names, case.operands))
    types = {f"t{i}": f"tensor<{t}>" for i, t in enumerate(case.operands)}
    types |= {f"r{i}": f"tensor<{t}>" for i, t in enumerate(case.results)}
    types["operands"] = ", ".join(types[f"t{i}"] for i in range(len(names)))
    results = ", ".join(f"tensor<{t}>" for t in case.results)
    values = ", ".join(f"%r#{i}" for i in range(len(case.results)))
    op = case.op.format(*names, **types)
    return (f"func.func @{case.name}({arguments}) -> ({results}) "
            f"attributes {{llvm.emit_c_interface}} {{\n"
            f"  %r:{len(case.results)} = {op}\n  return {values} : {results}\n}}\n")


def descriptor(rank):
    class Descriptor(ctypes.Structure):
        _fields_ = [("allocated", ctypes.c_void_p), ("aligned", ctypes.c_void_p),
                    ("offset", ctypes.c_int64), ("sizes", ctypes.c_int64 * rank),
                    ("strides", ctypes.c_int64 * rank)]
    return Descriptor


def call(function, operands, results):
    """Passes arrays, and returns copies of what the function returns."""
    arguments = []
    for array in operands:
        d = descriptor(array.ndim)()
        d.allocated = d.aligned = array.ctypes.data
        d.sizes[:] = array.shape
        d.strides[:] = [s // array.itemsize for s in array.strides]
        arguments.append(d)
    fields = [(f"r{i}", descriptor(t.count("x"))) for i, t in enumerate(results)]
    out = type("Results", (ctypes.Structure,), {"_fields_": fields})()
    function(ctypes.byref(out), *[ctypes.byref(a) for a in arguments])
    arrays = []
    for (name, _), text in zip(fields, results):
        d, kind = getattr(out, name), cases.DTYPES[re.search(r"[a-z]\w*$", text)[0].split("x")[-1]]
        shape = list(d.sizes)
        size = int(np.prod(shape))
        raw = ctypes.string_at(d.aligned + d.offset * kind.itemsize, size * kind.itemsize) if size else b""
        arrays.append(np.frombuffer(raw, kind).reshape(shape))
    return arrays


def build(selected, folder):
    source = folder / "ops.mlir"
    source.write_text("".join(text_of(case) for case in selected))
    lowered, ir, library = folder / "lowered.mlir", folder / "ops.ll", folder / "ops.so"
    subprocess.run(["fulgur-opt", source, f"--pass-pipeline={LOWER}", "-o", lowered], check=True)
    subprocess.run(["mlir-translate", "--mlir-to-llvmir", lowered, "-o", ir], check=True)
    tools = subprocess.check_output(["llvm-config", "--libdir"], text=True).strip()
    subprocess.run(["clang", "-O1", "-w", "-shared", "-fPIC", ir, "-o", library, "-L" + tools,
                    "-Wl,-rpath," + tools, "-lmlir_c_runner_utils", "-lm"], check=True)
    return ctypes.CDLL(str(library))


def error_of(got, wanted):
    """The largest difference, relative to the largest value; inf if unlike."""
    if got.shape != wanted.shape:
        return np.inf
    if got.dtype.kind in "iu":
        return 0.0 if (got == wanted).all() else np.inf
    got = got.astype(np.float64)
    if (np.isnan(got) != np.isnan(wanted)).any():
        return np.inf
    difference = np.nan_to_num(np.abs(got - wanted))
    return (difference / max(1e-30, np.nan_to_num(np.abs(wanted)).max(initial=0))).max(initial=0)


def main(family, only=None):
    selected = [c for c in cases.FAMILIES[family] if only in (None, c.name)]
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        library = build(selected, pathlib.Path(folder))
        for case in selected:
            function = getattr(library, f"_mlir_ciface_{case.name}")
            for number, sizes in enumerate(case.sizes):
                operands = case.inputs(np.random.default_rng(number), **sizes)
                wide = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in operands]
                wanted = case.reference(*wide)
                wanted = wanted if isinstance(wanted, tuple) else (wanted,)
                got = call(function, operands, case.results)
                error = max(map(error_of, got, wanted))
                good = error <= case.tolerance
                failures += not good
                print(f"{'ok' if good else 'WRONG':5} {case.name} {sizes} error {error:.1e}")
                if not good and len(sys.argv) > 2:
                    print("got", got, "wanted", wanted)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
