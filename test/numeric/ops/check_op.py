#!/usr/bin/env python3
"""Runs decomposed operations on random inputs and compares them with numpy.

usage: check_op.py FAMILY [CASE] [--compiled | --emulated ARCH [--seed N] [--machine FILE]]

The cases of a family are the functions of one module. It is decomposed, taken
down to LLVM IR by upstream's simplest passes, built as a shared library, and
called through the C interface of memrefs. So this tests what an operation
means, not how a target makes it fast.

With --compiled the cases are one model instead, which fulgur-compile makes an
executable of: the same comparison for the code that users get. No buffer may be
left to be allocated during a step. With --emulated it is the kernels for a GPU,
on the emulator; the seed changes the order of its threads, the machine what
blocks have to do."""
import argparse
import ctypes
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

import cases

LOWER = """builtin.module(fulgur-decompose,canonicalize,cse,fulgur-separate-fills,
one-shot-bufferize{bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map},
canonicalize,cse,convert-linalg-to-loops,fulgur-expand-views,lower-affine,convert-scf-to-cf,
fulgur-expand-float8,arith-expand{include-bf16},convert-math-to-llvm,convert-math-to-libm,convert-arith-to-llvm,finalize-memref-to-llvm,
convert-func-to-llvm,convert-cf-to-llvm,reconcile-unrealized-casts)""".replace("\n", "")


def tensors(types):
    return ", ".join(f"tensor<{t}>" for t in types)


def body_of(case, names, value):
    """The code of one case, and its results, whose names begin with `value`."""
    types = {f"t{i}": f"tensor<{t}>" for i, t in enumerate(case.operands)}
    types |= {f"r{i}": f"tensor<{t}>" for i, t in enumerate(case.results)}
    types["operands"] = tensors(case.operands)
    if isinstance(case.op, str):
        count = len(case.results)
        return (f"  {value}:{count} = {case.op.format(*names, **types)}\n",
                [f"{value}#{i}" for i in range(count)])
    values = [f"{value}_{i}" for i in range(len(case.op))]
    return "".join(f"  {v} = {op.format(*names, v=values, **types)}\n"
                   for v, op in zip(values, case.op)), values


def function_of(case):
    """The function that computes one case."""
    names = [f"%a{i}" for i in range(len(case.operands))]
    # The reference reads the operands afterwards.
    arguments = ", ".join(f"{n}: tensor<{t}> {{bufferization.writable = false}}"
                          for n, t in zip(names, case.operands))
    body, values = body_of(case, names, "%r")
    return (f"func.func @{case.name}({arguments}) -> ({tensors(case.results)}) "
            f"attributes {{llvm.emit_c_interface}} {{\n{body}"
            f"  return {', '.join(values)} : {tensors(case.results)}\n}}\n")


def model_of(selected):
    """One model of all cases. Every dynamic size is a dimension of its own."""
    arguments, outputs, code, results, types = [], [], "", [], []
    for case in selected:
        names = [f"%{case.name}_a{i}" for i in range(len(case.operands))]
        for name, text in zip(names, case.operands):
            dims = ", ".join(f'"{name[1:]}_{axis}"' if size == "?" else '""'
                             for axis, size in enumerate(text.split("x")[:-1]))
            arguments.append(f'{name}: tensor<{text}> {{fulgur.name = "{name[1:]}", fulgur.dims = [{dims}]}}')
        body, values = body_of(case, names, f"%{case.name}")
        code += body
        results += values
        types += case.results
        outputs += [f'tensor<{text}> {{fulgur.name = "{case.name}_r{i}"}}'
                    for i, text in enumerate(case.results)]
    return ('module attributes {fulgur.stage = "mlir:raised", fulgur.name = "ops"} {\n'
            f"func.func @main({', '.join(arguments)}) -> ({', '.join(outputs)}) {{\n{code}"
            f"  return {', '.join(results)} : {tensors(types)}\n}}\n}}\n")


def element_of(text):
    """Of the type tensor<text>, what numpy calls its elements."""
    return cases.DTYPES[text.split("x")[-1]]


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
        d, kind = getattr(out, name), element_of(text)
        shape = list(d.sizes)
        size = int(np.prod(shape))
        raw = ctypes.string_at(d.aligned + d.offset * kind.itemsize, size * kind.itemsize) if size else b""
        arrays.append(np.frombuffer(raw, kind).reshape(shape))
    return arrays


class Library:
    """The cases as functions of a shared library."""
    def __init__(self, selected, folder):
        source = folder / "ops.mlir"
        source.write_text("".join(map(function_of, selected)))
        lowered, ir, library = folder / "lowered.mlir", folder / "ops.ll", folder / "ops.so"
        subprocess.run(["fulgur-opt", source, f"--pass-pipeline={LOWER}", "-o", lowered], check=True)
        subprocess.run(["mlir-translate", "--mlir-to-llvmir", lowered, "-o", ir], check=True)
        tools = subprocess.check_output(["llvm-config", "--libdir"], text=True).strip()
        subprocess.run(["clang", "-O0", "-w", "-shared", "-fPIC", ir, "-o", library, "-L" + tools,
                        "-Wl,-rpath," + tools, "-lmlir_c_runner_utils", "-lm"], check=True)
        self.library = ctypes.CDLL(str(library))

    def run(self, cases_and_operands):
        return [call(getattr(self.library, f"_mlir_ciface_{case.name}"), operands, case.results)
                for case, operands in cases_and_operands]


class Executable:
    """The cases as a model, for the CPU or the emulator of a GPU."""
    def __init__(self, selected, folder, arch=None, seed=None, machine=None):
        self.folder = folder
        self.options = ["--emulator-seed", str(seed)] if seed else []
        self.device = f"emulator:{arch}" if arch else "cpu"
        source, buffers = folder / "ops.mlir", folder / "buffers.mlir"
        source.write_text(model_of(selected))
        if arch:
            subprocess.run(["fulgur-compile", source, "--target=cuda", "--gpu-emulator", f"--gpu-arch={arch}",
                            *([f"--machine={machine}"] if machine else []), "-o", folder / "ops"], check=True)
            return
        subprocess.run(["fulgur-compile", source, "--emit=mlir:bufferized", "-o", buffers], check=True)
        left = re.findall(r".*memref.alloc.*", buffers.read_text())
        if left:
            sys.exit("allocated during a step:\n" + "\n".join(left))
        subprocess.run(["fulgur-compile", buffers, "-o", folder / "ops"], check=True)

    def run(self, cases_and_operands):
        for part in ("in", "out"):
            (self.folder / part).mkdir(exist_ok=True)
        for case, operands in cases_and_operands:
            for i, operand in enumerate(operands):
                np.save(self.folder / "in" / f"{case.name}_a{i}.npy", operand)
        subprocess.run([self.folder / "ops", "run", "--device", self.device, *self.options,
                        "--input-dir", self.folder / "in", "--output-dir", self.folder / "out"],
                       check=True, stdout=subprocess.DEVNULL)
        return [[np.load(self.folder / "out" / f"{case.name}_r{i}.npy").view(element_of(text))
                 for i, text in enumerate(case.results)] for case, _ in cases_and_operands]


def error_of(got, wanted):
    """The largest difference, relative to the largest value; inf if unlike."""
    if got.shape != wanted.shape:
        return np.inf
    if got.dtype.kind in "iu":
        return 0.0 if (got == wanted).all() else np.inf
    got, wanted = got.astype(np.float64), wanted.astype(np.float64)
    finite = np.isfinite(got) & np.isfinite(wanted)
    if not np.array_equal(got[~finite], wanted[~finite], equal_nan=True):
        return np.inf
    got, wanted = got[finite], wanted[finite]
    return np.abs(got - wanted).max(initial=0) / max(1e-30, np.abs(wanted).max(initial=0))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("family", choices=cases.FAMILIES)
    parser.add_argument("case", nargs="?")
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--emulated", metavar="ARCH")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--machine", metavar="FILE")
    options = parser.parse_args()
    selected = [c for c in cases.FAMILIES[options.family] if options.case in (None, c.name)]
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        program = (Executable(selected, scratch, options.emulated, options.seed, options.machine)
                   if options.compiled or options.emulated else Library(selected, scratch))
        for number in range(max(len(case.sizes) for case in selected)):
            # A model runs all of its cases; those with fewer sizes, the first again.
            sizes = [case.sizes[number] if number < len(case.sizes) else case.sizes[0]
                     for case in selected]
            inputs = [case.inputs(np.random.default_rng(number), **s)
                      for case, s in zip(selected, sizes)]
            results = program.run(list(zip(selected, inputs)))
            for case, size, operands, got in zip(selected, sizes, inputs, results):
                wide = [a.astype(np.float64) if a.dtype.kind in "fV" else a for a in operands]
                if case.reference:
                    wanted = case.reference(*wide)
                    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
                else:
                    got, wanted = ([got[i]] for i in case.same)
                error = max(map(error_of, got, wanted))
                good = error <= case.tolerance
                failures += not good
                print(f"{'ok' if good else 'WRONG':5} {case.name} {size} error {error:.1e}")
                if not good and options.case:
                    print("got", got, "wanted", wanted)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
