"""Compares what --fulgur-expand-math writes with the C library's functions of
long double, whose errors are far below those of double: both are compiled for
this machine. Argument: a folder for files."""

import ctypes
import math
import subprocess
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(sys.argv[1])
# Name in the dialect, in the C library, the range of arguments, the error that
# passes in units in the last place of f64, and of f32.
FUNCTIONS = [
    ("acos", "acosl", (-1, 1), 8, 1),
    ("acosh", "acoshl", (1, 1e12), 8, 1),
    ("asin", "asinl", (-1, 1), 8, 1),
    ("asinh", "asinhl", (-1e10, 1e10), 8, 1),
    ("atan", "atanl", (-100, 100), 4, 1),
    ("atanh", "atanhl", (-1, 1), 8, 1),
    ("cbrt", "cbrtl", (-1e6, 1e6), 4, 1),
    ("cos", "cosl", (-1e5, 1e5), 4, 1),
    ("cosh", "coshl", (-80, 80), 4, 1),
    ("erf", "erfl", (-7, 7), 16, 8),
    ("erfc", "erfcl", (-5, 9), 128, 128),
    ("exp", "expl", (-80, 80), 4, 4),
    ("exp2", "exp2l", (-100, 100), 64, 1),
    ("expm1", "expm1l", (-80, 80), 8, 1),
    ("log", "logl", (0, 1e9), 4, 4),
    ("log10", "log10l", (0, 1e9), 4, 1),
    ("log1p", "log1pl", (-1, 1e9), 8, 8),
    ("log2", "log2l", (0, 1e9), 4, 1),
    ("sin", "sinl", (-1e5, 1e5), 4, 1),
    ("sinh", "sinhl", (-80, 80), 8, 1),
    ("tan", "tanl", (-1e3, 1e3), 8, 1),
    ("tanh", "tanhl", (-20, 20), 8, 8),
]
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 1e-300, 1e-8, 0.5, -0.5, 2.0]


def write_module():
    functions = ""
    for name, *_ in FUNCTIONS + [("powf",)]:
        for bits in 64, 32:
            two = name == "powf"
            arguments = "%x, %y" if two else "%x"
            functions += f"""
  func.func @{name}{bits}(%x: f{bits}{f", %y: f{bits}" if two else ""}) -> f{bits} {{
    %0 = math.{name} {arguments} : f{bits}
    return %0 : f{bits}
  }}"""
    return "gpu.module @kernels {" + functions + "\n}\n"


def compile_module():
    source, library = FOLDER / "math.mlir", FOLDER / "math.so"
    source.write_text(write_module())
    expanded = subprocess.run(["fulgur-opt", source, "--fulgur-expand-math"], check=True, stdout=subprocess.PIPE, text=True).stdout
    # Kernels are of no use here: their functions alone.
    expanded = expanded.split("gpu.module @kernels {")[1].rstrip().removesuffix("}").rstrip().removesuffix("}")
    lowered = subprocess.run(
        ["fulgur-opt", "--convert-scf-to-cf", "--convert-math-to-llvm", "--convert-to-llvm", "--reconcile-unrealized-casts"],
        input=expanded, check=True, stdout=subprocess.PIPE, text=True).stdout
    ir = subprocess.run(["mlir-translate", "--mlir-to-llvmir"], input=lowered, check=True, stdout=subprocess.PIPE, text=True).stdout
    (FOLDER / "math.ll").write_text(ir)
    subprocess.run(["clang", "-w", "-O1", "-march=x86-64-v3", "-fPIC", "-shared", FOLDER / "math.ll", "-o", library, "-lm"], check=True)
    return ctypes.CDLL(str(library))


def arguments(limits, type):
    low, high = limits
    random = np.random.default_rng(0)
    values = random.uniform(low, high, 3000)
    # Many magnitudes, of both signs where there are both.
    small = np.exp(random.uniform(-40, math.log(high), 3000))
    values = np.concatenate([values, small, -small if low < 0 else 1 + small])
    return values[(values >= low) & (values <= high)].astype(type)


def compare(name, got, expected, limit, type):
    """The largest error in units in the last place; special values are equal."""
    near = np.abs(expected.astype(type))
    with np.errstate(all="ignore"):
        unit = np.spacing(np.where(np.isfinite(near), near, 1)).astype(np.longdouble)
        error = np.abs(got.astype(np.longdouble) - expected) / unit
    same = (got == expected.astype(type)) | (np.isnan(got) & np.isnan(expected))
    error = np.where(same, 0, error)
    worst = np.argmax(np.where(np.isnan(error), np.inf, error))
    if not error[worst] <= limit:
        print(f"{name}: error {error[worst]:.1f} units, allowed {limit}: {got[worst]!r} for {expected[worst]!r}")
        return False
    return True


def main():
    library, libm = compile_module(), ctypes.CDLL("libm.so.6")
    passed = True
    for name, reference, limits, *allowed in FUNCTIONS:
        oracle = getattr(libm, reference)
        oracle.restype, oracle.argtypes = ctypes.c_longdouble, [ctypes.c_longdouble]
        for bits, type, ctype, limit in zip((64, 32), (np.float64, np.float32), (ctypes.c_double, ctypes.c_float), allowed):
            function = getattr(library, f"{name}{bits}")
            function.restype, function.argtypes = ctype, [ctype]
            values = np.concatenate([arguments(limits, type), np.array(SPECIAL[:12] if bits == 64 else [0.0, math.nan, 1.0, 0.5], type)])
            got = np.array([function(v) for v in values], type)
            expected = np.array([oracle(v) for v in values], np.longdouble)
            passed &= compare(f"{name} of f{bits}", got, expected, limit, type)
    oracle = libm.powl
    oracle.restype, oracle.argtypes = ctypes.c_longdouble, [ctypes.c_longdouble] * 2
    random = np.random.default_rng(1)
    pairs = [(x, y) for x in SPECIAL + [-2.0, 3.0] for y in [0.0, 1.0, 2.0, 3.0, -1.0, 0.5, -0.5, -3.0]]
    pairs += list(zip(np.exp(random.uniform(-10, 10, 3000)), random.uniform(-9, 9, 3000)))
    for bits, type, ctype, limit in (64, np.float64, ctypes.c_double, 256), (32, np.float32, ctypes.c_float, 1):
        function = getattr(library, f"powf{bits}")
        function.restype, function.argtypes = ctype, [ctype] * 2
        rounded = [(type(x), type(y)) for x, y in pairs]
        got = np.array([function(x, y) for x, y in rounded], type)
        expected = np.array([oracle(float(x), float(y)) for x, y in rounded], np.longdouble)
        passed &= compare(f"pow of f{bits}", got, expected, limit, type)
    return 0 if passed else 1


sys.exit(main())
