"""Compares the conversions of 8-bit floats with ml_dtypes: all bytes, and for
each neighbouring pair of finite numbers what lies around their middle.

Usage: float8.py PREFIX (of temporary files)
"""
import ctypes
import subprocess
import sys

import ml_dtypes
import numpy as np

FORMATS = {"f8E4M3FN": ml_dtypes.float8_e4m3fn, "f8E5M2": ml_dtypes.float8_e5m2}
PASSES = "--fulgur-expand-float8", "--convert-to-llvm", "--reconcile-unrealized-casts"
prefix = sys.argv[1]
text = ""
for name in FORMATS:
    text += f"""
func.func @widen_{name}(%x: i8) -> f32 {{
  %0 = arith.bitcast %x : i8 to {name}
  %1 = arith.extf %0 : {name} to f32
  return %1 : f32
}}
func.func @narrow_{name}(%x: f32) -> i8 {{
  %0 = arith.truncf %x : f32 to {name}
  %1 = arith.bitcast %0 : {name} to i8
  return %1 : i8
}}
"""


def run(*command, given=None):
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout


lowered = run("fulgur-opt", *PASSES, given=text)
run("mlir-translate", "--mlir-to-llvmir", "-o", prefix + ".ll", given=lowered)
run("llc", "-relocation-model=pic", "-filetype=obj", prefix + ".ll", "-o", prefix + ".o")
run("ld.lld", "-shared", prefix + ".o", "-o", prefix + ".so")
library = ctypes.CDLL(prefix + ".so")
for name, dtype in FORMATS.items():
    widen, narrow = library["widen_" + name], library["narrow_" + name]
    widen.argtypes, widen.restype = [ctypes.c_uint8], ctypes.c_float
    narrow.argtypes, narrow.restype = [ctypes.c_float], ctypes.c_uint8
    every = np.arange(256, dtype=np.uint8)
    wide = every.view(dtype).astype(np.float32)
    found = np.array([widen(int(byte)) for byte in every], np.float32)
    np.testing.assert_array_equal(found, wide)
    assert np.array_equal(np.signbit(found[wide == 0]), np.signbit(wide[wide == 0]))
    finite = np.unique(wide[np.isfinite(wide)])
    beyond = finite[-1] + (finite[-1] - finite[-2]) * np.array([0.25, 0.5, 0.75, 1, 2, 1e30], np.float32)
    middle = (finite[1:] + finite[:-1]) / 2
    numbers = np.concatenate([finite, middle, np.nextafter(middle, np.float32(np.inf)),
                              np.nextafter(middle, np.float32(-np.inf)), beyond, -beyond,
                              np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-30, -1e-45], np.float32)])
    found = np.array([narrow(float(number)) for number in numbers], np.uint8).view(dtype)
    wanted = numbers.astype(np.float32).astype(dtype)
    np.testing.assert_array_equal(found.astype(np.float32), wanted.astype(np.float32))
    numbers_only = ~np.isnan(wanted.astype(np.float32))
    assert np.array_equal(found.view(np.uint8)[numbers_only], wanted.view(np.uint8)[numbers_only])
