"""Runs the example model through the C interface of its shared library.

Usage: shared.py LIBRARY
"""
import ctypes
import subprocess
import sys


class Tensor(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("type", ctypes.c_int32),
                ("rank", ctypes.c_int32), ("shape", ctypes.c_int64 * 8),
                ("data", ctypes.c_void_p), ("bytes", ctypes.c_int64)]


F32, I64 = 1, 11
library = ctypes.CDLL(sys.argv[1])
library.fulgur_create.restype = ctypes.c_void_p
library.fulgur_destroy.argtypes = [ctypes.c_void_p]
library.fulgur_run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64,
                               ctypes.c_void_p, ctypes.c_int64]
library.fulgur_last_error.restype = ctypes.c_char_p

session = library.fulgur_create(None)
assert session, library.fulgur_last_error()
x = (ctypes.c_float * 8)(*range(8))
limit = ctypes.c_int64(0)
inputs = (Tensor * 2)(
    Tensor(b"limit", I64, 0, (0,), ctypes.addressof(limit), 0),
    Tensor(b"x", F32, 2, (2, 4), ctypes.addressof(x), 0))
outputs = (Tensor * 1)(Tensor(b"y"))
assert library.fulgur_run(session, inputs, 2, outputs, 1) == 0, library.fulgur_last_error()
y = ctypes.cast(outputs[0].data, ctypes.POINTER(ctypes.c_float))
assert list(outputs[0].shape)[:2] == [2, 4] and outputs[0].bytes == 32
assert y[:8] == [2 * i + i % 4 + 1 for i in range(8)], y[:8]
assert library.fulgur_run(session, inputs, 1, outputs, 1) == 2
assert library.fulgur_last_error() == b"expected an input 'x', but got none"
library.fulgur_destroy(session)
library.fulgur_destroy(None)

symbols = subprocess.run(["llvm-nm", "-D", "--defined-only", sys.argv[1]],
                         capture_output=True, text=True, check=True).stdout
names = sorted(line.split()[-1] for line in symbols.splitlines())
assert names == ["fulgur_create", "fulgur_destroy", "fulgur_last_error",
                 "fulgur_model", "fulgur_model_info", "fulgur_run"], names
