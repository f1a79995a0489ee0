"""Kernels as the compiler writes them, ready to be changed and to be run.

A case is a function of MLIR on buffers, of which the passes of
`fulgur-lower-to-gpu-pipeline` make launches of kernels. How many blocks a
kernel has, its shared memory and its arguments are read from these launches."""
import re
import subprocess
from dataclasses import dataclass
from typing import Callable

import ml_dtypes
import numpy as np
import run

TYPES = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16, "i1": np.bool_, "i8": np.int8, "i32": np.int32,
         "i64": np.int64, "index": np.int64, "f8E4M3FN": ml_dtypes.float8_e4m3fn}
TENSOR_MAP_TYPES = {"f16": run.F16, "bf16": run.BF16, "f32": run.F32}


@dataclass
class Case:
    """One operation on buffers of static sizes."""
    target: str
    # The parameters and the body of the function.
    text: str
    # (random) -> the arrays of the parameters, and what the last ones are
    # expected to be in the end: None is what is nobody's business.
    make: Callable
    # Blocks that load for each other, of matrix products.
    cluster: int = 1
    # Of the largest number, where they are no integers.
    tolerance: float = 0
    # Lines of attributes that the text refers to.
    attributes: str = ""


@dataclass
class Launch:
    kernel: str
    grid: tuple
    block: tuple
    shared: int
    arguments: list


def fulgur_opt(text, passes):
    done = subprocess.run(["fulgur-opt", "-", f"--pass-pipeline=builtin.module({passes})"], input=text, capture_output=True,
                          text=True)
    if done.returncode:
        raise SystemExit(f"fulgur-opt: {done.stderr[:2000]}")
    return done.stdout


def read_passes(cluster):
    """The passes that write kernels, and those from there to what the emulator
    takes. Every block of a product has more than one tile. Parameters that are
    not used stay: a change must not change how many there are."""
    done = subprocess.run(["fulgur-opt", "-", "--fulgur-lower-to-gpu-pipeline", "--dump-pass-pipeline"], input="",
                          capture_output=True, text=True)
    text = " ".join(done.stderr[done.stderr.index("(") + 1:].split())
    write = text[:text.index("fulgur-outline-kernels")].strip(" ,")
    write = re.sub(r"(fulgur-lower-matmul-to-kernel){.*?}", rf"\1{{cluster={cluster} processors={cluster}}}", write)
    lower = text[text.index("fulgur-flatten-parameters"):text.index("fulgur-drop-unused-parameters")].strip(" ,")
    return write, lower


def split_functions(text, start):
    """The lines before the functions that begin with `start`, and these by their
    names, with the lines that make up each."""
    lines, functions, header, current = text.splitlines(), {}, [], None
    for line in lines:
        if match := re.match(rf"( *){start} (?:@|.*? @)(\w+)\(", line):
            current = functions[match[2]] = []
            indent = match[1]
        if current is None:
            if line.startswith(("#", "!")):
                header.append(line)
            continue
        current.append(line)
        if line == indent + "}":
            current = None
    return header, functions


def parse_memref(text):
    """Sizes, the name of the element, and of which fields the type is silent."""
    *sizes, element = re.match(r"memref<([^,>]*)", text)[1].split("x")
    return [int(size) if size != "?" else None for size in sizes], element


class Program:
    """The kernels and launches of a case."""

    def __init__(self, case):
        self.case = case
        write, self.lower_passes = read_passes(case.cluster)
        text = (f"{case.attributes}\nmodule attributes {{fulgur.target = \"{case.target}\"}} {{\n"
                f"func.func @case{case.text}\n  return\n}}\n}}\n")
        written = fulgur_opt(text, write)
        self.header, self.kernels = split_functions(written, "gpu.func")
        _, hosts = split_functions(written, "func.func")
        self.host = hosts["case"]

    def lower(self, kernels):
        """Texts of `gpu` kernels by name as `llvm` and `nvvm`: the lines before them,
        and theirs by name."""
        body = "\n".join(line for lines in kernels.values() for line in lines)
        text = "\n".join(self.header) + f"\nmodule attributes {{gpu.container_module}} {{\ngpu.module @kernels {{\n{body}\n}}\n}}\n"
        lowered = fulgur_opt(text, self.lower_passes)
        header, functions = split_functions(lowered, "llvm.func")
        globals_ = [line for line in lowered.splitlines() if line.strip().startswith(("llvm.mlir.global", "memref.global"))]
        return header, globals_, functions

    def launch(self, device, suffixes, seed):
        """Runs all launches, of kernels whose names get the suffixes of a table. The message of a fault or of a wrong result, or an empty
        text."""
        arrays, expected = self.case.make(np.random.default_rng(0))
        on_device = [device.array(array) for array in arrays]
        values = {f"%arg{i}": array for i, array in enumerate(on_device)}
        for line in self.host:
            if fault := self.execute(device, line, values, suffixes, seed):
                return fault
        for got, wanted in zip(on_device[-len(expected):], expected):
            if wanted is None:
                continue
            got = got.astype(np.float64) if self.case.tolerance else got
            wrong = ~(np.abs(got - wanted) <= self.case.tolerance * np.abs(wanted).max()) if self.case.tolerance else got != wanted
            if wrong.any():
                return f"{np.count_nonzero(wrong)} of {wrong.size} results are wrong"
        return ""

    def execute(self, device, line, values, suffixes, seed):
        """One line of the function of the host."""
        if match := re.match(r" *(%\w+) = arith.constant (-?\w+)(?: : \w+)?$", line):
            values[match[1]] = int(match[2]) if match[2].lstrip("-").isdigit() else match[2] == "true"
        elif match := re.match(r" *(%\w+) = kernel.tensor_map (%\w+) : (memref<.*>) to !kernel.tensor_map<(.*)x(\w+), (\d+)>", line):
            box = [int(size) for size in match[4].split("x")][::-1]
            values[match[1]] = device.tensor_map(values[match[2]], TENSOR_MAP_TYPES[match[5]], box, int(match[6]))
        elif match := re.match(r" *(%\w+) = memref.cast (%\w+)", line):
            values[match[1]] = values[match[2]]
        elif match := re.match(r" *(%\w+) = memref.alloc\(\).* : (memref<.*>)", line):
            sizes, element = parse_memref(match[2])
            values[match[1]] = device.array(np.full(sizes, 85, np.uint8).astype(TYPES[element]))
        elif "gpu.launch_func" in line:
            return self.launch_one(device, line, values, suffixes, seed)
        elif not re.match(r" *(func.func|return|}|memref.dealloc)", line):
            raise SystemExit(f"not known how to run: {line.strip()}")
        return ""

    def launch_one(self, device, line, values, suffixes, seed):
        kernel = re.search(r"@kernels::@(\w+)", line)[1]
        grid, block = ([values[name.strip()] for name in text.split(",")]
                       for text in re.search(r"blocks in \((.*?)\) threads in \((.*?)\)", line).groups())
        shared = re.search(r"dynamic_shared_memory_size (%\w+)", line)
        arguments = []
        for name, kind in re.findall(r"(%[\w#]+) : (\w+(?:<[^%]*>)?|!kernel.tensor_map<.*?>)(?=, %|\)$)",
                                     line[line.index(" args("):]):
            arguments += self.flatten(values[name], kind)
        cluster = self.case.cluster if "cluster" in kernel else 1
        return device.launch(kernel + suffixes.get(kernel, ""), grid, block[0], arguments, shared=values[shared[1]] if shared else 0,
                             cluster=cluster, seed=seed)

    @staticmethod
    def flatten(value, kind):
        """The parameters that `fulgur-flatten-parameters` makes of one."""
        if not kind.startswith("memref"):
            return [value if isinstance(value, np.ndarray) else TYPES[kind](value)]
        sizes, _ = parse_memref(kind)
        fields = [value] + [np.int64(0)] * ("offset: ?" in kind)
        fields += [np.int64(value.shape[i]) for i, size in enumerate(sizes) if size is None]
        if strided := re.search(r"strided<\[(.*?)\]", kind):
            fields += [np.int64(value.strides[i] // value.itemsize)
                       for i, stride in enumerate(strided[1].split(",")) if stride.strip() == "?"]
        return fields
