"""Runs the library of add.mlir through its C interface: y = x + w."""
import ctypes
import sys


class Tensor(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("type", ctypes.c_int32),
                ("rank", ctypes.c_int32), ("shape", ctypes.c_int64 * 8),
                ("data", ctypes.c_void_p), ("bytes", ctypes.c_int64)]


library = ctypes.CDLL(sys.argv[1])
library.fulgur_create.restype = ctypes.c_void_p
library.fulgur_last_error.restype = ctypes.c_char_p
session = ctypes.c_void_p(library.fulgur_create(None))
assert session, library.fulgur_last_error()
values = (ctypes.c_float * 12)(*range(12))
x = Tensor(b"x", 1, 2, (ctypes.c_int64 * 8)(3, 4),
           ctypes.cast(values, ctypes.c_void_p))
y = Tensor(b"y")
status = library.fulgur_run(session, ctypes.byref(x), ctypes.c_int64(1),
                            ctypes.byref(y), ctypes.c_int64(1))
assert status == 0, library.fulgur_last_error()
result = ctypes.cast(y.data, ctypes.POINTER(ctypes.c_float))[:12]
assert result == [i + [10, 20, 30, 40][i % 4] for i in range(12)], result
library.fulgur_destroy(session)
